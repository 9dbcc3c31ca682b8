"""Enhanced scanning through boto3: on push and continuous, its findings and events, images that age, and the way from
basic scanning and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.events import journal
from tests.conftest import aws_of, observe
from tests.services.ecs_scene import prepare, refuses, run
from tests.services.test_ecr_layers import ACCOUNT
from tests.services.test_ecr_scanning import BY_TAG, findings, push, rule, start, status
from tests.stand_in_trivy import put_database, put_trivy
from tests.synthetic_layers import DPKG_STATUS, advisory, put_advisory

DAY = 24 * 3600.0
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app"


@pytest.fixture
def scanning(config: Config, clock: VirtualClock, tmp_path: Path) -> Iterator[Emulator]:
    put_advisory(tmp_path / "advisories", advisory())
    scanned = replace(config, advisories=tmp_path / "advisories")
    emulator = build(scanned, clock=clock, threaded=False, observer=observe)
    emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
def ecr(scanning: Emulator) -> Any:
    client = aws_of(scanning)("ecr")
    client.create_repository(repositoryName="app")
    return client


def enhanced(ecr: Any, *filters: str, frequency: str = "CONTINUOUS_SCAN") -> None:
    rules = [rule(*(filters or ("*",)), frequency=frequency)]
    put = ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=rules)
    assert put["registryScanningConfiguration"] == {"scanType": "ENHANCED", "rules": rules}


def events(scanning: Emulator, kind: str) -> list[dict[str, Any]]:
    with scanning.database.read() as reader:
        told = [e.detail for e in journal.entries(reader) if e.kind == "eventbridge"]
    return [event for event in told if event["detail-type"] == kind]


class TestContinuous:
    def test_an_image_is_scanned_and_watched(self, ecr: Any, scanning: Emulator) -> None:
        enhanced(ecr)
        digest = push(ecr)
        assert findings(ecr)["imageScanStatus"] == {
            "status": "PENDING", "description": "Pending start of the image scan.",
        }  # fmt: skip
        scanning.plane.settle()
        found = findings(ecr)
        assert found["imageScanStatus"] == {
            "status": "ACTIVE", "description": "Continuous scan is selected for image.",
        }  # fmt: skip
        shown = found["imageScanFindings"]
        assert shown["findingSeverityCounts"] == {"CRITICAL": 1}
        assert "findings" not in shown and {"imageScanCompletedAt", "vulnerabilitySourceUpdatedAt"} <= shown.keys()
        [one] = shown["enhancedFindings"]
        assert one["findingArn"].startswith(f"arn:aws:inspector2:us-east-1:{ACCOUNT}:finding/")
        assert (one["title"], one["severity"], one["status"]) == ("CVE-2022-37434 - zlib1g", "CRITICAL", "ACTIVE")
        assert (one["type"], one["fixAvailable"], one["score"]) == ("PACKAGE_VULNERABILITY", "YES", 9.8)
        assert one["scoreDetails"]["cvss"]["version"] == "3.1"
        assert not {"exploitAvailable", "epss"} & one.keys()
        details = one["packageVulnerabilityDetails"]
        assert (details["vulnerabilityId"], details["source"]) == ("CVE-2022-37434", "DEBIAN_CVE")
        [package] = details["vulnerablePackages"]
        assert package.pop("sourceLayerHash").startswith("sha256:")
        assert package == {
            "name": "zlib1g", "epoch": 1, "version": "1.2.13.dfsg", "release": "1", "arch": "AMD64",
            "packageManager": "OS", "fixedInVersion": "1:1.2.13.dfsg-2",
        }  # fmt: skip
        [resource] = one["resources"]
        assert resource["id"] == f"{REPOSITORY}/{digest}"
        image = resource["details"]["awsEcrContainerImage"]
        assert (image["platform"], image["imageTags"], image["inUseCount"]) == ("DEBIAN_12", ["v1"], 0)
        [detail] = ecr.describe_images(repositoryName="app")["imageDetails"]
        assert detail["imageScanStatus"]["status"] == "ACTIVE"
        assert detail["imageScanFindingsSummary"]["findingSeverityCounts"] == {"CRITICAL": 1}

    def test_what_eventbridge_is_told(self, ecr: Any, scanning: Emulator) -> None:
        enhanced(ecr)
        digest = push(ecr)
        scanning.plane.settle()
        [scan] = events(scanning, "Inspector2 Scan")
        assert (scan["source"], scan["resources"]) == ("aws.inspector2", [REPOSITORY])
        assert scan["detail"] == {
            "scan-status": "INITIAL_SCAN_COMPLETE",
            "repository-name": REPOSITORY,
            "finding-severity-counts": {"CRITICAL": 1, "TOTAL": 1},
            "image-digest": digest,
            "image-tags": ["v1"],
        }
        [finding] = events(scanning, "Inspector2 Finding")
        assert finding["resources"] == [f"{REPOSITORY}/{digest}"]
        detail = finding["detail"]
        assert (detail["status"], detail["inspectorScore"]) == ("ACTIVE", 9.8)
        assert detail["inspectorScoreDetails"]["adjustedCvss"]["cvssSource"] == "DEBIAN_CVE"
        assert detail["firstObservedAt"].endswith(("AM", "PM"))
        assert detail["resources"][0]["partition"] == "aws"
        assert not events(scanning, "ECR Image Scan")

    def test_new_advisories_are_noticed(
        self, ecr: Any, scanning: Emulator, clock: VirtualClock, tmp_path: Path
    ) -> None:
        enhanced(ecr)
        push(ecr)
        scanning.plane.settle()
        [first] = findings(ecr)["imageScanFindings"]["enhancedFindings"]
        put_advisory(tmp_path / "advisories", advisory("DEBIAN-CVE-2024-0001", name="bash", fixed=None))
        scanning.plane.advance(3600.0, clock.advance)
        both = findings(ecr)["imageScanFindings"]["enhancedFindings"]
        assert [one["firstObservedAt"] == first["firstObservedAt"] for one in both] == [True, False]
        assert both[0] == first
        assert (both[1]["fixAvailable"], both[1]["remediation"]) == (
            "NO", {"recommendation": {"text": "None Provided"}},
        )  # fmt: skip
        assert both[1]["packageVulnerabilityDetails"]["vulnerablePackages"][0]["fixedInVersion"] == "NotAvailable"
        assert len(events(scanning, "Inspector2 Scan")) == 1
        (tmp_path / "advisories" / "DEBIAN-CVE-2022-37434.json").unlink()
        scanning.plane.advance(3600.0, clock.advance)
        found = findings(ecr)["imageScanFindings"]
        assert [(one["status"], one["title"]) for one in found["enhancedFindings"]] == [
            ("ACTIVE", "CVE-2024-0001 - bash"), ("CLOSED", "CVE-2022-37434 - zlib1g"),
        ]  # fmt: skip
        assert found["findingSeverityCounts"] == {"CRITICAL": 1}
        told = [
            (e["detail"]["title"].split()[0], e["detail"]["status"]) for e in events(scanning, "Inspector2 Finding")
        ]
        assert told == [
            ("CVE-2022-37434", "ACTIVE"), ("CVE-2024-0001", "ACTIVE"), ("CVE-2022-37434", "CLOSED"),
        ]  # fmt: skip

    def test_advisories_that_go_and_come_back(
        self, ecr: Any, scanning: Emulator, clock: VirtualClock, tmp_path: Path
    ) -> None:
        enhanced(ecr)
        push(ecr)
        scanning.plane.settle()
        broken = tmp_path / "advisories" / "x.json"
        broken.write_text("{}")
        scanning.plane.advance(3600.0, clock.advance)
        found = findings(ecr)
        assert found["imageScanStatus"]["status"] == "FAILED" and "imageScanFindings" not in found
        assert "x.json is no advisory" in found["imageScanStatus"]["description"]
        broken.unlink()
        scanning.plane.advance(3600.0, clock.advance)
        assert findings(ecr)["imageScanStatus"]["status"] == "ACTIVE"
        assert len(events(scanning, "Inspector2 Finding")) == 1

    def test_it_ends_two_weeks_after_the_push(self, ecr: Any, scanning: Emulator, clock: VirtualClock) -> None:
        enhanced(ecr)
        push(ecr)
        scanning.plane.settle()
        scanning.plane.advance(13 * DAY, clock.advance)
        assert status(ecr) == "ACTIVE"
        scanning.plane.advance(2 * DAY, clock.advance)
        found = findings(ecr)
        assert found["imageScanStatus"]["status"] == "SCAN_ELIGIBILITY_EXPIRED"
        assert events(scanning, "Inspector2 Finding")[-1]["detail"]["status"] == "CLOSED"
        push(ecr, "v2")
        scanning.plane.settle()
        assert status(ecr) == "ACTIVE"
        assert [one["status"] for one in findings(ecr)["imageScanFindings"]["enhancedFindings"]] == ["ACTIVE"]

    def test_an_image_in_use_is_watched_on(self, ecr: Any, scanning: Emulator, clock: VirtualClock) -> None:
        enhanced(ecr)
        push(ecr)
        ecs = aws_of(scanning)("ecs")
        prepare(ecs, container={"image": "localhost:4566/app:v1"})
        [task] = run(ecs)["tasks"]
        scanning.plane.settle()
        scanning.plane.advance(20 * DAY, clock.advance)
        assert status(ecr) == "ACTIVE"
        [finding] = findings(ecr)["imageScanFindings"]["enhancedFindings"]
        image = finding["resources"][0]["details"]["awsEcrContainerImage"]
        assert image["inUseCount"] == 1 and "lastInUseAt" in image
        ecs.stop_task(cluster="c", task=task["taskArn"])
        scanning.plane.advance(13 * DAY, clock.advance)
        assert status(ecr) == "ACTIVE"
        scanning.plane.advance(2 * DAY, clock.advance)
        assert status(ecr) == "SCAN_ELIGIBILITY_EXPIRED"

    def test_old_images_are_passed_over(self, ecr: Any, scanning: Emulator, clock: VirtualClock) -> None:
        push(ecr)
        scanning.plane.advance(31 * DAY, clock.advance)
        push(ecr, "new", status=DPKG_STATUS + b"\n")
        enhanced(ecr)
        scanning.plane.settle()
        assert status(ecr) == "SCAN_ELIGIBILITY_EXPIRED"
        new = ecr.describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "new"})
        assert new["imageScanStatus"]["status"] == "ACTIVE"

    def test_archived_restored_deleted(self, ecr: Any, scanning: Emulator, clock: VirtualClock) -> None:
        enhanced(ecr)
        push(ecr)
        scanning.plane.settle()
        ecr.update_image_storage_class(repositoryName="app", imageId=BY_TAG, targetStorageClass="ARCHIVE")
        scanning.plane.settle()
        assert findings(ecr)["imageScanStatus"]["status"] == "IMAGE_ARCHIVED"
        ecr.update_image_storage_class(repositoryName="app", imageId=BY_TAG, targetStorageClass="STANDARD")
        scanning.plane.advance(1300.0, clock.advance)
        assert findings(ecr)["imageScanStatus"]["status"] == "ACTIVE"
        ecr.batch_delete_image(repositoryName="app", imageIds=[BY_TAG])
        told = [event["detail"]["status"] for event in events(scanning, "Inspector2 Finding")]
        assert told == ["ACTIVE", "CLOSED", "ACTIVE", "CLOSED"]
        push(ecr, "v2")
        with refuses("ImageNotFoundException"):
            findings(ecr)

    def test_pages(self, ecr: Any, scanning: Emulator, tmp_path: Path) -> None:
        for number in range(4):
            put_advisory(tmp_path / "advisories", advisory(f"DEBIAN-CVE-2024-{number:04}", name="bash", fixed=None))
        enhanced(ecr)
        push(ecr)
        scanning.plane.settle()
        pages = ecr.get_paginator("describe_image_scan_findings").paginate(
            repositoryName="app", imageId=BY_TAG, PaginationConfig={"PageSize": 2}
        )
        sizes = [len(page["imageScanFindings"]["enhancedFindings"]) for page in pages]
        assert sizes == [2, 2, 1]

    def test_an_interrupted_scan_is_made_at_the_next_start(
        self, config: Config, clock: VirtualClock, tmp_path: Path
    ) -> None:
        put_advisory(tmp_path / "advisories", advisory())
        scanned = replace(config, advisories=tmp_path / "advisories")
        first = build(scanned, clock=clock, threaded=False)
        first.start()
        ecr = aws_of(first)("ecr")
        ecr.create_repository(repositoryName="app")
        enhanced(ecr)
        push(ecr)
        first.close()
        put_advisory(tmp_path / "advisories", advisory("DEBIAN-CVE-2024-0001", name="bash", fixed=None))
        again = build(scanned, clock=clock, threaded=False)
        again.start()
        again.plane.settle()
        assert findings(aws_of(again)("ecr"))["imageScanFindings"]["findingSeverityCounts"] == {"CRITICAL": 2}
        again.close()


class TestOnPush:
    def test_it_is_complete_and_stays_so(
        self, ecr: Any, scanning: Emulator, clock: VirtualClock, tmp_path: Path
    ) -> None:
        enhanced(ecr, frequency="SCAN_ON_PUSH")
        push(ecr)
        scanning.plane.settle()
        ecr.get_waiter("image_scan_complete").wait(repositoryName="app", imageId=BY_TAG)
        put_advisory(tmp_path / "advisories", advisory("DEBIAN-CVE-2024-0001", name="bash", fixed=None))
        scanning.plane.advance(3600.0, clock.advance)
        assert len(findings(ecr)["imageScanFindings"]["enhancedFindings"]) == 1
        enhanced(ecr)
        scanning.plane.settle()
        assert status(ecr) == "ACTIVE"
        assert len(findings(ecr)["imageScanFindings"]["enhancedFindings"]) == 2
        enhanced(ecr, frequency="SCAN_ON_PUSH")
        scanning.plane.settle()
        assert status(ecr) == "COMPLETE"

    def test_without_advisories_the_status_says_so(self, config: Config, clock: VirtualClock) -> None:
        emulator = build(config, clock=clock, threaded=False)
        emulator.start()
        ecr = aws_of(emulator)("ecr")
        ecr.create_repository(repositoryName="app")
        enhanced(ecr, frequency="SCAN_ON_PUSH")
        push(ecr)
        emulator.plane.settle()
        found = findings(ecr)
        assert found["imageScanStatus"]["status"] == "FAILED" and "imageScanFindings" not in found
        assert "--advisories" in found["imageScanStatus"]["description"]
        emulator.close()


class TestWhichAreScanned:
    def test_there_and_back(self, ecr: Any, scanning: Emulator) -> None:
        push(ecr)
        start(ecr)
        scanning.plane.settle()
        assert status(ecr) == "COMPLETE"
        enhanced(ecr, "app")
        with refuses("ValidationException", "This feature is disabled"):
            start(ecr)
        scanning.plane.settle()
        assert status(ecr) == "ACTIVE"
        back = ecr.put_registry_scanning_configuration(scanType="BASIC")
        assert back["registryScanningConfiguration"] == {"scanType": "BASIC", "rules": []}
        assert status(ecr) == "COMPLETE"
        assert findings(ecr)["imageScanFindings"]["findings"]
        enhanced(ecr, "app")
        assert status(ecr) == "ACTIVE"

    def test_a_repository_that_no_filter_names(self, ecr: Any, scanning: Emulator) -> None:
        ecr.create_repository(repositoryName="other", imageScanningConfiguration={"scanOnPush": True})
        rules = [rule("*"), rule("app", frequency="CONTINUOUS_SCAN")]
        ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=rules)
        answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=["app", "other"])
        shown = [(one["scanFrequency"], one["scanOnPush"]) for one in answer["scanningConfigurations"]]
        assert shown == [("CONTINUOUS_SCAN", True), ("SCAN_ON_PUSH", True)]
        [change] = events(scanning, "ECR Scan Resource Change")
        assert change["detail"]["scan-type"] == "ENHANCED" and change["resources"] == []
        assert change["detail"]["repositories"] == [
            {
                "repository-name": "app", "repository-arn": REPOSITORY,
                "scan-frequency": "CONTINUOUS_SCAN", "previous-scan-frequency": "MANUAL",
            }
        ]  # fmt: skip
        push(ecr)
        scanning.plane.settle()
        enhanced(ecr, "other")
        scanning.plane.settle()
        with refuses("ScanNotFoundException"):
            findings(ecr)
        assert events(scanning, "Inspector2 Finding")[-1]["detail"]["status"] == "CLOSED"
        push(ecr, "v2")
        scanning.plane.settle()
        assert status(ecr) is None


class TestByTrivy:
    def test_both_kinds_of_scans(
        self, config: Config, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The program is a stand-in that speaks Trivy's documented report."""
        put_trivy(tmp_path / "bin")
        put_database(tmp_path / "cache")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        monkeypatch.setenv("TRIVY_CACHE_DIR", str(tmp_path / "cache"))
        emulator = build(replace(config, scanner="trivy"), clock=clock, threaded=False)
        emulator.start()
        ecr = aws_of(emulator)("ecr")
        ecr.create_repository(repositoryName="app")
        push(ecr)
        start(ecr)
        emulator.plane.settle()
        assert findings(ecr)["imageScanFindings"]["findingSeverityCounts"] == {"CRITICAL": 1, "UNDEFINED": 1}
        enhanced(ecr)
        emulator.plane.settle()
        found = findings(ecr)["imageScanFindings"]
        assert found["findingSeverityCounts"] == {"CRITICAL": 1, "UNDEFINED": 1}
        assert [one["severity"] for one in found["enhancedFindings"]] == ["CRITICAL", "UNTRIAGED"]
        put_trivy(tmp_path / "bin", "fail")
        put_database(tmp_path / "cache", "2024-06-01T06:11:22Z ")
        emulator.plane.advance(3600.0, clock.advance)
        assert findings(ecr)["imageScanStatus"]["status"] == "FAILED"
        emulator.close()
