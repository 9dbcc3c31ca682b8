"""The docker-archive of an image: what an engine would load, in pieces of bounded size."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import sys
import tarfile

import pytest

from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_errors import ImageNotFoundException
from emulator.domain.ecr.manifest import OCI_INDEX, OCI_MANIFEST
from emulator.registry.archive import NoSuchPlatform, NotLoadable, docker_archive, image_for_platform
from emulator.registry.repository import find_image, find_repository
from tests.registry.conftest import (
    ACCOUNT,
    CONFIG_TYPE,
    LAYER_TYPE,
    REGION,
    House,
    descriptor,
    digest,
    index_of,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def stored(house: House, reference: str) -> tuple[Repository, Image]:
    with house.database.read() as reader:
        repository = find_repository(reader, ACCOUNT, REGION, "app")
        image = find_image(reader, repository, reference)
    assert image is not None
    return repository, image


def test_config_layers_and_names(house: House) -> None:
    layers = [gzip.compress(b"one"), b"", os.urandom(3_000_000)]
    manifest = json.loads(house.push_image("app", "v1", *layers, layers[0]))
    pieces = list(docker_archive(house.database, house.blobs, *stored(house, "v1"), ["host/app:v1"]))
    assert max(map(len, pieces)) <= 1 << 20
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        (entry,) = json.load(archive.extractfile("manifest.json"))
        assert entry["RepoTags"] == ["host/app:v1"]
        assert [archive.extractfile(name).read() for name in entry["Layers"]] == [*layers, layers[0]]
        config = archive.extractfile(entry["Config"]).read()
        assert digest(config) == manifest["config"]["digest"]
        assert len(archive.getnames()) == 5  # the layer that occurs twice is stored once


def test_layers_in_zstd_are_plain_for_engines_that_do_not_know_it(house: House) -> None:
    plain = os.urandom(2_500_000)
    chunked = zstd.compress(plain[:1000]) + struct.pack("<II", 0x184D2A50, 3) + b"toc" + zstd.compress(plain[1000:])
    packed = gzip.compress(b"one")
    house.push_image("app", "v1", chunked, packed)
    pieces = list(docker_archive(house.database, house.blobs, *stored(house, "v1"), ["host/app:v1"]))
    assert max(map(len, pieces)) <= 1 << 20
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        (entry,) = json.load(archive.extractfile("manifest.json"))
        assert [archive.extractfile(name).read() for name in entry["Layers"]] == [plain, packed]


def test_damaged_layers_in_zstd_and_bombs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.push_image("app", "cut", zstd.compress(b"content" * 1000)[:-5])
    house.push_image("app", "junk", zstd.compress(b"")[:4] + b"junk")
    house.push_image("app", "bomb", zstd.compress(b"0" * 5_000_000))
    monkeypatch.setattr("emulator.registry.archive._EXPANDED_LIMIT", 4_000_000)
    for tag, text in (("cut", "is damaged"), ("junk", "is damaged"), ("bomb", "expands to more")):
        with pytest.raises(NotLoadable, match=text):
            list(docker_archive(house.database, house.blobs, *stored(house, tag), []))


def platforms(*children: tuple[bytes, str]) -> bytes:
    index = json.loads(index_of(*(body for body, _ in children)))
    for child, (_, architecture) in zip(index["manifests"], children, strict=True):
        child["platform"] = {"os": "linux", "architecture": architecture}
    return json.dumps(index).encode()


def choose(house: House, reference: str, architecture: str) -> str:
    repository, image = stored(house, reference)
    with house.database.read() as reader:
        return image_for_platform(reader, repository, image, "linux", architecture).digest


def test_the_platform_of_an_index(house: House) -> None:
    amd, arm = house.push_image("app", "amd", b"a"), house.push_image("app", "arm", b"b")
    index = platforms((arm, "arm64"), (amd, "amd64"))
    house.push_manifest("app", "both", index, OCI_INDEX)
    house.push_manifest("app", "nested", index_of(index, media_type=OCI_INDEX), OCI_INDEX)
    for tag in ("both", "nested"):
        assert choose(house, tag, "amd64") == digest(amd)
        assert choose(house, tag, "arm64") == digest(arm)
        with pytest.raises(NoSuchPlatform):
            choose(house, tag, "s390x")
    assert choose(house, "amd", "s390x") == digest(amd)  # a single image says nothing about its platform here


def test_what_an_engine_cannot_hold(house: House) -> None:
    house.push_blob("app", b"config")
    foreign = {**descriptor(b"elsewhere", LAYER_TYPE), "mediaType":
               "application/vnd.oci.image.layer.nondistributable.v1.tar"}  # fmt: skip
    document = {"schemaVersion": 2, "config": descriptor(b"config", CONFIG_TYPE), "layers": [foreign]}
    house.push_manifest("app", "foreign", json.dumps(document).encode(), OCI_MANIFEST)
    house.push_manifest("app", "index", index_of(), OCI_INDEX)
    for tag in ("foreign", "index"):
        with pytest.raises(NotLoadable):
            docker_archive(house.database, house.blobs, *stored(house, tag), [])


def test_a_blob_that_is_gone_is_an_error(house: House) -> None:
    house.push_image("app", "v1", b"layer")
    house.blobs.layout.blob(digest(b"layer")).unlink()
    with pytest.raises(FileNotFoundError):
        list(docker_archive(house.database, house.blobs, *stored(house, "v1"), []))


def test_a_child_that_is_gone_is_named(house: House) -> None:
    amd = house.push_image("app", "amd", b"a")
    house.push_manifest("app", "list", platforms((amd, "amd64")), OCI_INDEX)
    listed = stored(house, "list")[1]
    elsewhere = house.create("elsewhere")
    with house.database.read() as reader, pytest.raises(ImageNotFoundException, match=digest(amd)):
        image_for_platform(reader, elsewhere, listed, "linux", "amd64")
