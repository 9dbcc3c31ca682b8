"""Uploads whatever the pieces: any chunking gives the blob, any failure leaves the upload where it was."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.registry.blobs import BlobStore
from emulator.registry.uploads import DigestMismatch, UploadBusy, UploadEnded, Uploads
from emulator.serve import ClientGone
from tests.registry.conftest import House, digest, error_of


class Dribble:
    """A body that comes in pieces of the given sizes, and may end with the client leaving."""

    def __init__(self, content: bytes, sizes: list[int], *, leaves: bool = False) -> None:
        self._source = io.BytesIO(content)
        self._sizes = list(sizes)
        self._leaves = leaves

    def readinto(self, buffer: memoryview) -> int:
        size = self._sizes.pop(0) if self._sizes else len(buffer)
        got = self._source.readinto(buffer[: max(1, size)])
        if not got and self._leaves:
            raise ClientGone("left")
        return got


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(BlobStore(tmp_path))


@settings(max_examples=60, deadline=None)
@given(
    chunks=st.lists(st.tuples(st.binary(max_size=3000), st.lists(st.integers(1, 500), max_size=5)), max_size=6),
    restart_before=st.integers(0, 6),
    algorithm=st.sampled_from(["sha256", "sha512"]),
    begun_as=st.sampled_from(["sha256", "sha512"]),
)
def test_any_chunking_gives_the_blob(tmp_path_factory, chunks, restart_before, algorithm, begun_as) -> None:
    store = BlobStore(tmp_path_factory.mktemp("store"))
    uploads, content = Uploads(store), b"".join(chunk for chunk, _ in chunks)
    for number, (chunk, sizes) in enumerate(chunks):
        if number == restart_before:
            uploads = Uploads(store)  # a restart: the state of the hash is lost
        with uploads.taken("u1", begun_as) as upload:
            assert upload.receive(Dribble(chunk, sizes)) == len(chunk)
    with uploads.taken("u1", begun_as) as upload:
        assert upload.seal(digest(content, algorithm)) == len(content)
        with store.publishing(upload.path, digest(content, algorithm)):
            pass
    with store.open(digest(content, algorithm)) as file:
        assert file.read() == content


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 4096), max_size=5), content=st.binary(min_size=1, max_size=4096))
def test_a_client_that_leaves_goes_on_where_it_was(tmp_path_factory, cuts, content) -> None:
    """Through HTTP: each attempt starts where `Range` says, until all is there."""
    house = House(tmp_path_factory.mktemp("house"))
    house.create("app")
    location = house.call("POST", "/v2/app/blobs/uploads/").headers["Location"]
    upload_id = location.rpartition("/")[2]
    for cut in cuts:
        received = house.uploads.received(upload_id)
        with house.uploads.taken(upload_id) as upload, pytest.raises(ClientGone):
            upload.receive(Dribble(content[received : received + cut], [cut], leaves=True))
        status = house.call("GET", location)
        assert status.headers["Range"] == f"0-{max(0, min(received + cut, len(content)) - 1)}"
    received = house.uploads.received(upload_id)
    rest = content[received:]
    headers = {"Content-Range": f"{received}-{received + len(rest) - 1}"} if rest else {}
    done = house.call("PUT", f"{location}?digest={digest(content)}", data=rest, headers=headers)
    assert done.status_code == 201, done.text
    assert house.call("GET", f"/v2/app/blobs/{digest(content)}").data == content
    house.close()


def test_a_chunk_cut_back_is_not_in_the_hash(uploads: Uploads) -> None:
    with uploads.taken("u1") as upload:
        upload.receive(io.BytesIO(b"kept"))
        upload.receive(io.BytesIO(b"wrong"))
        upload.truncate(4)
        upload.receive(io.BytesIO(b" too"))
        assert upload.seal(digest(b"kept too")) == 8


def test_bytes_of_another_digest_are_refused(uploads: Uploads) -> None:
    with uploads.taken("u1") as upload:
        upload.receive(io.BytesIO(b"content"))
        with pytest.raises(DigestMismatch):
            upload.seal(digest(b"other"))


def test_a_limit_leaves_the_rest_unread(uploads: Uploads) -> None:
    source = io.BytesIO(b"first second")
    with uploads.taken("u1") as upload:
        assert upload.receive(source, 5) == 5
        assert upload.received == 5
    assert source.read() == b" second"


def test_one_request_at_a_time(uploads: Uploads) -> None:
    with uploads.taken("u1"), pytest.raises(UploadBusy), uploads.taken("u1", wait_s=0.01):
        pass


def test_who_waited_while_it_ended_is_told(uploads: Uploads) -> None:
    held, told = threading.Event(), threading.Event()

    def second() -> None:
        held.wait(60)
        try:
            with uploads.taken("u1"):
                pass
        except UploadEnded:
            told.set()

    waiting = threading.Thread(target=second)
    waiting.start()
    with uploads.taken("u1") as upload:
        held.set()
        upload.receive(io.BytesIO(b"x"))
        uploads.forget("u1")
    waiting.join(60)
    assert told.is_set()
    assert uploads.received("u1") == 0


def test_a_busy_upload_is_a_conflict(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    location = house.call("POST", "/v2/app/blobs/uploads/").headers["Location"]
    upload_id = location.rpartition("/")[2]
    impatient = house.uploads.taken
    monkeypatch.setattr(house.uploads, "taken", lambda *given: impatient(*given, wait_s=0.01))
    with impatient(upload_id):
        answer = house.call("PATCH", location, data=b"x")
    assert (answer.status_code, error_of(answer)[0]) == (409, "BLOB_UPLOAD_INVALID")
