"""Without an engine, and with one that goes and comes: said at once, nothing pretended, nothing lost."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.homeport import NETWORK, SLEEP, Homeport, Pusher, container, engine, eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

ENGINE_SOCKET = "/var/run/docker.sock"


class Cable:
    """A unix socket that leads to the engine while it is plugged in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener: socket.socket | None = None
        self._pairs: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def plug_in(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def pull_out(self) -> None:
        """No new connection, and the open ones break."""
        if self._listener is not None:
            self._path.unlink()
            self._listener.close()
            self._listener = None
        for each in self._pairs:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(ENGINE_SOCKET)
            self._pairs += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def cable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cable]:
    made = Cable(tmp_path_factory.mktemp("c") / "engine.sock")
    yield made
    made.pull_out()


@pytest.fixture
def far_homeport(tmp_path: Path, cable: Cable, test_image: str) -> Iterator[Homeport]:
    """An emulator on the cable's end; plugged in at the end, so that it can clean up."""
    made = Homeport(tmp_path / "data", options=("--docker-host", cable.url))
    made.start()
    made.client("ecs").create_cluster()
    yield made
    cable.pull_out()
    cable.plug_in()
    eventually(lambda: made.admin("health")["engine"]["status"] == "ok")
    made.end()


def test_apis_and_registry_work_and_tasks_say_why_not(far_homeport: Homeport, cable: Cable, pusher: Pusher) -> None:
    health = far_homeport.admin("health")
    assert (health["status"], health["engine"]["status"]) == ("ok", "unavailable")
    uri = far_homeport.client("ecr").create_repository(repositoryName="app")["repository"]["repositoryUri"]
    digest = pusher.push(far_homeport, uri, "v1", "no engine here\n")
    assert far_homeport.client("ecr").list_images(repositoryName="app")["imageIds"][0]["imageDigest"] == digest
    far_homeport.define("web", container(command=SLEEP))
    task = far_homeport.stopped(far_homeport.run("web"), within_s=25)
    assert task["stopCode"] == "TaskFailedToStart"
    assert "no container engine answers" in task["stoppedReason"]
    cable.plug_in()
    far_homeport.running(far_homeport.run("web"))


def test_a_service_begins_to_run_when_the_engine_comes(far_homeport: Homeport, cable: Cable) -> None:
    ecs = far_homeport.client("ecs")
    far_homeport.define("svc", container(command=SLEEP))
    ecs.create_service(
        serviceName="svc", taskDefinition="svc", desiredCount=2, launchType="FARGATE", networkConfiguration=NETWORK
    )

    def service() -> dict[str, object]:
        found: dict[str, object] = ecs.describe_services(services=["svc"])["services"][0]
        return found

    eventually(lambda: len(ecs.list_tasks(serviceName="svc", desiredStatus="STOPPED")["taskArns"]) >= 2)
    assert service()["runningCount"] == 0
    cable.plug_in()

    def running() -> bool:
        far_homeport.pass_time(10)  # the back-off between launches that fail
        return service()["runningCount"] == 2

    eventually(running)
    assert len(far_homeport.apps("svc")) == 2


def test_what_runs_while_the_engine_is_out_of_reach_runs_on(far_homeport: Homeport, cable: Cable) -> None:
    cable.plug_in()
    eventually(lambda: far_homeport.admin("health")["engine"]["status"] == "ok")
    far_homeport.define("keeps", container(command=SLEEP))
    kept, ended = far_homeport.run("keeps"), far_homeport.run("keeps")
    far_homeport.running(kept), far_homeport.running(ended)
    before = far_homeport.started()
    cable.pull_out()
    eventually(lambda: far_homeport.admin("health")["engine"]["status"] == "unavailable")
    assert far_homeport.task(kept)["lastStatus"] == "RUNNING"
    engine().kill(far_homeport.containers(ended)["app"]["Id"])
    far_homeport.stop_task(kept)
    assert far_homeport.task(ended)["lastStatus"] == "RUNNING"  # nothing is concluded of what cannot be seen
    cable.plug_in()
    task = far_homeport.stopped(ended)
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    assert far_homeport.stopped(kept)["containers"][0]["exitCode"] == 7
    assert not before.keys() & far_homeport.started().keys()
