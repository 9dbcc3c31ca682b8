"""`make demo`'s tour: every line true, and nothing left behind however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.homeport import ROOT, engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


def in_the_engine() -> set[str]:
    """Every container, network, image and volume."""
    api = engine()
    images = {tag for image in api.images() for tag in image["RepoTags"] or [image["Id"]]}
    containers = {container["Id"] for container in api.containers(all=True)}
    networks = {network["Id"] for network in api.networks()}
    return images | containers | networks | {volume["Name"] for volume in api.volumes()["Volumes"] or []}


@pytest.fixture
def left(tmp_path: Path) -> Iterator[list[str]]:
    """What a tour has left in the engine and on disk: asked when the test is over, and to be nothing."""
    before, hosts = in_the_engine(), Path("/etc/hosts").read_text()
    found: list[str] = []
    yield found
    assert in_the_engine() - before == set()
    assert list(tmp_path.iterdir()) == []
    assert Path("/etc/hosts").read_text() == hosts


def tour(tmp_path: Path) -> subprocess.Popen[str]:
    """Started as `make demo` does, with a temporary folder of its own, as the leader of a process group."""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "emulator.demo"]
    output = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def read_until(running: subprocess.Popen[str], text: str) -> str:
    assert running.stdout is not None
    said = ""
    for line in running.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it never said {text!r}:\n{said}")


def test_the_whole_tour(tmp_path: Path, left: list[str]) -> None:
    said, _ = (running := tour(tmp_path)).communicate(timeout=240)
    assert running.returncode == 0, said
    assert "<h1>Hello from a task</h1>" in said
    assert "listening on port 80" in said
    assert "It is RUNNING and desired RUNNING: running as desired." in said
    assert '"Task stopped by user",\n      0\n' in said
    assert "both replaced: yes" in said
    assert "It is ACTIVE and wants 3 tasks: 3 of 3 running." in said
    assert said.rstrip().endswith("left behind: nothing (the Docker Engine is kept)")


def test_ctrl_c_in_the_middle(tmp_path: Path, left: list[str]) -> None:
    running = tour(tmp_path)
    read_until(running, "wait services-stable")
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=90)
    assert running.returncode == 130, said
    assert "left behind: nothing" in said


def test_an_emulator_that_dies_fails_the_tour(tmp_path: Path, left: list[str]) -> None:
    running = tour(tmp_path)
    read_until(running, "wait services-stable")
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    server = next(pid for pid in children if b"\0up\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(int(server), signal.SIGKILL)
    said, _ = running.communicate(timeout=200)
    assert running.returncode == 1, said
    assert "The tour failed" in said
    assert "left behind: nothing" in said


def test_a_port_that_is_taken_is_said(tmp_path: Path, left: list[str]) -> None:
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
        said += running.communicate(timeout=90)[0]
    assert "port 4566 is taken; another is used" in said
    assert "http://localhost:4566" not in said
