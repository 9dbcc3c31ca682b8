"""Many tasks of one container each, through Homeport; and the same pairs of containers by hand, with the docker SDK.

What the benchmarks of many tasks share: how a crowd is started, watched and taken away gently. An engine before 23 can
deadlock when many network endpoints go at once: applications are removed four wide, pause containers one at a time.
"""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import docker

from benchmarks.peers import Peer, homeport
from emulator.demo.image import web_image
from emulator.engine.pause import pause_archive, pause_reference

IMAGE = f"homeport-bench/crowd:{os.getpid()}"
NETWORK = f"homeport-bench-{os.getpid()}"  # of each run its own: one does not remove the other's
SCRIPT = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
CLUSTER, GROUP = "crowd", "/bench/crowd"
WIDE = 4
MOST_PER_CALL = {"RunTask": 10, "DescribeTasks": 100}
DEADLINE_S = 900.0


def busy() -> str:
    """How busy the machine is, for the reader of a number."""
    load, cpus = os.getloadavg()[0], os.cpu_count() or 1
    return f"load average {load:.1f} on {cpus} CPUs" + (": the machine is busy with other work" if load > cpus else "")


class Crowd:
    """Tasks of a Homeport, named by their ARNs."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.ecs = peer.client("ecs")
        self.tasks: list[str] = []

    def prepare(self) -> None:
        """What the tasks need. Their output goes to a log group, as most tasks' does."""
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.peer.client("logs").create_log_group(logGroupName=GROUP)
        options = {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "c"}
        container = {
            "name": "app", "image": IMAGE, "command": SCRIPT, "entryPoint": [], "stopTimeout": 10,
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }  # fmt: skip
        self.ecs.register_task_definition(
            family="crowd", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            executionRoleArn="arn:aws:iam::123456789012:role/e", containerDefinitions=[container],
        )  # fmt: skip

    def start(self, number: int, what: str = "") -> float:
        """So many more; seconds from the first RunTask until the last is RUNNING. With `what`, shows progress."""
        wanted, shown = len(self.tasks) + number, -1
        began = time.perf_counter()
        while len(self.tasks) < wanted:
            count = min(MOST_PER_CALL["RunTask"], wanted - len(self.tasks))
            network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}
            answer = self.ecs.run_task(
                cluster=CLUSTER, taskDefinition="crowd", launchType="FARGATE", count=count, networkConfiguration=network
            )
            self.tasks += [task["taskArn"] for task in answer["tasks"]]
        while (running := self._running()) < wanted:
            if time.perf_counter() - began > DEADLINE_S or (stopped := self._stopped()):
                raise SystemExit(f"{running} of {wanted} tasks run: {self._stopped()[:3]}")
            if what and running != shown:
                shown = running
                print(f"\r{what}: {running} of {wanted} tasks", end="", flush=True)
            time.sleep(0.05)
        took = time.perf_counter() - began
        if what:
            print("\r" + " " * 60 + "\r", end="", flush=True)
        if stopped := self._stopped():
            raise SystemExit(f"tasks have stopped: {stopped[:3]}")
        return took

    def stop(self, tasks: list[str] | None = None) -> None:
        """These, or all, until they are STOPPED."""
        going = list(self.tasks) if tasks is None else tasks
        for task in going:
            self.ecs.stop_task(cluster=CLUSTER, task=task)
        self.tasks = [task for task in self.tasks if task not in set(going)]
        size = MOST_PER_CALL["DescribeTasks"]
        for at in range(0, len(going), size):
            self._until_stopped(going[at : at + size])

    def containers(self, tasks: list[str]) -> dict[str, str]:
        """The engine's container of each task. The API names it in Fargate's form, which the engine does not know."""
        listed = docker.APIClient().containers(filters={"label": ["homeport.kind=app"]})
        by_task = {one["Labels"].get("homeport.task"): str(one["Id"]) for one in listed}
        return {task: by_task[task] for task in tasks}

    def _running(self) -> int:
        return int(self.ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]["runningTasksCount"])

    def _stopped(self) -> list[str]:
        """Why tasks of the crowd have stopped that were not asked to."""
        arns = self.ecs.list_tasks(cluster=CLUSTER, desiredStatus="STOPPED")["taskArns"]
        unasked = [arn for arn in arns if arn in set(self.tasks)]
        if not unasked:
            return []
        described = self.ecs.describe_tasks(cluster=CLUSTER, tasks=unasked)["tasks"]
        return [task.get("stoppedReason", "") for task in described]

    def _until_stopped(self, tasks: list[str]) -> None:
        deadline = time.perf_counter() + DEADLINE_S
        while True:
            described = self.ecs.describe_tasks(cluster=CLUSTER, tasks=tasks)["tasks"]
            left = [task for task in described if task["lastStatus"] != "STOPPED"]
            if not left:
                return
            if time.perf_counter() > deadline:
                raise SystemExit(f"{len(left)} tasks do not stop, the first is {left[0]['lastStatus']}")
            time.sleep(0.25)


class PairsByHand:
    """Pause and application containers, with the calls that a task needs, four pairs at a time."""

    def __init__(self) -> None:
        self.api: Any = docker.APIClient(version="auto", timeout=120)
        architecture = self.api.info()["Architecture"]
        self.pause = pause_reference(architecture)
        list(self.api.load_image(pause_archive(architecture)) or ())
        self.api.create_network(NETWORK, driver="bridge")
        self.made: list[tuple[str, str]] = []

    def start(self, number: int) -> float:
        """So many pairs; seconds until the last application was started."""
        began = time.perf_counter()
        with ThreadPoolExecutor(WIDE) as pool:
            self.made += pool.map(lambda _: self._pair(), range(number))
        return time.perf_counter() - began

    def remove(self) -> None:
        with ThreadPoolExecutor(WIDE) as pool:
            list(pool.map(lambda pair: self.api.remove_container(pair[1], force=True), self.made))
        for pause, _ in self.made:
            self.api.remove_container(pause, force=True)
        self.made = []

    def close(self) -> None:
        self.remove()
        self.api.remove_network(NETWORK)

    def _pair(self) -> tuple[str, str]:
        networking = self.api.create_networking_config({NETWORK: self.api.create_endpoint_config()})
        on_bridge = self.api.create_host_config(network_mode=NETWORK)
        pause = self.api.create_container(self.pause, networking_config=networking, host_config=on_bridge)["Id"]
        self.api.start(pause)
        host = self.api.create_host_config(network_mode=f"container:{pause}", mem_limit="512m", nano_cpus=250_000_000)
        app = self.api.create_container(IMAGE, command=SCRIPT, entrypoint=[], host_config=host)["Id"]
        self.api.attach(app, stream=True, stdout=True, stderr=True)
        self.api.start(app)
        return pause, app


@contextmanager
def crowd() -> Iterator[Crowd]:
    """A Homeport with a real engine, ready for tasks; nothing is left of it."""
    client: Any = docker.APIClient(version="auto")
    list(client.load_image(web_image().docker_archive(IMAGE)) or ())
    peer = homeport("docker")
    made = Crowd(peer)
    try:
        made.prepare()
        yield made
        made.stop()
    finally:
        reset(peer)
        peer.stop()
        client.remove_image(IMAGE, force=True)


def reset(peer: Peer) -> None:
    request = urllib.request.Request(f"{peer.url}/_emulator/reset", method="POST", data=b"{}")
    urllib.request.urlopen(request, timeout=600).close()
