"""A real `homeport up` on the real engine, for scenarios; it must leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest

from emulator.demo_image import web_image

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGE = "homeport-test/web:1"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa", "subnet-bbbb"]}}
GROUP = "/ecs/test"


def eventually(look: Callable[[], Any], within_s: float = 30.0) -> Any:
    """The first true thing that `look` gives."""
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, f"not within {within_s:g} s"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Homeport:
    """A process, and clients of it."""

    directory: Path
    port: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    instance: str = ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "emulator", "up", "--port", str(self.port), "--registry-port", "0"]
        command += ["--data-dir", str(self.directory), "--log-level", "WARNING", *self.options]
        log = (self.directory.parent / f"{self.directory.name}.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        self.instance = eventually(self._answers)

    def _answers(self) -> str:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory.parent / f"{self.directory.name}.log").read_text()
        try:
            return str(json.load(urllib.request.urlopen(f"{self.url}/_emulator/health", timeout=5))["instance"])
        except OSError:
            return ""

    def kill(self) -> None:
        """As a crash does."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> float:
        """Ctrl-C; how long it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 0
        return time.monotonic() - began

    def reset(self) -> None:
        request = urllib.request.Request(f"{self.url}/_emulator/reset", data=b"{}", method="POST")
        urllib.request.urlopen(request, timeout=120).close()

    def client(self, service: str) -> Any:
        return boto3.session.Session().client(
            service, "us-east-1", endpoint_url=self.url, aws_access_key_id="test", aws_secret_access_key="test"
        )

    # ---- what scenarios do

    def define(self, family: str, *containers: dict[str, Any]) -> None:
        self.client("ecs").register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            executionRoleArn="arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
            containerDefinitions=list(containers),
        )

    def run(self, family: str) -> str:
        answer = self.client("ecs").run_task(taskDefinition=family, launchType="FARGATE", networkConfiguration=NETWORK)
        return str(answer["tasks"][0]["taskArn"])

    def task(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("ecs").describe_tasks(tasks=[arn])["tasks"][0]
        return found

    def running(self, arn: str) -> dict[str, Any]:
        ecs = self.client("ecs")

        def look() -> dict[str, Any] | None:
            task: dict[str, Any] = ecs.describe_tasks(tasks=[arn])["tasks"][0]
            assert task["lastStatus"] != "STOPPED", task.get("stoppedReason")
            return task if task["lastStatus"] == "RUNNING" else None

        found: dict[str, Any] = eventually(look)
        return found

    def stopped(self, arn: str, within_s: float = 40) -> dict[str, Any]:
        ecs = self.client("ecs")

        def look() -> dict[str, Any] | None:
            task: dict[str, Any] = ecs.describe_tasks(tasks=[arn])["tasks"][0]
            return task if task["lastStatus"] == "STOPPED" else None

        found: dict[str, Any] = eventually(look, within_s)
        return found

    def containers(self, arn: str) -> dict[str, dict[str, Any]]:
        """What the engine shows of a task, by container name."""
        api = docker.APIClient(version="auto")
        listed = api.containers(all=True, filters={"label": [f"homeport.task={arn}"]})
        return {c["Labels"]["homeport.container"]: api.inspect_container(c["Id"]) for c in listed}

    def left(self) -> list[str]:
        api = docker.APIClient(version="auto")
        wanted = {"label": [f"homeport.instance={self.instance}"]}
        return [c["Id"] for c in api.containers(all=True, filters=wanted)] + [
            n["Name"] for n in api.networks(filters=wanted)
        ]


@pytest.fixture(scope="session")
def test_image() -> Iterator[str]:
    api: Any = docker.APIClient(version="auto")
    api.load_image(web_image().docker_archive(IMAGE))
    yield IMAGE
    api.remove_image(IMAGE, force=True)


@pytest.fixture(scope="session")
def homeport(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[Homeport]:
    """One emulator for many scenarios."""
    made = Homeport(tmp_path_factory.mktemp("homeport") / "data", free_port())
    made.start()
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    yield made
    made.reset()
    assert made.left() == []
    assert made.stop() < 10


@pytest.fixture
def own_homeport(tmp_path: Path, test_image: str) -> Iterator[Homeport]:
    """An emulator that a scenario may kill."""
    made = Homeport(tmp_path / "data", free_port())
    made.start()
    made.client("ecs").create_cluster()
    yield made
    made.reset()
    made.stop()
    assert made.left() == []
