"""No engine, one that never answers, one that goes and comes back: each call says so within its deadline."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.clock import VirtualClock, monotonic
from emulator.engine.base import EngineNotResponding, EngineUnavailable
from emulator.engine.docker.engine import DockerEngine
from tests.engine.fake_engine import FakeEngine
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


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "engine.sock"


def engine_at(path: Path, deadline_s: float = 60) -> DockerEngine:
    return DockerEngine(VirtualClock(), f"unix://{path}", deadline_s)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_without_an_engine(place: Path, call: Callable[[DockerEngine], object]) -> None:
    with pytest.raises(EngineUnavailable, match="No such file or directory"):
        call(engine_at(place))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_engine_that_never_answers(place: Path, call: Callable[[DockerEngine], object]) -> None:
    fake = FakeEngine(place, lambda _path, _connection: None)
    began = monotonic()
    with pytest.raises(EngineNotResponding, match="did not"):
        call(engine_at(place, deadline_s=0.3))
    assert monotonic() - began < 20
    fake.close()


def test_a_pull_that_stalls_half_way(place: Path) -> None:
    def answer(_: str, connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"status":"Pulling"}\n')

    fake, told = FakeEngine(place, answer), []
    with pytest.raises(EngineNotResponding, match=r"pulling x did not finish within 2 s"):
        engine_at(place).pull_image("x", None, deadline_s=2, progress=told.append)
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
    assert ended.wait(60)
