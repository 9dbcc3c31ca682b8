"""Advisories in the OSV format, and which packages they speak of. Pure; versions are compared by who is given.

Source: Open Source Vulnerability format, https://ossf.github.io/osv-schema/, with its evaluation algorithm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.ecr.package_inventory import Package, python_name

Compare = Callable[[str, str, str], int]
"""(ecosystem, version, version): below, at or above 0. Raises Incomparable."""

_EVENTS = ("introduced", "fixed", "last_affected", "limit")
_CVE = re.compile(r"CVE-\d{4}-\d+")


class Incomparable(ValueError):
    """A version that is none in its ecosystem."""


class InvalidAdvisory(ValueError):
    """The document is none in the OSV format; the text says why."""


@dataclass(frozen=True, slots=True)
class VersionRange:
    """`events` are pairs of what happens ("introduced", "fixed", "last_affected", "limit") and the version."""

    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Affected:
    ecosystem: str
    releases: tuple[str, ...]
    name: str
    versions: frozenset[str]
    ranges: tuple[VersionRange, ...]
    vendor_severity: str | None

    def is_of(self, package: Package) -> bool:
        """Whether it is of the package's ecosystem and, if both name one, of its release."""
        if self.ecosystem != package.ecosystem:
            return False
        return not self.releases or not package.release or package.release in self.releases


@dataclass(frozen=True, slots=True)
class Advisory:
    """Times are in seconds since the epoch. `scores` are pairs of a kind ("CVSS_V3") and a vector or word."""

    id: str
    cve: str | None
    aliases: tuple[str, ...]
    summary: str
    details: str
    modified: float | None
    withdrawn: bool
    scores: tuple[tuple[str, str], ...]
    references: tuple[str, ...]
    vendor_severity: str | None
    affected: tuple[Affected, ...]
    published: float | None = None

    @property
    def name(self) -> str:
        """The CVE it is about, else its own id."""
        return self.cve or self.id


@dataclass(frozen=True, slots=True)
class Match:
    """A package that an advisory says is vulnerable, and by which of its entries. `fixed_in` is the lowest version that
    the entry calls fixed above the package's, or empty."""

    advisory: Advisory
    affected: Affected
    package: Package
    fixed_in: str = ""


def parse_advisory(document: Any) -> Advisory:
    """Raises InvalidAdvisory."""
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise InvalidAdvisory("it has no id")
    identity = document["id"]
    aliases = tuple(dict.fromkeys((*_texts(document.get("aliases")), *_texts(document.get("upstream")))))
    scores = tuple(
        (one["type"], one["score"])
        for one in _objects(document.get("severity"))
        if isinstance(one.get("type"), str) and isinstance(one.get("score"), str)
    )
    return Advisory(
        id=identity,
        cve=next((found[0] for one in (identity, *aliases) if (found := _CVE.search(one))), None),
        aliases=aliases,
        summary=_text(document.get("summary")),
        details=_text(document.get("details")),
        modified=_time(document.get("modified")),
        withdrawn=document.get("withdrawn") is not None,
        scores=scores,
        references=tuple(url for one in _objects(document.get("references")) if (url := _text(one.get("url")))),
        vendor_severity=_severity_word(document.get("database_specific")),
        affected=tuple(
            entry for one in _objects(document.get("affected")) if (entry := _affected(one, scores)) is not None
        ),
        published=_time(document.get("published")),
    )


def match(
    advisory: Advisory, packages: Mapping[tuple[str, str], Iterable[Package]], compare: Compare
) -> tuple[list[Match], list[Package]]:
    """The packages, by ecosystem and name, that an advisory says are vulnerable; and those whose version could not be
    compared. A withdrawn advisory says nothing."""
    found: dict[Package, Match] = {}
    unclear: list[Package] = []
    for entry in () if advisory.withdrawn else advisory.affected:
        for package in packages.get((entry.ecosystem, entry.name), ()):
            if package in found or not entry.is_of(package):
                continue
            try:
                meant = [version for name, version in package.names if name == entry.name]
                version = next((one for one in meant if is_affected(entry, one, compare)), None)
                if version is not None:
                    found[package] = Match(advisory, entry, package, fixed_in(entry, version, compare))
            except Incomparable:
                unclear.append(package)
    return list(found.values()), [package for package in unclear if package not in found]


def by_name(packages: Iterable[Package]) -> dict[tuple[str, str], list[Package]]:
    """Packages under every name by which an advisory may mean them."""
    found: dict[tuple[str, str], list[Package]] = {}
    for package in packages:
        for name, _ in package.names:
            found.setdefault((package.ecosystem, name), []).append(package)
    return found


