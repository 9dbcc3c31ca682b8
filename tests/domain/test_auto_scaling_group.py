"""What a group launches and lets go of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.capacity.auto_scaling_group import PROTECTED_REMAIN, AutoScalingGroup, next_step
from emulator.domain.capacity.ec2_instance import Ec2Instance

GROUP = AutoScalingGroup("1", "r", "g", "arn", 0, 100, 3, 0.0, ["ra", "rb", "rc"])


def instance(number: int, zone: str = "ra", version: str = "1", *, protected: bool = False) -> Ec2Instance:
    return Ec2Instance(
        "1", "r", f"i-{number}", "t3.medium", "ami", zone, "subnet", "vpc", "running", float(number),
        scaling_group="g", lifecycle="InService", protected=protected, made_from={"Version": version},
    )  # fmt: skip


def test_launches_go_where_there_are_fewest() -> None:
    assert next_step(GROUP, []).zones == ("ra", "rb", "rc")
    assert next_step(replace(GROUP, desired=4), [instance(1), instance(2), instance(3, "rb")]).zones == ("rc",)


def test_the_fullest_zone_loses_its_oldest_of_the_oldest_version() -> None:
    there = [instance(1, "rb"), instance(2, version="2"), instance(3), instance(4)]
    [gone] = next_step(GROUP, there).leaving
    assert gone.id == "i-3"


def test_protected_ones_stay() -> None:
    there = [instance(n, protected=n < 4) for n in range(1, 6)]
    step = next_step(replace(GROUP, desired=1), there)
    assert ({i.id for i in step.leaving}, step.stuck) == ({"i-4", "i-5"}, PROTECTED_REMAIN)


def test_a_group_that_is_deleted_lets_all_go() -> None:
    step = next_step(replace(GROUP, status="Delete in progress", desired=0), [instance(1, protected=True)])
    assert len(step.leaving) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20), st.integers(0, 20))
def test_it_comes_to_what_is_desired(there: list[tuple[str, bool]], desired: int) -> None:
    group = replace(GROUP, desired=desired)
    instances = [instance(n, f"r{zone}", protected=protected) for n, (zone, protected) in enumerate(there)]
    step = next_step(group, instances)
    left = [i for i in instances if i not in step.leaving]
    new = [instance(100 + n, zone) for n, zone in enumerate(step.zones)]
    assert len(left) + len(new) == desired or (step.stuck and all(i.protected for i in left))
    assert not any(i.protected for i in step.leaving)
    after = next_step(group, [*left, *new])
    assert not after.zones and not after.leaving
    if new and not left:
        counts = Counter(i.zone for i in new)
        assert max(counts.values()) - min(counts.get(z, 0) for z in group.zones) <= 1
