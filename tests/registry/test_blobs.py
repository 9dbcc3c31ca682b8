"""Blobs as OCI Distribution's conformance suite looks at them: every way to upload, ranges, mounts, deletion."""

from __future__ import annotations

import pytest

from tests.registry.conftest import House, digest, error_of

CONTENT = bytes(range(256)) * 16  # 4096 bytes
HEX = {"sha256": 64, "sha512": 128}

both_algorithms = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


def start(house: House, query: str = "") -> str:
    answer = house.call("POST", f"/v2/app/blobs/uploads/{query}")
    assert answer.status_code == 202
    assert answer.headers["Range"] == "0-0"
    assert answer.headers["Docker-Upload-Uuid"] in answer.headers["Location"]
    return answer.headers["Location"]


def finish(house: House, location: str, named: str, content: bytes = b"", **headers: str):
    joiner = "&" if "?" in location else "?"
    return house.call("PUT", f"{location}{joiner}digest={named}", data=content, headers=headers)


def patch(house: House, location: str, content: bytes, first: int | None = None):
    headers = {} if first is None else {"Content-Range": f"{first}-{first + len(content) - 1}"}
    return house.call("PATCH", location, data=content, headers=headers)


def assert_pullable(house: House, named: str, content: bytes) -> None:
    head = house.call("HEAD", f"/v2/app/blobs/{named}")
    assert (head.status_code, head.headers["Content-Length"], head.data) == (200, str(len(content)), b"")
    assert head.headers["Docker-Content-Digest"] == named
    got = house.call("GET", f"/v2/app/blobs/{named}")
    assert (got.status_code, got.data) == (200, content)
    assert got.headers["Content-Length"] == str(len(content))


@both_algorithms
def test_a_missing_blob_is_unknown(house: House, algorithm: str) -> None:
    for method in ("GET", "HEAD", "DELETE"):
        answer = house.call(method, f"/v2/app/blobs/{algorithm}:{'0' * HEX[algorithm]}")
        assert answer.status_code == 404
    assert error_of(house.call("GET", f"/v2/app/blobs/sha256:{'0' * 64}"))[0] == "BLOB_UNKNOWN"


@both_algorithms
def test_one_post_takes_a_whole_blob(house: House, algorithm: str) -> None:
    named = digest(CONTENT, algorithm)
    answer = house.call("POST", f"/v2/app/blobs/uploads/?digest={named}", data=CONTENT)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v2/app/blobs/{named}")
    assert_pullable(house, named, CONTENT)


@both_algorithms
@pytest.mark.parametrize("hint", ["", "?digest-algorithm=sha512"])
def test_post_then_put(house: House, algorithm: str, hint: str) -> None:
    named = digest(CONTENT, algorithm)
    answer = finish(house, start(house, hint), named, CONTENT)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v2/app/blobs/{named}")
    assert answer.headers["Docker-Content-Digest"] == named
    assert_pullable(house, named, CONTENT)


@both_algorithms
def test_streamed_patch_then_put(house: House, algorithm: str) -> None:
    named = digest(CONTENT, algorithm)
    location = start(house)
    patched = patch(house, location, CONTENT)
    assert (patched.status_code, patched.headers["Range"]) == (202, "0-4095")
    assert finish(house, patched.headers["Location"], named).status_code == 201
    assert_pullable(house, named, CONTENT)


@both_algorithms
@pytest.mark.parametrize("last_in_put", [False, True])
def test_chunks_in_order(house: House, algorithm: str, last_in_put: bool) -> None:
    named = digest(CONTENT, algorithm)
    location = start(house)
    for first, last in ((0, 1000), (1000, 2500)):
        answer = patch(house, location, CONTENT[first:last], first)
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{last - 1}")
    if last_in_put:
        answer = finish(house, location, named, CONTENT[2500:], **{"Content-Range": "2500-4095"})
    else:
        assert patch(house, location, CONTENT[2500:], 2500).status_code == 202
        answer = finish(house, location, named)
    assert answer.status_code == 201
    assert_pullable(house, named, CONTENT)


