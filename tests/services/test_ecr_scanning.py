"""Scans through boto3: on push and asked for, their findings, limits and errors; which repositories are scanned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.events import journal
from tests.conftest import Aws, aws_of, observe
from tests.services.ecs_scene import refuses
from tests.services.test_ecr import INDEX, OCI
from tests.services.test_ecr_layers import ACCOUNT, _digest, layer
from tests.synthetic_layers import DEBIAN, DPKG_STATUS, advisory, put_advisory, tar

BY_TAG = {"imageTag": "v1"}
CONFIG = b"{}"


@pytest.fixture
def scanning(config: Config, clock: VirtualClock, tmp_path: Path) -> Iterator[Emulator]:
    put_advisory(tmp_path / "advisories", advisory())
    emulator = build(replace(config, advisories=tmp_path / "advisories"), clock=clock, threaded=False, observer=observe)
    emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
def ecr(scanning: Emulator) -> Any:
    client = aws_of(scanning)("ecr")
    client.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": False})
    return client


def push(ecr: Any, tag: str = "v1", repository: str = "app", status: bytes = DPKG_STATUS, **more: Any) -> str:
    """An image of Debian. Its digest."""
    content = tar({"etc/os-release": DEBIAN, "var/lib/dpkg/status": status})
    for data in (CONFIG, content):
        state = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[_digest(data)])
        if state["layers"][0]["layerAvailability"] == "UNAVAILABLE":
            layer(ecr, data, repository)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": _digest(CONFIG),
            "size": len(CONFIG),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": _digest(content),
                "size": len(content),
            }
        ],
        **more,
    }
    put = ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
    return str(put["image"]["imageId"]["imageDigest"])


def start(ecr: Any, **image_id: str) -> Any:
    return ecr.start_image_scan(repositoryName="app", imageId=image_id or BY_TAG)


def findings(ecr: Any, repository: str = "app", **more: Any) -> Any:
    return ecr.describe_image_scan_findings(repositoryName=repository, imageId=BY_TAG, **more)


class TestScans:
    def test_it_is_asked_for_and_done(self, ecr: Any, scanning: Emulator) -> None:
        digest = push(ecr)
        scanning.plane.settle()
        text = (
            f"Image scan does not exist for the image with '{{imageDigest:'null', imageTag:'v1'}}' in the repository "
            f"with name 'app' in the registry with id '{ACCOUNT}'"
        )
        with refuses("ScanNotFoundException", text):
            findings(ecr)
        begun = start(ecr)
        assert begun["imageScanStatus"]["status"] == "IN_PROGRESS"
        assert begun["imageId"] == {"imageDigest": digest, "imageTag": "v1"}
        assert "imageScanFindings" not in findings(ecr)
        scanning.plane.settle()
        ecr.get_waiter("image_scan_complete").wait(repositoryName="app", imageId=BY_TAG)
        found = findings(ecr)
        assert found["imageScanStatus"]["description"] == "The scan was completed successfully."
        assert found["imageScanFindings"]["findingSeverityCounts"] == {"CRITICAL": 1}
        [one] = found["imageScanFindings"]["findings"]
        assert (one["name"], one["severity"]) == ("CVE-2022-37434", "CRITICAL")
        assert one["uri"] == "https://security-tracker.debian.org/tracker/CVE-2022-37434"
        assert {"key": "package_name", "value": "zlib1g"} in one["attributes"]
        [detail] = ecr.describe_images(repositoryName="app")["imageDetails"]
        assert detail["imageScanStatus"]["status"] == "COMPLETE"
        assert detail["imageScanFindingsSummary"]["findingSeverityCounts"] == {"CRITICAL": 1}

    def test_what_eventbridge_is_told(self, ecr: Any, scanning: Emulator) -> None:
        digest = push(ecr)
        start(ecr)
        scanning.plane.settle()
        with scanning.database.read() as reader:
            events = [e.detail for e in journal.entries(reader) if e.kind == "eventbridge"]
        [event] = [event for event in events if event["detail-type"] == "ECR Image Scan"]
        assert event["resources"] == [f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app"]
        assert event["detail"] == {
            "scan-status": "COMPLETE",
            "repository-name": "app",
            "finding-severity-counts": {"CRITICAL": 1},
            "image-digest": digest,
            "image-tags": ["v1"],
        }

    def test_once_in_a_day(self, ecr: Any, scanning: Emulator, clock: VirtualClock, tmp_path: Path) -> None:
        push(ecr)
        start(ecr)
        text = "The scan quota per image has been exceeded. Wait and try again."
        for _ in range(2):
            with refuses("LimitExceededException", text):
                start(ecr)
            scanning.plane.settle()
        put_advisory(tmp_path / "advisories", advisory("DEBIAN-CVE-2024-0001", name="bash", fixed=None))
        scanning.plane.advance(24 * 3600.0, clock.advance)
        start(ecr)
        scanning.plane.settle()
        assert len(findings(ecr)["imageScanFindings"]["findings"]) == 2

    def test_pages(self, ecr: Any, scanning: Emulator, tmp_path: Path) -> None:
        for number in range(4):
            put_advisory(tmp_path / "advisories", advisory(f"DEBIAN-CVE-2024-{number:04}", name="bash", fixed=None))
        push(ecr)
        start(ecr)
        scanning.plane.settle()
        first = findings(ecr, maxResults=2)
        assert len(first["imageScanFindings"]["findings"]) == 2
        pages = ecr.get_paginator("describe_image_scan_findings").paginate(
            repositoryName="app", imageId=BY_TAG, PaginationConfig={"PageSize": 2}
        )
        names = [one["name"] for page in pages for one in page["imageScanFindings"]["findings"]]
        assert len(names) == len(set(names)) == 5
        with refuses("InvalidParameterException"):
            findings(ecr, nextToken="x")

    def test_a_failed_scan_may_be_repeated(self, aws: Aws, emulator: Emulator) -> None:
        ecr = aws("ecr")
        ecr.create_repository(repositoryName="app")
        push(ecr)
        for _ in range(2):
            start(ecr)
            emulator.plane.settle()
            found = findings(ecr)
            assert found["imageScanStatus"]["status"] == "FAILED"
            assert "--advisories" in found["imageScanStatus"]["description"]
            assert "imageScanFindings" not in found
        with pytest.raises(WaiterError):
            ecr.get_waiter("image_scan_complete").wait(repositoryName="app", imageId=BY_TAG)

    def test_what_cannot_be_scanned(self, ecr: Any, scanning: Emulator) -> None:
        digest = push(ecr)
        child = {"mediaType": OCI, "digest": digest, "size": 1}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}
        ecr.put_image(repositoryName="app", imageManifest=json.dumps(index), imageTag="list")
        with refuses("UnsupportedImageTypeException"):
            start(ecr, imageTag="list")
        with refuses("ImageNotFoundException"):
            start(ecr, imageTag="none")
        with refuses("ImageNotFoundException"):
            ecr.describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "none"})
        with refuses("InvalidParameterException"):
            ecr.start_image_scan(repositoryName="app", imageId={})
        with refuses("RepositoryNotFoundException"):
            ecr.start_image_scan(repositoryName="nope", imageId=BY_TAG)
        other = push(ecr, "old", status=DPKG_STATUS + b"\n")
        ecr.update_image_storage_class(
            repositoryName="app", imageId={"imageDigest": other}, targetStorageClass="ARCHIVE"
        )
        with refuses("ImageArchivedException"):
            start(ecr, imageDigest=other)

    def test_a_deleted_image_takes_its_scan_along(self, ecr: Any, scanning: Emulator) -> None:
        push(ecr)
        start(ecr)
        ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": push_digest(ecr)}])
        scanning.plane.settle()
        push(ecr)
        with refuses("ScanNotFoundException"):
            findings(ecr)

    def test_an_interrupted_scan_is_made_at_the_next_start(
        self, config: Config, clock: VirtualClock, tmp_path: Path
    ) -> None:
        put_advisory(tmp_path / "advisories", advisory())
        scanned = replace(config, advisories=tmp_path / "advisories")
        first = build(scanned, clock=clock, threaded=False)
        first.start()
        ecr = aws_of(first)("ecr")
        ecr.create_repository(repositoryName="app")
        push(ecr)
        start(ecr)
        first.close()
        again = build(scanned, clock=clock, threaded=False)
        again.start()
        again.plane.settle()
        assert findings(aws_of(again)("ecr"))["imageScanStatus"]["status"] == "COMPLETE"
        again.close()


def push_digest(ecr: Any) -> str:
    [image] = ecr.describe_images(repositoryName="app", imageIds=[BY_TAG])["imageDetails"]
    return str(image["imageDigest"])


def rule(*filters: str, frequency: str = "SCAN_ON_PUSH") -> dict[str, Any]:
    named = [{"filter": one, "filterType": "WILDCARD"} for one in filters]
    return {"scanFrequency": frequency, "repositoryFilters": named}


def status(ecr: Any, repository: str = "app") -> str | None:
    [detail] = ecr.describe_images(repositoryName=repository, imageIds=[BY_TAG])["imageDetails"]
    return (detail.get("imageScanStatus") or {}).get("status")


class TestOnPush:
    def test_by_the_repository(self, ecr: Any, scanning: Emulator) -> None:
        put = ecr.put_image_scanning_configuration(
            repositoryName="app", imageScanningConfiguration={"scanOnPush": True}
        )
        assert put["imageScanningConfiguration"] == {"scanOnPush": True}
        push(ecr)
        assert status(ecr) == "IN_PROGRESS"
        scanning.plane.settle()
        assert status(ecr) == "COMPLETE"
        push(ecr, "v2")  # another tag of the same image, within a day
        assert status(ecr) == "COMPLETE"
        with refuses("RepositoryNotFoundException"):
            ecr.put_image_scanning_configuration(repositoryName="nope", imageScanningConfiguration={"scanOnPush": True})

    def test_an_artifact_is_not_scanned(self, ecr: Any, scanning: Emulator) -> None:
        ecr.put_image_scanning_configuration(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
        push(ecr, artifactType="application/vnd.example.sbom")
        assert status(ecr) is None
        with refuses("UnsupportedImageTypeException"):
            start(ecr)

    def test_the_registrys_rules_come_before_the_repositorys_own(self, ecr: Any, scanning: Emulator) -> None:
        for name in ("team/web", "other"):
            ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": name == "other"})
        before = ecr.get_registry_scanning_configuration()
        assert before["scanningConfiguration"] == {"scanType": "BASIC", "rules": []}
        rules = [rule("team/*", "pp")]
        put = ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules)
        assert put["registryScanningConfiguration"] == {"scanType": "BASIC", "rules": rules}
        assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["rules"] == rules
        for name, scanned in (("team/web", "COMPLETE"), ("app", "COMPLETE"), ("other", None)):
            push(ecr, repository=name)
            scanning.plane.settle()
            assert status(ecr, name) == scanned
        answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=["team/web", "other", "nope"])
        shown = {one["repositoryName"]: one for one in answer["scanningConfigurations"]}
        assert shown["team/web"]["appliedScanFilters"] == [{"filter": "team/*", "filterType": "WILDCARD"}]
        assert shown["team/web"]["scanFrequency"] == "SCAN_ON_PUSH"
        assert (shown["other"]["scanOnPush"], shown["other"]["scanFrequency"]) == (False, "MANUAL")
        assert [one["failureCode"] for one in answer["failures"]] == ["REPOSITORY_NOT_FOUND"]

    def test_rules_that_are_refused(self, ecr: Any) -> None:
        with refuses("ValidationException", "MANUAL is not supported with the scan type ENHANCED", part=True):
            ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule("*", frequency="MANUAL")])
        with refuses("ValidationException"):
            ecr.put_registry_scanning_configuration(rules=[rule("*", frequency="CONTINUOUS_SCAN")])
        for rules in ([rule("*"), rule("a")], [rule("NO")], [rule("*")] * 3):
            with refuses("InvalidParameterException"):
                ecr.put_registry_scanning_configuration(rules=rules)
        with refuses("InvalidParameterException"):
            ecr.batch_get_repository_scanning_configuration(repositoryNames=[])
        assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["rules"] == []
