"""The process ends soon, whatever an engine or a client keeps it waiting for, and at whatever moment it is told to."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.homeport import ROOT, SOON_S, Homeport, container, eventually
from tests.engine.fake_engine import FakeEngine, answer_json

INFO = {"ServerVersion": "20.10.24", "OSType": "linux", "Architecture": "x86_64", "NCPU": 2, "MemTotal": 1 << 33}
ANSWERS: dict[str, Any] = {"info": INFO, "containers/json": [], "volumes": {"Volumes": []}, "networks": []}


class StuckEngine:
    """Answers what a start asks, until it is `stuck`; never what makes something."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked = threading.Event()
        self.stuck = False
        self._engine = FakeEngine(path, self._answer)

    def _answer(self, path: str, connection: socket.socket) -> None:
        name = path.partition("?")[0].split("/", 2)[-1]
        if name == "events":
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        elif name in ANSWERS and not self.stuck:
            answer_json(connection, ANSWERS[name])
        else:
            self.asked.set()

    def close(self) -> None:
        self._engine.close()


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[StuckEngine]:
    engine = StuckEngine(tmp_path / "engine.sock")
    yield engine
    engine.close()


Start = Callable[..., Homeport]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a process; it is awaited where a test says nothing else."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    made: list[Homeport] = []

    def begin(*options: str, wait: bool = True) -> Homeport:
        made.append(homeport := Homeport(tmp_path / f"data-{len(made)}", options=options))
        if wait:
            homeport.start()
        else:
            homeport.launch()
        return homeport

    yield begin
    for homeport in made:
        if homeport.process is not None and homeport.process.poll() is None:
            homeport.kill()


def ended(homeport: Homeport, number: signal.Signals = signal.SIGINT) -> str:
    """What it said, once it has ended well."""
    assert homeport.process is not None
    homeport.process.send_signal(number)
    assert homeport.process.wait(SOON_S) == 0, homeport.log.read_text()
    said = homeport.log.read_text()
    assert "Stopping" in said
    assert "Traceback" not in said
    return said


def test_an_engine_call_in_hand_is_not_waited_for(start: Start, stuck: StuckEngine) -> None:
    homeport = start("--docker-host", f"unix://{stuck.path}")
    homeport.client("ecs").create_cluster()
    homeport.define("web", container())
    homeport.run("web")
    assert stuck.asked.wait(60)
    ended(homeport)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_start_that_waits_for_an_engine_can_be_ended(
    start: Start, stuck: StuckEngine, number: signal.Signals
) -> None:
    stuck.stuck = True
    homeport = start("--docker-host", f"unix://{stuck.path}", wait=False)
    assert stuck.asked.wait(60)
    assert "Ctrl-C stops it" not in ended(homeport, number)


def test_it_can_be_ended_while_it_is_built(start: Start) -> None:
    homeport = start("--engine", "simulated", wait=False)
    eventually((homeport.directory / "lock").exists)
    ended(homeport)


def test_it_ends_while_a_client_listens_to_what_has_no_end(start: Start) -> None:
    homeport = start("--engine", "simulated")
    homeport.client("logs").create_log_group(logGroupName="g")
    follow = [sys.executable, "-m", "emulator", "logs", "g", "--follow", "--endpoint", homeport.url]
    following = subprocess.Popen(follow, cwd=ROOT, stdout=subprocess.DEVNULL)
    idle = http.client.HTTPConnection("localhost", homeport.port)
    idle.request("GET", "/_emulator/health")
    idle.getresponse().read()
    ended(homeport)
    assert following.wait(60) in (0, 1)
    idle.close()


def test_without_an_engine_a_run_that_leaves_nothing_ends_well(start: Start, tmp_path: Path) -> None:
    said = ended(start("--ephemeral", "--docker-host", f"unix://{tmp_path}/nowhere.sock"))
    assert "what this run made is left to the next start" in said


def test_told_twice_it_ends_at_once(start: Start, stuck: StuckEngine) -> None:
    homeport = start("--ephemeral", "--docker-host", f"unix://{stuck.path}")
    stuck.stuck = True
    assert homeport.process is not None
    process = homeport.process

    def told_again() -> bool:
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    eventually(told_again, SOON_S)
    assert process.returncode == 128 + signal.SIGINT
    assert "told to stop twice" in homeport.log.read_text()


def test_a_restart_goes_on_at_the_time_that_was_answered(start: Start) -> None:
    homeport = start("--engine", "simulated")
    for _ in range(2):
        answered = homeport.admin("clock", {"advance": 86400})["now"]
    homeport.kill()
    homeport.start()
    assert homeport.admin("clock")["now"] >= answered
    eventually(lambda: "ahead of this machine's; homeport reset puts it back" in homeport.log.read_text(), 30)
    homeport.admin("reset", {})
    homeport.kill()
    homeport.start()
    assert homeport.admin("clock")["ahead"] == 0
    homeport.kill()
