"""Rooms of the front door that are put up when somebody first comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from emulator.app import Emulator
from emulator.front import Environ, Lazily, StartResponse, Wsgi
from emulator.serve import ClientGone, MalformedBody
from tests.conftest import call_wsgi, make_environ


def test_rooms_are_put_up_once_and_never_two_at_a_time() -> None:
    """They import libraries: importing one in two threads at once may give a module that is half there."""
    under_way: list[str] = []
    most: list[int] = []
    made: list[str] = []
    together = threading.Barrier(8)

    def room(name: str) -> Callable[[], Wsgi]:
        def make() -> Wsgi:
            under_way.append(name)
            made.append(name)
            threading.Event().wait(0.02)
            most.append(len(under_way))
            under_way.remove(name)
            return lambda environ, start_response: [name.encode()]

        return make

    rooms = [Lazily(room("registry")), Lazily(room("admin"))]
    answers: list[Iterable[bytes]] = []

    def come(which: int) -> None:
        together.wait()
        answers.append(rooms[which % 2](_environ(), _start_response))

    visitors = [threading.Thread(target=come, args=(n,)) for n in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert sorted(made) == ["admin", "registry"]
    assert most == [1, 1]
    assert sorted(answers) == [[b"admin"]] * 4 + [[b"registry"]] * 4


def _environ() -> Environ:
    return {}


_start_response: StartResponse = dict


@pytest.mark.parametrize("path", ["/v2/", "/v2/fuzz/tags/list", "/_emulator/explain", "/_emulator/logs", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_bytes_that_no_uri_has_are_read_as_their_escapes(emulator: Emulator, path: str, method: str) -> None:
    said = make_environ(method, path, b"", {}, "subject=\xe9&of=\xc3\xa9&scope=\xff")
    assert call_wsgi(emulator.wsgi, said)[0] in (400, 401, 403, 404, 405)


class _Broken:
    """A body that fails to come."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def read(self, size: int = -1) -> bytes:
        raise self._failure


@pytest.mark.parametrize("failure", [ClientGone("left"), MalformedBody("a chunk size is not hexadecimal")])
def test_a_body_that_does_not_come_is_the_callers_fault(
    emulator: Emulator, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    said = make_environ("POST", "/", b"", {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}, "")
    status, _, body = call_wsgi(emulator.wsgi, {**said, "CONTENT_LENGTH": "5", "wsgi.input": _Broken(failure)})
    assert (status, b"SerializationException" in body) == (400, True)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
