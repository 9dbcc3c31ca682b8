"""The findings of enhanced scanning (Amazon Inspector): one for each vulnerability of an image, with all packages that
have it; what a further scan makes of those known. Pure.

Members that cannot be known here (exploitAvailable, EPSS) are not there. Sources: botocore's models of ECR and
Inspector2 with their documentation; the example in ECR's DescribeImageScanFindings.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from emulator.domain.ecr.detection import SEVERITIES, Detection, Vulnerability, VulnerablePackage
from emulator.domain.ecr.image import Image
from emulator.domain.region import partition_of

ACTIVE, CLOSED = "ACTIVE", "CLOSED"

CLOSED_KEPT_S = 7 * 24 * 3600.0
"""A closed finding is shown for so long (Amazon Inspector user guide)."""

_NO_FIX = "NotAvailable"
_RECOMMENDATION: Final = "Update all packages in the vulnerable packages section to their latest versions."
_DESCRIPTION_LIMIT = 1024
_TITLE_LIMIT = 1024
_NAMED_IN_TITLE = 2


@dataclass(frozen=True, slots=True)
class EnhancedFinding:
    """Times are seconds since the epoch. `severity` is ECR's word; UNDEFINED is Inspector's UNTRIAGED."""

    arn: str
    vulnerability: Vulnerability
    packages: tuple[VulnerablePackage, ...]
    severity: str
    first_observed_at: float
    updated_at: float
    status: str = ACTIVE

    @property
    def fix_available(self) -> str:
        """YES, NO, or PARTIAL when only some of the packages have a fix."""
        fixed = sum(bool(one.fixed_in) for one in self.packages)
        if not fixed:
            return "NO"
        return "YES" if fixed == len(self.packages) else "PARTIAL"

    @property
    def title(self) -> str:
        """The vulnerability and its packages (how more than two are put is unconfirmed)."""
        names = list(dict.fromkeys(one.name for one in self.packages))
        more = f" and {len(names) - _NAMED_IN_TITLE} more" if len(names) > _NAMED_IN_TITLE else ""
        return f"{self.vulnerability.id} - {', '.join(names[:_NAMED_IN_TITLE])}{more}"[:_TITLE_LIMIT]


@dataclass(frozen=True, slots=True)
class EnhancedFindings:
    """Of an image: those that are ACTIVE, the gravest first, then those CLOSED lately."""

    account: str
    region: str
    repository: str
    digest: str
    findings: tuple[EnhancedFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What findings say of their image beside its record. `tags` are the image's; `last_in_use_at` and `in_use_count`
    (of clusters) None when it was never seen in use."""

    platform: str = ""
    architecture: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    last_in_use_at: float | None = None
    in_use_count: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All findings after a scan, and those of them that are new, changed, or closed by it."""

    findings: tuple[EnhancedFinding, ...] = ()
    changed: tuple[EnhancedFinding, ...] = field(default=())


def image_arn(image: Image) -> str:
    """How Inspector names an image: the repository's ARN and the digest."""
    where = f"{image.region}:{image.account}:repository/{image.repository}"
    return f"arn:{partition_of(image.region)}:ecr:{where}/{image.digest}"


def compared(image: Image, known: Sequence[EnhancedFinding], detections: Iterable[Detection], now: float) -> Comparison:
    """What a scan makes of the findings known before it. A vulnerability that is back after it was closed keeps its
    finding and first time."""
    before = {one.vulnerability.id: one for one in known}
    active: dict[str, EnhancedFinding] = {}
    changed = []
    for found in _gathered(image, detections, now):
        former = before.get(found.vulnerability.id)
        if former is not None:
            found = replace(found, first_observed_at=former.first_observed_at, updated_at=former.updated_at)
        if found != former:
            found = replace(found, updated_at=now)
            changed.append(found)
        active[found.vulnerability.id] = found
    gone = [one for one in known if one.vulnerability.id not in active]
    closed, newly = close(gone, now)
    ranked = sorted(active.values(), key=lambda one: (SEVERITIES.index(one.severity), one.vulnerability.id))
    return Comparison((*ranked, *closed), (*changed, *newly))


def close(
    known: Iterable[EnhancedFinding], now: float
) -> tuple[tuple[EnhancedFinding, ...], tuple[EnhancedFinding, ...]]:
    """All of them closed, without those whose time is over; and those that were not closed before."""
    newly = tuple(replace(one, status=CLOSED, updated_at=now) for one in known if one.status != CLOSED)
    old = (one for one in known if one.status == CLOSED and now - one.updated_at < CLOSED_KEPT_S)
    return (*newly, *old), newly


def _gathered(image: Image, detections: Iterable[Detection], now: float) -> list[EnhancedFinding]:
    by_vulnerability: dict[str, list[Detection]] = {}
    for one in detections:
        by_vulnerability.setdefault(one.vulnerability.id, []).append(one)
    found = []
    for identity, of_it in by_vulnerability.items():
        gravest = min(of_it, key=lambda one: SEVERITIES.index(one.severity))
        packages = tuple(sorted((one.package for one in of_it), key=lambda one: (one.name, one.version, one.path)))
        arn = _finding_arn(image, identity)
        found.append(EnhancedFinding(arn, gravest.vulnerability, packages, gravest.severity, now, now))
    return found


