"""Which regions there are, and the partition that each is of. The one place that judges a region's name. Pure.

Source: botocore's `partitions.json` (a test compares them) for the commercial regions, China's and GovCloud's. Regions
of isolated and sovereign partitions have registry names and endpoints of their own and are not known.
"""

from __future__ import annotations

from typing import Final

REGIONS: Final[dict[str, str]] = {
    region: partition
    for partition, regions in (
        (
            "aws",
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 "
            "ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 "
            "eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 sa-east-1 sa-west-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2",
        ),
        ("aws-cn", "cn-north-1 cn-northwest-1"),
        ("aws-us-gov", "us-gov-east-1 us-gov-west-1"),
    )
    for region in regions.split()
}
"""By name, the partition."""


def is_region(name: object) -> bool:
    """Whether there is such a region."""
    return isinstance(name, str) and name in REGIONS


def partition_of(region: str) -> str:
    """`aws`, `aws-cn` or `aws-us-gov`, by the form of the name: records may hold a region that is no more."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
