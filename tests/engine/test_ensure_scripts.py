"""The set-up scripts, with stand-ins for the commands that would change the machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"

DOCKER = '[ -e "$STATE/running" ] && echo 99.1\n[ -e "$STATE/running" ]\n'
STARTS = ': > "$STATE/running"; echo started with "$@" >> "$STATE/calls"\n'
APT_GET = 'echo apt-get "$@" >> "$STATE/calls"; [ ! -e "$STATE/apt-fails" ] || { echo "E: no network"; exit 100; }\n'
DPKG = 'case "$*" in *present*) echo installed;; *) exit 1;; esac\n'


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    commands = {"docker": DOCKER, "dockerd": STARTS, "systemctl": STARTS, "apt-get": APT_GET, "dpkg-query": DPKG}
    commands |= {"apt-cache": "", "id": "echo 0\n"}
    (tmp_path / "bin").mkdir()
    for name, script in commands.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}")
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def run(machine: Path, script: str, *arguments: str, **more: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    environment |= {"PATH": f"{machine / 'bin'}:{os.environ['PATH']}", "STATE": str(machine)}
    environment |= {"HOMEPORT_ENGINE_WAIT_S": "3"} | more
    command = [str(SCRIPTS / script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def calls(machine: Path) -> str:
    made = machine / "calls"
    return made.read_text() if made.exists() else ""


def test_an_engine_that_answers_is_left_alone(machine: Path) -> None:
    (machine / "running").touch()
    assert run(machine, "ensure-engine") == (0, "ensure-engine: Docker Engine 99.1 answers\n")
    assert calls(machine) == ""


def test_an_engine_that_is_installed_is_started(machine: Path) -> None:
    code, said = run(machine, "ensure-engine", str(machine / "logs"))
    assert code == 0, said
    assert "starting" in said
    assert "Docker Engine 99.1 answers" in said
    assert "apt-get" not in calls(machine)


def test_an_engine_that_does_not_come_up_is_a_clear_failure(machine: Path) -> None:
    for name in ("dockerd", "systemctl"):
        (machine / "bin" / name).write_text("#!/bin/sh\necho 'failed to start daemon: no cgroups'\n")
    code, said = run(machine, "ensure-engine", str(machine / "logs"))
    assert code == 1
    assert "no answer after 3 s" in said
    assert "no cgroups" in said or "journalctl" in said


def test_a_named_engine_is_never_installed(machine: Path) -> None:
    code, said = run(machine, "ensure-engine", DOCKER_HOST="tcp://elsewhere:2375")
    assert (code, calls(machine)) == (1, "")
    assert "no engine answers at DOCKER_HOST=tcp://elsewhere:2375" in said


def test_only_missing_packages_are_installed(machine: Path) -> None:
    code, said = run(machine, "ensure-packages", "present", "lacking")
    assert code == 0
    assert said == "ensure-packages: installing: lacking\nensure-packages: installed: lacking\n"
    assert calls(machine) == "apt-get install -y --no-install-recommends lacking\n"
    assert run(machine, "ensure-packages", "present") == (0, "ensure-packages: already installed: present\n")


def test_a_failed_installation_shows_why(machine: Path) -> None:
    (machine / "apt-fails").touch()
    code, said = run(machine, "ensure-packages", "lacking")
    assert code == 1
    assert "E: no network" in said
    assert "refreshing the package lists" in said
