"""Tags with paging and referrers with filters, as OCI Distribution wants them."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from emulator.domain.ecr.manifest import OCI_INDEX, OCI_MANIFEST
from tests.registry.conftest import House, descriptor, digest, error_of, image_manifest

TAGS = sorted([f"v{number}" for number in range(12)] + ["Latest", "latest", "a.b", "_x"])


def following(link: str) -> str:
    address, _, relation = link.partition(";")
    assert relation.strip() == 'rel="next"'
    assert address.startswith("<http://localhost/v2/")
    parts = urlsplit(address.strip("<>"))
    return f"{parts.path}?{parts.query}"


class TestTags:
    @pytest.fixture(autouse=True)
    def _tags(self, house: House) -> None:
        house.push_blob("app", b"config")
        for tag in TAGS:
            assert house.push_manifest("app", tag, image_manifest(b"config")).status_code == 201

    def test_all_in_lexical_order(self, house: House) -> None:
        answer = house.call("GET", "/v2/app/tags/list")
        assert (answer.status_code, answer.json) == (200, {"name": "app", "tags": TAGS})
        assert "Link" not in answer.headers

    def test_page_by_page(self, house: House) -> None:
        seen, path = [], "/v2/app/tags/list?n=5"
        while True:
            answer = house.call("GET", path)
            seen += answer.json["tags"]
            assert len(answer.json["tags"]) <= 5
            if "Link" not in answer.headers:
                break
            path = following(answer.headers["Link"])
        assert seen == TAGS

    def test_after_a_tag_that_need_not_exist(self, house: House) -> None:
        assert house.call("GET", "/v2/app/tags/list?last=v4").json["tags"] == TAGS[TAGS.index("v4") + 1 :]
        assert house.call("GET", "/v2/app/tags/list?last=v10zzz&n=1").json["tags"] == ["v11"]

    def test_exactly_a_page_has_no_link(self, house: House) -> None:
        answer = house.call("GET", f"/v2/app/tags/list?n={len(TAGS)}")
        assert (answer.json["tags"], answer.headers.get("Link")) == (TAGS, None)

    def test_none(self, house: House) -> None:
        answer = house.call("GET", "/v2/app/tags/list?n=0")
        assert (answer.status_code, answer.json["tags"], answer.headers.get("Link")) == (200, [], None)

    def test_more_than_ecr_gives(self, house: House) -> None:
        assert house.call("GET", "/v2/app/tags/list?n=1001").json["tags"] == TAGS

    @pytest.mark.parametrize("n", ["-1", "x", "1.5", "", "٣", "9" * 40])
    def test_no_number(self, house: House, n: str) -> None:
        assert house.call("GET", "/v2/app/tags/list", query_string={"n": n}).status_code == 400


def test_an_empty_repository_has_no_tags_and_no_referrers(house: House) -> None:
    assert house.call("GET", "/v2/app/tags/list").json == {"name": "app", "tags": []}
    answer = house.call("GET", f"/v2/app/referrers/{digest(b'anything')}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, OCI_INDEX)
    assert answer.json == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


class TestReferrers:
    @pytest.fixture
    def subject(self, house: House) -> bytes:
        return house.push_image("app", "v1", b"layer")

    def refer(self, house: House, subject: bytes, tag: str, **more) -> bytes:
        return house.push_image("app", tag, subject=descriptor(subject, OCI_MANIFEST), **more)

    def test_descriptors(self, house: House, subject: bytes) -> None:
        signature = self.refer(house, subject, "s", artifactType="x/signature", annotations={"by": "me"})
        plain = self.refer(house, subject, "p")
        found = house.call("GET", f"/v2/app/referrers/{digest(subject)}").json["manifests"]
        expected = [
            {
                **descriptor(signature, OCI_MANIFEST),
                "artifactType": "x/signature",
                "annotations": {"by": "me"},
            },
            {**descriptor(plain, OCI_MANIFEST), "artifactType": "application/vnd.oci.image.config.v1+json"},
        ]
        assert sorted(found, key=lambda one: one["digest"]) == sorted(expected, key=lambda one: one["digest"])

    def test_filtered(self, house: House, subject: bytes) -> None:
        signature = self.refer(house, subject, "s", artifactType="x/signature")
        self.refer(house, subject, "b", artifactType="x/bill+of.materials")
        answer = house.call("GET", f"/v2/app/referrers/{digest(subject)}?artifactType=x/signature")
        assert [one["digest"] for one in answer.json["manifests"]] == [digest(signature)]
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
        assert house.call("GET", f"/v2/app/referrers/{digest(subject)}?artifactType=no/such").json["manifests"] == []

    def test_page_by_page(self, house: House, subject: bytes) -> None:
        pushed = {digest(self.refer(house, subject, f"r{number}", artifactType="a/b")) for number in range(5)}
        seen, path = [], f"/v2/app/referrers/{digest(subject)}?n=2&artifactType=a/b"
        while path:
            answer = house.call("GET", path)
            seen += [one["digest"] for one in answer.json["manifests"]]
            path = following(answer.headers["Link"]) if "Link" in answer.headers else ""
        assert seen == sorted(pushed)

    def test_gone_with_the_referrer(self, house: House, subject: bytes) -> None:
        signature = self.refer(house, subject, "s", artifactType="x/signature")
        house.call("DELETE", f"/v2/app/manifests/{digest(signature)}")
        assert house.call("GET", f"/v2/app/referrers/{digest(subject)}").json["manifests"] == []

    def test_malformed_digest(self, house: House) -> None:
        answer = house.call("GET", "/v2/app/referrers/sha256:bad")
        assert (answer.status_code, error_of(answer)[0]) == (400, "DIGEST_INVALID")
