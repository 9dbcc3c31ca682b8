"""Placing 1,000 tasks on 200 instances, and how the time grows; beside a naive scan of every instance for every task.

    python -m benchmarks.placement

Needs no engine. Seconds are CPU seconds of this process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from emulator.domain.capacity.container_instance import ContainerInstance, InstanceAttribute
from emulator.domain.capacity.placement import Candidate, Demand, Strategy, host_of, place, refusal
from emulator.domain.capacity.query_language import parse_query
from emulator.ids import Ids

ATTRIBUTES = 60
BAR_S = 0.5
SPREAD = (Strategy("spread", "attribute:ecs.availability-zone"), Strategy("spread", "instanceId"))
BINPACK = (Strategy("binpack", "memory"),)
MIXED = (Strategy("spread", "attribute:ecs.availability-zone"), Strategy("binpack", "cpu"), Strategy("random"))


def fleet(count: int) -> list[Candidate]:
    """Instances of two sizes in three zones, with as many attributes as an agent reports."""
    capabilities = [InstanceAttribute(f"ecs.capability.n{number}") for number in range(ATTRIBUTES)]
    return [
        Candidate(
            ContainerInstance(
                account="123456789012",
                region="us-east-1",
                cluster="c",
                id=f"{number:032x}",
                arn=f"arn:aws:ecs:us-east-1:123456789012:container-instance/c/{number:032x}",
                cluster_arn="arn:aws:ecs:us-east-1:123456789012:cluster/c",
                status="ACTIVE",
                registered_at=0.0,
                cpu=2048 if number % 2 else 4096,
                memory_mib=7800 if number % 2 else 15600,
                attributes=[
                    *capabilities,
                    InstanceAttribute("ecs.availability-zone", f"us-east-1{'abc'[number % 3]}"),
                    InstanceAttribute("ecs.instance-type", "m5.large" if number % 2 else "m5.xlarge"),
                ],
            )
        )
        for number in range(count)
    ]


def demand() -> Demand:
    return Demand(
        group="service:web",
        cpu=128,
        memory_mib=256,
        attributes=frozenset({"ecs.capability.n1", "ecs.capability.n7"}),
        member_of=(parse_query("attribute:ecs.instance-type =~ m5.* and not(task:group == service:db)"),),
    )


def timed(tasks: int, candidates: Sequence[Candidate], strategies: Sequence[Strategy]) -> float:
    """The best of three, in CPU seconds."""
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        placed = place(demand(), candidates, tasks, strategies=strategies, pick=Ids(1).pick)
        best = min(best, time.process_time() - began)
        assert len(placed.instances) == tasks, f"{len(placed.instances)} of {tasks} were placed"
    return best


def naive(tasks: int, candidates: Sequence[Candidate]) -> float:
    """The same choice as SPREAD, looking at every instance for every task."""
    asked = demand()
    began = time.process_time()
    hosts = [host_of(candidate, index, asked) for index, candidate in enumerate(candidates)]
    zones: dict[str, int] = {}
    for _ in range(tasks):
        fit = [host for host in hosts if refusal(host, asked) is None]
        best = min(fit, key=lambda host: (zones.get(host.instance.zone, 0), host.of_group, host.index))
        best.take(asked)
        zones[best.instance.zone] = zones.get(best.instance.zone, 0) + 1
    return time.process_time() - began


def main() -> None:
    candidates = fleet(200)
    print("1,000 tasks on 200 instances")
    for name, strategies in (
        ("spread", SPREAD),
        ("binpack", BINPACK),
        ("spread+binpack+random", MIXED),
        ("random", ()),
    ):
        took = timed(1000, candidates, strategies)
        print(f"  {name:24} {took:7.3f} s   {took / BAR_S:5.1%} of the bar of {BAR_S} s")
    scan = naive(1000, candidates)
    print(f"  {'naive scan':24} {scan:7.3f} s   {scan / timed(1000, candidates, SPREAD):5.1f} times spread")
    print("growth, spread (tasks on instances)")
    last = 0.0
    for times in (1, 2, 4, 8):
        took = timed(1000 * times, fleet(200 * times), SPREAD)
        grown = f"{took / last:4.1f} times the row before" if last else ""
        print(f"  {1000 * times:6} on {200 * times:5} {took:7.3f} s   {grown}")
        last = took


if __name__ == "__main__":
    main()
