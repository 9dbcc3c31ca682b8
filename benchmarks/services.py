"""Services: what a decision costs, what a hundred cost at rest, how soon a killed container is replaced; a thousand.

    python -m benchmarks.services [--only decision|idle|replacement|thousand]

Bars: a decision for 100 services of 20 tasks under 50 ms of CPU; 100 steady services with a container each under 1 % of
a core; the replacement of a killed container RUNNING within twice what starting such a pair of containers takes by
hand, the two in turns; 1,000 simulated services with 10,000 tasks converge, and a task of theirs costs little more than
one of a tenth of them.

`idle` and `replacement` need a Docker Engine; what they make is removed, gently.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import docker
import msgspec

from benchmarks.crowd import CLUSTER, Crowd, PairsByHand, busy, crowd
from benchmarks.peers import Peer, free_port, start_peer
from emulator.domain.networks.network import default_subnets
from emulator.domain.service_scheduler.deployment import begin, supersede
from emulator.domain.service_scheduler.scheduler import reconcile
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.tasks.task import Container, Eni, Task
from emulator.ids import Ids

SUBNETS = [subnet.id for subnet in default_subnets("123456789012", "us-east-1")]
"""In three zones: tasks are spread over zones, and ten thousand need more than two subnets of 4,091 addresses."""
NETWORK = {"awsvpcConfiguration": {"subnets": SUBNETS}}
IDLE_S = 30.0
SETTLE_S = 60.0  # a task counts as healthy 40 s after it began to run
NOW = 1_700_000_000.0


# -- a decision


def decision(services: int = 100, tasks: int = 20, rounds: int = 15) -> None:
    """Each round decides for all of them; medians. Beside it: reading the same records out of their JSON."""
    ids = Ids(1)
    steady = [_service(f"s{n}", tasks) for n in range(services)]
    fleets = [[_task(service, n) for n in range(tasks)] for service in steady]
    updated = [supersede(s, begin("ecs-svc/2", "arn:td/web:2", {}, NOW, ""), NOW) for s in steady]
    bodies = [[msgspec.json.encode(task) for task in fleet] for fleet in fleets]
    decoder = msgspec.json.Decoder(Task)

    def decide(of: Sequence[Service], standing: bool) -> Callable[[], None]:
        return lambda: [reconcile(s, f if standing else (), NOW, ids) for s, f in zip(of, fleets, strict=True)] and None

    cases = {
        "steady": decide(steady, True),
        "rolling out": decide(updated, True),
        "nothing there yet": decide(steady, False),
        "(reading the records)": lambda: [decoder.decode(body) for fleet in bodies for body in fleet] and None,
    }
    spent: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            began = time.process_time()
            case()
            spent[name].append((time.process_time() - began) * 1000)
    for name, times in spent.items():
        bar = "" if name.startswith("(") else "   (bar: under 50)"
        print(f"{f'{services} services x {tasks}, {name} (ms of CPU)':50} {statistics.median(times):8.1f}{bar}")


def _service(name: str, desired: int) -> Service:
    deployment = Deployment("ecs-svc/1", "PRIMARY", "arn:td/web:1", NOW - 600, NOW - 600, rollout_state="COMPLETED")
    return Service(
        "123456789012", "us-east-1", "c", name, f"arn:service/c/{name}", "arn:cluster/c", "ACTIVE", desired,
        "arn:td/web:1", NOW - 600, "arn:root", [deployment], told={"steady": NOW - 500},
    )  # fmt: skip


def _task(service: Service, number: int) -> Task:
    container = Container("app", f"{number}", "app:1", True, "RUNNING", started_at=NOW - 300, runtime_id="f" * 64)
    task_id = f"{service.name}-{number}"
    return Task(
        "123456789012", "us-east-1", "c", task_id, f"arn:task/c/{task_id}", "arn:cluster/c", "arn:td/web:1", "web",
        f"service:{service.name}", "FARGATE", "256", "512", "RUNNING", "RUNNING", NOW - 310, [container],
        service=service.name, deployment_id="ecs-svc/1", started_at=NOW - 300, eni=Eni("a", "eni-1", "s", "ATTACHED"),
        availability_zone=f"us-east-1{'abc'[number % 3]}",
    )  # fmt: skip


# -- on the real engine


def idle(ours: Crowd, services: int) -> None:
    """Steady services of one task each: what the emulator's process uses of a core while nothing happens."""
    create(ours.ecs, services, 1, "crowd")
    took = _until_running(ours.ecs, services, f"{services} services")
    time.sleep(SETTLE_S)
    before, began = ours.peer.cpu_s(), time.perf_counter()
    time.sleep(IDLE_S)
    used = (ours.peer.cpu_s() - before) / (time.perf_counter() - began)
    what = f"{services} steady services (% of a core)"
    print(f"{what:50} {100 * used:8.2f}   (bar: under 1); up in {took:.0f} s; {busy()}")