def _finding_arn(image: Image, identity: str) -> str:
    digits = hashlib.sha256(f"{image_arn(image)}\n{identity}".encode()).hexdigest()[:32]
    return f"arn:{partition_of(image.region)}:inspector2:{image.region}:{image.account}:finding/{digits}"


def severity_counts(findings: Iterable[EnhancedFinding]) -> dict[str, int]:
    """Of what is ACTIVE, by ECR's severities, without those of which there is none."""
    found = Counter(one.severity for one in findings if one.status == ACTIVE)
    return {name: found[name] for name in SEVERITIES if found[name]}


def finding_members(finding: EnhancedFinding, image: Image, facts: ImageFacts) -> dict[str, Any]:
    """The members of ECR's EnhancedImageScanFinding; times in seconds since the epoch. What is not known is missing."""
    vulnerability = finding.vulnerability
    members: dict[str, Any] = {
        "awsAccountId": image.account,
        "description": vulnerability.description[:_DESCRIPTION_LIMIT] or finding.title,
        "findingArn": finding.arn,
        "firstObservedAt": finding.first_observed_at,
        # It "remains unchanged until a finding is updated" (Inspector2's model).
        "lastObservedAt": finding.updated_at,
        "updatedAt": finding.updated_at,
        "packageVulnerabilityDetails": _details(finding),
        "remediation": _remediation(finding),
        "resources": [_resource(image, facts)],
        "severity": inspector_severity(finding.severity),
        "status": finding.status,
        "title": finding.title,
        "type": "PACKAGE_VULNERABILITY",
        "fixAvailable": finding.fix_available,
    }
    if (best := vulnerability.best_score) is not None:
        members["score"] = best.base
        members["scoreDetails"] = {
            "cvss": {
                "adjustments": [],
                "score": best.base,
                "scoreSource": best.source,
                "scoringVector": best.vector,
                "version": best.version,
            }
        }
    return members


def inspector_severity(severity: str) -> str:
    return "UNTRIAGED" if severity == "UNDEFINED" else severity


def _details(finding: EnhancedFinding) -> dict[str, Any]:
    vulnerability = finding.vulnerability
    details = {
        "cvss": [
            {"baseScore": one.base, "scoringVector": one.vector, "source": one.source, "version": one.version}
            for one in vulnerability.scores
        ],
        "referenceUrls": list(vulnerability.references),
        "relatedVulnerabilities": list(vulnerability.related),
        "source": vulnerability.source,
        "sourceUrl": vulnerability.url,
        "vendorCreatedAt": vulnerability.published,
        "vendorUpdatedAt": vulnerability.modified,
        "vendorSeverity": vulnerability.vendor_severity,
        "vulnerabilityId": vulnerability.id,
        "vulnerablePackages": [_package(one) for one in finding.packages],
    }
    return {name: value for name, value in details.items() if value is not None}


def _package(one: VulnerablePackage) -> dict[str, Any]:
    members: dict[str, Any] = {
        "arch": one.architecture.upper(),
        "name": one.name,
        "packageManager": one.manager,
        "sourceLayerHash": one.layer,
        "version": one.version,
        "fixedInVersion": one.fixed_in or _NO_FIX,
    }
    if one.manager == "OS":
        epoch, version, release = _parts(one.version)
        members |= {"epoch": epoch, "version": version, "release": release}
    else:
        members["filePath"] = one.path.lstrip("/")
    return {name: value for name, value in members.items() if value != ""}


def _parts(version: str) -> tuple[int, str, str]:
    """Epoch, version and release of a distribution's `1:2.3-4`; Alpine's release is `r4`."""
    epoch, colon, rest = version.partition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,9}", epoch):
        epoch, rest = "0", version
    upstream, dash, release = rest.rpartition("-")
    return int(epoch), (upstream if dash else rest), (release if dash else "")


def _remediation(finding: EnhancedFinding) -> dict[str, Any]:
    text = "None Provided" if finding.fix_available == "NO" else _RECOMMENDATION
    return {"recommendation": {"text": text}}


def _resource(image: Image, facts: ImageFacts) -> dict[str, Any]:
    details = {
        "architecture": facts.architecture or None,
        "author": facts.author or None,
        "imageHash": image.digest,
        "imageTags": list(facts.tags),
        "platform": facts.platform or None,
        "pushedAt": image.pushed_at,
        "lastInUseAt": facts.last_in_use_at,
        "inUseCount": facts.in_use_count,
        "registry": image.account,
        "repositoryName": image.repository,
    }
    known = {name: value for name, value in details.items() if value is not None}
    return {
        "details": {"awsEcrContainerImage": known},
        "id": image_arn(image),
        "tags": {},
        "type": "AWS_ECR_CONTAINER_IMAGE",
    }
