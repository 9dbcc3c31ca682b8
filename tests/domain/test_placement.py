"""Placement: what keeps an instance from taking a task, how strategies choose, and what always holds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.capacity.container_instance import InstanceAttribute, InstancePort, Load, with_attributes
from emulator.domain.capacity.placement import (
    Candidate,
    Demand,
    Placed,
    Strategy,
    closest,
    place,
    refused_by,
    with_tasks,
)
from emulator.domain.capacity.placement_rules import check_placement, demand_of, strategies_of
from emulator.domain.capacity.query_language import parse_query
from emulator.domain.errors import InvalidParameterException
from emulator.ids import Ids
from tests.domain.instance_fleet import candidate, instance

ZONES = Strategy("spread", "attribute:ecs.availability-zone")
HOSTS = Strategy("spread", "instanceId")
PACK_CPU, PACK_MEMORY = Strategy("binpack", "cpu"), Strategy("binpack", "memory")


def placed(demand: Demand, candidates: list[Candidate], count: int, *strategies: Strategy, seed: int = 1) -> Placed:
    return place(demand, candidates, count, strategies=strategies, pick=Ids(seed).pick)


def numbers(result: Placed) -> list[int]:
    return [int(chosen.id, 16) for chosen in result.instances]


# -- why an instance does not take a task


@pytest.mark.parametrize(
    ("reason", "demand", "members", "load"),
    [
        ("AGENT", {}, {"agent_connected": False}, {}),
        ("LOCATION", {"zones": frozenset({"us-east-1b"})}, {}, {}),
        ("ATTRIBUTE", {"attributes": frozenset({"ecs.capability.task-eni"})}, {}, {}),
        ("ATTRIBUTE", {"architecture": "arm64"}, {}, {}),
        ("MemberOf placement constraint unsatisfied.", {"member_of": ("attribute:stack == prod",)}, {}, {}),
        ("MemberOf placement constraint unsatisfied.", {"member_of": ("task:group == db",)}, {}, {}),
        ("DistinctInstance placement constraint unsatisfied.", {"distinct_instance": True}, {}, {"groups": {"g": 1}}),
        ("RESOURCE:CPU", {"cpu": 1025}, {}, {"cpu": 1024}),
        ("RESOURCE:MEMORY", {"memory_mib": 4097}, {}, {}),
        ("RESOURCE:PORTS", {"ports": (InstancePort("tcp", 22),)}, {}, {}),
        ("RESOURCE:PORTS", {"ports": (InstancePort("tcp", 80),)}, {}, {"ports": frozenset({InstancePort("tcp", 80)})}),
        ("RESOURCE:ENI", {"eni": True}, {"enis": 2}, {"enis": 2}),
        (None, {"ports": (InstancePort("udp", 22),), "cpu": 1024, "memory_mib": 4096}, {}, {"cpu": 1024}),
        (None, {"eni": True, "zones": frozenset({"us-east-1a"})}, {"enis": 2}, {"enis": 1}),
    ],
)
def test_reasons(reason: str | None, demand: dict[str, Any], members: dict[str, Any], load: dict[str, Any]) -> None:
    if "member_of" in demand:
        demand = {**demand, "member_of": tuple(parse_query(text) for text in demand["member_of"])}
    asked = Demand(group="g", **demand)
    one = candidate(**members, load=Load(**load))
    assert refused_by(one, asked) == reason
    result = placed(asked, [one], 1)
    assert [refused.reason for refused in result.refusals] == ([reason] if reason else [])
    assert len(result.instances) == (0 if reason else 1)


def test_every_instance_says_why_when_not_all_fit() -> None:
    small, off = candidate(0, cpu=512), candidate(1, agent_connected=False)
    result = placed(Demand(group="g", cpu=512), [small, off], 3)
    assert numbers(result) == [0]
    assert [(int(r.instance.id), r.reason) for r in result.refusals] == [(0, "RESOURCE:CPU"), (1, "AGENT")]
    assert closest(result.refusals).instance.id == small.instance.id


def test_tasks_of_one_call_count_for_group_constraints() -> None:
    apart = (parse_query("not(task:group == g)"),)
    result = placed(Demand(group="g", member_of=apart), [candidate(n) for n in range(2)], 3)
    assert sorted(numbers(result)) == [0, 1]
    assert {refused.reason for refused in result.refusals} == {"MemberOf placement constraint unsatisfied."}


# -- strategies


def test_zones_first_then_instances() -> None:
    fleet = [candidate(n, zone="aab"[n]) for n in range(3)]
    assert Counter(numbers(placed(Demand(group="g"), fleet, 4, ZONES, HOSTS))) == {2: 2, 0: 1, 1: 1}


def test_spread_counts_the_tasks_that_are_there_on_hosts_that_are_full_too() -> None:
    fleet = [
        candidate(0, zone="a", load=Load(cpu=2048, groups={"g": 2})),
        candidate(1, zone="a"),
        candidate(2, zone="b"),
    ]
    assert numbers(placed(Demand(group="g", cpu=64), fleet, 3, ZONES)) == [2, 2, 1]


def test_binpack_fills_the_fullest_that_fits() -> None:
    fleet = [candidate(0), candidate(1, load=Load(memory_mib=3000)), candidate(2, load=Load(memory_mib=3600))]
    assert numbers(placed(Demand(group="g", memory_mib=600), fleet, 3, PACK_MEMORY)) == [1, 0, 0]


def test_a_strategy_decides_what_those_before_it_leave_open() -> None:
    fleet = [
        candidate(0, zone="a", load=Load(cpu=100)),
        candidate(1, zone="a", load=Load(cpu=200)),
        candidate(2, zone="b"),
    ]
    assert numbers(placed(Demand(group="g", cpu=64), fleet, 3, ZONES, PACK_CPU)) == [1, 2, 1]


def test_binpack_then_spread() -> None:
    fleet = [candidate(n, zone="ab"[n % 2], load=Load(cpu=0 if n < 2 else 1024)) for n in range(4)]
    assert numbers(placed(Demand(group="g", cpu=1024), fleet, 4, PACK_CPU, ZONES)) == [2, 3, 0, 0]


# -- what a definition asks


def test_demand_of_a_bridge_definition() -> None:
    definition = {
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.ecr-auth"}],
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:stack == prod"}],
        "containerDefinitions": [
            {
                "name": "a",
                "cpu": 100,
                "memory": 256,
                "memoryReservation": 128,
                "portMappings": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81, "hostPort": 0}],
            },
            {"name": "b", "memory": 64, "portMappings": [{"containerPort": 53, "hostPort": 53, "protocol": "udp"}]},
        ],
    }
    asked = demand_of(definition, group="g", constraints=[{"type": "distinctInstance"}], zones=["us-east-1a"])
    assert (asked.cpu, asked.memory_mib, asked.eni, asked.zones) == (100, 192, False, None)
    assert asked.ports == (InstancePort("tcp", 8080), InstancePort("udp", 53))
    assert asked.attributes == {"com.amazonaws.ecs.capability.ecr-auth"}
    assert asked.distinct_instance
    assert [query.text for query in asked.member_of] == ["attribute:stack == prod"]


def test_demand_of_an_awsvpc_definition() -> None:
    definition = {
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "runtimePlatform": {"cpuArchitecture": "ARM64"},
        "containerDefinitions": [{"name": "a", "portMappings": [{"containerPort": 80, "hostPort": 80}]}],
    }
    asked = demand_of(definition, group="g", zones=["us-east-1a"])
    assert (asked.cpu, asked.memory_mib, asked.eni, asked.ports) == (256, 512, True, ())
    assert (asked.zones, asked.architecture) == ({"us-east-1a"}, "arm64")


@pytest.mark.parametrize(
    ("constraints", "strategies", "message"),
    [
        ([{"type": "distinctInstance", "expression": ""}], [], "distinctInstance expression should not be specified."),
        ([{"type": "memberOf"}], [], "memberOf expression should be specified."),
        ([{}], [], "A placement constraint needs a type."),
        ([{"type": "distinctInstance"}] * 11, [], "At most 10 placement constraints can be specified."),
        ([], [{"type": "random"}] * 6, "At most 5 placement strategies can be specified."),
        ([], [{"type": "random", "field": "cpu"}], "A random placement strategy has no field."),
        ([], [{"field": "cpu"}], "A placement strategy needs a type."),
        (
            [],
            [{"type": "binpack", "field": "disk"}],
            "The field of a binpack placement strategy must be cpu or memory.",
        ),
        (
            [],
            [{"type": "spread", "field": "zone"}],
            "The field of a spread placement strategy must be instanceId, host, or attribute:NAME.",
        ),
    ],
)
def test_refused_placement(constraints: list[Any], strategies: list[Any], message: str) -> None:
    with pytest.raises(InvalidParameterException) as caught:
        check_placement(constraints, strategies)
    assert caught.value.message == message


def test_strategies_in_domain_words() -> None:
    given = [{"type": "spread", "field": "host"}, {"type": "binpack", "field": "CPU"}, {"type": "random"}]
    check_placement([{"type": "memberOf", "expression": "agentConnected == true"}], given)
    assert strategies_of(given) == (HOSTS, PACK_CPU, Strategy("random"))


# -- what always holds


LOADS = st.builds(
    Load,
    cpu=st.integers(0, 2048),
    memory_mib=st.integers(0, 4096),
    enis=st.integers(0, 3),
    groups=st.dictionaries(st.sampled_from(["g", "h"]), st.integers(1, 3)),
    ports=st.frozensets(st.builds(InstancePort, st.just("tcp"), st.sampled_from([80, 81])), max_size=2),
)
FLEETS = st.lists(
    st.tuples(st.sampled_from("abc"), LOADS, st.sampled_from(["x", "y"]), st.booleans()), min_size=0, max_size=12
).map(
    lambda drawn: [
        candidate(
            n, zone=zone, load=load, attributes={"colour": colour}, agent_connected=connected or n % 3 > 0, enis=3
        )
        for n, (zone, load, colour, connected) in enumerate(drawn)
    ]
)
DEMANDS = st.builds(
    Demand,
    group=st.just("g"),
    cpu=st.integers(1, 700),
    memory_mib=st.integers(1, 1500),
    ports=st.sampled_from([(), (InstancePort("tcp", 80),)]),
    eni=st.booleans(),
    zones=st.sampled_from([None, frozenset({"us-east-1a", "us-east-1b"})]),
    distinct_instance=st.booleans(),
    member_of=st.sampled_from([(), (parse_query("attribute:colour == x"),), (parse_query("task:group != h"),)]),
)
STRATEGIES = st.lists(
    st.sampled_from([ZONES, HOSTS, PACK_CPU, PACK_MEMORY, Strategy("random"), Strategy("spread", "attribute:colour")]),
    max_size=3,
)


@given(DEMANDS, FLEETS, st.integers(0, 12), STRATEGIES, st.integers(0, 99))
def test_no_instance_is_overcommitted_and_every_constraint_holds(
    demand: Demand, fleet: list[Candidate], count: int, strategies: list[Strategy], seed: int
) -> None:
    result = placed(demand, fleet, count, *strategies, seed=seed)
    assert result == placed(demand, fleet, count, *strategies, seed=seed), "the same seed gives the same"
    tasks = Counter(numbers(result))
    assert sum(tasks.values()) <= count
    for number, given_ in tasks.items():
        one, load = fleet[number].instance, fleet[number].load
        assert one.agent_connected
        assert load.cpu + given_ * demand.cpu <= one.cpu
        assert load.memory_mib + given_ * demand.memory_mib <= one.memory_mib
        if demand.ports:
            assert given_ == 1 and load.ports.isdisjoint(demand.ports)
        if demand.eni:
            assert one.enis is not None and load.enis + given_ <= one.enis
        if demand.zones is not None:
            assert one.zone in demand.zones
        if demand.distinct_instance:
            assert given_ == 1 and "g" not in load.groups
        texts = [query.text for query in demand.member_of]
        if "attribute:colour == x" in texts:
            assert one.attribute("colour") == "x"
        if "task:group != h" in texts:
            assert "h" not in load.groups
    # Nothing is held back: either all are placed, or no instance can take one more.
    assert (len(result.instances) == count) != bool(result.refusals) or not fleet
    if result.refusals:
        assert len(result.refusals) == len(fleet)


@given(FLEETS, st.integers(1, 30))
def test_spread_keeps_zones_even(fleet: list[Candidate], count: int) -> None:
    """After each task, no zone that could have taken it has two tasks fewer than the one that took it."""
    demand = Demand(group="g", cpu=64)
    result = placed(demand, fleet, count, ZONES, HOSTS)
    tasks: Counter[str] = Counter()
    for one in fleet:
        tasks[one.instance.zone] += one.load.groups.get("g", 0)
    left = {one.instance.id: one.instance.cpu - one.load.cpu for one in fleet if one.instance.agent_connected}
    for chosen in result.instances:
        open_zones = {one.instance.zone for one in fleet if left.get(one.instance.id, 0) >= demand.cpu}
        assert tasks[chosen.zone] == min(tasks[zone] for zone in open_zones)
        tasks[chosen.zone] += 1
        left[chosen.id] -= demand.cpu


@given(FLEETS, st.integers(1, 30), st.sampled_from([PACK_CPU, PACK_MEMORY]))
def test_binpack_takes_the_least_remaining_that_fits(fleet: list[Candidate], count: int, strategy: Strategy) -> None:
    demand = Demand(group="g", cpu=200, memory_mib=300)
    left = {
        one.instance.id: [one.instance.cpu - one.load.cpu, one.instance.memory_mib - one.load.memory_mib]
        for one in fleet
        if one.instance.agent_connected
    }
    which = 0 if strategy == PACK_CPU else 1
    for chosen in placed(demand, fleet, count, strategy).instances:
        fit = [rest for rest in left.values() if rest[0] >= 200 and rest[1] >= 300]
        assert left[chosen.id][which] == min(rest[which] for rest in fit)
        left[chosen.id][0] -= 200
        left[chosen.id][1] -= 300


@given(st.integers(1, 40), st.integers(1, 8))
def test_binpack_uses_as_few_equal_empty_instances_as_can_be(count: int, fit: int) -> None:
    fleet = [candidate(n, cpu=fit * 100) for n in range(40)]
    used = set(numbers(placed(Demand(group="g", cpu=100), fleet, count, PACK_CPU)))
    assert len(used) == -(-count // fit)


def test_attributes_are_replaced_in_place() -> None:
    own = [InstanceAttribute("a", "1"), InstanceAttribute("b")]
    assert with_attributes(own, [InstanceAttribute("a", "2"), InstanceAttribute("c")]) == [
        InstanceAttribute("a", "2"),
        InstanceAttribute("b"),
        InstanceAttribute("c"),
    ]
    assert instance().zone == "us-east-1a"


def test_what_was_promised_before_counts_as_taken() -> None:
    ports = (InstancePort("tcp", 18080),)
    demand = Demand(group="service:web", cpu=1000, memory_mib=100, ports=ports, eni=True)
    free = candidate(0, load=Load(cpu=100, groups={"service:web": 1, "other": 2}))
    load = with_tasks(free, [demand]).load
    assert (load.cpu, load.memory_mib, load.enis, load.ports) == (1100, 100, 1, frozenset(ports))
    assert load.groups == {"service:web": 2, "other": 2}
    assert refused_by(with_tasks(free, [demand]), demand) == "RESOURCE:CPU"
    assert refused_by(with_tasks(free, [demand]), Demand(group="g", ports=ports)) == "RESOURCE:PORTS"
    assert with_tasks(free, []) is free
