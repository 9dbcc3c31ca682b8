"""`make demo`'s tour: every line true, and nothing left behind however it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.engine.labels import INSTANCE, LOCK
from tests.docker.homeport import ROOT, engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


def of_the_tour(tmp_path: Path) -> set[str]:
    """Containers and networks of its emulator, whose lock lies in the tour's temporary folder; images with the names
    that it gives to those it makes."""
    api = engine()
    listed = [*api.containers(all=True), *api.networks()]
    images = [name for image in api.images() for name in (image["RepoTags"] or []) + (image["RepoDigests"] or [])]
    made = re.compile(r"homeport-demo/|localhost:\d+/my-app|\d{12}\.dkr\.ecr\..*/my-app")
    return {
        *(thing["Id"] for thing in listed if str(tmp_path) in (thing["Labels"] or {}).get(LOCK, "")),
        *(name for name in images if made.match(name)),
    }


def volumes_of_nobody_else(tmp_path: Path) -> set[str]:
    """Names of the tour's own, and of those that nobody has named: the volumes of other emulators, of compose and of
    other tests come and go beside the tour."""
    return {
        volume["Name"]
        for volume in engine().volumes()["Volumes"] or []
        if str(tmp_path) in (labels := volume["Labels"] or {}).get(LOCK, "")
        or (INSTANCE not in labels and re.fullmatch("[0-9a-f]{64}", volume["Name"]))
    }


@pytest.fixture
def left(tmp_path: Path) -> Iterator[None]:
    """What a tour has left in the engine and on disk: asked when the test is over, and to be nothing."""
    hosts, before, others = Path("/etc/hosts").read_text(), volumes_of_nobody_else(tmp_path), of_the_tour(tmp_path)
    yield
    assert of_the_tour(tmp_path) <= others  # somebody may follow the README beside us, which has the same image
    assert list(tmp_path.iterdir()) == []
    assert volumes_of_nobody_else(tmp_path) <= before
    assert Path("/etc/hosts").read_text() == hosts


def tour(tmp_path: Path) -> subprocess.Popen[str]:
    """Started as `make demo` does, with a temporary folder of its own, as the leader of a process group."""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "emulator.demo"]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # a shell has what it runs in the background ignore Ctrl-C, and the tests may run there
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def read_until(running: subprocess.Popen[str], text: str) -> str:
    assert running.stdout is not None
    said = ""
    for line in running.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it never said {text!r}:\n{said}")


def test_the_whole_tour(tmp_path: Path, left: None) -> None:
    said, _ = (running := tour(tmp_path)).communicate(timeout=540)
    assert running.returncode == 0, said
    assert "<h1>Hello from a task</h1>" in said
    assert "listening on port 80" in said
    assert "It is RUNNING and desired RUNNING: running as desired." in said
    assert '"Task stopped by user",\n      0\n' in said
    assert "both replaced: yes" in said
    assert "It is ACTIVE and wants 3 tasks: 3 of 3 running" in said
    assert said.rstrip().endswith("left behind: nothing (the Docker Engine is kept)")


def test_ctrl_c_in_the_middle(tmp_path: Path, left: None) -> None:
    running = tour(tmp_path)
    read_until(running, "wait services-stable")
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=540)
    assert running.returncode == 130, said
    assert "left behind: nothing" in said


def command_of(process: str) -> bytes:
    """Of one that may be gone: the tour's other children come and go."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def test_an_emulator_that_dies_fails_the_tour(tmp_path: Path, left: None) -> None:
    running = tour(tmp_path)
    read_until(running, "wait services-stable")
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    server = next(pid for pid in children if b"\0up\0" in command_of(pid))
    os.kill(int(server), signal.SIGKILL)
    said, _ = running.communicate(timeout=540)
    assert running.returncode == 1, said
    assert "The tour failed" in said
    assert "left behind: nothing" in said


def test_a_port_that_is_taken_is_said(tmp_path: Path, left: None) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 4566))
            taken.listen()
        except OSError:
            pass  # then somebody else has it, which is as good
        running = tour(tmp_path)
        said = read_until(running, "it answers")
        os.killpg(running.pid, signal.SIGINT)
        said += running.communicate(timeout=540)[0]
    assert "port 4566 is taken; another is used" in said
    assert "http://localhost:4566" not in said
