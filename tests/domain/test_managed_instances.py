"""Managed instances: a host for every task that a permitted type takes, never one more; idle hosts go."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance, InstancePort
from emulator.domain.capacity.instance_requirements import permitted_types
from emulator.domain.capacity.instance_type import INSTANCE_TYPES
from emulator.domain.capacity.managed_instances import (
    LIFETIME_S,
    NEVER,
    Booting,
    ManagedHost,
    Offer,
    Want,
    endings,
    launches,
    weight,
)
from emulator.domain.capacity.placement import Demand
from emulator.domain.capacity.query_language import parse_query
from emulator.domain.capacity.virtual_host import virtual_host

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
CLUSTER = Cluster("123456789012", "us-east-1", "c", "arn:aws:ecs:us-east-1:123456789012:cluster/c", "ACTIVE", 0.0)
KINDS = ("c6a.large", "c6i.large", "m6i.large", "m6i.xlarge", "r6i.2xlarge", "m6g.large")


class _Ids:
    def hex(self, digits: int = 32) -> str:
        return "0" * digits


def host(kind: str, zone: str) -> ContainerInstance:
    return virtual_host(CLUSTER, INSTANCE_TYPES[kind], zone, now=0.0, ids=_Ids())


OFFERS = {zone: [Offer(INSTANCE_TYPES[kind], host(kind, zone)) for kind in KINDS] for zone in ZONES}
JOB = Demand(group="family:job", cpu=1024, memory_mib=512)


def want(count: int = 1, name: str = "t", demand: Demand = JOB, **members: object) -> Want:
    return Want(replace(demand, **members), tuple(f"{name}{n}" for n in range(count)))  # type: ignore[arg-type]


def offers(*zones: str) -> list[Offer]:
    return [offer for zone in zones or ZONES for offer in OFFERS[zone]]


@st.composite
def wants(draw: st.DrawFn) -> list[Want]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        demand = Demand(
            group=draw(st.sampled_from(["family:job", "service:web", "service:api"])),
            cpu=draw(st.sampled_from([0, 256, 1024, 3000, 9000])),
            memory_mib=draw(st.sampled_from([0, 512, 4000, 30_000, 90_000])),
            eni=draw(st.booleans()),
            ports=draw(st.sampled_from([(), (InstancePort("tcp", 80),)])),
            distinct_instance=draw(st.booleans()),
            zones=draw(st.sampled_from([None, frozenset(ZONES[:1]), frozenset({"us-east-1z"})])),
            architecture=draw(st.sampled_from([None, "arm64", "x86_64"])),
        )
        found.append(Want(demand, tuple(f"{number}-{n}" for n in range(draw(st.integers(1, 8))))))
    return found


@settings(max_examples=60, deadline=None)
@given(wants())
def test_every_task_that_fits_gets_one_host_and_no_host_is_empty(asked: list[Want]) -> None:
    found = launches(asked, offers())
    promised = [task for new in found.new for task in new.tasks]
    assert len(promised) == len(set(promised)) and all(new.tasks for new in found.new)
    assert {*promised, *found.helpless} == {task for each in asked for task in each.tasks}
    assert not {*promised} & {*found.helpless}
    demand_of = {task: each.demand for each in asked for task in each.tasks}
    for new in found.new:
        taken = [demand_of[task] for task in new.tasks]
        assert sum(demand.cpu for demand in taken) <= new.offer.host.cpu
        assert sum(demand.memory_mib for demand in taken) <= new.offer.host.memory_mib
        assert sum(demand.eni for demand in taken) <= (new.offer.host.enis or 0)
        ports = [port for demand in taken for port in demand.ports]
        assert len(ports) == len(set(ports))
        alone = [demand.group for demand in taken if demand.distinct_instance]
        assert len(alone) == len(set(alone))
        assert all(demand.zones is None or new.offer.zone in demand.zones for demand in taken)


@settings(max_examples=60, deadline=None)
@given(wants())
def test_while_hosts_boot_nothing_more_is_launched(asked: list[Want]) -> None:
    first = launches(asked, offers())
    booting = [Booting(new.offer.host, new.tasks) for new in first.new]
    again = launches(asked, offers(), booting)
    assert again.new == () and {*again.helpless} == {*first.helpless}


def test_the_type_is_the_one_that_is_used_best() -> None:
    [new] = launches([want(1)], offers("us-east-1a")).new
    assert new.offer.kind.name == "c6a.large"
    [new] = launches([want(1, memory_mib=6000)], offers("us-east-1a")).new
    assert new.offer.kind.name == "m6i.large"
    [new] = launches([want(1, architecture="arm64")], offers("us-east-1a")).new
    assert new.offer.kind.name == "m6g.large"
    # Eight of them use one large host better than four small ones use theirs.
    found = launches([want(8, memory_mib=7000)], offers("us-east-1a")).new
    assert [(new.offer.kind.name, len(new.tasks)) for new in found] == [("r6i.2xlarge", 8)]
    assert weight(INSTANCE_TYPES["g4dn.xlarge"]) > weight(INSTANCE_TYPES["m6i.2xlarge"])


def test_services_are_spread_and_others_packed() -> None:
    spread = launches([want(3, group="service:web")], offers()).new
    assert sorted(new.offer.zone for new in spread) == [*ZONES]
    packed = launches([want(2)], offers()).new
    assert [len(new.tasks) for new in packed] == [2]
    # Tasks that stand already count: the next goes where there are fewest.
    [new] = launches([want(1, group="service:web")], offers(), (), {}, {"service:web": {ZONES[0]: 1, ZONES[2]: 1}}).new
    assert new.offer.zone == ZONES[1]
    [new] = launches([want(1)], offers(), (), {ZONES[0]: 2, ZONES[1]: 1, ZONES[2]: 2}).new
    assert new.offer.zone == ZONES[1]


def test_what_has_room_on_a_booting_host_waits_for_it() -> None:
    booting = Booting(host("m6i.large", ZONES[0]), ("t0",))
    assert launches([want(2)], offers(), [booting]).new == ()
    assert [new.tasks for new in launches([want(3)], offers(), [booting]).new] == [("t2",)]


def test_constraints_choose_the_type() -> None:
    query = parse_query("attribute:ecs.instance-type == r6i.2xlarge")
    [new] = launches([want(1, member_of=(query,))], offers()).new
    assert new.offer.kind.name == "r6i.2xlarge"
    found = launches([want(1, attributes=frozenset({"own"}))], offers())
    assert (found.new, found.helpless) == ((), ("t0",))


def test_a_gpu_task_is_helpless_on_hosts_without() -> None:
    assert launches([want(1, gpus=(("app", 1),))], offers()).helpless == ("t0",)


# -- hosts that go


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.floats(0, 1000)), max_size=10),
    st.sampled_from([NEVER, 0, 60, 3600]),
)
def test_busy_hosts_stay_and_idle_ones_go_in_time(states: list[tuple[bool, bool, bool, float]], after: float) -> None:
    now = 1000.0
    hosts = [
        ManagedHost(f"i-{n}", 0.0, busy, draining, idle_since=since if known and not busy else None)
        for n, (busy, draining, known, since) in enumerate(states)
    ]
    found = endings(hosts, after, now)
    for each in hosts:
        if each.busy:
            assert each.id not in found.ending and each.id not in found.idle_since
        elif each.draining:
            assert each.id in found.ending
        else:
            since = now if each.idle_since is None else each.idle_since
            assert (each.id in found.ending) == (after != NEVER and now >= since + after)
            assert found.idle_since[each.id] == since
    if found.next_look is not None:
        assert found.next_look > now


def test_old_impaired_and_deregistered_hosts() -> None:
    hosts = [
        ManagedHost("old", 0.0, True),
        ManagedHost("impaired", LIFETIME_S, True, impaired=True),
        ManagedHost("gone", LIFETIME_S, True, gone=True),
    ]
    found = endings(hosts, 60, LIFETIME_S)
    assert (found.draining, set(found.ending)) == ({"old": "it is 14 days old"}, {"gone"})
    assert set(endings(hosts, 60, LIFETIME_S, repairs=True).ending) == {"gone", "impaired"}


# -- requirements


def names(**asked: object) -> set[str]:
    return {kind.name for kind in permitted_types({"vCpuCount": {"min": 0}, "memoryMiB": {"min": 0}, **asked})}


def test_permitted_types() -> None:
    assert {kind.name[0] for kind in permitted_types(None)} == {"c", "m", "r"}
    assert names(vCpuCount={"min": 2, "max": 2}, memoryMiB={"min": 16384}, cpuManufacturers=["amd"]) == {
        "r5a.large", "r6a.large",
    }  # fmt: skip
    assert names(acceleratorNames=["t4"], acceleratorCount={"min": 4}) == {"g4dn.12xlarge"}
    assert names(acceleratorTypes=["fpga"]) == set() and names(bareMetal="required") == set()
    assert names(burstablePerformance="required", vCpuCount={"min": 1, "max": 1}) == {"t2.nano", "t2.micro", "t2.small"}
    assert not any(name.startswith("t") for name in names())
    assert names(allowedInstanceTypes=["t3.*"]) == set()
    assert names(allowedInstanceTypes=["t3.*"], burstablePerformance="included") >= {"t3.micro"}
    assert names(allowedInstanceTypes=["m7?.xlarge"]) == {
        "m7i.xlarge", "m7g.xlarge",
    }  # fmt: skip
    assert "m5.large" not in names(excludedInstanceTypes=["m5.*"]) and "m5a.large" in names(
        excludedInstanceTypes=["m5.*"]
    )
    assert names(memoryGiBPerVCpu={"max": 1.9}) == set() and "r5.large" in names(memoryGiBPerVCpu={"min": 8})
    assert names(localStorage="required") == names(totalLocalStorageGB={"min": 1}) == {
        name for name in INSTANCE_TYPES if name[:2] in ("g4", "g5")
    }  # fmt: skip
    assert names(localStorage="required", localStorageTypes=["hdd"]) == set()
    assert names(acceleratorTotalMemoryMiB={"min": 100_000}) == {"g5.48xlarge", "p3.16xlarge"}
    assert names(instanceGenerations=["previous"]) == set()
    assert all(INSTANCE_TYPES[name].interfaces >= 8 for name in names(networkInterfaceCount={"min": 8}))
