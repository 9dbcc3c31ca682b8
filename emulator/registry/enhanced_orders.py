"""Enhanced scans of images: ordered by a push or when the registry's configuration comes to an image; entered when they
are done; closed when an image is watched no longer. What they find is told as Amazon Inspector tells EventBridge.

Writes in the caller's transaction. Making the scans is image_scanner.py's; when, control/ecr/enhanced_scans.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from emulator.domain.ecr.enhanced_finding import (
    EnhancedFinding,
    EnhancedFindings,
    ImageFacts,
    close,
    compared,
    severity_counts,
)
from emulator.domain.ecr.enhanced_scan import (
    DESCRIPTIONS,
    EXPIRED,
    PENDING,
    EnhancedScan,
    completed_status,
)
from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_scan import COMPLETE, COMPLETED, MANUAL, frequency, is_enhanced
from emulator.domain.ecr.inspector_events import finding_changed, scan_completed
from emulator.domain.ecr.package_inventory import ImagePackages
from emulator.registry.advisory_verdict import Result
from emulator.registry.notes import note
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import (
    ENHANCED_FINDINGS,
    ENHANCED_SCANS,
    IMAGE_PACKAGES,
    IMAGE_TAGS,
    IMAGES,
    REPOSITORIES,
    SCANNING_CONFIGURATIONS,
)


@dataclass(frozen=True, slots=True)
class Made:
    """A scan that was made of an image: what it compared with, and what the image's configuration says."""

    result: Result
    compared_with: str
    architecture: str = ""
    author: str = ""


def find_enhanced_scan(reader: Reader, image: Image) -> EnhancedScan | None:
    return reader.get(ENHANCED_SCANS, *_key(image))


def find_enhanced_findings(reader: Reader, image: Image) -> tuple[EnhancedFinding, ...]:
    found = reader.get(ENHANCED_FINDINGS, *_key(image))
    return () if found is None else found.findings


def enhanced_frequency(reader: Reader, repository: Repository) -> str:
    """How often images of a repository get enhanced scans; MANUAL: never, or the registry has basic scanning."""
    configuration = reader.get(SCANNING_CONFIGURATIONS, repository.account, repository.region)
    return frequency(repository, configuration)[0] if is_enhanced(configuration) else MANUAL


def order_scan(tx: Transaction, image: Image, now: float) -> None:
    """A first scan, or a new first one of an image that was pushed again."""
    known = find_enhanced_scan(tx, image) or EnhancedScan(*_key(image), "", "", now)
    ordered = replace(
        known, status=PENDING, description=DESCRIPTIONS[PENDING], requested_at=now, scanned_once=False
    )  # fmt: skip
    tx.put(ENHANCED_SCANS, ordered)


def pass_over(tx: Transaction, image: Image, now: float) -> None:
    """The image was pushed too long before enhanced scanning came to it."""
    tx.put(ENHANCED_SCANS, EnhancedScan(*_key(image), EXPIRED, DESCRIPTIONS[EXPIRED], now))


