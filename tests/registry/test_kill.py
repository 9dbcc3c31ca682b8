"""`kill -9` at any byte: no partial blob is ever visible, and what was acknowledged is there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from http.client import HTTPException
from pathlib import Path

import pytest

from emulator.domain.ecr.manifest import OCI_MANIFEST
from emulator.registry import blobs as blobs_module
from emulator.registry import uploads as uploads_module
from emulator.registry.collect import collect
from emulator.store.database import Transaction
from emulator.store.ecr_tables import IMAGE_TAGS, IMAGES, LAYER_LINKS
from tests.registry.conftest import House, digest, image_manifest
from tests.registry.served import Client, Mortal

CONTENT = os.urandom(3_000_000)


def assert_consistent(house: House) -> set[str]:
    """Every file is what its name says, every row has its file. Returns the digests of the rows."""
    for named in house.blobs.layout.digests():
        with house.blobs.open(named) as file:
            assert hashlib.file_digest(file, named.partition(":")[0]).hexdigest() == named.partition(":")[2]
    with house.database.read() as reader:
        linked = set(reader.column(LAYER_LINKS, "digest"))
    assert linked <= set(house.blobs.layout.digests())
    return linked


def prepared(directory: Path) -> str:
    """A data directory with a repository; returns credentials."""
    house = House(directory)
    house.create("app")
    credentials = house.credentials()
    house.close()
    return credentials


@pytest.mark.parametrize("at", [0, 1, 65_537, 1_500_000, 2_999_999])
def test_in_the_middle_of_an_upload(tmp_path: Path, at: int) -> None:
    credentials = prepared(tmp_path)
    registry = Mortal(tmp_path)
    client = Client(registry.port, credentials)
    answer, _ = client.call("POST", "/v2/app/blobs/uploads/")
    location = answer.headers["Location"]
    client.connection.putrequest("PATCH", location)
    client.connection.putheader("Authorization", credentials)
    client.connection.putheader("Content-Length", str(len(CONTENT)))
    client.connection.endheaders(CONTENT[:at])
    upload = tmp_path / "registry" / "uploads" / location.rpartition("/")[2]
    wait_until(lambda: at == 0 or (upload.exists() and upload.stat().st_size == at))
    registry.kill()

    house = House(tmp_path)
    assert assert_consistent(house) == set()
    collect(house.database, house.blobs, house.uploads, house.clock.now())
    status = house.call("GET", location)
    assert (status.status_code, status.headers["Range"]) == (204, f"0-{max(0, at - 1)}")
    headers = {"Content-Range": f"{at}-{len(CONTENT) - 1}"}
    done = house.call("PUT", f"{location}?digest={digest(CONTENT)}", data=CONTENT[at:], headers=headers)
    assert done.status_code == 201
    assert assert_consistent(house) == {digest(CONTENT)}
    house.close()


def wait_until(reached) -> None:
    """Looks until a process of its own has come so far; the test's own time limit ends it."""
    while not reached():
        threading.Event().wait(0.005)


