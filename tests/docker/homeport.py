"""A real `homeport up` process, clients of it, and what the engine shows of its tasks."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import docker
import docker.errors

from emulator.demo.image import web_image
from emulator.engine.control_groups import GroupName
from emulator.engine.group_files import GroupFiles
from emulator.engine.systemd_slices import slice_path
from tests.engine_worlds import heeds

ROOT = Path(__file__).resolve().parent.parent.parent
SESSION = boto3.session.Session()
ACCOUNT = "123456789012"
REGION = "us-east-1"
RUN = os.urandom(4).hex()
"""Of this test run: another one on the same engine has images of its own."""
IMAGE = f"homeport-test/web:{RUN}"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa", "subnet-bbbb"]}}
GROUP = "/ecs/test"
LOG_OPTIONS = {"awslogs-group": GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": "t"}
AWSLOGS = {"logDriver": "awslogs", "options": LOG_OPTIONS}
PAUSE = "~internal~ecs~pause"
SOON_S = 25.0
"""The user is promised ten seconds, on a machine that does nothing else. An engine's call has thirty."""
SLEEP = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"]
"""A command that ends at once with 7 when it is told to."""
STUBBORN = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
"""A command that its stop signal does not end."""


def eventually(look: Callable[[], Any], within_s: float = 90.0, every_s: float = 0.05) -> Any:
    """The first true thing that `look` gives. The time is a busy machine's: on a quiet one nothing takes so long."""
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, f"not within {within_s:g} s: {found!r}"
        time.sleep(every_s)
    return found


def free_port() -> int:
    """Not one that the system gives to whoever connects somewhere: it would be taken again before it is served."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@functools.cache
def engine() -> Any:
    """The SDK's low-level client."""
    return docker.APIClient(version="auto")


def container(name: str = "app", image: str = IMAGE, **members: Any) -> dict[str, Any]:
    return {"name": name, "image": image, "stopTimeout": 5, **members}


def shell(script: str, name: str = "app", **members: Any) -> dict[str, Any]:
    return container(name, entryPoint=["sh", "-c"], command=[script], **members)


