"""Conformance, content management: end-9 and end-10 of OCI Distribution."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.registry.conformance import ALGORITHMS, EMPTY, Client, client_of, data_sets, described, manifest
from tests.registry.conftest import CONFIG_TYPE, House, digest

CONTENT = b"content"


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with client_of(house) as client:
        yield client


@pytest.mark.parametrize("name", data_sets())
def test_whatever_was_pushed_can_go(client: Client, name: str) -> None:
    """Tag, manifests from the top down, blobs; each is gone at once."""
    one = data_sets()[name]
    one.push(client, "v1")
    assert client.call("DELETE", "/v2/app/manifests/v1").status == 202
    client.gone("/v2/app/manifests/v1")
    assert client.call("GET", "/v2/app/tags/list").document["tags"] == []
    for _, body in reversed(one.manifests):
        path = f"/v2/app/manifests/{digest(body, one.algorithm)}"
        client.pullable(path, body)  # a tag goes alone
        assert client.call("DELETE", path).status == 202
        client.gone(path)
    for blob in set(one.blobs):
        path = f"/v2/app/blobs/{digest(blob, one.algorithm)}"
        client.pullable(path, blob)
        assert client.call("DELETE", path).status == 202
        client.gone(path)


@pytest.mark.parametrize("name", ["index", "nested-index", "artifact-index"])
def test_children_may_go_before_their_index(client: Client, name: str) -> None:
    one = data_sets()[name]
    one.push(client, "v1")
    for _, body in one.manifests:
        path = f"/v2/app/manifests/{digest(body)}"
        assert client.call("DELETE", path).status == 202
        client.gone(path)


def test_the_tags_of_a_deleted_digest_are_gone(client: Client) -> None:
    client.push_blob(EMPTY)
    body = manifest(described(EMPTY, CONFIG_TYPE), [])
    assert client.push_manifest(body, f"{digest(body)}?tag=a&tag=b&tag=c").status == 201
    assert client.call("DELETE", f"/v2/app/manifests/{digest(body)}").status == 202
    for tag in "abc":
        client.gone(f"/v2/app/manifests/{tag}")


def test_what_was_deleted_can_be_pushed_again(client: Client) -> None:
    one = data_sets()["image"]
    for _ in range(2):
        one.push(client, "v1")
        client.pullable("/v2/app/manifests/v1", one.top[1])
        assert client.call("DELETE", f"/v2/app/manifests/{digest(one.top[1])}").status == 202
        for blob in one.blobs:
            assert client.call("DELETE", f"/v2/app/blobs/{digest(blob)}").status == 202


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_not_there(client: Client, algorithm: str) -> None:
    absent = digest(b"absent", algorithm)
    for path in (f"blobs/{absent}", f"manifests/{absent}", "manifests/absent"):
        said = client.call("DELETE", f"/v2/app/{path}")
        assert said.status == 404
        assert said.codes
        assert client.call("DELETE", f"/v2/no/where/{path}").codes == ["NAME_UNKNOWN"]


def test_what_is_no_digest(client: Client) -> None:
    for kind in ("blobs", "manifests"):
        assert client.call("DELETE", f"/v2/app/{kind}/sha256:baddigeststring").status == 400


def test_a_blob_goes_from_its_repository_alone(client: Client) -> None:
    named = client.push_blob(CONTENT)
    client.push_blob(CONTENT, repository="other")
    assert client.call("DELETE", f"/v2/app/blobs/{named}").status == 202
    client.gone(f"/v2/app/blobs/{named}")
    client.pullable(f"/v2/other/blobs/{named}", CONTENT)


def test_a_blob_of_an_image_stays(client: Client) -> None:
    one = data_sets()["image"]
    one.push(client, "v1")
    path = f"/v2/app/blobs/{digest(one.blobs[0])}"
    said = client.call("DELETE", path)
    assert (said.status, said.codes) == (405, ["UNSUPPORTED"])
    client.pullable(path, one.blobs[0])
