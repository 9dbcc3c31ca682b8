"""A scan of an image and what it found; which pushes are scanned. Records and rules, no storage.

Source: Amazon ECR user guide, "Scan images for software vulnerabilities"; botocore's ECR model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.domain.ecr.detection import SEVERITIES, Detection
from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.manifest import IMAGE_TYPES
from emulator.domain.errors import AwsError
from emulator.domain.wildcard import matches_wildcard

IN_PROGRESS, COMPLETE, FAILED = "IN_PROGRESS", "COMPLETE", "FAILED"
UNSUPPORTED_IMAGE, IMAGE_SIZE_EXCEEDED = "UNSUPPORTED_IMAGE", "IMAGE_SIZE_EXCEEDED"
SCAN_ON_PUSH, CONTINUOUS_SCAN, MANUAL = "SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"
BASIC, ENHANCED = "BASIC", "ENHANCED"

AGAIN_AFTER_S = 24 * 3600.0
"""An image is scanned once in this time."""

COMPLETED = "The scan was completed successfully."
BEGUN = "The scan has begun."


class ScanNotFoundException(AwsError):
    def __init__(self, account: str, name: str, digest: str | None, tag: str | None) -> None:
        super().__init__(
            f"Image scan does not exist for the image with '{{imageDigest:'{digest or 'null'}', "
            f"imageTag:'{tag or 'null'}'}}' in the repository with name '{name}' in the registry with id '{account}'"
        )


class UnsupportedImageTypeException(AwsError):
    """A list of images, or an artifact that is no image of containers, cannot be scanned. The text is unconfirmed."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"The image with digest '{digest}' is of a type that cannot be scanned")


class ImageArchivedException(AwsError):
    """The text is unconfirmed."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"The image with digest '{digest}' is archived and cannot be scanned")


@dataclass(frozen=True, slots=True)
class Finding:
    """One advisory about one package. `attributes` are ECR's, in order: package_version, package_name, CVSS..."""

    name: str
    description: str
    uri: str
    severity: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ImageScan:
    """The last scan of an image. Times are seconds since the epoch; `source_updated_at`: of the newest advisory."""

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

    @property
    def has_findings(self) -> bool:
        """Whether what it found is so, even if that is nothing."""
        return self.status == COMPLETE

    def blocks_another(self, now: float) -> bool:
        """Whether the image has been scanned lately, or is being scanned. A scan that failed did not scan."""
        return self.status != FAILED and now - self.requested_at < AGAIN_AFTER_S


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """What the last scan of an image found, the gravest first."""

    account: str
    region: str
    repository: str
    digest: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ScanningRule:
    """`filters`: names of repositories with `*`; one without stands for every name that has it in it."""

    frequency: str
    filters: tuple[str, ...]

    def applying(self, repository: str) -> tuple[str, ...]:
        return tuple(
            one for one in self.filters if matches_wildcard(one if "*" in one else f"*{one}*", repository)
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScanningConfiguration:
    """Of a registry."""

    account: str
    region: str
    rules: tuple[ScanningRule, ...]
    scan_type: str = BASIC


_VALUE_LIMIT = 256


def basic_finding(one: Detection) -> Finding:
    """As basic scanning shows it: of several scores of one generation of CVSS the first."""
    attributes = {"package_version": one.package.version, "package_name": one.package.name}
    for score in one.vulnerability.scores:
        number = score.version.partition(".")[0]
        attributes.setdefault(f"CVSS{number}_VECTOR", score.vector)
        attributes.setdefault(f"CVSS{number}_SCORE", str(score.base))
    return Finding(
        name=one.vulnerability.id,
        description=one.vulnerability.description,
        uri=one.vulnerability.url,
        severity=one.severity,
        attributes=tuple((key, value[:_VALUE_LIMIT]) for key, value in attributes.items() if value),
    )


_CONTAINER_CONFIGS = (
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
)


def is_scannable(image: Image) -> bool:
    """Whether it is an image of containers: no list of images, no other artifact."""
    return image.media_type in IMAGE_TYPES and image.artifact_media_type in _CONTAINER_CONFIGS


def is_enhanced(configuration: ScanningConfiguration | None) -> bool:
    return configuration is not None and configuration.scan_type == ENHANCED


def frequency(repository: Repository, configuration: ScanningConfiguration | None) -> tuple[str, tuple[str, ...]]:
    """How often images of a repository are scanned, and the filters that say so. Where the registry has rules, or its
    scanning is enhanced, the repository's own scanOnPush does not count (unconfirmed). Continuous scanning comes before
    scanning on push (Amazon ECR user guide, "Using filters")."""
    if configuration is None or (not configuration.rules and configuration.scan_type == BASIC):
        return (SCAN_ON_PUSH if repository.scan_on_push else MANUAL), ()
    order = (CONTINUOUS_SCAN, SCAN_ON_PUSH, MANUAL)
    for rule in sorted(configuration.rules, key=lambda one: order.index(one.frequency)):
        if filters := rule.applying(repository.name):
            return rule.frequency, filters
    return MANUAL, ()


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """By severity, without those of which there is none."""
    found = Counter(finding.severity for finding in findings)
    return {name: found[name] for name in SEVERITIES if found[name]}
