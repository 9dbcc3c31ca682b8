"""OSV documents: read, and matched with packages by their evaluation rules."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.domain.ecr.advisory import (
    Incomparable,
    InvalidAdvisory,
    by_name,
    is_affected,
    match,
    parse_advisory,
    severity,
)
from emulator.domain.ecr.package_inventory import Package
from tests.synthetic_layers import advisory


def compare(ecosystem: str, left: str, right: str) -> int:
    """Plain numbers."""
    try:
        return int(left) - int(right)
    except ValueError as error:
        raise Incomparable(left) from error


def _entry(*events: dict[str, str], versions: tuple[str, ...] = ()) -> Any:
    document = advisory(ecosystem="Debian:12", name="x")
    document["affected"][0]["ranges"][0]["events"] = list(events)
    document["affected"][0]["versions"] = list(versions)
    return parse_advisory(document).affected[0]


@pytest.mark.parametrize(
    ("events", "vulnerable"),
    [
        ([{"introduced": "0"}], {"1", "3", "5", "7"}),
        ([{"introduced": "0"}, {"fixed": "5"}], {"1", "3"}),
        ([{"fixed": "5"}, {"introduced": "3"}], {"3"}),
        ([{"introduced": "3"}, {"last_affected": "5"}], {"3", "5"}),
        ([{"introduced": "1"}, {"fixed": "3"}, {"introduced": "5"}, {"fixed": "7"}], {"1", "5"}),
        ([{"introduced": "0"}, {"limit": "5"}], {"1", "3"}),
        ([{"introduced": "0"}, {"limit": "*"}], {"1", "3", "5", "7"}),
        ([], set()),
    ],
)
def test_ranges(events: list[dict[str, str]], vulnerable: set[str]) -> None:
    entry = _entry(*events)
    assert {version for version in ("1", "3", "5", "7") if is_affected(entry, version, compare)} == vulnerable


def test_versions_by_name_need_no_order() -> None:
    assert is_affected(_entry({"introduced": "9"}, versions=("odd",)), "odd", compare)
    with pytest.raises(Incomparable):
        is_affected(_entry({"introduced": "9"}), "odd", compare)


def _package(name: str = "x", version: str = "1", **members: Any) -> Package:
    return Package("Debian", "OS", name, version, "/status", **{"release": "12", **members})


@pytest.mark.parametrize(
    ("ecosystem", "package", "found"),
    [
        ("Debian:12", _package(), True),
        ("Debian", _package(), True),
        ("Debian:11", _package(), False),
        ("Ubuntu:12", _package(), False),
        ("Debian:12", _package("libx", source="x"), True),
        ("Debian:12", _package("libx", "9", source="x", source_version="1"), True),
        ("Debian:12", _package("libx", "1", source="x", source_version="9"), False),
        ("Debian:12", _package("other"), False),
        ("Debian:Pro:12:LTS", _package(), True),
    ],
)
def test_which_packages_are_meant(ecosystem: str, package: Package, found: bool) -> None:
    parsed = parse_advisory(advisory(ecosystem=ecosystem, name="x", fixed="5"))
    matches, unclear = match(parsed, by_name([package]), compare)
    assert ([one.package for one in matches], unclear) == ([package] if found else [], [])


def test_a_withdrawn_advisory_says_nothing_and_an_odd_version_is_told() -> None:
    packages = by_name([_package(), _package(version="odd")])
    assert match(parse_advisory(advisory(name="x", withdrawn="2024-01-01T00:00:00Z")), packages, compare) == ([], [])
    matches, unclear = match(parse_advisory(advisory(name="x", fixed="5")), packages, compare)
    assert [one.package.version for one in matches] == ["1"]
    assert [one.version for one in unclear] == ["odd"]


def test_names_and_severities() -> None:
    parsed = parse_advisory(advisory())
    assert (parsed.name, parsed.modified) == ("CVE-2022-37434", 1714557600.0)
    assert parse_advisory({"id": "GHSA-x", "aliases": ["CVE-2020-1"], "affected": []}).name == "CVE-2020-1"
    assert parse_advisory({"id": "GHSA-x"}).name == "GHSA-x"
    python = advisory(ecosystem="PyPI", name="Zope.Interface")
    assert parse_advisory(python).affected[0].name == "zope-interface"
    word = advisory(severity=[{"type": "Ubuntu", "score": "medium"}])
    assert parse_advisory(word).affected[0].vendor_severity == "medium"


@pytest.mark.parametrize(
    ("word", "score", "named"),
    [
        ("MODERATE", 9.8, "MEDIUM"),
        ("unimportant", None, "INFORMATIONAL"),
        ("not yet assigned", 7.5, "HIGH"),
        (None, 9.0, "CRITICAL"),
        (None, 4.0, "MEDIUM"),
        (None, 0.1, "LOW"),
        (None, 0.0, "INFORMATIONAL"),
        (None, None, "UNDEFINED"),
    ],
)
def test_severity(word: str | None, score: float | None, named: str) -> None:
    assert severity(word, score) == named


@pytest.mark.parametrize("document", [[], {}, {"id": 1}, {"id": "x", "affected": [{"package": {"name": "x"}}]}])
def test_what_is_no_advisory(document: Any) -> None:
    with pytest.raises(InvalidAdvisory):
        parse_advisory(document)