@pytest.mark.parametrize("acknowledged_before_kill", [1, 7, 23])
def test_among_pushes_of_many_clients(tmp_path: Path, acknowledged_before_kill: int) -> None:
    """Whatever instant of receiving, renaming or committing the kill meets."""
    credentials = prepared(tmp_path)
    registry = Mortal(tmp_path)
    acknowledged: list[str] = []
    enough = threading.Event()

    def push(seed: int) -> None:
        client = Client(registry.port, credentials)
        with contextlib.suppress(OSError, HTTPException):
            for number in range(1000):
                content = f"{seed}-{number}".encode() * 5000
                location = client.call("POST", "/v2/app/blobs/uploads/")[0].headers["Location"]
                client.call("PATCH", location, content)
                answer, _ = client.call("PUT", f"{location}?digest={digest(content)}")
                assert answer.status == 201
                acknowledged.append(digest(content))
                if len(acknowledged) >= acknowledged_before_kill:
                    enough.set()

    threads = [threading.Thread(target=push, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    registry.kill()
    for thread in threads:
        thread.join(30)

    house = House(tmp_path)
    assert set(acknowledged) <= assert_consistent(house)
    house.clock.advance(24 * 3600 + 1)
    collect(house.database, house.blobs, house.uploads, house.clock.now())
    assert assert_consistent(house) == set()
    assert not list(house.blobs.layout.digests())
    assert not list(house.blobs.layout.upload_ids())
    house.close()


def image_of(seed: str) -> tuple[list[bytes], bytes]:
    """Blobs and manifest of an image of its own."""
    config = json.dumps({"os": "linux", "architecture": "amd64", "seed": seed}).encode()
    layers = [f"{seed} {number}".encode() * size for number, size in enumerate((1, 20_000, 3))]
    return [config, *layers], image_manifest(config, *layers)


def assert_images_whole(house: House, acknowledged: set[str]) -> None:
    """Each image that is there can be pulled, byte for byte; each that was acknowledged is there."""
    with house.database.read() as reader:
        images = {image.digest: image for image in reader.find(IMAGES)}
        tags = {tag.digest for tag in reader.find(IMAGE_TAGS)}
    assert acknowledged <= set(images)
    assert tags <= set(images)
    for named, image in images.items():
        pulled = house.call("GET", f"/v2/app/manifests/{named}")
        assert (pulled.status_code, digest(pulled.data)) == (200, named)
        for blob in image.blob_digests:
            assert digest(house.call("GET", f"/v2/app/blobs/{blob}").data) == blob


@pytest.mark.parametrize("acknowledged_before_kill", [1, 12, 40])
def test_among_ten_parallel_pushes_of_images(tmp_path: Path, acknowledged_before_kill: int) -> None:
    """Nothing that was acknowledged is lost, nothing half is visible, and what was half pushed can be pushed again."""
    credentials = prepared(tmp_path)
    registry = Mortal(tmp_path)
    acknowledged: dict[str, str] = {}
    enough = threading.Event()

    def push(seed: int) -> None:
        client = Client(registry.port, credentials)
        with contextlib.suppress(OSError, HTTPException):
            for number in range(1000):
                blobs, manifest = image_of(f"{seed}-{number}")
                for blob in blobs:
                    location = client.call("POST", "/v2/app/blobs/uploads/")[0].headers["Location"]
                    half = len(blob) // 2
                    client.call("PATCH", location, blob[:half])
                    client.call("PUT", f"{location}?digest={digest(blob)}", blob[half:])
                path = f"/v2/app/manifests/v{seed}-{number}"
                answer, _ = client.call("PUT", path, manifest, Content_Type=OCI_MANIFEST)
                assert answer.status == 201
                acknowledged[digest(manifest)] = f"{seed}-{number}"
                if len(acknowledged) >= acknowledged_before_kill:
                    enough.set()

    threads = [threading.Thread(target=push, args=(seed,)) for seed in range(10)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    registry.kill()
    for thread in threads:
        thread.join(30)

    house = House(tmp_path)
    assert_consistent(house)
    assert_images_whole(house, set(acknowledged))
    house.clock.advance(24 * 3600 + 1)
    collect(house.database, house.blobs, house.uploads, house.clock.now())
    assert_images_whole(house, set(acknowledged))
    assert not list(house.blobs.layout.upload_ids())
    for seed in range(10):  # each goes on where it was cut off
        done = sum(name.startswith(f"{seed}-") for name in acknowledged.values())
        blobs, manifest = image_of(f"{seed}-{done}")
        for blob in blobs:
            house.push_blob("app", blob)
        assert house.push_manifest("app", f"v{seed}-{done}", manifest).status_code == 201
    house.close()


class Killed(BaseException):
    """Stands for SIGKILL at one step: nobody catches it, nothing is cleaned up by whoever meant to."""


STEPS = ["before the sync", "after the sync", "before the rename", "after the rename", "before the commit"]


@pytest.mark.parametrize("what", ["blob", "manifest"])
@pytest.mark.parametrize("step", STEPS)
def test_at_each_step_of_a_publication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, what: str) -> None:
    """The steps between the last byte and the answer, each one interrupted; then the emulator starts again."""
    house = House(tmp_path)
    house.create("app")
    blobs, manifest = image_of("one")
    for blob in blobs[1:] if what == "blob" else blobs:
        house.push_blob("app", blob)

    def dying(target: object, name: str, *, after: bool) -> None:
        real = getattr(target, name)

        def call(*given: object, **more: object) -> object:
            if after:
                real(*given, **more)
            raise Killed

        monkeypatch.setattr(target, name, call)

    if "sync" in step:
        dying(uploads_module, "_sync", after=step.startswith("after"))
    elif "rename" in step:
        dying(blobs_module.os, "replace", after=step.startswith("after"))
    else:
        dying(Transaction, "put", after=True)
    with contextlib.suppress(Killed):
        if what == "blob":
            house.push_blob("app", blobs[0])
        else:
            house.push_manifest("app", "v1", manifest)
    monkeypatch.undo()
    house.close()

    again = House(tmp_path)
    linked = assert_consistent(again)
    assert (digest(blobs[0]) in linked) is (what == "manifest")
    collect(again.database, again.blobs, again.uploads, again.clock.now())
    assert_consistent(again)
    assert_images_whole(again, set())
    if what == "blob":
        again.push_blob("app", blobs[0])
    assert again.push_manifest("app", "v1", manifest).status_code == 201
    assert_images_whole(again, {digest(manifest)})
    again.close()