def finish_scan(tx: Transaction, ordered: EnhancedScan, made: Made, now: float) -> None:
    """Enters what came of a scan; nothing when the image, the order or enhanced scanning is gone meanwhile. What was
    found before stays known when a scan could not be made, and counts again after the next that can."""
    where = (ordered.account, ordered.region, ordered.repository, ordered.digest)
    scan, image, repository = tx.get(ENHANCED_SCANS, *where), tx.get(IMAGES, *where), tx.get(REPOSITORIES, *where[:3])
    if scan is None or image is None or repository is None or scan.requested_at != ordered.requested_at:
        return
    how_often = enhanced_frequency(tx, repository)
    if how_often == MANUAL or scan.status != ordered.status:
        return
    result = made.result
    scan = replace(
        scan,
        compared_with=made.compared_with,
        platform=result.platform or scan.platform,
        architecture=made.architecture or scan.architecture,
        author=made.author or scan.author,
    )
    if result.packages is not None:
        tx.put(IMAGE_PACKAGES, ImagePackages(*where, result.packages))
    if result.status != COMPLETE:
        tx.put(ENHANCED_SCANS, replace(scan, status=result.status, description=result.description))
        detail = {"image-digest": image.digest, "scan-status": result.status, "description": result.description}
        note(tx, repository, "image.enhanced_scan_failed", detail, now)
        return
    comparison = compared(image, find_enhanced_findings(tx, image), result.detections, now)
    status = completed_status(how_often)
    done = replace(
        scan,
        status=status,
        description=(DESCRIPTIONS[status] + result.description.removeprefix(COMPLETED)),
        completed_at=now,
        source_updated_at=result.source_updated_at,
        severity_counts=severity_counts(comparison.findings),
        scanned_once=True,
    )
    tx.put(ENHANCED_SCANS, done)
    tx.put(ENHANCED_FINDINGS, EnhancedFindings(*where, comparison.findings))
    _tell(tx, repository, image, done, comparison.changed, now)
    if not scan.scanned_once:
        event = scan_completed(repository, image.digest, _tags(tx, image), done.severity_counts or {}, now)
        note(tx, repository, "eventbridge", event, now)


def settle(tx: Transaction, scan: EnhancedScan) -> None:
    """The image is watched no longer, and its last scan stands: its repository is now scanned on push."""
    tx.put(ENHANCED_SCANS, replace(scan, status=COMPLETE, description=DESCRIPTIONS[COMPLETE]))


def cease(tx: Transaction, repository: Repository, image: Image, scan: EnhancedScan, status: str, now: float) -> None:
    """The image is watched no longer, as EXPIRED or IMAGE_ARCHIVED says: its findings are closed."""
    _close_all(tx, repository, image, scan, now)
    tx.put(ENHANCED_SCANS, replace(scan, status=status, description=DESCRIPTIONS[status], severity_counts=None))


def forget(tx: Transaction, repository: Repository, image: Image, now: float) -> None:
    """The image goes, or is scanned no longer: so do its scan and its findings, which are closed."""
    scan = find_enhanced_scan(tx, image)
    if scan is None:
        return
    if is_enhanced(tx.get(SCANNING_CONFIGURATIONS, image.account, image.region)):
        _close_all(tx, repository, image, scan, now)
    tx.delete(ENHANCED_SCANS, *_key(image))
    tx.delete(ENHANCED_FINDINGS, *_key(image))


def note_use(tx: Transaction, scan: EnhancedScan, now: float) -> None:
    """A task runs the image."""
    tx.put(ENHANCED_SCANS, replace(scan, last_in_use_at=now))


def facts_of(reader: Reader, image: Image, scan: EnhancedScan, clusters: int | None = None) -> ImageFacts:
    """`clusters`: how many run the image now, None when that was not looked at."""
    return ImageFacts(scan.platform, scan.architecture, scan.author, tuple(_tags(reader, image)), scan.last_in_use_at,
                      clusters)  # fmt: skip


def _close_all(tx: Transaction, repository: Repository, image: Image, scan: EnhancedScan, now: float) -> None:
    closed, newly = close(find_enhanced_findings(tx, image), now)
    tx.put(ENHANCED_FINDINGS, EnhancedFindings(*_key(image), closed))
    _tell(tx, repository, image, scan, newly, now)


def _tell(
    tx: Transaction,
    repository: Repository,
    image: Image,
    scan: EnhancedScan,
    changed: Iterable[EnhancedFinding],
    now: float,
) -> None:
    facts = facts_of(tx, image, scan)
    for finding in changed:
        note(tx, repository, "eventbridge", finding_changed(repository, image, finding, facts, now), now)


def _tags(reader: Reader, image: Image) -> list[str]:
    account, region, repository, digest = _key(image)
    return reader.column(
        IMAGE_TAGS, "tag", account=account, region=region, repository=repository, digest=digest
    )  # fmt: skip


def _key(image: Image) -> tuple[str, str, str, str]:
    return image.account, image.region, image.repository, image.digest
