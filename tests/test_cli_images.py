"""`homeport images`: who uses what; export to and import from a folder in the OCI image layout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from emulator.app import Emulator, build
from emulator.cli import main
from emulator.cli.images_client import split_reference
from emulator.cli.oci_layout import CannotCopy
from emulator.config import Config
from emulator.domain.ecr.manifest import OCI_INDEX, OCI_MANIFEST
from emulator.serve import Listener, Server
from tests.conftest import aws_of, observe
from tests.control.world import NETWORK
from tests.registry.conformance import Client, DataSet, data_sets
from tests.registry.conftest import digest
from tests.services.test_ecr_scanning import push
from tests.synthetic_layers import DPKG_STATUS, advisory, put_advisory


class Place:
    def __init__(self, directory: Path) -> None:
        config = Config(data_dir=directory / "data", engine="simulated", registry_port=None)
        self.emulator: Emulator = build(config, observer=observe)
        self.server = Server(self.emulator.front, [Listener()])
        self.server.start()
        self.emulator.start()
        host, self.port = self.server.addresses[0]
        self.url = f"http://{host}:{self.port}"
        for name in ("app", "other", "team/deep"):
            self.client("ecr").create_repository(repositoryName=name)

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        return boto3.client(service, "us-east-1", endpoint_url=self.url, **keys)

    def push(self, one: DataSet, tag: str) -> None:
        token = self.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        one.push(Client(self.port, f"Basic {token}"), tag)

    def digests(self, repository: str) -> dict[str, set[str]]:
        pages = self.client("ecr").get_paginator("describe_images").paginate(repositoryName=repository)
        return {d["imageDigest"]: set(d.get("imageTags", ())) for page in pages for d in page["imageDetails"]}

    def images(self, *words: str) -> int:
        return main(["images", *words, "--endpoint", self.url])

    def close(self) -> None:
        self.server.stop()
        self.emulator.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("app", ("app", None)),
        ("app:v1", ("app", "v1")),
        ("team/app:v1", ("team/app", "v1")),
        ("localhost:4566/app", ("app", None)),
        ("localhost:4566/123456789012.eu-west-1/app:v1", ("123456789012.eu-west-1/app", "v1")),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:v1", ("123456789012.eu-west-1/a/b", "v1")),
        (f"app@{digest(b'')}", ("app", digest(b""))),
    ],
)
def test_references(text: str, found: tuple[str, str | None]) -> None:
    assert split_reference(text) == found


@pytest.mark.parametrize("text", ["app@sha256:x", "app:-"])
def test_references_that_are_none(text: str) -> None:
    with pytest.raises(CannotCopy):
        split_reference(text)


@pytest.mark.parametrize("name", [name for name in data_sets() if name != "missing-subject"])
def test_there_and_back(place: Place, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = data_sets()[name]
    place.push(one, "v1")
    folder = tmp_path / "layout"
    assert place.images("export", "app:v1", str(folder)) == 0
    assert "exported app:v1 to" in capsys.readouterr().out
    (entry, *_) = [e for e in json.loads((folder / "index.json").read_text())["manifests"] if e.get("annotations")]
    assert (entry["mediaType"], entry["size"]) == (one.top[0], len(one.top[1]))
    assert entry["digest"] == digest(one.top[1], one.algorithm)
    assert place.images("import", str(folder), "team/deep:v2") == 0
    back = place.digests("team/deep")
    assert back[entry["digest"]] == {"v2"}
    if name not in ("subject", "index-with-subject"):
        assert set(back) == {digest(body, one.algorithm) for _, body in one.manifests}


def test_an_index_goes_with_its_children_and_with_what_refers_to_them(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.push(data_sets()["index"], "v1")
    place.push(data_sets()["subject"], "signature")
    folder = str(tmp_path / "layout")
    assert place.images("export", "app:v1", folder) == 0
    said = capsys.readouterr()
    assert "4 manifests, 7 blobs" in said.out
    assert said.err.count("MiB  done") == 6  # one blob is shared
    assert place.images("import", folder, "other:v1") == 0
    assert set(place.digests("other")) == set(place.digests("app"))
    capsys.readouterr()
    for words in (("export", "app:v1", folder), ("import", folder, "other:v1")):
        assert place.images(*words) == 0  # all is there
        assert "0.0 KiB moved" in capsys.readouterr().out


def test_all_tags(place: Place, tmp_path: Path) -> None:
    place.push(data_sets()["image"], "v1")
    place.push(data_sets()["image"], "v2")
    place.push(data_sets()["index"], "multi")
    folder = str(tmp_path / "layout")
    assert place.images("export", "app", folder) == 0
    assert place.images("import", folder, "other") == 0
    assert place.digests("other") == place.digests("app")


def test_what_cannot_be(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*words: str) -> str:
        assert place.images(*words) == 1
        return capsys.readouterr().err

    folder, empty, full = tmp_path / "layout", tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    full.mkdir()
    (full / "file").write_text("mine")
    assert "has no tags" in refused("export", "app", str(folder))
    assert "Requested image not found" in refused("export", "app:v1", str(folder))
    assert "does not exist in the registry" in refused("export", "nowhere:v1", str(folder))
    assert "is no repository's name" in refused("export", "UPPER:v1", str(folder))
    assert "is no OCI image layout" in refused("import", str(empty), "app:v1")
    place.push(data_sets()["image"], "v1")
    place.push(data_sets()["no-layers"], "v2")
    assert "holds something that is no OCI image layout" in refused("export", "app:v1", str(full))
    assert place.images("export", "app", str(folder)) == 0
    capsys.readouterr()
    assert "2 images (v1, v2); none is v3" in refused("import", str(folder), "other:v3")
    blob = next(path for path in (folder / "blobs" / "sha256").iterdir() if path.read_bytes() == b"one")
    blob.write_bytes(b"two")
    assert "do not have the digest" in refused("import", str(folder), "other:v1")
    blob.unlink()
    assert "has no blob" in refused("import", str(folder), "other:v1")
    assert place.digests("other") == {}
    index = folder / "index.json"
    index.write_text('{"manifests": [{"digest": "../../etc/passwd", "mediaType": "x"}]}')
    assert "is no digest" in refused("import", str(folder), "other:v1")


def test_an_interrupted_export_is_repeated(place: Place, tmp_path: Path) -> None:
    one = data_sets()["image"]
    place.push(one, "v1")
    folder = tmp_path / "layout"
    assert place.images("export", "app:v1", str(folder)) == 0
    path = folder / "blobs" / "sha256" / digest(one.blobs[1]).partition(":")[2]
    path.write_bytes(b"torn")
    assert place.images("export", "app:v1", str(folder)) == 0
    assert path.read_bytes() == one.blobs[1]


def test_who_uses_what(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.images("--repository", "nope") == 1
    assert "no repository of that name" in capsys.readouterr().out
    place.push(data_sets()["image"], "v1")
    place.push(data_sets()["index"], "multi")
    ecs = place.client("ecs")
    ecs.create_cluster()
    image = f"localhost:{place.emulator.config.port}/app:v1"
    ecs.register_task_definition(
        family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[{"name": "app", "image": image}],
    )  # fmt: skip
    ecs.create_service(
        serviceName="front", taskDefinition="web", desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
    )
    assert place.emulator.plane.settle()
    assert place.images("--repository", "app") == 0
    said = capsys.readouterr().out
    assert "TAGS   DIGEST" in said
    assert "service front, definition web:1" in said
    assert place.images("--json") == 0
    found = {one["name"]: one["images"] for one in json.loads(capsys.readouterr().out)["repositories"]}
    assert found["other"] == []
    (v1,) = [one for one in found["app"] if "v1" in one["tags"]]
    assert any(user.startswith("task ") for user in v1["usedBy"])
    assert {one["mediaType"] for one in found["app"]} == {OCI_MANIFEST, OCI_INDEX}


def test_scans_and_packages(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_advisory(tmp_path / "advisories", advisory())
    scanning = replace(place.emulator.config, advisories=tmp_path / "advisories", data_dir=tmp_path / "scanned")
    emulator = build(scanning, observer=observe, threaded=False)
    emulator.start()
    ecr = aws_of(emulator)("ecr")
    ecr.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
    push(ecr)
    push(ecr, "old", status=DPKG_STATUS.replace(b"zlib", b"else"))
    server = Server(emulator.front, [Listener()])
    server.start()
    url = "http://{}:{}".format(*server.addresses[0])

    def said(*words: str, status: int = 0) -> str:
        assert main(["images", *words, "--endpoint", url]) == status
        return capsys.readouterr().out

    assert "IN_PROGRESS" in said()
    assert "IN_PROGRESS: The scan has begun." in said("packages", "app:v1", status=1)
    emulator.plane.settle()
    listed = said()
    assert "1 CRITICAL" in listed and "no findings" in listed
    for scan_type in ("BASIC", "ENHANCED"):
        rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}]
        ecr.put_registry_scanning_configuration(scanType=scan_type, rules=rules)
        emulator.plane.settle()
        lines = said("packages", "app:v1").splitlines()
        assert lines[1] == "COMPLETE: The scan was completed successfully."
        assert lines[2].split() == ["PACKAGE", "VERSION", "MANAGER", "LAYER", "VULNERABILITIES"]
        assert [line.split()[::4] for line in lines[3:5]] == [["zlib1g", "CVE-2022-37434"], ["bash", "-"]]
    assert json.loads(said("packages", "app:v1", "--json"))["packages"][0]["layer"].startswith("sha256:")
    assert main(["images", "packages", "app:none", "--endpoint", url]) == 1
    assert main(["images", "packages", "other", "--endpoint", url]) == 1
    assert "there is no image app:none" in capsys.readouterr().err
    server.stop()
    emulator.close()


def test_an_export_of_nothing_leaves_no_folder(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.images("export", "app:none", str(tmp_path / "out")) == 1
    assert "Requested image not found" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
