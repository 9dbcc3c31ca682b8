"""What further scans make of the findings of an image, and what is to be done about an image."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.domain.ecr.detection import CvssScore, Detection, Vulnerability, VulnerablePackage, gravest_first
from emulator.domain.ecr.enhanced_finding import CLOSED_KEPT_S, ImageFacts, compared, finding_members, severity_counts
from emulator.domain.ecr.enhanced_scan import (
    AGAIN,
    ARCHIVE,
    EXPIRE,
    EXPIRED,
    FORGET,
    IMAGE_ARCHIVED,
    KEEP,
    MONITORED,
    ORDER,
    PASS_OVER,
    PENDING,
    SETTLE,
    EnhancedScan,
    next_step,
)
from emulator.domain.ecr.image import Image

IMAGE = Image("123456789012", "us-east-1", "app", "sha256:0", "application/x", 1, 1, 0.0)
DAY = 24 * 3600.0


def package(name: str, version: str = "1-1", fixed: str = "", manager: str = "OS") -> VulnerablePackage:
    return VulnerablePackage(name, version, manager, f"/srv/{name}", "amd64", "sha256:1", fixed)


def detection(identity: str, of: VulnerablePackage, severity: str = "HIGH") -> Detection:
    score = CvssScore("3.1", "CVSS:3.1/x", 7.5, "NVD")
    return Detection(Vulnerability(identity, "text", "NVD", "https://x", scores=(score,)), of, severity)


class TestFindings:
    def test_one_for_a_vulnerability_with_all_of_its_packages(self) -> None:
        found = [
            detection("CVE-1", package("b", fixed="2")),
            detection("CVE-1", package("a"), "CRITICAL"),
            detection("CVE-1", package("c")),
            detection("CVE-2", package("a", fixed="2"), "UNDEFINED"),
        ]
        first, second = compared(IMAGE, (), found, 10.0).findings
        assert (first.title, first.severity, first.fix_available) == ("CVE-1 - a, b and 1 more", "CRITICAL", "PARTIAL")
        assert second.fix_available == "YES"
        assert finding_members(second, IMAGE, ImageFacts())["severity"] == "UNTRIAGED"
        assert severity_counts((first, second)) == {"CRITICAL": 1, "UNDEFINED": 1}
        assert len({first.arn, second.arn}) == 2

    def test_a_finding_keeps_its_times_until_it_changes(self) -> None:
        known = compared(IMAGE, (), [detection("CVE-1", package("a"))], 10.0)
        same = compared(IMAGE, known.findings, [detection("CVE-1", package("a"))], 20.0)
        assert (same.findings, same.changed) == (known.findings, ())
        [changed] = compared(IMAGE, known.findings, [detection("CVE-1", package("a", fixed="2"))], 30.0).changed
        assert (changed.first_observed_at, changed.updated_at) == (10.0, 30.0)

    def test_what_is_gone_is_closed_and_shown_for_a_week(self) -> None:
        known = compared(IMAGE, (), [detection("CVE-1", package("a"))], 10.0)
        gone = compared(IMAGE, known.findings, [], 20.0)
        assert [one.status for one in gone.findings] == ["CLOSED"] == [one.status for one in gone.changed]
        assert severity_counts(gone.findings) == {}
        assert compared(IMAGE, gone.findings, [], 30.0).changed == ()
        assert compared(IMAGE, gone.findings, [], 21.0 + CLOSED_KEPT_S).findings == ()
        back = compared(IMAGE, gone.findings, [detection("CVE-1", package("a"))], 40.0)
        assert [(one.status, one.first_observed_at) for one in back.changed] == [("ACTIVE", 10.0)]

    def test_packages_of_languages_have_a_path_and_no_epoch(self) -> None:
        [finding] = compared(IMAGE, (), [detection("CVE-1", package("x", "1.0", manager="PYTHONPKG"))], 1.0).findings
        [shown] = finding_members(finding, IMAGE, ImageFacts())["packageVulnerabilityDetails"]["vulnerablePackages"]
        assert (shown["filePath"], shown["version"]) == ("srv/x", "1.0") and "epoch" not in shown

    @pytest.mark.parametrize(
        ("version", "parts"),
        [
            ("1:2.3-4", (1, "2.3", "4")),
            ("2.3", (0, "2.3", None)),
            ("x:1-2", (0, "x:1", "2")),
            ("3.1-r4", (0, "3.1", "r4")),
        ],
    )
    def test_versions_in_parts(self, version: str, parts: tuple[int, str, str | None]) -> None:
        [finding] = compared(IMAGE, (), [detection("CVE-1", package("x", version))], 1.0).findings
        [shown] = finding_members(finding, IMAGE, ImageFacts())["packageVulnerabilityDetails"]["vulnerablePackages"]
        assert (shown["epoch"], shown["version"], shown.get("release")) == parts

    def test_the_gravest_of_two_that_say_the_same(self) -> None:
        found = gravest_first([detection("CVE-1", package("a"), "LOW"), detection("CVE-1", package("a"), "HIGH")])
        assert [one.severity for one in found] == ["HIGH"]


SCAN = EnhancedScan("123456789012", "us-east-1", "app", "sha256:0", MONITORED, "", 0.0, compared_with="x")


@pytest.mark.parametrize(
    ("status", "scan", "frequency", "now", "step"),
    [
        ("ACTIVE", None, "MANUAL", 0.0, KEEP),
        ("ACTIVE", SCAN, "MANUAL", 0.0, FORGET),
        ("ACTIVE", None, "SCAN_ON_PUSH", 0.0, ORDER),
        ("ACTIVE", None, "CONTINUOUS_SCAN", 31 * DAY, PASS_OVER),
        ("ACTIVE", replace(SCAN, status=PENDING), "CONTINUOUS_SCAN", 0.0, KEEP),
        ("ACTIVE", replace(SCAN, status=EXPIRED), "CONTINUOUS_SCAN", 0.0, KEEP),
        ("ACTIVE", SCAN, "CONTINUOUS_SCAN", 0.0, KEEP),
        ("ACTIVE", replace(SCAN, compared_with="y"), "CONTINUOUS_SCAN", 0.0, AGAIN),
        ("ACTIVE", replace(SCAN, compared_with="y", status="FAILED"), "CONTINUOUS_SCAN", 0.0, AGAIN),
        ("ACTIVE", replace(SCAN, compared_with="y", status="UNSUPPORTED_IMAGE"), "CONTINUOUS_SCAN", 0.0, KEEP),
        ("ACTIVE", replace(SCAN, status="COMPLETE"), "CONTINUOUS_SCAN", 0.0, AGAIN),
        ("ACTIVE", SCAN, "SCAN_ON_PUSH", 0.0, SETTLE),
        ("ACTIVE", replace(SCAN, status="COMPLETE"), "SCAN_ON_PUSH", 99 * DAY, KEEP),
        ("ACTIVE", SCAN, "CONTINUOUS_SCAN", 15 * DAY, EXPIRE),
        ("ACTIVE", replace(SCAN, last_in_use_at=10 * DAY), "CONTINUOUS_SCAN", 15 * DAY, KEEP),
        ("ARCHIVED", SCAN, "CONTINUOUS_SCAN", 0.0, ARCHIVE),
        ("ARCHIVED", None, "CONTINUOUS_SCAN", 0.0, KEEP),
        ("ACTIVATING", SCAN, "CONTINUOUS_SCAN", 0.0, KEEP),
        ("ACTIVE", replace(SCAN, status=IMAGE_ARCHIVED), "SCAN_ON_PUSH", 0.0, ORDER),
    ],
)
def test_what_is_to_be_done(status: str, scan: EnhancedScan | None, frequency: str, now: float, step: str) -> None:
    assert next_step(replace(IMAGE, status=status), scan, frequency, "x", now) == step
