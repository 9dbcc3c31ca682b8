"""How long from RunTask to the container's first instruction, beside the same docker calls made by hand?

    python -m benchmarks.run_task [--pairs N]

By hand: create and start a pause container on a bridge, create the application container in its namespace, attach to
its output, start it: in one process with the docker SDK. Both end at the time that the container's first line says,
which it prints before anything else: seconds since boot, in hundredths, the same in a container as on the host.

Bars: 1.25 for one at a time; 1.25 for 20 at once beside raw calls 4 wide. Needs a Docker Engine; removes what it
makes, one at a time.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker

from benchmarks.peers import Peer, homeport
from emulator.demo.image import web_image
from emulator.engine.pause import pause_archive, pause_reference

IMAGE = "homeport-bench/first:1"
NETWORK = "homeport-bench"
SCRIPT = ["sh", "-c", "cat /proc/uptime; exec sleep 600"]
GROUP = "/bench"


def since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ByHand:
    """The same calls, made by hand."""

    def __init__(self) -> None:
        self.api = docker.APIClient(version="auto", timeout=120)
        architecture = self.api.info()["Architecture"]
        self.pause = pause_reference(architecture)
        list(self.api.load_image(pause_archive(architecture)) or ())
        self.api.create_network(NETWORK, driver="bridge")
        self.made: list[str] = []
        self.lock = threading.Lock()

    def start(self) -> float:
        """Seconds until the container's first instruction."""
        began = since_boot()
        networking = self.api.create_networking_config({NETWORK: self.api.create_endpoint_config()})
        on_bridge = self.api.create_host_config(network_mode=NETWORK)
        pause = self.api.create_container(self.pause, networking_config=networking, host_config=on_bridge)["Id"]
        self.api.start(pause)
        host = self.api.create_host_config(network_mode=f"container:{pause}", mem_limit="512m", nano_cpus=250_000_000)
        app = self.api.create_container(IMAGE, command=SCRIPT, entrypoint=[], host_config=host)["Id"]
        with self.lock:
            self.made += [app, pause]
        output = self.api.attach(app, stream=True, stdout=True, stderr=True)
        self.api.start(app)
        return float(next(iter(output)).split()[0]) - began

    def remove(self) -> None:
        for container in self.made:
            self.api.remove_container(container, force=True)
        self.made = []

    def close(self) -> None:
        self.remove()
        self.api.remove_network(NETWORK)


class ThroughHomeport:
    def __init__(self, peer: Peer) -> None:
        self.ecs, self.logs = peer.client("ecs"), peer.client("logs")
        self.ecs.create_cluster(clusterName="bench")
        self.logs.create_log_group(logGroupName=GROUP)
        options = {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "b"}
        container = {
            "name": "app", "image": IMAGE, "command": SCRIPT, "entryPoint": [], "stopTimeout": 2,
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }  # fmt: skip
        self.ecs.register_task_definition(
            family="first", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            executionRoleArn="arn:aws:iam::123456789012:role/e", containerDefinitions=[container],
        )  # fmt: skip

    def run(self) -> tuple[str, float]:
        began = since_boot()
        network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}
        task = self.ecs.run_task(cluster="bench", taskDefinition="first", launchType="FARGATE",
                                 networkConfiguration=network)["tasks"][0]["taskArn"]  # fmt: skip
        return task, began

    def first_instruction(self, task: str, began: float) -> float:
        """From what the container itself said of its time: polling adds nothing."""
        stream = f"b/app/{task.rpartition('/')[2]}"
        while since_boot() - began < 120:
            try:
                events = self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
            except self.logs.exceptions.ResourceNotFoundException:
                events = {"events": []}
            if events["events"]:
                return float(events["events"][0]["message"].split()[0]) - began
            time.sleep(0.05)
        raise SystemExit(f"{task} did not start: {self.ecs.describe_tasks(cluster='bench', tasks=[task])['tasks']}")

    def stop(self, tasks: list[str]) -> None:
        for task in tasks:
            self.ecs.stop_task(cluster="bench", task=task)
        for task in tasks:
            while self.ecs.describe_tasks(cluster="bench", tasks=[task])["tasks"][0]["lastStatus"] != "STOPPED":
                time.sleep(0.1)


def one_at_a_time(ours: ThroughHomeport, raw: ByHand, pairs: int) -> None:
    times: dict[str, list[float]] = {"homeport": [], "by hand": []}
    for number in range(pairs + 1):
        by_hand = raw.start()
        raw.remove()
        task, began = ours.run()
        through = ours.first_instruction(task, began)
        ours.stop([task])
        if number:  # the first of each loads images and makes the bridge
            times["by hand"].append(by_hand)
            times["homeport"].append(through)
        print(f"\r{number}/{pairs} pairs", end="", flush=True)
    print("\r", end="")
    report("RunTask to first instruction (s)", times["homeport"], times["by hand"])


def many_at_once(ours: ThroughHomeport, raw: ByHand, tasks: int, rounds: int) -> None:
    times: dict[str, list[float]] = {"homeport": [], "by hand": []}
    for _ in range(rounds):
        began = since_boot()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: raw.start(), range(tasks)))
        times["by hand"].append(since_boot() - began)
        raw.remove()
        began = since_boot()
        started = [ours.run() for _ in range(tasks)]
        last = max(ours.first_instruction(task, at) + at for task, at in started)
        times["homeport"].append(last - began)
        ours.stop([task for task, _ in started])
    report(f"{tasks} tasks at once (s)", times["homeport"], times["by hand"])


def report(what: str, ours: list[float], raw: list[float]) -> None:
    ratio = statistics.median(a / b for a, b in zip(ours, raw, strict=True))
    print(
        f"{what:40} homeport {statistics.median(ours):7.3f}   by hand {statistics.median(raw):7.3f}   "
        f"ratio {ratio:5.2f}   (bar: at most 1.25)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    client: Any = docker.APIClient(version="auto")
    client.load_image(web_image().docker_archive(IMAGE))
    raw, peer = ByHand(), homeport("docker")
    try:
        ours = ThroughHomeport(peer)
        one_at_a_time(ours, raw, asked.pairs)
        many_at_once(ours, raw, asked.tasks, asked.rounds)
    finally:
        raw.close()
        reset(peer)
        peer.stop()
        client.remove_image(IMAGE, force=True)


def reset(peer: Peer) -> None:
    request = urllib.request.Request(f"{peer.url}/_emulator/reset", method="POST", data=b"{}")
    urllib.request.urlopen(request, timeout=120).close()


if __name__ == "__main__":
    main()