@pytest.mark.parametrize("wrong_in_put", [False, True])
def test_a_chunk_out_of_order_is_416_and_the_upload_goes_on(house: House, wrong_in_put: bool) -> None:
    location = start(house)
    patch(house, location, CONTENT[:1000], 0)
    if wrong_in_put:
        wrong = finish(house, location, digest(CONTENT), CONTENT[3000:], **{"Content-Range": "3000-4095"})
    else:
        wrong = patch(house, location, CONTENT[3000:], 3000)
    assert wrong.status_code == 416
    assert wrong.headers["Range"] == "0-999"
    status = house.call("GET", location)
    assert (status.status_code, status.headers["Range"], status.headers["Location"]) == (204, "0-999", location)
    assert patch(house, location, CONTENT[1000:], 1000).status_code == 202
    assert finish(house, location, digest(CONTENT)).status_code == 201
    assert_pullable(house, digest(CONTENT), CONTENT)


@pytest.mark.parametrize("header", ["bytes 0-9/*", "0-", "-9", "x", "9-0", "0-10", "0-8"])
def test_a_content_range_that_does_not_fit_is_416(house: House, header: str) -> None:
    answer = house.call("PATCH", start(house), data=b"0123456789", headers={"Content-Range": header})
    assert answer.status_code == 416


@pytest.mark.parametrize("content", [b"", b"{}"])
def test_tiny_blobs(house: House, content: bytes) -> None:
    named = house.push_blob("app", content)
    assert_pullable(house, named, content)


def test_an_empty_blob_is_refused_when_strict_as_ecr_does(strict_house: House) -> None:
    house = strict_house
    location = start(house)
    code, message = error_of(finish(house, location, digest(b"")))
    upload_id = location.rpartition("/")[2]
    assert code == "BLOB_UPLOAD_INVALID"
    assert message == (
        f"The upload with id '{upload_id}' in the repository with name 'app' in registry with id '123456789012' cannot "
        "be completed because it does not have any parts"
    )
    assert patch(house, start(house), b"x").status_code == 201  # as ECR answers


