"""1,000 container instances with 10,000 tasks: placed by RunTask, then described page by page; time and memory.

    python -m benchmarks.instances [--instances N] [--tasks N]

Needs no engine: the instances are virtual and nothing runs. Beside each description, the same rows read and decoded
alone. Seconds are CPU seconds, memory is the peak of the process, which is emulator and client in one.
"""

from __future__ import annotations

import argparse
import logging
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.control.capacity.instances import Wanted, add_instances
from emulator.domain.networks.network import default_subnets
from emulator.store.ecs_tables import CONTAINER_INSTANCES, TASKS
from tests.conftest import aws_of

ACCOUNT, REGION, CLUSTER = "123456789012", "us-east-1", "bench"
PAGE = 100
PER_CALL = 10


@contextmanager
def emulator(folder: Path) -> Iterator[Emulator]:
    """On a simulated engine that never looks: what RunTask wrote stays as it is."""
    config = Config(data_dir=folder, engine="simulated", seed=1, registry_port=None)
    made = build(config, clock=VirtualClock(), threaded=False)
    yield made
    made.close()


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], int]) -> tuple[float, int]:
    began = time.process_time()
    count = work()
    return time.process_time() - began, count


def add(made: Emulator, instances: int) -> int:
    for number in range(3):
        share = instances // 3 + (number < instances % 3)
        wanted = Wanted(ACCOUNT, REGION, "m5.16xlarge", "abc"[number], CLUSTER, share)
        with made.database.write() as tx:
            add_instances(tx, wanted, now=0.0, ids=made.ids, engine=None, privileged=False)
    return instances


def run(ecs: Any, tasks: int) -> int:
    network = {"awsvpcConfiguration": {"subnets": [subnet.id for subnet in default_subnets(ACCOUNT, REGION)]}}
    container = {"name": "app", "image": "app:1", "cpu": 128, "memory": 128}
    ecs.register_task_definition(family="job", networkMode="awsvpc", containerDefinitions=[container])
    placed = 0
    while placed < tasks:
        answer = ecs.run_task(
            cluster=CLUSTER,
            taskDefinition="job",
            launchType="EC2",
            count=min(PER_CALL, tasks - placed),
            networkConfiguration=network,
            placementStrategy=[{"type": "spread", "field": "instanceId"}],
        )
        assert not answer["failures"], answer["failures"][:3]
        placed += len(answer["tasks"])
    return placed


def describe_instances(ecs: Any) -> int:
    pages = ecs.get_paginator("list_container_instances").paginate(cluster=CLUSTER, PaginationConfig={"PageSize": PAGE})
    seen = 0
    for page in pages:
        found = ecs.describe_container_instances(cluster=CLUSTER, containerInstances=page["containerInstanceArns"])
        seen += len(found["containerInstances"])
    return seen


def describe_tasks(ecs: Any) -> int:
    pages = ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, PaginationConfig={"PageSize": PAGE})
    return sum(len(ecs.describe_tasks(cluster=CLUSTER, tasks=page["taskArns"])["tasks"]) for page in pages)


def decode(made: Emulator, table: Any) -> int:
    with made.database.read() as reader:
        return len(reader.find(table))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=10_000)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder)) as made:
        ecs = aws_of(made)("ecs")
        ecs.create_cluster(clusterName=CLUSTER)
        base = peak_mib()
        took, count = timed(lambda: add(made, asked.instances))
        print(f"add-instance                {count:6} instances {took:7.2f} s   {peak_mib() - base:6.1f} MiB more")
        took, count = timed(lambda: run(ecs, asked.tasks))
        print(
            f"RunTask, {PER_CALL} at a time      {count:6} tasks     {took:7.2f} s   {took / count * 1e3:6.2f} ms each"
        )
        for name, table, describe in (
            ("DescribeContainerInstances", CONTAINER_INSTANCES, describe_instances),
            ("DescribeTasks", TASKS, describe_tasks),
        ):
            before = peak_mib()
            took, count = timed(lambda describe=describe: describe(ecs))  # type: ignore[misc]
            grown = peak_mib() - before
            raw, _ = timed(lambda table=table: decode(made, table))  # type: ignore[misc]
            print(
                f"{name:27} {count:6} in {-(-count // PAGE):3} pages {took:6.2f} s   {took / raw:5.1f} times reading "
                f"the rows ({raw:.2f} s), {grown:.1f} MiB more"
            )
        print(f"peak memory {peak_mib():.0f} MiB, {base:.0f} MiB of it before the first instance")


if __name__ == "__main__":
    main()
