"""Conformance, push: end-4a to end-7b, end-11, end-13 and end-14 of OCI Distribution."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from emulator.domain.ecr.manifest import OCI_INDEX, OCI_MANIFEST
from tests.registry.conformance import ALGORITHMS, EMPTY, Client, client_of, data_sets, described, manifest
from tests.registry.conftest import CONFIG_TYPE, LAYER_TYPE, House, digest, index_of

CONTENT = bytes(range(256)) * 16
THIRDS = (CONTENT[:1000], CONTENT[1000:3000], CONTENT[3000:])


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with client_of(house) as client:
        yield client


class TestWays:
    """Of pushing a blob: each ends in 201 with a location that can be pulled."""

    def done(self, client: Client, said, algorithm: str) -> None:
        assert said.status == 201
        assert said.headers["Docker-Content-Digest"] in (None, digest(CONTENT, algorithm))
        client.pullable(said.headers["Location"], CONTENT)
        client.pullable(f"/v2/app/blobs/{digest(CONTENT, algorithm)}", CONTENT)

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_post_alone(self, client: Client, algorithm: str) -> None:
        named = digest(CONTENT, algorithm)
        said = client.call("POST", f"/v2/app/blobs/uploads/?digest={named}", CONTENT)
        self.done(client, said, algorithm)

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_post_then_put(self, client: Client, algorithm: str) -> None:
        self.done(client, client.finish(client.start(), digest(CONTENT, algorithm), CONTENT), algorithm)

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_with_the_algorithm_announced(self, client: Client, algorithm: str) -> None:
        location = client.start(query=f"?digest-algorithm={algorithm}")
        assert client.chunk(location, CONTENT, 0).status == 202
        self.done(client, client.finish(location, digest(CONTENT, algorithm)), algorithm)

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_streamed_without_a_length(self, client: Client, algorithm: str) -> None:
        location = client.start()
        said = client.call("PATCH", location, iter(THIRDS), Transfer_Encoding="chunked")
        assert (said.status, said.headers["Range"]) == (202, f"0-{len(CONTENT) - 1}")
        self.done(client, client.finish(said.headers["Location"], digest(CONTENT, algorithm)), algorithm)

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @pytest.mark.parametrize("last_in_put", [False, True])
    def test_in_chunks(self, client: Client, algorithm: str, last_in_put: bool) -> None:
        location, at = client.start(), 0
        for chunk in THIRDS[:-1] if last_in_put else THIRDS:
            said = client.chunk(location, chunk, at)
            at += len(chunk)
            assert (said.status, said.headers["Range"]) == (202, f"0-{at - 1}")
            location = said.headers["Location"]
        last = THIRDS[-1] if last_in_put else b""
        headers = {"Content_Range": f"{at}-{len(CONTENT) - 1}"} if last_in_put else {}
        self.done(client, client.finish(location, digest(CONTENT, algorithm), last, **headers), algorithm)

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @pytest.mark.parametrize("content", [b"", EMPTY])
    def test_tiny_ones(self, client: Client, algorithm: str, content: bytes) -> None:
        named = client.push_blob(content, algorithm)
        client.pullable(f"/v2/app/blobs/{named}", content)

    @pytest.mark.parametrize("origin", ["&from=other", ""])
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_mounted(self, client: Client, algorithm: str, origin: str) -> None:
        named = client.push_blob(CONTENT, algorithm, "other")
        said = client.call("POST", f"/v2/app/blobs/uploads/?mount={named}{origin}", Content_Length="0")
        self.done(client, said, algorithm)

    def test_mounting_what_is_not_there_opens_a_session(self, client: Client) -> None:
        location = client.start(query=f"?mount={digest(CONTENT)}&from=other")
        self.done(client, client.finish(location, digest(CONTENT), CONTENT), "sha256")


class TestSessions:
    def test_each_has_an_id_of_its_own(self, client: Client) -> None:
        assert client.start() != client.start()

    @pytest.mark.parametrize("in_put", [False, True])
    @pytest.mark.parametrize("at", [999, 1001, 3000])
    def test_a_chunk_out_of_order_is_416_and_changes_nothing(self, client: Client, in_put: bool, at: int) -> None:
        location = client.start()
        location = client.chunk(location, THIRDS[0], 0).headers["Location"]
        wrong = CONTENT[at:]
        if in_put:
            span = f"{at}-{len(CONTENT) - 1}"
            said = client.finish(location, digest(CONTENT), wrong, Content_Range=span)
        else:
            said = client.chunk(location, wrong, at)
        assert said.status == 416
        status = client.call("GET", location)
        assert (status.status, status.headers["Range"]) == (204, "0-999")
        location = status.headers["Location"]
        assert client.chunk(location, CONTENT[1000:], 1000).status == 202
        assert client.finish(location, digest(CONTENT)).status == 201

    def test_the_first_chunk_begins_at_zero(self, client: Client) -> None:
        assert client.chunk(client.start(), CONTENT, 5).status == 416

    @pytest.mark.parametrize("span", ["bytes=0-4095", "0-", "-4095", "a-b", "0-4095/4096"])
    def test_a_span_has_a_form(self, client: Client, span: str) -> None:
        assert client.call("PATCH", client.start(), CONTENT, Content_Range=span).status == 416

    def test_cancelled(self, client: Client) -> None:
        location = client.start()
        client.chunk(location, THIRDS[0], 0)
        assert client.call("DELETE", location).status == 204
        assert client.call("GET", location).status == 404
        assert client.call("PATCH", location, b"more").status == 404
        assert client.finish(location, digest(CONTENT), CONTENT).codes == ["BLOB_UPLOAD_UNKNOWN"]

    def test_a_session_that_never_was(self, client: Client) -> None:
        location = "/v2/app/blobs/uploads/00000000-0000-0000-0000-000000000000"
        assert client.call("PATCH", location, b"x").status == 404
        assert client.call("DELETE", location).status in (400, 404)

    def test_a_repository_that_is_not_there(self, client: Client) -> None:
        said = client.call("POST", "/v2/no/where/blobs/uploads/", Content_Length="0")
        assert (said.status, said.codes) == (404, ["NAME_UNKNOWN"])

    def test_an_algorithm_that_nobody_knows(self, client: Client) -> None:
        assert client.call("POST", "/v2/app/blobs/uploads/?digest-algorithm=md5", Content_Length="0").status == 400


class TestWrongDigests:
    WRONG = (digest(b"else"), digest(b"else", "sha512"), "sha256:baddigeststring", "md5:" + "0" * 32)

    @pytest.mark.parametrize("wrong", WRONG)
    @pytest.mark.parametrize("way", ["post", "put", "stream", "chunks", "last in put"])
    def test_are_400_whatever_the_way(self, client: Client, wrong: str, way: str) -> None:
        if way == "post":
            said = client.call("POST", f"/v2/app/blobs/uploads/?digest={wrong}", CONTENT)
        else:
            location, rest = client.start(), b""
            if way == "put":
                rest = CONTENT
            elif way == "stream":
                client.call("PATCH", location, iter(THIRDS), Transfer_Encoding="chunked")
            else:
                client.chunk(location, THIRDS[0], 0)
                client.chunk(location, THIRDS[1], 1000)
                rest = THIRDS[2] if way == "last in put" else b""
            said = client.finish(location, wrong, rest)
        assert (said.status, said.codes) == (400, ["DIGEST_INVALID"])
        assert client.head(f"/v2/app/blobs/{digest(CONTENT)}").status == 404


class TestManifests:
    @pytest.mark.parametrize("name", data_sets())
    def test_of_every_kind(self, client: Client, name: str) -> None:
        one = data_sets()[name]
        one.push(client, "v1")
        media_type, body = one.top
        named = digest(body, one.algorithm)
        said = client.push_manifest(body, named, f"{media_type}; charset=utf-8")  # parameters do not count
        assert (said.status, said.headers["Docker-Content-Digest"]) == (201, named)
        client.pullable(said.headers["Location"], body)
        assert client.call("GET", f"/v2/app/manifests/{named}").headers["Content-Type"] == media_type

    @pytest.mark.parametrize("name", ["subject", "index-with-subject", "missing-subject", "image"])
    def test_a_subject_is_acknowledged(self, client: Client, name: str) -> None:
        one = data_sets()[name]
        one.push(client, "v1")
        said = client.push_manifest(one.top[1], "v2", one.top[0])
        subject = (described(b"not here yet", OCI_MANIFEST) if name == "missing-subject"
                   else described(one.manifests[0][1], OCI_MANIFEST))  # fmt: skip
        assert said.headers["OCI-Subject"] == (None if name == "image" else subject["digest"])

    def test_with_many_tags_at_once(self, client: Client) -> None:
        client.push_blob(EMPTY)
        body = manifest(described(EMPTY, CONFIG_TYPE), [])
        tags = [f"t{number:02}" for number in range(12)]
        said = client.push_manifest(body, f"{digest(body)}?{'&'.join(f'tag={tag}' for tag in tags)}")
        assert (said.status, said.headers.get_all("OCI-Tag")) == (201, tags)
        assert client.call("GET", "/v2/app/tags/list").document["tags"] == tags

    @pytest.mark.parametrize("own", [{}, {"mediaType": ""}, {"mediaType": None}])
    def test_that_do_not_name_their_own_type(self, client: Client, own: dict) -> None:
        client.push_blob(EMPTY)
        unnamed = json.loads(manifest(described(EMPTY, CONFIG_TYPE), []))
        del unnamed["mediaType"]
        body = json.dumps({**unnamed, **own}).encode()
        assert client.push_manifest(body, "v1").status == 201
        assert client.call("GET", "/v2/app/manifests/v1").headers["Content-Type"] == OCI_MANIFEST

    def test_under_the_digest_of_another(self, client: Client) -> None:
        client.push_blob(EMPTY)
        said = client.push_manifest(manifest(described(EMPTY, CONFIG_TYPE), []), digest(b"another"))
        assert (said.status, said.codes) == (400, ["DIGEST_INVALID"])
        assert client.push_manifest(b"blah", "sha256:baddigeststring").status == 400

    @pytest.mark.parametrize("body", [b"", b"blah", b"{}", b"[]", b'{"schemaVersion": 2}'])
    def test_that_are_none(self, client: Client, body: bytes) -> None:
        said = client.push_manifest(body, "v1")
        assert (said.status, said.codes) == (400, ["MANIFEST_INVALID"])

    def test_whose_blobs_are_not_there(self, client: Client) -> None:
        body = manifest(described(b"config", CONFIG_TYPE), [described(b"layer", LAYER_TYPE)])
        said = client.push_manifest(body, "v1")
        assert (said.status, said.codes) == (404, ["MANIFEST_BLOB_UNKNOWN"])
        said = client.push_manifest(index_of(b"nowhere"), "v1", OCI_INDEX)
        assert (said.status, said.codes) == (404, ["MANIFEST_BLOB_UNKNOWN"])

    def test_four_mebibytes_fit_and_no_more(self, client: Client) -> None:
        client.push_blob(EMPTY)
        frame = len(manifest(described(EMPTY, CONFIG_TYPE), [], filler=""))
        fits = manifest(described(EMPTY, CONFIG_TYPE), [], filler="x" * (4 * 1024 * 1024 - frame))
        assert client.push_manifest(fits, "v1").status == 201
        client.pullable("/v2/app/manifests/v1", fits)
        assert client.push_manifest(fits + b" ", "v2").status == 413

    @pytest.mark.parametrize("tag", ["a", "_", "A.b-c_d", "0" * 128])
    def test_tags(self, client: Client, tag: str) -> None:
        client.push_blob(EMPTY)
        assert client.push_manifest(manifest(described(EMPTY, CONFIG_TYPE), []), tag).status == 201

    @pytest.mark.parametrize("tag", [".a", "-a", "0" * 129, "a+b"])
    def test_tags_that_are_none(self, client: Client, tag: str) -> None:
        client.push_blob(EMPTY)
        assert client.push_manifest(manifest(described(EMPTY, CONFIG_TYPE), []), tag).status == 400
