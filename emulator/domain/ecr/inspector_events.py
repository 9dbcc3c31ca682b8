"""What Amazon Inspector tells EventBridge of enhanced scanning, and ECR of how often repositories are scanned. Pure.

Sources: Amazon ECR user guide, "EventBridge events sent for enhanced scanning"; Amazon Inspector user guide, "Amazon
EventBridge event schema for Amazon Inspector events".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.ecr.ecr_events import envelope
from emulator.domain.ecr.enhanced_finding import (
    EnhancedFinding,
    ImageFacts,
    finding_members,
    image_arn,
    inspector_severity,
)
from emulator.domain.ecr.image import Image, Repository

FINDING: Final = "Inspector2 Finding"
SCAN: Final = "Inspector2 Scan"
SCAN_RESOURCE_CHANGE: Final = "ECR Scan Resource Change"
_SOURCE = "aws.inspector2"

_TIMES = ("firstObservedAt", "lastObservedAt", "updatedAt")


def finding_changed(
    repository: Repository, image: Image, finding: EnhancedFinding, facts: ImageFacts, now: float
) -> dict[str, Any]:
    """A finding is new, changed or closed."""
    detail = finding_members(finding, image, facts)
    for name in _TIMES:
        detail[name] = _spoken(detail[name])
    details = detail["packageVulnerabilityDetails"]
    for name in ("vendorCreatedAt", "vendorUpdatedAt"):
        if name in details:
            details[name] = _spoken(details[name])
    if "score" in detail:
        detail["inspectorScore"] = detail.pop("score")
        cvss = detail.pop("scoreDetails")["cvss"]
        detail["inspectorScoreDetails"] = {"adjustedCvss": {**cvss, "cvssSource": cvss["scoreSource"]}}
    for resource in detail["resources"]:
        resource |= {"partition": image_arn(image).split(":")[1], "region": image.region}
        of_image = resource["details"]["awsEcrContainerImage"]
        for name in ("pushedAt", "lastInUseAt"):
            if name in of_image:
                of_image[name] = _spoken(of_image[name])
    return envelope(repository, FINDING, detail, now, resources=[image_arn(image)], source=_SOURCE)


def scan_completed(
    repository: Repository, digest: str, tags: Sequence[str], counts: Mapping[str, int], now: float
) -> dict[str, Any]:
    """The first scan of an image has ended."""
    by_severity = {inspector_severity(name): number for name, number in counts.items()}
    detail = {
        "scan-status": "INITIAL_SCAN_COMPLETE",
        "repository-name": repository.arn,
        "finding-severity-counts": {**by_severity, "TOTAL": sum(counts.values())},
        "image-digest": digest,
        "image-tags": list(tags),
    }
    return envelope(repository, SCAN, detail, now, resources=[repository.arn], source=_SOURCE)


def frequencies_changed(changes: Iterable[tuple[Repository, str, str]], now: float) -> dict[str, Any]:
    """Of repositories of one registry, each with how often its images are scanned from now on and were before."""
    given = list(changes)
    detail = {
        "action-type": "SCAN_FREQUENCY_CHANGE",
        "repositories": [
            {
                "repository-name": repository.name,
                "repository-arn": repository.arn,
                "scan-frequency": new,
                "previous-scan-frequency": old,
            }
            for repository, new, old in given
        ],
        "resource-type": "REPOSITORY",
        "scan-type": "ENHANCED",
    }
    return envelope(given[0][0], SCAN_RESOURCE_CHANGE, detail, now)


def _spoken(at: float) -> str:
    """`Dec 3, 2021, 6:02:30 PM`, as Inspector's events have it."""
    when = datetime.fromtimestamp(at, UTC)
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[when.month - 1]
    half = "AM" if when.hour < 12 else "PM"
    return f"{month} {when.day}, {when.year}, {when.hour % 12 or 12}:{when:%M:%S} {half}"
