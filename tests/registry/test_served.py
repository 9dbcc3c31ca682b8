"""Over a real socket: chunked bodies, true lengths, ranges by sendfile, clients that leave, bounded memory."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.conftest import House, digest
from tests.registry.served import Client, Mortal, serving
from tests.registry.test_kill import prepared, wait_until

CONTENT = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with serving(house) as port:
        client = Client(port, house.credentials())
        yield client
        client.connection.close()


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("size", [1000, 32 * 1024, 1 << 20])
def test_a_chunked_body_without_content_range(client: Client, size: int) -> None:
    location = client.call("POST", "/v2/app/blobs/uploads/")[0].headers["Location"]
    answer, _ = client.call("PATCH", location, pieces(CONTENT, size))
    assert (answer.status, answer.headers["Range"]) == (202, f"0-{len(CONTENT) - 1}")
    assert client.call("PUT", f"{location}?digest={digest(CONTENT)}")[0].status == 201
    assert client.call("GET", f"/v2/app/blobs/{digest(CONTENT)}")[1] == CONTENT


def test_a_chunked_body_that_is_not_what_content_range_says(client: Client) -> None:
    location = client.call("POST", "/v2/app/blobs/uploads/")[0].headers["Location"]
    for announced in ("0-99", "0-9999999"):
        answer, _ = client.call("PATCH", location, pieces(CONTENT[:1000], 300), Content_Range=announced)
        assert answer.status == 400
        status, _ = client.call("GET", location)
        assert (status.status, status.headers["Range"]) == (204, "0-0")
    assert client.call("PATCH", location, pieces(CONTENT, 5000), Content_Range=f"0-{len(CONTENT) - 1}")[0].status == 202
    assert client.call("PUT", f"{location}?digest={digest(CONTENT)}")[0].status == 201


def test_lengths_and_ranges(client: Client, house: House) -> None:
    named = house.push_blob("app", CONTENT)
    head, body = client.call("HEAD", f"/v2/app/blobs/{named}")
    assert (head.status, head.headers["Content-Length"], body) == (200, str(len(CONTENT)), b"")
    answer, body = client.call("GET", f"/v2/app/blobs/{named}", Range="bytes=1000-")
    assert (answer.status, body == CONTENT[1000:]) == (206, True)
    empty = house.push_blob("app", b"")
    answer, body = client.call("GET", f"/v2/app/blobs/{empty}")
    assert (answer.status, answer.headers["Content-Length"], body) == (200, "0", b"")


def test_a_manifest_in_chunks(client: Client, house: House) -> None:
    body = house.push_image("app", "v1", b"layer")
    kind = "application/vnd.oci.image.manifest.v1+json"
    answer, _ = client.call("PUT", "/v2/app/manifests/v2", pieces(body, 100), Content_Type=kind)
    assert answer.status == 201
    too_large = (b" " * 65536 for _ in range(65))
    assert client.call("PUT", "/v2/app/manifests/v2", too_large, Content_Type=kind)[0].status == 413


def test_what_came_before_a_client_left_is_kept(client: Client, house: House) -> None:
    location = client.call("POST", "/v2/app/blobs/uploads/")[0].headers["Location"]
    with socket.create_connection(("localhost", client.connection.port), 10) as leaving:
        head = f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {client.credentials}\r\n"
        leaving.sendall(f"{head}Content-Length: {len(CONTENT)}\r\n\r\n".encode() + CONTENT[:300_000])
    wait_until(lambda: house.uploads.received(location.rpartition("/")[2]) == 300_000)
    answer, _ = client.call("PATCH", location, CONTENT[300_000:], Content_Range=f"300000-{len(CONTENT) - 1}")
    assert (answer.status, answer.headers["Range"]) == (202, f"0-{len(CONTENT) - 1}")
    assert client.call("PUT", f"{location}?digest={digest(CONTENT)}")[0].status == 201


def test_many_clients_push_the_same_blob(client: Client, house: House) -> None:
    statuses: list[int] = []

    def push() -> None:
        own = Client(client.connection.port, client.credentials)
        statuses.append(own.call("POST", f"/v2/app/blobs/uploads/?digest={digest(CONTENT)}", CONTENT)[0].status)
        own.connection.close()

    threads = [threading.Thread(target=push) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [201] * 8
    assert client.call("GET", f"/v2/app/blobs/{digest(CONTENT)}")[1] == CONTENT
    assert list(house.blobs.layout.digests()) == [digest(CONTENT)]
    assert not list(house.blobs.layout.upload_ids())


def test_memory_does_not_grow_with_a_blob(tmp_path: Path) -> None:
    """192 MiB up and down again cost the server less than 10 MiB."""
    credentials = prepared(tmp_path)
    registry = Mortal(tmp_path)
    client = Client(registry.port, credentials)
    client.call("POST", f"/v2/app/blobs/uploads/?digest={digest(CONTENT)}", CONTENT)
    before = peak_mib(registry.pid)
    whole = hashlib.sha256()
    for _ in range(192):
        whole.update(CONTENT)
    location = client.call("POST", "/v2/app/blobs/uploads/")[0].headers["Location"]
    client.call("PATCH", location, (CONTENT for _ in range(192)))
    named = f"sha256:{whole.hexdigest()}"
    assert client.call("PUT", f"{location}?digest={named}")[0].status == 201
    client.connection.request("GET", f"/v2/app/blobs/{named}", headers={"Authorization": credentials})
    answer = client.connection.getresponse()
    received = 0
    while piece := answer.read(1 << 20):
        received += len(piece)
    assert received == 192 << 20
    assert peak_mib(registry.pid) - before < 10
    client.connection.close()
    registry.kill()


def peak_mib(pid: int) -> float:
    """The most memory that a process has had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")
