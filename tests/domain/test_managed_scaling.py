"""Managed scaling: never past the group's bounds, never fewer hosts than are needed, and it settles."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.capacity.container_instance import InstancePort
from emulator.domain.capacity.managed_scaling import (
    SCALE_IN_AFTER_S,
    Fleet,
    HostSize,
    Scaling,
    fresh_hosts,
    needed_hosts,
    reservation,
    scale,
)
from emulator.domain.capacity.placement import Demand

SIZE = HostSize(cpu=2048, memory_mib=4096, enis=2)
HALF = Demand(group="family:job", cpu=1024, memory_mib=256)

scalings = st.builds(
    Scaling,
    target=st.integers(1, 100),
    minimum_step=st.integers(1, 5),
    maximum_step=st.integers(5, 20),
    warmup_s=st.sampled_from([0.0, 300.0]),
)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    hosts = draw(st.integers(0, 20))
    busy = draw(st.integers(0, hosts))
    minimum = draw(st.integers(0, 10))
    waiting = draw(st.integers(0, 30))
    return Fleet(
        hosts=hosts,
        busy=busy,
        minimum=minimum,
        maximum=draw(st.integers(minimum, 25)),
        booting=draw(st.integers(0, hosts - busy)),
        waiting=waiting,
        fresh=draw(st.integers(1, waiting)) if waiting else 0,
    )


@given(scalings, fleets(), st.floats(0, 1e6))
def test_within_bounds_and_never_fewer_than_are_needed(scaling: Scaling, fleet: Fleet, now: float) -> None:
    verdict = scale(scaling, fleet, None, now)
    if verdict.desired > fleet.hosts:
        assert verdict.desired <= fleet.maximum
        assert verdict.desired - fleet.hosts <= max(scaling.maximum_step, scaling.minimum_step)
    later = scale(scaling, fleet, now - SCALE_IN_AFTER_S, now)
    if later.desired < fleet.hosts:
        assert later.desired >= min(needed_hosts(fleet), fleet.maximum)
        assert later.desired >= fleet.minimum
        assert needed_hosts(fleet) * 100 <= later.desired * scaling.target or later.desired == fleet.maximum


@given(scalings, fleets())
def test_it_settles(scaling: Scaling, fleet: Fleet) -> None:
    """Hosts come and go as it says, and what is needed stays: after a while nothing changes."""
    needed = min(needed_hosts(fleet), fleet.maximum)
    now, low_since = 0.0, None
    fleet = replace(fleet, waiting=0, fresh=0, booting=0, busy=min(needed, fleet.hosts))
    wanted = max(fleet.minimum, min(fleet.maximum, -(-needed * 100 // scaling.target)))
    seen = []
    for _ in range(60):
        waiting = max(0, needed - fleet.hosts)
        look = replace(fleet, busy=min(needed, fleet.hosts), waiting=waiting, fresh=waiting)
        verdict = scale(scaling, look, low_since, now)
        low_since = verdict.low_since
        seen.append(verdict.desired)
        fleet = replace(fleet, hosts=verdict.desired)
        now += SCALE_IN_AFTER_S / 2
    assert len(set(seen[-4:])) == 1
    assert seen[-1] >= needed and fleet.minimum <= seen[-1] <= fleet.maximum
    assert seen[-1] == wanted or scaling.minimum_step > 1


def test_the_metric() -> None:
    assert [reservation(0, 0), reservation(3, 0), reservation(2, 4), reservation(4, 4)] == [100, 200, 50, 100]


def test_growth_goes_in_steps() -> None:
    fleet = Fleet(hosts=2, busy=2, minimum=0, maximum=100, waiting=20, fresh=10)
    assert scale(Scaling(), fleet, None, 0).desired == 12
    assert scale(Scaling(maximum_step=4), fleet, None, 0).desired == 6
    assert scale(Scaling(minimum_step=20), fleet, None, 0).desired == 22
    assert scale(Scaling(target=50), fleet, None, 0).desired == 24


def test_booting_hosts_are_counted_once() -> None:
    fleet = Fleet(hosts=12, busy=2, minimum=0, maximum=100, booting=10, waiting=20, fresh=10)
    assert scale(Scaling(), fleet, None, 0).desired == 12


def test_shrinking_waits_for_a_quarter_of_an_hour_and_for_the_warm_up() -> None:
    fleet = Fleet(hosts=3, busy=1, minimum=0, maximum=10, newest=1000.0)
    warming = scale(Scaling(), fleet, None, 1100.0)
    assert (warming.desired, warming.low_since, warming.next_look) == (3, None, 1300.0)
    low = scale(Scaling(), fleet, None, 1300.0)
    assert (low.desired, low.low_since, low.next_look) == (3, 1300.0, 2200.0)
    assert scale(Scaling(), fleet, 1300.0, 2199.0).desired == 3
    assert scale(Scaling(), fleet, 1300.0, 2200.0).desired == 1


def test_waiting_tasks_are_packed() -> None:
    assert fresh_hosts([], SIZE) == 0
    assert fresh_hosts([HALF] * 5, SIZE) == 3
    assert fresh_hosts([replace(HALF, cpu=4096)], SIZE) == 0
    assert fresh_hosts([replace(HALF, memory_mib=3000)] * 2, SIZE) == 2
    assert fresh_hosts([replace(HALF, cpu=1, eni=True)] * 5, SIZE) == 3
    assert fresh_hosts([replace(HALF, cpu=1, distinct_instance=True)] * 4, SIZE) == 4
    assert fresh_hosts([replace(HALF, cpu=1, ports=(InstancePort("tcp", 80),))] * 3, SIZE) == 3
    sizes = [replace(HALF, cpu=cpu) for cpu in (1536, 512, 1536, 512)]
    assert fresh_hosts(sizes, SIZE) == 2


@given(st.lists(st.tuples(st.integers(1, 2048), st.integers(1, 4096)), max_size=60))
def test_packing_is_between_what_it_must_be_and_one_each(sizes: list[tuple[int, int]]) -> None:
    demands = [Demand(group="g", cpu=cpu, memory_mib=memory) for cpu, memory in sizes]
    hosts = fresh_hosts(demands, SIZE)
    assert hosts <= len(demands)
    assert hosts * SIZE.cpu >= sum(d.cpu for d in demands)
    assert hosts * SIZE.memory_mib >= sum(d.memory_mib for d in demands)
