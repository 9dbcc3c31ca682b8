"""What a scanner finds, whichever one it is: a vulnerability in a package that an image holds. Records only.

Basic scanning shows each as a finding (image_scan.py), enhanced scanning gathers them by vulnerability
(enhanced_finding.py). It must not know where images or advisories lie.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
"""ECR's, the gravest first."""


@dataclass(frozen=True, slots=True)
class CvssScore:
    """`version` as in the vector ("3.1"), `base` from 0 to 10; `source` is who scored."""

    version: str
    vector: str
    base: float
    source: str


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """`id` is its CVE where it has one. Times are seconds since the epoch; `source` is who tells of it, at `url`."""

    id: str
    description: str
    source: str
    url: str
    references: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    scores: tuple[CvssScore, ...] = ()
    vendor_severity: str | None = None
    published: float | None = None
    modified: float | None = None

    @property
    def best_score(self) -> CvssScore | None:
        """Of the newest version of CVSS."""
        return max(self.scores, key=lambda one: one.version, default=None)


@dataclass(frozen=True, slots=True)
class VulnerablePackage:
    """`version` as its package manager writes it, whole. `layer` is the digest of the layer that brought it; `fixed_in`
    the lowest version above without the vulnerability. What is not known is empty."""

    name: str
    version: str
    manager: str
    path: str = ""
    architecture: str = ""
    layer: str = ""
    fixed_in: str = ""


@dataclass(frozen=True, slots=True)
class Detection:
    vulnerability: Vulnerability
    package: VulnerablePackage
    severity: str


def gravest_first(found: Iterable[Detection]) -> tuple[Detection, ...]:
    """One for each vulnerability and package, the gravest of several."""
    best: dict[tuple[str, str, str], Detection] = {}
    for one in found:
        key = (one.vulnerability.id, one.package.name, one.package.version)
        if key not in best or SEVERITIES.index(one.severity) < SEVERITIES.index(best[key].severity):
            best[key] = one
    order = sorted(best.items(), key=lambda item: (SEVERITIES.index(item[1].severity), item[0]))
    return tuple(one for _, one in order)
