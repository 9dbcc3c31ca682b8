"""Regions are those that botocore knows, in the partitions that Homeport knows."""

from __future__ import annotations

import json
from pathlib import Path

import botocore

from emulator.domain.region import REGIONS, is_region, partition_of


def test_the_regions_are_botocores() -> None:
    file = Path(botocore.__file__).parent / "data" / "partitions.json"
    known = {
        region: partition["id"]
        for partition in json.loads(file.read_text())["partitions"]
        if partition["id"] in ("aws", "aws-cn", "aws-us-gov")
        for region in partition["regions"]
        if not region.endswith("-global")
    }
    assert known == REGIONS


def test_what_is_a_region() -> None:
    assert is_region("us-east-1")
    assert not any(is_region(name) for name in ("us-mars-1", "us-east-1a", "", None, 3, "aws-global"))
    assert {name: partition_of(name) for name in REGIONS} == REGIONS
