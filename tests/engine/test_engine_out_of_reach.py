"""No engine, one that never answers, one that goes and comes back: each call says so within its deadline."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.clock import VirtualClock, monotonic
from emulator.engine.base import EngineNotResponding, EngineUnavailable
from emulator.engine.docker import DockerEngine
from tests.engine_worlds import Heard

CALLS: dict[str, Callable[[DockerEngine], object]] = {
    "info": lambda e: e.info(),
    "list": lambda e: e.list_containers({}),
    "start": lambda e: e.start_container("x"),
    "stop": lambda e: e.stop_container("x", 1),
    "pull": lambda e: e.pull_image("x", None, deadline_s=0.3),
    "attach": lambda e: e.attach_output("x", Heard().sink, Heard().end),
    "exec": lambda e: e.run_in_container("x", ("true",), deadline_s=0.3),
}


class FakeEngine:
    """A socket that answers `/version`, and then does with a request's path what it is told to."""

    def __init__(self, path: Path, answer: Callable[[str, socket.socket], None]) -> None:
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(65536):
                path = data.split(b" ", 2)[1].decode()
                if path.endswith("/version"):
                    answer_json(connection, {"ApiVersion": "1.41", "Version": "20.10.24"})
                else:
                    self._answer(path, connection)
        except OSError:
            pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def answer_json(connection: socket.socket, value: object, status: str = "200 OK") -> None:
    body = json.dumps(value).encode()
    connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "engine.sock"


def engine_at(path: Path) -> DockerEngine:
    return DockerEngine(VirtualClock(), f"unix://{path}", deadline_s=0.3)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_without_an_engine(place: Path, call: Callable[[DockerEngine], object]) -> None:
    with pytest.raises(EngineUnavailable, match="No such file or directory"):
        call(engine_at(place))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_engine_that_never_answers(place: Path, call: Callable[[DockerEngine], object]) -> None:
    fake = FakeEngine(place, lambda _path, _connection: None)
    began = monotonic()
    with pytest.raises(EngineNotResponding, match="did not"):
        call(engine_at(place))
    assert monotonic() - began < 3
    fake.close()


def test_a_pull_that_stalls_half_way(place: Path) -> None:
    def answer(_: str, connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"status":"Pulling"}\n')

    fake, told = FakeEngine(place, answer), []
    with pytest.raises(EngineNotResponding, match=r"pulling x did not finish within 0\.5 s"):
        engine_at(place).pull_image("x", None, deadline_s=0.5, progress=told.append)
    assert told == ["Pulling"]
    fake.close()


def test_events_say_that_the_engine_went_and_came_back(place: Path) -> None:
    def answer(_: str, connection: socket.socket) -> None:
        message = {"Action": "die", "Actor": {"ID": "c1", "Attributes": {"exitCode": "1"}}, "timeNano": 7_000_000_000}
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(message).encode() + b"\n")

    fake, engine = FakeEngine(place, answer), engine_at(place)
    events = engine.events({})
    assert (next(events).action, "c1") == ("die", "c1")
    fake.close()
    place.unlink()
    lost = next(events)
    assert (lost.action, bool(lost.detail)) == ("engine_lost", True)
    again = FakeEngine(place, answer)
    assert [next(events).action, next(events).action] == ["engine_back", "die"]
    engine.close()
    assert list(events) == []
    again.close()


def test_close_ends_events_that_wait_for_an_engine(place: Path) -> None:
    engine, ended = engine_at(place), threading.Event()
    events = engine.events({})
    assert next(events).action == "engine_lost"
    reader = threading.Thread(target=lambda: (list(events), ended.set()), daemon=True)
    reader.start()
    engine.close()
    assert ended.wait(2)