@dataclass
class Homeport:
    """A process, and clients of it. `options` are further ones of `homeport up`."""

    directory: Path
    port: int = field(default_factory=free_port)
    host: str = "localhost"
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    instance: str = ""
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory.parent / f"{self.directory.name}.log"

    # ---- the process

    def start(self) -> None:
        self.launch()
        self.instance = eventually(self._answers)

    def launch(self) -> None:
        """Without waiting for it to serve."""
        command = [sys.executable, "-m", "emulator", "up", "--port", str(self.port), "--registry-port", "0"]
        command += ["--data-dir", str(self.directory), "--log-level", "WARNING", *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)

    def _answers(self) -> str:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return str(self.admin("health")["instance"])
        except OSError:
            return ""

    def admin(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data=data)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """As a crash does."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> float:
        """Ctrl-C; how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(90) == 0
        return time.monotonic() - began

    def pass_time(self, seconds: float) -> None:
        """Moves the emulator's clock, timer by timer."""
        self.admin("clock", {"advance": seconds})

    def reset(self) -> None:
        self.admin("reset", {})

    def end(self) -> None:
        """Reset and stop, and their promises: nothing is left, it ends soon, no bug showed in the log."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.reset()
        left = self.left()
        assert self.stop() < SOON_S
        assert left == []
        assert "Traceback" not in self.log.read_text(), self.log.read_text()

    # ---- clients

    def client(self, service: str, region: str = REGION, key: str = "test") -> Any:
        """One for each service, region and key: making one costs more than most calls."""
        which = (service, region, key)
        if which not in self._clients:
            self._clients[which] = SESSION.client(
                service, region, endpoint_url=self.url, aws_access_key_id=key, aws_secret_access_key="test"
            )
        return self._clients[which]

    def shell(self, command: str, *, fails: bool = False, within_s: float = 180, **environment: str) -> str:
        """A user's shell: the AWS CLI and docker, with configurations of their own. Standard output and error."""
        home = self.directory.parent / f"{self.directory.name}-home"
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        aws = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_PAGER": "",
            "AWS_DATA_PATH": os.environ["AWS_DATA_PATH"],
            "AWS_CONFIG_FILE": str(home / "aws-config"),
            "DOCKER_CONFIG": str(home / "docker"),
        }
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],
            env={**own, **aws, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within_s,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"{command}: {done.stdout}"
        return done.stdout.strip()

    # ---- what scenarios do

    def define(self, family: str, *containers: dict[str, Any], **members: Any) -> str:
        return define(self.client("ecs"), family, *containers, **members)

    def run(self, family: str, **members: Any) -> str:
        return run(self.client("ecs"), family, **members)

    def stop_task(self, arn: str) -> None:
        self.client("ecs").stop_task(task=arn)

    def task(self, arn: str) -> dict[str, Any]:
        _, _, _, region, account, resource = arn.split(":")
        ecs = self.client("ecs", region, key=account)
        found: dict[str, Any] = ecs.describe_tasks(cluster=resource.split("/")[1], tasks=[arn])["tasks"][0]
        return found

    def running(self, arn: str, within_s: float = 90) -> dict[str, Any]:
        """The task once it runs, and each container that has a trap for SIGTERM has set it: a process 1 that has not is
        not ended by that signal."""

        def look() -> dict[str, Any] | None:
            task = self.task(arn)
            assert task["lastStatus"] != "STOPPED", task.get("stoppedReason")
            return task if task["lastStatus"] == "RUNNING" else None

        found: dict[str, Any] = eventually(look, within_s)
        eventually(lambda: all(map(_has_set_its_trap, self.containers(arn).values())), within_s)
        return found

    def stopped(self, arn: str, within_s: float = 90) -> dict[str, Any]:
        """The task once it has STOPPED, which leaves no container of it in the engine."""

        def look() -> dict[str, Any] | None:
            task = self.task(arn)
            return task if task["lastStatus"] == "STOPPED" else None

        found: dict[str, Any] = eventually(look, within_s)
        assert self.containers(arn) == {}
        return found

    def messages(self, arn: str, name: str = "app") -> list[str]:
        """What a container's log stream holds; nothing while there is no stream."""
        logs = self.client("logs")
        stream = f"t/{name}/{arn.rpartition('/')[2]}"
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            try:
                page = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, **token)
            except logs.exceptions.ResourceNotFoundException:
                return []
            if not page["events"]:
                return found
            found += [event["message"] for event in page["events"]]
            token = {"nextToken": page["nextForwardToken"]}

    def said(self, family: str) -> list[str]:
        """Runs a task that ends, and gives all that its container `app` said."""
        arn = self.run(family)
        self.stopped(arn)
        return eventually(lambda: self.messages(arn))

    # ---- what the engine shows

    def containers(self, arn: str) -> dict[str, dict[str, Any]]:
        """Of a task, by container name, as `docker inspect` shows them."""
        api = engine()
        found = {}
        for each in api.containers(all=True, filters={"label": [f"homeport.task={arn}"]}):
            with contextlib.suppress(docker.errors.NotFound):  # it is being removed
                found[each["Labels"]["homeport.container"]] = api.inspect_container(each["Id"])
        return found

    def shows_running(self, arn: str) -> bool:
        """Whether the engine runs the task's container `app`. A task that ends is RUNNING on record a moment longer."""
        app = self.containers(arn).get("app")
        return app is not None and app["State"]["Running"] is True

    def group(self, arn: str) -> str | None:
        """Where the kernel keeps the task's control group, by what the engine says of its containers. None: each of
        them is limited for itself, and Homeport has said why."""
        parents = {c["HostConfig"]["CgroupParent"] for name, c in self.containers(arn).items() if name != PAUSE}
        limits = self.admin("health")["engine"]["limits"]
        if limits["level"] == "container":
            assert parents == {""}, limits
            return None
        (parent,) = parents
        task = arn.rpartition("/")[2]
        assert task in parent and self.instance in parent
        return slice_path(GroupName(self.instance, task)) if parent.endswith(".slice") else str(parent)

    def cpus(self, arn: str) -> float | None:
        """How many CPUs the task's containers may use, by the kernel or by the engine."""
        group = self.group(arn)
        if group is not None:
            return GroupFiles().ceilings(group)[0]
        (each,) = {c["HostConfig"]["NanoCpus"] for name, c in self.containers(arn).items() if name != PAUSE}
        return float(each) / 1e9

    def apps(self, service: str) -> dict[str, str]:
        """Running application containers of a service: id to the revision they run."""
        labels = [f"homeport.instance={self.instance}", f"homeport.service={service}", "homeport.kind=app"]
        listed = engine().containers(filters={"label": labels})
        return {c["Id"]: c["Labels"]["com.amazonaws.ecs.task-definition-version"] for c in listed}

    def started(self, *labels: str) -> dict[str, str]:
        """All running containers of this emulator, or those with these labels too: id to when each started."""
        api = engine()
        wanted = [f"homeport.instance={self.instance}", *labels]
        ids = [c["Id"] for c in api.containers(filters={"label": wanted})]
        found = {}
        for id_ in ids:
            with contextlib.suppress(docker.errors.NotFound):  # its removal was asked for before a kill
                found[id_] = str(api.inspect_container(id_)["State"]["StartedAt"])
        return found

    def left(self) -> list[str]:
        """Containers and networks of this emulator."""
        return left_of(self.instance)


