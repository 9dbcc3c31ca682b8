"""Scans of images: ordered by a push or by a caller, in the same transaction, and entered when they are done.

Making them is image_scanner.py's. Who may order one is not decided here.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.domain.ecr.ecr_events import image_scan
from emulator.domain.ecr.enhanced_scan import EnhancedScan
from emulator.domain.ecr.image import ACTIVE, Image, Repository
from emulator.domain.ecr.image_scan import (
    BEGUN,
    COMPLETE,
    IN_PROGRESS,
    MANUAL,
    Finding,
    ImageArchivedException,
    ImageFindings,
    ImageScan,
    UnsupportedImageTypeException,
    counts,
    frequency,
    is_enhanced,
    is_scannable,
)
from emulator.domain.ecr.package_inventory import ImagePackages
from emulator.domain.ecr.registry_settings import ValidationException
from emulator.domain.errors import LimitExceededException
from emulator.registry.advisory_verdict import Result
from emulator.registry.enhanced_orders import find_enhanced_scan, forget, order_scan
from emulator.registry.notes import note
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import (
    IMAGE_FINDINGS,
    IMAGE_PACKAGES,
    IMAGE_SCANS,
    IMAGE_TAGS,
    REPOSITORIES,
    SCANNING_CONFIGURATIONS,
)

QUOTA = "The scan quota per image has been exceeded. Wait and try again."


def find_scan(reader: Reader, image: Image) -> ImageScan | None:
    return reader.get(IMAGE_SCANS, image.account, image.region, image.repository, image.digest)


def last_scan(reader: Reader, image: Image) -> ImageScan | EnhancedScan | None:
    """Of the kind that the registry is set to: scans of the other kind are not available meanwhile (ECR user guide)."""
    configuration = reader.get(SCANNING_CONFIGURATIONS, image.account, image.region)
    return find_enhanced_scan(reader, image) if is_enhanced(configuration) else find_scan(reader, image)


def find_findings(reader: Reader, image: Image) -> tuple[Finding, ...]:
    found = reader.get(IMAGE_FINDINGS, image.account, image.region, image.repository, image.digest)
    return () if found is None else found.findings


def start_scan(tx: Transaction, image: Image, now: float) -> ImageScan:
    """Basic scanning. Raises ValidationException where the registry's scanning is enhanced, and
    UnsupportedImageTypeException, ImageArchivedException, LimitExceededException."""
    if is_enhanced(tx.get(SCANNING_CONFIGURATIONS, image.account, image.region)):
        raise ValidationException("This feature is disabled")
    if not is_scannable(image):
        raise UnsupportedImageTypeException(image.digest)
    if image.status != ACTIVE:
        raise ImageArchivedException(image.digest)
    known = find_scan(tx, image)
    if known is not None and known.blocks_another(now):
        raise LimitExceededException(QUOTA)
    return _order(tx, image, now)


def scan_on_push(tx: Transaction, repository: Repository, image: Image, now: float) -> None:
    """Where the repository's images are scanned when they are pushed: an image of containers; by basic scanning, if it
    was not lately scanned."""
    configuration = tx.get(SCANNING_CONFIGURATIONS, repository.account, repository.region)
    how_often = frequency(repository, configuration)[0]
    if how_often == MANUAL or not is_scannable(image):
        return
    if is_enhanced(configuration):
        order_scan(tx, image, now)
        return
    known = find_scan(tx, image)
    if known is None or not known.blocks_another(now):
        _order(tx, image, now)


def forget_scan(tx: Transaction, repository: Repository, image: Image, now: float) -> None:
    """The image goes."""
    forget(tx, repository, image, now)
    where = (image.account, image.region, image.repository, image.digest)
    tx.delete(IMAGE_SCANS, *where)
    tx.delete(IMAGE_FINDINGS, *where)
    tx.delete(IMAGE_PACKAGES, *where)


def finish_scan(tx: Transaction, ordered: ImageScan, result: Result, now: float) -> None:
    """Enters what came of a scan and tells EventBridge; nothing when the image or the order is gone meanwhile."""
    where = (ordered.account, ordered.region, ordered.repository, ordered.digest)
    if tx.get(IMAGE_SCANS, *where) != ordered:
        return
    repository = tx.get(REPOSITORIES, *where[:3])
    if repository is None:
        return
    status, findings = result.status, result.findings
    by_severity = counts(findings) if status == COMPLETE else None
    done = replace(
        ordered,
        status=status,
        description=result.description,
        completed_at=now,
        source_updated_at=result.source_updated_at,
        severity_counts=by_severity,
    )
    tx.put(IMAGE_SCANS, done)
    tx.put(IMAGE_FINDINGS, ImageFindings(*where, findings))
    if result.packages is not None:
        tx.put(IMAGE_PACKAGES, ImagePackages(*where, result.packages))
    account, region, name, digest = where
    tags = tx.column(IMAGE_TAGS, "tag", account=account, region=region, repository=name, digest=digest)
    detail = {"repository-name": ordered.repository, "image-digest": ordered.digest, "scan-status": status}
    note(tx, repository, "image.scanned", {**detail, "description": result.description}, now)
    event = image_scan(repository, ordered.digest, tags, status == COMPLETE, by_severity or {}, now)
    note(tx, repository, "eventbridge", event, now)


def _order(tx: Transaction, image: Image, now: float) -> ImageScan:
    scan = ImageScan(image.account, image.region, image.repository, image.digest, IN_PROGRESS, BEGUN, now)
    tx.put(IMAGE_SCANS, scan)
    tx.delete(IMAGE_FINDINGS, image.account, image.region, image.repository, image.digest)
    return scan
