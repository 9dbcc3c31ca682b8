"""How long from a process's exit until ECS says so, with 100 tasks up?

    python -m benchmarks.exit_noticed [--tasks N] [--exits N]

One task's process after the other is killed on this host, which needs root or the user of the container; DescribeTasks
is asked until it calls the container STOPPED. Beside it: when the engine itself tells of the exit, by its events, read
here. What lies between the two is Homeport's.

Bar: a median under 100 ms. Needs a Docker Engine on this host; removes what it makes, gently.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import threading
import time
from typing import Any

import docker

from benchmarks.crowd import CLUSTER, Crowd, busy, crowd

PAUSE_S = 0.3
DEADLINE_S = 30.0


class Deaths:
    """When the engine told of each container's end."""

    def __init__(self, api: Any) -> None:
        self._events = api.events(decode=True, filters={"event": "die"})
        self._at: dict[str, float] = {}
        self._told = threading.Condition()
        threading.Thread(target=self._follow, daemon=True).start()

    def at(self, container: str) -> float:
        with self._told:
            if not self._told.wait_for(lambda: container in self._at, DEADLINE_S):
                raise SystemExit(f"the engine does not tell of the end of {container}")
            return self._at[container]

    def close(self) -> None:
        self._events.close()

    def _follow(self) -> None:
        for event in self._events:
            with self._told:
                self._at[event["id"]] = time.perf_counter()
                self._told.notify_all()


def noticed(ours: Crowd, deaths: Deaths, api: Any, task: str, container: str) -> tuple[float, float]:
    """Seconds from the kill until DescribeTasks says it, and until the engine does."""
    process = api.inspect_container(container)["State"]["Pid"]
    began = time.perf_counter()
    os.kill(process, signal.SIGKILL)
    while time.perf_counter() - began < DEADLINE_S:
        found = ours.ecs.describe_tasks(cluster=CLUSTER, tasks=[task])["tasks"][0]["containers"][0]
        if found["lastStatus"] == "STOPPED":
            return time.perf_counter() - began, deaths.at(container) - began
        time.sleep(0.004)
    raise SystemExit(f"the end of {task} was not noticed within {DEADLINE_S:g} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--exits", type=int, default=25)
    asked = parser.parse_args()
    api: Any = docker.APIClient(version="auto")
    with crowd() as ours:
        ours.start(asked.tasks, "starting")
        containers = ours.containers(ours.tasks)
        deaths = Deaths(api)
        through: list[float] = []
        engine: list[float] = []
        for number, task in enumerate(ours.tasks[: asked.exits]):
            one = noticed(ours, deaths, api, task, containers[task])
            through.append(one[0])
            engine.append(one[1])
            print(f"\r{number + 1} of {asked.exits} exits", end="", flush=True)
            time.sleep(PAUSE_S)
        deaths.close()
        between = statistics.median(a - b for a, b in zip(through, engine, strict=True))
        what = f"exit noticed with {asked.tasks} tasks up (ms)"
        print(
            f"\r{what:40} homeport {statistics.median(through) * 1000:7.1f}   "
            f"the engine's event {statistics.median(engine) * 1000:7.1f}   between {between * 1000:7.1f}   "
            f"(bar: less than 100; slowest {max(through) * 1000:.0f}); {busy()}"
        )
        print("  stopping them", end="", flush=True)
        ours.stop()
        print("\r" + " " * 20 + "\r", end="")


if __name__ == "__main__":
    main()
