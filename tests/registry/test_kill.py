"""`kill -9` at any byte: no partial blob is ever visible, and what was acknowledged is there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from http.client import HTTPException
from pathlib import Path

import pytest

from emulator.registry.collect import collect
from emulator.store.ecr_tables import LAYER_LINKS
from tests.registry.conftest import House, digest
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
