"""One scan: the packages of an image's layers, matched with the advisories of the folder. Reads; writes nothing.

Decides what a scan that could not be made is called; when one is made, and who is told, is decided elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.domain.advisory import SEVERITIES, Advisory, Compare, Match, by_name, match, severity
from emulator.domain.image_scan import (
    COMPLETE,
    COMPLETED,
    FAILED,
    IMAGE_SIZE_EXCEEDED,
    UNSUPPORTED_IMAGE,
    Finding,
)
from emulator.domain.layer_overlay import LayerFiles, overlay
from emulator.domain.package_inventory import (
    RPM_OTHER,
    RPM_SQLITE,
    Package,
    UnreadablePackages,
    distribution,
    has_system_packages,
    inventory,
)
from emulator.registry.advisory_folder import UnreadableAdvisories, advisories
from emulator.registry.blobs import BlobStore
from emulator.registry.layer_reader import Budget, ImageTooLarge, UnreadableLayer, UnsupportedLayer, read_layer
from emulator.registry.rpm_database import rpm_headers

NO_ADVISORIES = (
    "There are no advisories to compare packages with: Homeport was started without --advisories, "
    "the folder of advisories in the OSV format."
)
ScoreOf = Callable[[str, str], float | None]
"""The base score of a vector of a kind ("CVSS_V3"), None when it is none."""

_DESCRIPTION_LIMIT = 4_000
_VALUE_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Result:
    """`status` is ECR's; `source_updated_at`: when the newest advisory was modified."""

    status: str
    description: str
    findings: tuple[Finding, ...] = ()
    source_updated_at: float | None = None


class ImageScanner:
    """`folder`: of advisories, None without one."""

    def __init__(self, blobs: BlobStore, folder: Path | None) -> None:
        self._blobs = blobs
        self._folder = folder

    def scan(self, layers: Sequence[str]) -> Result:
        """Of an image with these layers, the lowest first."""
        if self._folder is None:
            return Result(FAILED, NO_ADVISORIES)
        # Loading it takes a fifth of a second: at the first scan, not at the start.
        from emulator.registry.package_versions import compare, cvss_score

        try:
            packages = self.packages(layers)
        except (UnsupportedLayer, _Unsupported) as error:
            return Result(UNSUPPORTED_IMAGE, f"UnsupportedImageError: {error}")
        except ImageTooLarge as error:
            return Result(IMAGE_SIZE_EXCEEDED, f"The image is too large to be scanned: {error}")
        except (UnreadableLayer, UnreadablePackages) as error:
            return Result(FAILED, f"The image cannot be read: {error}")
        try:
            return judge(packages, advisories(self._folder), compare, cvss_score)
        except UnreadableAdvisories as error:
            return Result(FAILED, f"The advisories cannot be read: {error}")

    def packages(self, layers: Sequence[str]) -> list[Package]:
        """What is installed in an image."""
        files = self._files(layers)
        if not has_system_packages(files):
            found = inventory(files)
            if not found:
                raise _Unsupported("The operating system and/or package manager are not supported.")
            return found
        if distribution(files) is None:
            raise _Unsupported("The operating system is not supported, or /etc/os-release does not name it.")
        if any(path in files for path in RPM_OTHER):
            raise _Unsupported("RPM's database is not in its SQLite form, the only one that is read.")
        headers = [header for path in RPM_SQLITE if path in files for header in rpm_headers(files[path])]
        return inventory(files, headers)

    def _files(self, layers: Sequence[str]) -> dict[str, bytes]:
        budget = Budget()
        read: list[LayerFiles] = []
        below: set[str] = set()
        for digest in layers:
            try:
                with self._blobs.open(digest) as blob:
                    layer = read_layer(blob, below, budget)
            except FileNotFoundError as error:
                raise UnsupportedLayer(f"the layer {digest} is not in this registry") from error
            read.append(layer)
            below |= layer.files.keys()
        return overlay(read)


class _Unsupported(Exception):
    pass


def judge(packages: Sequence[Package], given: Iterable[Advisory], compare: Compare, score_of: ScoreOf) -> Result:
    """What advisories say about packages. Without one for any of the packages' ecosystems there is no verdict."""
    named = by_name(packages)
    lacking = {str(_where(package)): package for package in packages}
    matches: list[Match] = []
    unclear: Counter[Package] = Counter()
    newest: float | None = None
    for advisory in given:
        newest = max((at for at in (newest, advisory.modified) if at is not None), default=None)
        for where, package in list(lacking.items()):
            if any(entry.is_of(package) for entry in advisory.affected):
                del lacking[where]
        found, incomparable = match(advisory, named, compare)
        matches += found
        unclear.update(incomparable)
    ecosystems = {_where(package) for package in packages}
    if packages and len(lacking) == len(ecosystems):
        return Result(FAILED, f"The folder of advisories has none for {', '.join(sorted(lacking))}.")
    said = [COMPLETED]
    if lacking:
        said.append(f"There are no advisories for {', '.join(sorted(lacking))}.")
    if unclear:
        said.append(f"The versions of {len(unclear)} packages could not be compared.")
    return Result(COMPLETE, " ".join(said), _findings(matches, score_of), newest)


def _where(package: Package) -> str:
    return f"{package.ecosystem}:{package.release}" if package.release else package.ecosystem


def _findings(matches: Iterable[Match], score_of: ScoreOf) -> tuple[Finding, ...]:
    """One for each vulnerability and package, the gravest first; two advisories about one CVE are one."""
    found: dict[tuple[str, str, str], Finding] = {}
    for one in matches:
        finding = _finding(one, score_of)
        key = (finding.name, one.package.name, one.package.version)
        if key not in found or SEVERITIES.index(finding.severity) < SEVERITIES.index(found[key].severity):
            found[key] = finding
    order = sorted(found.items(), key=lambda item: (SEVERITIES.index(item[1].severity), item[0]))
    return tuple(finding for _, finding in order)


def _finding(one: Match, score_of: ScoreOf) -> Finding:
    advisory = one.advisory
    scored = [
        (kind, vector, score)
        for kind, vector in advisory.scores
        if (score := score_of(kind, vector)) is not None
    ]  # fmt: skip
    attributes = [("package_version", one.package.version), ("package_name", one.package.name)]
    for kind, vector, score in scored:
        number = kind.removeprefix("CVSS_V")
        attributes += [(f"CVSS{number}_VECTOR", vector), (f"CVSS{number}_SCORE", str(score))]
    best = max(scored, key=lambda entry: entry[0], default=None)
    word = one.affected.vendor_severity or advisory.vendor_severity
    return Finding(
        name=advisory.name,
        description=(advisory.details or advisory.summary)[:_DESCRIPTION_LIMIT],
        uri=next(iter(advisory.references), f"https://osv.dev/vulnerability/{advisory.id}"),
        severity=severity(word, best[2] if best else None),
        attributes=tuple((key, value[:_VALUE_LIMIT]) for key, value in attributes),
    )
