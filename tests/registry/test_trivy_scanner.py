"""Trivy as a scanner: what it is asked, what becomes of its report, and all the ways in which it fails. The program is
a stand-in that speaks Trivy's documented report."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from emulator.registry.blobs import BlobStore
from emulator.registry.image_contents import ScannedImage
from emulator.registry.layer_reader import ScanStopped
from emulator.registry.trivy_report import MalformedReport, detections_of, platform_of
from emulator.registry.trivy_scanner import NO_DATABASE, TrivyScanner
from tests.stand_in_trivy import put_database, put_trivy


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "registry")


@pytest.fixture
def image(blobs: BlobStore) -> ScannedImage:
    put = {}
    for name, data in (("config", b"{}"), ("layer", b"a layer")):
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blobs.layout.blob(digest).write_bytes(data)
        put[name] = {"digest": digest, "size": len(data)}
    manifest = json.dumps({"schemaVersion": 2, "config": put["config"], "layers": [put["layer"]]}).encode()
    media_type = "application/vnd.oci.image.manifest.v1+json"
    return ScannedImage((put["layer"]["digest"],), put["config"]["digest"], manifest, media_type)


def scanner(blobs: BlobStore, tmp_path: Path, how: str = "", **more: Any) -> TrivyScanner:
    put_database(tmp_path / "cache")
    return TrivyScanner(blobs, str(put_trivy(tmp_path / "bin", how)), tmp_path / "cache", **more)


def test_its_report_becomes_detections(blobs: BlobStore, image: ScannedImage, tmp_path: Path) -> None:
    result = scanner(blobs, tmp_path).scan(image)
    assert (result.status, result.platform, result.packages) == ("COMPLETE", "DEBIAN_12", None)
    assert result.source_updated_at == pytest.approx(1714543882.1, abs=1)
    of_system, of_python = result.detections
    assert (of_system.severity, of_system.vulnerability.source) == ("CRITICAL", "DEBIAN_CVE")
    assert of_system.vulnerability.published == pytest.approx(1659683707.24)
    best = of_system.vulnerability.best_score
    assert best is not None and (best.version, best.base, best.source) == ("3.1", 9.8, "NVD")
    package = of_system.package
    assert (package.manager, package.architecture, package.fixed_in) == ("OS", "amd64", "1:1.2.13.dfsg-2")
    assert package.layer == image.layers[0]
    assert (of_python.severity, of_python.package.manager) == ("UNDEFINED", "PYTHONPKG")
    assert of_python.package.path == "srv/Jinja2.dist-info/METADATA"
    finding = result.findings[0]
    assert dict(finding.attributes)["CVSS3_SCORE"] == "9.8" and finding.uri.endswith("cve-2022-37434")


@pytest.mark.parametrize(
    ("how", "status", "text"),
    [
        ("fail", "FAILED", "Trivy failed with exit status 1: 2024-05-01T10:00:00Z\tFATAL\tFatal error"),
        ("junk", "FAILED", "Trivy's report cannot be read"),
        ("nothing", "UNSUPPORTED_IMAGE", "package manager are not supported"),
    ],
)
def test_what_it_cannot_do(
    blobs: BlobStore, image: ScannedImage, tmp_path: Path, how: str, status: str, text: str
) -> None:
    result = scanner(blobs, tmp_path, how).scan(image)
    assert result.status == status and text in result.description


def test_without_its_database(blobs: BlobStore, image: ScannedImage, tmp_path: Path) -> None:
    made = scanner(blobs, tmp_path)
    before = made.state()
    (tmp_path / "cache" / "db" / "metadata.json").unlink()
    assert made.state() != before
    assert made.scan(image).description == NO_DATABASE


def test_it_is_given_a_time_and_a_length(
    blobs: BlobStore, image: ScannedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "did not end within 0 seconds" in scanner(blobs, tmp_path, "hang", timeout_s=0.3).scan(image).description
    monkeypatch.setattr("emulator.registry.trivy_scanner.REPORT_LIMIT", 1_000_000)
    assert "longer than any" in scanner(blobs, tmp_path, "endless").scan(image).description


def test_a_stop_ends_it(blobs: BlobStore, image: ScannedImage, tmp_path: Path) -> None:
    made = scanner(blobs, tmp_path, "hang")
    threading.Timer(0.1, made.close).start()
    with pytest.raises(ScanStopped):
        made.scan(image)


def test_no_program_and_no_layer(blobs: BlobStore, image: ScannedImage, tmp_path: Path) -> None:
    gone = TrivyScanner(blobs, str(tmp_path / "trivy"), tmp_path)
    assert "Trivy could not be started: No such file" in gone.scan(image).description
    blobs.layout.blob(image.layers[0]).unlink()
    assert "is not in this registry" in gone.scan(image).description


@pytest.mark.parametrize(
    "report",
    [
        None, [], {}, {"SchemaVersion": 1}, {"SchemaVersion": 2, "Results": {}}, {"SchemaVersion": 2, "Results": [1]},
        {"SchemaVersion": 2, "Results": [{"Vulnerabilities": {"a": 1}}]},
        {"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"VulnerabilityID": "CVE-1"}]}]},
        {"SchemaVersion": 2, "Results": [{"Vulnerabilities": [None]}]},
    ],
)  # fmt: skip
def test_documents_that_are_no_reports(report: Any) -> None:
    with pytest.raises(MalformedReport):
        detections_of(report)


def test_odd_members_are_unknown() -> None:
    odd = {
        "VulnerabilityID": "CVE-1", "PkgName": "a", "Severity": 5,
        "CVSS": {"nvd": [], "x": {"V3Vector": "v", "V3Score": 99}},
        "References": "no list", "PublishedDate": "no date", "Layer": None, "FixedVersion": None, "DataSource": 1,
    }  # fmt: skip
    [one] = detections_of({"SchemaVersion": 2, "Results": [{"Vulnerabilities": [odd]}]}) or ()
    assert (one.severity, one.vulnerability.scores, one.package.version) == ("UNDEFINED", (), "")
    assert platform_of({"Metadata": {"OS": {"Family": "alpine", "Name": "3.19.1"}}}) == "ALPINE_LINUX_3_19"
    assert detections_of({"SchemaVersion": 2, "Metadata": {"OS": {"Family": "alpine", "Name": "3.19"}}}) == ()
