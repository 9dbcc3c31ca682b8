"""What Trivy reports of an image (`trivy image --format json`, schema version 2), as detections. Pure.

Source: Trivy's documentation, "Reporting", and the types of its report. Members that an older or newer version leaves
out are taken as unknown; a document that is no report is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.ecr.detection import (
    SEVERITIES,
    CvssScore,
    Detection,
    Vulnerability,
    VulnerablePackage,
    gravest_first,
)

_MANAGERS: Final[Mapping[str, str]] = {
    "python-pkg": "PYTHONPKG",
    "node-pkg": "NODEPKG",
    "gemspec": "GEMSPEC",
    "jar": "JAR",
    "gobinary": "GOBINARY",
    "rustbinary": "CARGO",
    "pip": "PIP",
    "pipenv": "PIPENV",
    "poetry": "POETRY",
    "npm": "NPM",
    "yarn": "YARN",
    "bundler": "BUNDLER",
    "composer": "COMPOSER",
    "composer-vendor": "COMPOSER",
    "gomod": "GOMOD",
    "cargo": "CARGO",
    "nuget": "NUGET",
    "dotnet-core": "DOTNET_CORE",
    "pom": "POM",
}
"""Amazon Inspector's package managers by Trivy's types; of others, Trivy's word."""

_SOURCES: Final[Mapping[str, str]] = {
    "debian": "DEBIAN_CVE",
    "ubuntu": "UBUNTU_CVE",
    "redhat": "REDHAT_CVE",
    "nvd": "NVD",
}
_WORDS: Final = {"UNKNOWN": "UNDEFINED"}
_DESCRIPTION_LIMIT = 4_000
_REFERENCES_LIMIT = 100


class MalformedReport(ValueError):
    """The document is no report of Trivy; the text says why."""


def detections_of(report: Any) -> tuple[Detection, ...] | None:
    """The gravest first; None when Trivy found nothing in the image that it knows how to scan. Raises
    MalformedReport."""
    if not isinstance(report, dict) or report.get("SchemaVersion") != 2:
        raise MalformedReport("it is no report with schema version 2")
    results = report.get("Results")
    if results is None:
        return () if platform_of(report) else None
    if not isinstance(results, list):
        raise MalformedReport("its Results are no list")
    found = []
    for result in results:
        if not isinstance(result, dict):
            raise MalformedReport("a result is no object")
        vulnerabilities = result.get("Vulnerabilities") or []
        if not isinstance(vulnerabilities, list):
            raise MalformedReport("the vulnerabilities of a result are no list")
        found += [_detection(one, result) for one in vulnerabilities]
    return gravest_first(found)


def platform_of(report: Any) -> str:
    """The distribution as Amazon Inspector names it, e.g. DEBIAN_12; empty when Trivy knows none."""
    metadata = report.get("Metadata") if isinstance(report, dict) else None
    system = metadata.get("OS") if isinstance(metadata, dict) else None
    if not isinstance(system, dict):
        return ""
    family, name = _text(system.get("Family")), _text(system.get("Name"))
    if family in ("debian", "redhat", "rocky", "alma", "oracle", "centos"):
        name = name.partition(".")[0]
    if family == "alpine":
        family, name = "alpine_linux", ".".join(name.split(".")[:2])
    return re.sub(r"[^A-Z0-9]+", "_", f"{family} {name}".upper()).strip("_")


def _detection(given: Any, result: Mapping[str, Any]) -> Detection:
    if not isinstance(given, dict) or not _text(given.get("VulnerabilityID")) or not _text(given.get("PkgName")):
        raise MalformedReport("a vulnerability has no VulnerabilityID or no PkgName")
    identity = _text(given["VulnerabilityID"])
    origin = _object(given.get("DataSource"))
    source = _text(given.get("SeveritySource")) or _text(origin.get("ID"))
    word = _text(given.get("Severity")).upper()
    severity = _WORDS.get(word, word)
    references = [url for url in _list(given.get("References")) if isinstance(url, str)][:_REFERENCES_LIMIT]
    default = next(iter(references), "https://osv.dev/vulnerability/" + identity)
    vulnerability = Vulnerability(
        id=identity,
        description=(_text(given.get("Description")) or _text(given.get("Title")))[:_DESCRIPTION_LIMIT],
        source=_source(_text(origin.get("ID")) or source) or "TRIVY",
        url=_text(given.get("PrimaryURL")) or default,
        references=tuple(references),
        related=tuple(one for one in _list(given.get("VendorIDs")) if isinstance(one, str) and one != identity),
        scores=_scores(_object(given.get("CVSS"))),
        vendor_severity=word or None,
        published=_time(given.get("PublishedDate")),
        modified=_time(given.get("LastModifiedDate")),
    )
    return Detection(vulnerability, _package(given, result), severity if severity in SEVERITIES else "UNDEFINED")


def _package(given: Mapping[str, Any], result: Mapping[str, Any]) -> VulnerablePackage:
    kind, layer = _text(result.get("Type")), _object(given.get("Layer"))
    of_system = result.get("Class") == "os-pkgs"
    purl = _text(_object(given.get("PkgIdentifier")).get("PURL"))
    architecture = re.search(r"[?&]arch=([A-Za-z0-9_]+)", purl)
    return VulnerablePackage(
        name=_text(given["PkgName"]),
        version=_text(given.get("InstalledVersion")),
        manager="OS" if of_system else _MANAGERS.get(kind, kind.upper()),
        path="" if of_system else _text(given.get("PkgPath")) or _text(result.get("Target")),
        architecture=architecture[1] if architecture else "",
        layer=_text(layer.get("Digest")) or _text(layer.get("DiffID")),
        fixed_in=_text(given.get("FixedVersion")).partition(",")[0].strip(),
    )


def _scores(given: Mapping[str, Any]) -> tuple[CvssScore, ...]:
    """By source, `V2Vector` with `V2Score` and so on. NVD's come first: of one version of CVSS the first counts."""
    found = []
    for source, scores in sorted(given.items(), key=lambda item: item[0] == "nvd", reverse=True):
        for prefix, plain in (("V40", "4.0"), ("V3", "3.1"), ("V2", "2.0")):
            vector, score = _object(scores).get(f"{prefix}Vector"), _object(scores).get(f"{prefix}Score")
            if isinstance(vector, str) and vector and isinstance(score, int | float) and 0 <= score <= 10:
                named = re.match(r"CVSS:(\d\.\d)/", vector)
                found.append(CvssScore(named[1] if named else plain, vector, float(score), _source(source)))
    return tuple(found)


def _source(word: str) -> str:
    return _SOURCES.get(word, word.upper().replace("-", "_"))


def _object(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _text(given: Any) -> str:
    return given if isinstance(given, str) else ""


def _time(given: Any) -> float | None:
    try:
        at = datetime.fromisoformat(given)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
