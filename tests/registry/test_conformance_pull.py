"""Conformance, pull: end-1 to end-3 of OCI Distribution."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.domain.ecr.manifest import OCI_MANIFEST
from tests.registry.conformance import ALGORITHMS, Client, client_of, data_sets
from tests.registry.conftest import House, digest

CONTENT = bytes(range(256)) * 16


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with client_of(house) as client:
        yield client


def test_the_base_says_that_it_is_a_registry(client: Client) -> None:
    assert client.call("GET", "/v2/").status == 200


@pytest.mark.parametrize("name", data_sets())
def test_manifests_come_back_as_they_were_pushed(client: Client, name: str) -> None:
    one = data_sets()[name]
    one.push(client, "v1")
    media_type, body = one.top
    named = digest(body, one.algorithm)
    for reference in ("v1", named):
        path = f"/v2/app/manifests/{reference}"
        head, said = client.head(path), client.call("GET", path)
        assert (head.status, said.status, said.body) == (200, 200, body)
        for answer in (head, said):
            assert (answer.headers["Content-Type"], answer.length) == (media_type, len(body))
            assert answer.headers["Docker-Content-Digest"] == named
    for blob in one.blobs:
        client.pullable(f"/v2/app/blobs/{digest(blob, one.algorithm)}", blob)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_not_there(client: Client, algorithm: str) -> None:
    absent = digest(b"absent", algorithm)
    for path in (f"blobs/{absent}", f"manifests/{absent}", "manifests/absent"):
        client.gone(f"/v2/app/{path}")
        client.gone(f"/v2/no/such/repository/{path}")
    assert client.call("GET", f"/v2/app/blobs/{absent}").codes == ["BLOB_UNKNOWN"]
    assert client.call("GET", "/v2/app/manifests/absent").codes == ["MANIFEST_UNKNOWN"]
    assert client.call("GET", "/v2/no/such/repository/manifests/absent").codes == ["NAME_UNKNOWN"]


def test_a_manifest_under_no_digest(client: Client) -> None:
    assert client.call("GET", "/v2/app/manifests/sha256:baddigeststring").status in (400, 404)


@pytest.mark.parametrize("tag", [".INVALID_MANIFEST_NAME", "-a", "a+b", "0" * 129])
def test_a_tag_that_cannot_be(client: Client, tag: str) -> None:
    client.gone(f"/v2/app/manifests/{tag}")
    assert client.call("GET", f"/v2/app/manifests/{tag}").codes == ["MANIFEST_UNKNOWN"]


def test_a_name_that_is_none(client: Client) -> None:
    said = client.call("GET", "/v2/App/tags/list")
    assert (said.status, said.codes) == (400, ["NAME_INVALID"])


@pytest.mark.parametrize("name", ["ab", "a.b", "a_b", "a__b", "a---b", "12", "a/b/c", "x" * 200])
def test_names_that_are_some(house: House, client: Client, name: str) -> None:
    house.create(name)
    assert client.call("GET", f"/v2/{name}/tags/list").document == {"name": name, "tags": []}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("500-1499", 500, 1500), ("500-", 500, 4096), ("-500", 3596, 4096), ("2000-5000", 2000, 4096), ("0-0", 0, 1)],
)
def test_ranges(client: Client, algorithm: str, asked: str, start: int, end: int) -> None:
    named = client.push_blob(CONTENT, algorithm)
    said = client.call("GET", f"/v2/app/blobs/{named}", Range=f"bytes={asked}")
    assert (said.status, said.body, said.length) == (206, CONTENT[start:end], end - start)
    assert said.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["500-0", "5000-10000"])
def test_ranges_that_hold_nothing(client: Client, asked: str) -> None:
    named = client.push_blob(CONTENT)
    said = client.call("GET", f"/v2/app/blobs/{named}", Range=f"bytes={asked}")
    assert (said.status, said.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")


def test_an_accept_header_does_not_change_the_bytes(client: Client) -> None:
    one = data_sets()["image"]
    one.push(client, "v1")
    for accepted in (OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json", "*/*"):
        assert client.call("GET", "/v2/app/manifests/v1", Accept=accepted).body == one.top[1]
