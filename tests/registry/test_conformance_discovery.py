"""Conformance, content discovery: end-8a, end-8b, end-12a and end-12b of OCI Distribution."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from emulator.domain.ecr.manifest import OCI_INDEX, OCI_MANIFEST
from tests.registry.conformance import (
    ALGORITHMS,
    EMPTY,
    EMPTY_TYPE,
    Client,
    Said,
    client_of,
    data_sets,
    described,
    manifest,
)
from tests.registry.conftest import CONFIG_TYPE, House, digest, index_of


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with client_of(house) as client:
        yield client


def next_page(said: Said) -> str | None:
    link = said.headers["Link"]
    if link is None:
        return None
    found = re.fullmatch(r'<([^>]+)>; rel="next"', link)
    assert found is not None, link
    return found[1]


class TestTags:
    NAMES = sorted([f"v{number}" for number in range(130)] + ["Latest", "latest", "a.b", "_x", "A"])

    @pytest.fixture
    def many(self, client: Client) -> Client:
        client.push_blob(EMPTY)
        body = manifest(described(EMPTY, CONFIG_TYPE), [])
        for start in range(0, len(self.NAMES), 45):
            query = "&".join(f"tag={name}" for name in reversed(self.NAMES[start : start + 45]))
            assert client.push_manifest(body, f"{digest(body)}?{query}").status == 201
        return client

    def test_none(self, client: Client) -> None:
        said = client.call("GET", "/v2/app/tags/list")
        assert (said.status, said.document) == (200, {"name": "app", "tags": []})

    def test_all_in_lexical_order(self, many: Client) -> None:
        said = many.call("GET", "/v2/app/tags/list")
        assert said.document == {"name": "app", "tags": self.NAMES}
        assert next_page(said) is None

    @pytest.mark.parametrize("size", [1, 7, 134, 135, 136, 5000])
    def test_in_pages(self, many: Client, size: int) -> None:
        seen: list[str] = []
        path: str | None = f"/v2/app/tags/list?n={size}"
        while path is not None:
            said = many.call("GET", path)
            assert len(said.document["tags"]) <= size
            assert next_page(said) is None or len(said.document["tags"]) == size
            seen += said.document["tags"]
            path = next_page(said)
        assert seen == self.NAMES

    def test_no_page(self, many: Client) -> None:
        said = many.call("GET", "/v2/app/tags/list?n=0")
        assert (said.status, said.document["tags"], next_page(said)) == (200, [], None)

    @pytest.mark.parametrize("last", ["A", "v1", "v1zzz", "zzz", "a.b"])
    def test_after_one(self, many: Client, last: str) -> None:
        after = [name for name in self.NAMES if name > last]
        assert many.call("GET", f"/v2/app/tags/list?last={last}").document["tags"] == after
        assert many.call("GET", f"/v2/app/tags/list?last={last}&n=2").document["tags"] == after[:2]

    def test_of_a_repository_that_is_not_there(self, client: Client) -> None:
        said = client.call("GET", "/v2/no/where/tags/list")
        assert (said.status, said.codes) == (404, ["NAME_UNKNOWN"])


class TestReferrers:
    IMAGE = data_sets()["image"].top[1]

    def of(self, client: Client, named: str, query: str = "") -> list[dict]:
        said = client.call("GET", f"/v2/app/referrers/{named}{query}")
        assert (said.status, said.headers["Content-Type"]) == (200, OCI_INDEX)
        assert (said.document["schemaVersion"], said.document["mediaType"]) == (2, OCI_INDEX)
        return list(said.document["manifests"])

    def refer(self, client: Client, body: bytes, media_type: str = OCI_MANIFEST) -> str:
        client.push_blob(EMPTY)
        assert client.push_manifest(body, digest(body), media_type).status == 201
        return digest(body)

    def artifact(self, number: int, kind: str = "application/x.signature", **more) -> bytes:
        layers = [described(EMPTY, EMPTY_TYPE)]
        subject = described(self.IMAGE, OCI_MANIFEST)
        more = {"artifactType": kind, "subject": subject, "annotations": {"n": str(number)}, **more}
        return manifest(described(EMPTY, EMPTY_TYPE), layers, **more)

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_never_404(self, client: Client, algorithm: str) -> None:
        assert self.of(client, digest(b"nobody's subject", algorithm)) == []
        said = client.call("GET", f"/v2/no/where/referrers/{digest(b'x', algorithm)}")
        assert (said.status, said.document["manifests"]) == (200, [])

    @pytest.mark.parametrize("bad", ["sha256:baddigeststring", "latest", "md5:" + "0" * 32])
    def test_of_no_digest(self, client: Client, bad: str) -> None:
        assert client.call("GET", f"/v2/app/referrers/{bad}").status == 400

    @pytest.mark.parametrize("subject_first", [True, False])
    def test_descriptors(self, client: Client, subject_first: bool) -> None:
        if subject_first:
            data_sets()["image"].push(client, "v1")
        body = self.artifact(1)
        self.refer(client, body)
        if not subject_first:
            data_sets()["image"].push(client, "v1")
        expected = {
            **described(body, OCI_MANIFEST),
            "artifactType": "application/x.signature",
            "annotations": {"n": "1"},
        }
        assert self.of(client, digest(self.IMAGE)) == [expected]

    def test_the_type_of_an_image_is_its_configs(self, client: Client) -> None:
        client.push_blob(EMPTY)
        subject = described(self.IMAGE, OCI_MANIFEST)
        self.refer(client, manifest(described(EMPTY, "application/x.config"), [], subject=subject))
        assert [one["artifactType"] for one in self.of(client, digest(self.IMAGE))] == ["application/x.config"]

    def test_an_index_may_have_none(self, client: Client) -> None:
        data_sets()["image"].push(client, "v1")
        self.refer(client, index_of(self.IMAGE, subject=described(self.IMAGE, OCI_MANIFEST)), OCI_INDEX)
        (found,) = self.of(client, digest(self.IMAGE))
        assert "artifactType" not in found
        assert found["mediaType"] == OCI_INDEX

    def test_filtered(self, client: Client) -> None:
        wanted = self.refer(client, self.artifact(1, "application/x.sbom+json"))
        self.refer(client, self.artifact(2))
        path = f"/v2/app/referrers/{digest(self.IMAGE)}?artifactType=application/x.sbom%2Bjson"
        said = client.call("GET", path)
        assert [one["digest"] for one in said.document["manifests"]] == [wanted]
        assert said.headers["OCI-Filters-Applied"] == "artifactType"
        assert self.of(client, digest(self.IMAGE), "?artifactType=application/x.none") == []

    @pytest.mark.parametrize("filtered", ["", "artifactType=application/x.signature&"])
    def test_in_pages(self, client: Client, filtered: str) -> None:
        pushed = {self.refer(client, self.artifact(number)) for number in range(7)}
        self.refer(client, self.artifact(0, "application/x.other"))
        path: str | None = f"/v2/app/referrers/{digest(self.IMAGE)}?{filtered}n=3"
        seen: list[str] = []
        while path is not None:
            said = client.call("GET", path)
            seen += [one["digest"] for one in said.document["manifests"]]
            path = next_page(said)
        assert len(seen) == len(set(seen)) == (7 if filtered else 8)
        assert pushed <= set(seen)

    def test_more_than_a_page_without_asking_for_pages(self, client: Client) -> None:
        pushed = {self.refer(client, self.artifact(number)) for number in range(120)}
        path: str | None = f"/v2/app/referrers/{digest(self.IMAGE)}"
        seen: set[str] = set()
        while path is not None:
            said = client.call("GET", path)
            seen |= {one["digest"] for one in said.document["manifests"]}
            path = next_page(said)
        assert seen == pushed

    def test_gone_when_deleted(self, client: Client) -> None:
        named = self.refer(client, self.artifact(1))
        assert client.call("DELETE", f"/v2/app/manifests/{named}").status == 202
        assert self.of(client, digest(self.IMAGE)) == []