def _has_set_its_trap(shown: dict[str, Any]) -> bool:
    """Of a container as the engine shows it: whether its process 1 catches or ignores SIGTERM, where it is to."""
    if not shown["State"]["Running"] or not re.search(r"\btrap\b.*\bTERM\b", " ".join(shown["Args"])):
        return True
    return heeds(shown["State"]["Pid"], signal.SIGTERM)


def left_of(instance: str) -> list[str]:
    """Containers and networks of an emulator."""
    wanted = {"label": [f"homeport.instance={instance}"]}
    api = engine()
    containers = [c["Names"][0] for c in api.containers(all=True, filters=wanted)]
    return containers + [n["Name"] for n in api.networks(filters=wanted)]


def define(ecs: Any, family: str, *containers: dict[str, Any], **members: Any) -> str:
    settings = {
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole",
        "containerDefinitions": list(containers),
    }
    return str(ecs.register_task_definition(**{**settings, **members})["taskDefinition"]["taskDefinitionArn"])


def run(ecs: Any, family: str, **members: Any) -> str:
    answer = ecs.run_task(taskDefinition=family, launchType="FARGATE", networkConfiguration=NETWORK, **members)
    assert answer["failures"] == []
    return str(answer["tasks"][0]["taskArn"])


def aws_commands() -> list[str]:
    """The AWS CLIs of this machine: the one that is found first, led here by the environment, and Debian's, which is
    version 2 and too old for AWS_ENDPOINT_URL."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    first, debian = shutil.which("aws", path=path), "/usr/bin/aws"
    found = [first] if first not in (None, debian) else []
    return [*found, f"{debian} --endpoint-url $AWS_ENDPOINT_URL"]


class Pusher:
    """Images made from nothing, pushed with docker's API to an emulator's registry, and taken away again."""

    def __init__(self) -> None:
        self._api = engine()
        self._ids: set[str] = set()

    def make(self, reference: str, page: str) -> None:
        """An image of its own in the engine."""
        self._api.load_image(web_image(page=page, labels={"run": RUN}).docker_archive(reference))
        self.tagged(reference)

    def push(self, homeport: Homeport, uri: str, tag: str, page: str, region: str = REGION, key: str = "test") -> str:
        """The digest of what was pushed. The engine keeps nothing of it."""
        self.make(f"{uri}:{tag}", page)
        ecr = homeport.client("ecr", region, key)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        auth = {"username": "AWS", "password": base64.b64decode(token).decode().partition(":")[2]}
        digest = ""
        for line in self._api.push(uri, tag, stream=True, decode=True, auth_config=auth):
            assert "error" not in line, line
            digest = line.get("aux", {}).get("Digest", digest)
        self.forget_in_engine()
        return digest

    def forget_in_engine(self) -> None:
        """The engine has to fetch the images anew. Those that a running container uses stay."""
        for image in list(self._ids):
            try:
                self._api.remove_image(image, force=True)
            except docker.errors.ImageNotFound:
                continue
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise

    def tagged(self, reference: str) -> str:
        """The id of the engine's image of that name, which goes away with the others."""
        image = str(self._api.inspect_image(reference)["Id"])
        self._ids.add(image)
        return image