def replacement(ours: Crowd, raw: PairsByHand, rounds: int) -> None:
    """From the kill until the replacement is RUNNING; by hand, from the first call until the application is started."""
    api: Any = docker.APIClient(version="auto")
    raw.start(1)
    raw.remove()
    through: list[float] = []
    by_hand: list[float] = []
    for number in range(rounds):
        by_hand.append(raw.start(1))
        raw.remove()
        through.append(_replaced(ours, api, f"s{number}"))
        print(f"\r{number + 1} of {rounds} replaced", end="", flush=True)
    ratio = statistics.median(a / b for a, b in zip(through, by_hand, strict=True))
    print(
        f"\r{'a killed container replaced (s)':50} homeport {statistics.median(through):7.3f}   "
        f"by hand {statistics.median(by_hand):7.3f}   ratio {ratio:5.2f}   (bar: at most 2); {busy()}"
    )


def _replaced(ours: Crowd, api: Any, service: str) -> float:
    (task,) = ours.ecs.list_tasks(cluster=CLUSTER, serviceName=service)["taskArns"]
    process = api.inspect_container(ours.containers([task])[task])["State"]["Pid"]
    began = time.perf_counter()
    os.kill(process, signal.SIGKILL)
    while time.perf_counter() - began < 60:
        others = [arn for arn in ours.ecs.list_tasks(cluster=CLUSTER, serviceName=service)["taskArns"] if arn != task]
        found = ours.ecs.describe_tasks(cluster=CLUSTER, tasks=others)["tasks"] if others else []
        if any(one["lastStatus"] == "RUNNING" for one in found):
            return time.perf_counter() - began
        time.sleep(0.005)
    raise SystemExit(f"the task of {service} was not replaced")


def end(ecs: Any, services: int) -> None:
    """Deletes them and waits until their tasks have stopped."""
    for number in range(services):
        ecs.delete_service(cluster=CLUSTER, service=f"s{number}", force=True)
    began = time.perf_counter()
    while ecs.list_tasks(cluster=CLUSTER)["taskArns"] or _running(ecs):
        if time.perf_counter() - began > 600:
            raise SystemExit("the services' tasks do not stop")
        time.sleep(0.5)


# -- a thousand, simulated


def thousand(sizes: Sequence[int], tasks: int) -> None:
    """Each size in a fresh emulator in a process of its own, on the simulated engine."""
    costs = []
    for services in sizes:
        port = free_port()
        peer = start_peer("homeport", [sys.executable, "-m", "benchmarks.services", "--serve", str(port)], port)
        try:
            costs.append(_converge(peer, services, tasks))
        finally:
            peer.stop()
    first, last = costs[0], costs[-1]
    print(
        f"{'  a task of the most beside one of the least':50} CPU ratio {last[0] / first[0]:5.2f}   "
        f"memory ratio {last[1] / first[1]:5.2f}   (linear: near 1)"
    )