class TestWrongDigest:
    """All ways of uploading notice bytes that are not the digest's, and nothing becomes visible."""

    wrong = digest(b"something else")

    def refused(self, house: House, answer) -> None:
        assert (answer.status_code, error_of(answer)[0]) == (400, "DIGEST_INVALID")
        assert house.call("HEAD", f"/v2/app/blobs/{self.wrong}").status_code == 404
        assert not list(house.blobs.layout.digests())
        assert not list(house.blobs.layout.upload_ids())

    def test_post(self, house: House) -> None:
        self.refused(house, house.call("POST", f"/v2/app/blobs/uploads/?digest={self.wrong}", data=CONTENT))

    def test_put(self, house: House) -> None:
        self.refused(house, finish(house, start(house), self.wrong, CONTENT))

    def test_stream(self, house: House) -> None:
        location = start(house)
        patch(house, location, CONTENT)
        self.refused(house, finish(house, location, self.wrong))

    def test_chunks(self, house: House) -> None:
        location = start(house)
        patch(house, location, CONTENT[:10], 0)
        patch(house, location, CONTENT[10:], 10)
        self.refused(house, finish(house, location, self.wrong))

    def test_last_chunk_in_put(self, house: House) -> None:
        location = start(house)
        patch(house, location, CONTENT[:10], 0)
        self.refused(house, finish(house, location, self.wrong, CONTENT[10:]))

    @pytest.mark.parametrize("text", ["sha256:baddigeststring", "md5:" + "0" * 32, "sha256:" + "A" * 64, "", "x"])
    def test_no_digest_at_all(self, house: House, text: str) -> None:
        location = start(house)
        assert error_of(finish(house, location, text, CONTENT))[0] == "DIGEST_INVALID"
        assert house.call("GET", location).status_code == 204


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("500-1499", 500, 1499), ("500-", 500, 4095), ("-500", 3596, 4095), ("2000-5000", 2000, 4095), ("0-0", 0, 0)],
)
def test_a_range_of_a_blob(house: House, asked: str, first: int, last: int) -> None:
    named = house.push_blob("app", CONTENT)
    answer = house.call("GET", f"/v2/app/blobs/{named}", headers={"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.data) == (206, CONTENT[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/4096"
    assert answer.headers["Content-Length"] == str(last + 1 - first)


@pytest.mark.parametrize("asked", ["500-0", "5000-10000", "4096-", "-0"])
def test_a_range_outside_the_blob(house: House, asked: str) -> None:
    named = house.push_blob("app", CONTENT)
    answer = house.call("GET", f"/v2/app/blobs/{named}", headers={"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */4096")


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=0-1,5-6", "bytes=-"])
def test_a_range_that_is_none_is_ignored(house: House, asked: str) -> None:
    named = house.push_blob("app", CONTENT)
    answer = house.call("GET", f"/v2/app/blobs/{named}", headers={"Range": asked})
    assert (answer.status_code, answer.data) == (200, CONTENT)


class TestMount:
    def test_from_another_repository(self, house: House) -> None:
        named = house.push_blob("other", CONTENT)
        assert house.call("HEAD", f"/v2/app/blobs/{named}").status_code == 404  # not seen across repositories
        answer = house.call("POST", f"/v2/app/blobs/uploads/?mount={named}&from=other")
        assert (answer.status_code, answer.headers["Location"]) == (201, f"/v2/app/blobs/{named}")
        assert_pullable(house, named, CONTENT)

    def test_anonymous(self, house: House) -> None:
        named = house.push_blob("other", CONTENT)
        assert house.call("POST", f"/v2/app/blobs/uploads/?mount={named}").status_code == 201
        assert_pullable(house, named, CONTENT)

    @pytest.mark.parametrize("origin", ["&from=other", "&from=nowhere", "", "&from=123456789012.eu-west-1/other"])
    def test_of_a_blob_that_is_not_there_opens_an_upload(self, house: House, origin: str) -> None:
        answer = house.call("POST", f"/v2/app/blobs/uploads/?mount={digest(CONTENT)}{origin}")
        assert answer.status_code == 202
        assert finish(house, answer.headers["Location"], digest(CONTENT), CONTENT).status_code == 201

    def test_is_off_when_strict_as_in_an_account_of_ecr(self, strict_house: House) -> None:
        house = strict_house
        named = house.push_blob("other", CONTENT)
        assert house.call("POST", f"/v2/app/blobs/uploads/?mount={named}&from=other").status_code == 202


def test_a_cancelled_upload_is_gone(house: House) -> None:
    location = start(house)
    patch(house, location, CONTENT)
    assert house.call("DELETE", location).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = house.call(method, location)
        assert answer.status_code == 404
    assert error_of(house.call("PATCH", location))[0] == "BLOB_UPLOAD_UNKNOWN"
    assert finish(house, location, digest(CONTENT)).status_code == 404
    assert not list(house.blobs.layout.upload_ids())


def test_an_upload_belongs_to_its_repository(house: House) -> None:
    location = start(house)
    elsewhere = location.replace("/v2/app/", "/v2/other/")
    assert house.call("GET", elsewhere).status_code == 404
    assert finish(house, elsewhere, digest(CONTENT), CONTENT).status_code == 404


def test_a_blob_is_deleted_unless_an_image_needs_it(house: House) -> None:
    named = house.push_blob("app", CONTENT)
    assert house.call("DELETE", f"/v2/app/blobs/{named}").status_code == 202
    assert house.call("HEAD", f"/v2/app/blobs/{named}").status_code == 404
    house.push_image("app", "v1", CONTENT)
    answer = house.call("DELETE", f"/v2/app/blobs/{named}")
    assert (answer.status_code, error_of(answer)[0]) == (405, "UNSUPPORTED")
    assert_pullable(house, named, CONTENT)


def test_a_malformed_digest_is_400(house: House) -> None:
    for method in ("GET", "HEAD", "DELETE"):
        assert house.call(method, "/v2/app/blobs/sha256:baddigeststring").status_code == 400


def test_a_session_survives_a_restart(house: House, tmp_path) -> None:
    location = start(house)
    patch(house, location, CONTENT[:1500], 0)
    house.close()
    again = House(tmp_path)
    again.clock.advance(house.clock.now() - again.clock.now())
    status = again.call("GET", location)
    assert (status.status_code, status.headers["Range"]) == (204, "0-1499")
    assert patch(again, location, CONTENT[1500:], 1500).status_code == 202
    assert finish(again, location, digest(CONTENT)).status_code == 201
    assert_pullable(again, digest(CONTENT), CONTENT)
    again.close()


def test_a_session_ends_after_a_day(house: House) -> None:
    location = start(house)
    house.clock.advance(24 * 3600 + 1)
    answer = patch(house, location, CONTENT)
    assert (answer.status_code, error_of(answer)[0]) == (404, "BLOB_UPLOAD_UNKNOWN")
