"""Enhanced scanning (Amazon Inspector): where an image stands, and what is to be done about it next. Records and rules,
no storage.

Sources: Amazon ECR user guide, "Scan images for OS and programming language package vulnerabilities" and
"Troubleshooting image scanning"; Amazon Inspector user guide, "Configuring the Amazon ECR re-scan duration".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emulator.domain.ecr.image import ACTIVE as PULLABLE
from emulator.domain.ecr.image import ARCHIVED, Image
from emulator.domain.ecr.image_scan import COMPLETE, COMPLETED, CONTINUOUS_SCAN, FAILED, MANUAL

PENDING, MONITORED, EXPIRED = "PENDING", "ACTIVE", "SCAN_ELIGIBILITY_EXPIRED"
IMAGE_ARCHIVED = "IMAGE_ARCHIVED"

DESCRIPTIONS: Final = {
    PENDING: "Pending start of the image scan.",
    MONITORED: "Continuous scan is selected for image.",
    COMPLETE: COMPLETED,
    EXPIRED: "Scan eligibility of the image has expired.",
    IMAGE_ARCHIVED: "The image is archived.",
}
"""The last two are unconfirmed."""

RECOGNIZED_S = 30 * 24 * 3600.0
"""Images pushed longer ago than this when enhanced scanning comes to them are not scanned (ECR user guide)."""

MONITORED_S = 14 * 24 * 3600.0
"""An image is scanned continuously until it was neither pushed nor in use for so long (Inspector's default)."""

ORDER, AGAIN, PASS_OVER, EXPIRE, ARCHIVE, SETTLE, FORGET, KEEP = (
    "ORDER", "AGAIN", "PASS_OVER", "EXPIRE", "ARCHIVE", "SETTLE", "FORGET", "KEEP",
)  # fmt: skip
"""What is to be done about an image: a first scan, or one anew; say that it is too old for one; cease to watch it,
since its time is over or it was archived; let the last scan stand; forget what was found; nothing."""


@dataclass(frozen=True, slots=True)
class EnhancedScan:
    """Where an image stands. Times are seconds since the epoch: `requested_at` when its scan was ordered;
    `completed_at` of the last scan that ended well. `compared_with` is the state of the advisories at the last scan,
    `scanned_once`: whether the scan that was ordered has ended well."""

    account: str
    region: str
    repository: str
    digest: str
    status: str
    description: str
    requested_at: float
    completed_at: float | None = None
    source_updated_at: float | None = None
    severity_counts: dict[str, int] | None = None
    compared_with: str = ""
    scanned_once: bool = False
    last_in_use_at: float | None = None
    platform: str = ""
    architecture: str = ""
    author: str = ""

    @property
    def has_findings(self) -> bool:
        """Whether what the last scan found is so."""
        return self.status in (MONITORED, COMPLETE)


def next_step(image: Image, scan: EnhancedScan | None, frequency: str, advisories: str, now: float) -> str:
    """What is to be done about an image now. `advisories` is the state of what a scan compares with."""
    if frequency == MANUAL:
        return KEEP if scan is None else FORGET
    if image.status != PULLABLE:
        is_new = scan is not None and scan.status != IMAGE_ARCHIVED and image.status == ARCHIVED
        return ARCHIVE if is_new else KEEP
    if scan is None:
        return ORDER if now - image.pushed_at <= RECOGNIZED_S else PASS_OVER
    if scan.status == IMAGE_ARCHIVED:
        return ORDER  # it is back
    if scan.status in (PENDING, EXPIRED):
        return KEEP
    if frequency != CONTINUOUS_SCAN:
        return SETTLE if scan.status == MONITORED else KEEP
    if scan.status == COMPLETE:
        return AGAIN  # it was scanned on push only
    if now - _seen_at(image, scan) > MONITORED_S:
        return EXPIRE
    compared = scan.status in (MONITORED, FAILED)
    return AGAIN if compared and scan.compared_with != advisories else KEEP


def _seen_at(image: Image, scan: EnhancedScan) -> float:
    """When the image was last pushed, activated or in use, or its first scan was ordered."""
    times = (image.pushed_at, image.last_activated_at, scan.last_in_use_at, scan.requested_at)
    return max(at for at in times if at is not None)


def completed_status(frequency: str) -> str:
    """What an image that was scanned well is called: watched on, or done with."""
    return MONITORED if frequency == CONTINUOUS_SCAN else COMPLETE