def _converge(peer: Peer, services: int, tasks: int) -> tuple[float, float]:
    """CPU seconds and MiB of each task."""
    ecs = peer.client("ecs")
    ecs.create_cluster(clusterName=CLUSTER)
    container = {"name": "app", "image": "app:1"}
    ecs.register_task_definition(
        family="crowd", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[container],
    )  # fmt: skip
    before, spent, began = peer.resident_mib(), peer.cpu_s(), time.perf_counter()
    create(ecs, services, tasks, "crowd")
    _until_running(ecs, services * tasks, f"{services} services")
    took, starting = time.perf_counter() - began, peer.cpu_s() - spent
    # A thousand take so long that the first of them are steady before the last ones run: all are waited for.
    time.sleep(SETTLE_S)
    spent, used = peer.cpu_s() - spent, peer.resident_mib() - before
    number = services * tasks
    what = f"{services} services, {number} tasks RUNNING (s)"
    print(
        f"{what:50} {took:8.1f}   CPU of each task {1000 * starting / number:5.2f} ms, steady {SETTLE_S:.0f} s later "
        f"{1000 * spent / number:5.2f} ms; memory {used:6.1f} MiB, {1024 * used / number:5.1f} KiB each; {busy()}",
        flush=True,
    )
    _check_steady(ecs, services)
    return spent / number, used / number


def _check_steady(ecs: Any, services: int) -> None:
    names = [f"s{number}" for number in range(services)]
    for first in range(0, services, 10):
        found = ecs.describe_services(cluster=CLUSTER, services=names[first : first + 10])["services"]
        if any([d["rolloutState"] for d in service["deployments"]] != ["COMPLETED"] for service in found):
            raise SystemExit("not every service is steady")


def serve(port: int) -> None:
    """An emulator whose engine is simulated and holds the image, for another process to drive."""
    import tempfile
    import threading
    from pathlib import Path

    from emulator.app import build
    from emulator.clock import SystemClock
    from emulator.config import Config
    from emulator.engine.simulated.behaviour import Behaviour
    from emulator.engine.simulated.engine import SimulatedEngine
    from emulator.up import listen

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as directory:
        clock = SystemClock()
        engine = SimulatedEngine(clock, images={"app:1": Behaviour()})
        config = Config(port=port, data_dir=Path(directory), engine="simulated", registry_port=None)
        emulator = build(config, clock=clock, engine=engine)
        server, _ = listen(emulator)
        emulator.start()
        stop.wait()
        server.stop(1.0)
        emulator.close()


def create(ecs: Any, services: int, tasks: int, definition: str) -> None:
    for number in range(services):
        ecs.create_service(
            cluster=CLUSTER, serviceName=f"s{number}", taskDefinition=definition, desiredCount=tasks,
            launchType="FARGATE", networkConfiguration=NETWORK,
        )  # fmt: skip


def _until_running(ecs: Any, wanted: int, what: str) -> float:
    began, shown = time.perf_counter(), -1
    while (running := _running(ecs)) < wanted:
        if time.perf_counter() - began > 900:
            raise SystemExit(f"{running} of {wanted} tasks run")
        if running != shown:
            shown = running
            print(f"\r{what}: {running} of {wanted} tasks", end="", flush=True)
        time.sleep(0.5)
    print("\r" + " " * 70 + "\r", end="", flush=True)
    return time.perf_counter() - began


def _running(ecs: Any) -> int:
    return int(ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]["runningTasksCount"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["decision", "idle", "replacement", "thousand"])
    parser.add_argument("--services", type=int, default=100, help="of `idle` and `replacement`")
    parser.add_argument("--rounds", type=int, default=10, help="of `replacement`")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000], help="services of `thousand`")
    parser.add_argument("--tasks", type=int, default=10, help="of each service of `thousand`")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
        return
    if asked.only in (None, "decision"):
        decision()
    if asked.only in (None, "idle", "replacement"):
        with crowd() as ours:
            raw = PairsByHand()
            try:
                if asked.only == "replacement":
                    create(ours.ecs, asked.rounds, 1, "crowd")
                    _until_running(ours.ecs, asked.rounds, f"{asked.rounds} services")
                else:
                    idle(ours, asked.services)
                if asked.only != "idle":
                    replacement(ours, raw, min(asked.rounds, asked.services))
                end(ours.ecs, asked.rounds if asked.only == "replacement" else asked.services)
            finally:
                raw.close()
    if asked.only in (None, "thousand"):
        thousand(asked.sizes, asked.tasks)


if __name__ == "__main__":
    main()
