"""What advisories say about the packages of an image. Pure, but for who compares versions and reads vectors, who are
given: many images can be judged while the advisories are read once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from emulator.domain.ecr.advisory import Advisory, Compare, Match, by_name, match, severity
from emulator.domain.ecr.detection import (
    CvssScore,
    Detection,
    Vulnerability,
    VulnerablePackage,
    gravest_first,
)
from emulator.domain.ecr.image_scan import COMPLETE, COMPLETED, FAILED, IMAGE_SIZE_EXCEEDED, Finding, basic_finding
from emulator.domain.ecr.package_inventory import Package

ScoreOf = Callable[[str, str], float | None]
"""The base score of a vector of a kind ("CVSS_V3"), None when it is none."""

_MATCHES_LIMIT = 50_000
_DESCRIPTION_LIMIT = 4_000
_REFERENCES_LIMIT = 100

_SOURCES: Final = {
    "DEBIAN": "DEBIAN_CVE",
    "UBUNTU": "UBUNTU_CVE",
    "RHSA": "REDHAT_CVE",
    "CVE": "NVD",
}
"""By the first part of an advisory's id, Amazon Inspector's name of the source; of others that part itself."""


@dataclass(frozen=True, slots=True)
class Result:
    """Of a scan. `status` is ECR's; `source_updated_at`: when the newest advisory was modified; `platform`: Amazon
    Inspector's name of the distribution; `packages` are what can be judged again later, None from a scanner that must
    look at the image again."""

    status: str
    description: str
    detections: tuple[Detection, ...] = ()
    source_updated_at: float | None = None
    platform: str = ""
    packages: tuple[Package, ...] | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """As basic scanning shows them, the gravest first."""
        return tuple(basic_finding(one) for one in self.detections)


class Verdict:
    """On one image; it takes advisories one by one."""

    def __init__(self, packages: Sequence[Package], compare: Compare, score_of: ScoreOf) -> None:
        self._packages = packages
        self._compare = compare
        self._score_of = score_of
        self._named = by_name(packages)
        self._lacking = {_where(package): package for package in packages}
        self._matches: list[Match] = []
        self._unclear: Counter[Package] = Counter()
        self._newest: float | None = None

    def take(self, advisory: Advisory) -> None:
        self._newest = max((at for at in (self._newest, advisory.modified) if at is not None), default=None)
        for where, package in list(self._lacking.items()):
            if any(entry.is_of(package) for entry in advisory.affected):
                del self._lacking[where]
        if len(self._matches) > _MATCHES_LIMIT:
            return
        found, incomparable = match(advisory, self._named, self._compare)
        self._matches += found
        self._unclear.update(incomparable)

    def result(self) -> Result:
        """Without an advisory for any of the packages' ecosystems there is no verdict: the scan has failed."""
        ecosystems = {_where(package) for package in self._packages}
        if self._packages and len(self._lacking) == len(ecosystems):
            return Result(FAILED, f"The folder of advisories has none for {', '.join(sorted(self._lacking))}.")
        if len(self._matches) > _MATCHES_LIMIT:
            return Result(IMAGE_SIZE_EXCEEDED, "The image has more findings than a scan holds.")
        said = [COMPLETED]
        if self._lacking:
            said.append(f"There are no advisories for {', '.join(sorted(self._lacking))}.")
        if self._unclear:
            said.append(f"The versions of {len(self._unclear)} packages could not be compared.")
        found = gravest_first(_detection(one, self._score_of) for one in self._matches)
        return Result(COMPLETE, " ".join(said), found, self._newest)


def judge(packages: Sequence[Package], given: Iterable[Advisory], compare: Compare, score_of: ScoreOf) -> Result:
    """What advisories say about the packages of one image."""
    verdict = Verdict(packages, compare, score_of)
    for advisory in given:
        verdict.take(advisory)
    return verdict.result()


def _where(package: Package) -> str:
    return f"{package.ecosystem}:{package.release}" if package.release else package.ecosystem


def _detection(one: Match, score_of: ScoreOf) -> Detection:
    advisory, package = one.advisory, one.package
    source = re.split(r"[-_]", advisory.id)[0]
    source = _SOURCES.get(source, source)
    scores = tuple(
        CvssScore(_version(kind, vector), vector, score, source)
        for kind, vector in advisory.scores
        if (score := score_of(kind, vector)) is not None
    )
    word = one.affected.vendor_severity or advisory.vendor_severity
    vulnerability = Vulnerability(
        id=advisory.name,
        description=(advisory.details or advisory.summary)[:_DESCRIPTION_LIMIT],
        source=source,
        url=next(iter(advisory.references), f"https://osv.dev/vulnerability/{advisory.id}"),
        references=advisory.references[:_REFERENCES_LIMIT],
        related=tuple(name for name in dict.fromkeys((advisory.id, *advisory.aliases)) if name != advisory.name),
        scores=scores,
        vendor_severity=word,
        published=advisory.published,
        modified=advisory.modified,
    )
    best = vulnerability.best_score
    return Detection(
        vulnerability,
        VulnerablePackage(
            package.name, package.version, package.kind, package.path, package.architecture, package.layer, one.fixed_in
        ),
        severity(word, best.base if best else None),
    )


def _version(kind: str, vector: str) -> str:
    """`CVSS:3.1/AV:N...` says its version, one of CVSS 2 does not."""
    named = re.match(r"CVSS:(\d\.\d)/", vector)
    return named[1] if named else f"{kind.removeprefix('CVSS_V')}.0"