def is_affected(entry: Affected, version: str, compare: Compare) -> bool:
    """OSV's evaluation: listed by name, or within a range. Raises Incomparable."""
    if version in entry.versions:
        return True
    return any(_is_within(one, entry.ecosystem, version, compare) for one in entry.ranges)


def fixed_in(entry: Affected, version: str, compare: Compare) -> str:
    """The lowest version above that one of the ranges calls fixed; empty without one. Raises Incomparable."""
    lowest = ""
    for one in entry.ranges:
        if not _is_within(one, entry.ecosystem, version, compare):
            continue
        for kind, at in one.events:
            above = kind == "fixed" and compare(entry.ecosystem, version, at) < 0
            if above and (not lowest or compare(entry.ecosystem, at, lowest) < 0):
                lowest = at
    return lowest


def _is_within(one: VersionRange, ecosystem: str, version: str, compare: Compare) -> bool:
    """Of all events at or below the version, the highest decides; `0` is below every version."""

    def order(left: str, right: str) -> int:
        if "0" in (left, right) and left != right:
            return -1 if left == "0" else 1
        return 0 if left == right else compare(ecosystem, left, right)

    limits = [at for kind, at in one.events if kind == "limit"]
    if limits and not any(at == "*" or order(version, at) < 0 for at in limits):
        return False
    highest: str | None = None
    vulnerable = False
    for kind, at in one.events:
        if kind == "limit":
            continue
        distance = order(version, at)
        if distance < 0 or (kind == "last_affected" and distance == 0):
            continue
        if highest is None or order(at, highest) > 0:
            highest, vulnerable = at, kind == "introduced"
        elif order(at, highest) == 0:
            vulnerable = kind == "introduced"
    return vulnerable


def _affected(given: Mapping[str, Any], scores: tuple[tuple[str, str], ...]) -> Affected | None:
    package = given.get("package")
    if not isinstance(package, dict):
        return None  # of a repository's commits, not of a package
    ecosystem, name = _text(package.get("ecosystem")), _text(package.get("name"))
    base, _, suffix = ecosystem.partition(":")
    if not base or not name:
        raise InvalidAdvisory("an affected package has no ecosystem or no name")
    ranges = []
    for one in _objects(given.get("ranges")):
        if one.get("type") in ("ECOSYSTEM", "SEMVER"):
            events = [
                (kind, str(event[kind]))
                for event in _objects(one.get("events"))
                for kind in _EVENTS
                if event.get(kind) is not None
            ]
            ranges.append(VersionRange(tuple(events)))
    word = _severity_word(given.get("ecosystem_specific")) or _severity_word(given.get("database_specific"))
    plain = next((score for kind, score in scores if not kind.startswith("CVSS")), None)
    return Affected(
        ecosystem=base,
        releases=tuple(suffix.split(":")) if suffix else (),
        name=python_name(name) if base == "PyPI" else name,
        versions=frozenset(_texts(given.get("versions"))),
        ranges=tuple(ranges),
        vendor_severity=word or plain,
    )


def _severity_word(given: Any) -> str | None:
    """GitHub, Red Hat: `severity`; Debian: `urgency`."""
    if not isinstance(given, dict):
        return None
    found = given.get("severity") or given.get("urgency")
    return found if isinstance(found, str) else None


_WORDS: Final = {
    "critical": "CRITICAL",
    "high": "HIGH",
    "important": "HIGH",
    "medium": "MEDIUM",
    "moderate": "MEDIUM",
    "low": "LOW",
    "minor": "LOW",
    "negligible": "INFORMATIONAL",
    "unimportant": "INFORMATIONAL",
    "informational": "INFORMATIONAL",
}


def severity(word: str | None, score: float | None) -> str:
    """What the source of an advisory calls it; else by CVSS's own ranks (Amazon ECR user guide, basic scanning)."""
    if word and (known := _WORDS.get(word.strip("*").lower())):
        return known
    if score is None:
        return "UNDEFINED"
    for least, name in ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (0.1, "LOW")):
        if score >= least:
            return name
    return "INFORMATIONAL"


def _objects(given: Any) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _texts(given: Any) -> list[str]:
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []


def _text(given: Any) -> str:
    return given if isinstance(given, str) else ""


def _time(given: Any) -> float | None:
    try:
        at = datetime.fromisoformat(given)
    except (TypeError, ValueError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
