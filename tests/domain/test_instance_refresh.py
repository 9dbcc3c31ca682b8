"""Instance refreshes: enough instances stay in service at every step, and in the end all are new."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.instance_refresh import DEFAULTS, InstanceRefresh, refresh_step

HERE = ("123456789012", "us-east-1")


def instance(number: int, launched_at: float) -> Ec2Instance:
    return Ec2Instance(
        *HERE, f"i-{number}", "t3.medium", "ami", "us-east-1a", "subnet", "vpc", "running", launched_at,
        scaling_group="g", lifecycle="InService",
    )  # fmt: skip


@given(st.integers(1, 12), st.integers(0, 100), st.sampled_from([0.0, 60.0]))
def test_enough_stay_in_service_and_all_are_replaced(desired: int, healthy: int, warmup: float) -> None:
    group = AutoScalingGroup(*HERE, "g", "arn", 0, 20, desired, 0.0, ["us-east-1a"])
    there = [instance(number, 0.0) for number in range(desired)]
    refresh = InstanceRefresh(
        *HERE, "g", "r", 100.0, {**DEFAULTS, "MinHealthyPercentage": healthy}, warmup, "InProgress",
        left=[i.id for i in there], total=desired,
    )  # fmt: skip
    now, number = 100.0, desired
    for _ in range(200):
        step = refresh_step(refresh, group, there, now)
        refresh = replace(refresh, status=step.status, left=list(step.left), blocked_since=step.blocked_since)
        if step.status != "InProgress":
            break
        there = [i for i in there if i not in step.leaving]
        ready = [i for i in there if i.launched_at < 100.0 or now >= i.launched_at + warmup]
        kept = -(-desired * healthy // 100)
        assert len(ready) >= min(kept, desired - 1) or not step.leaving
        # The group launches what is missing.
        while len(there) < desired:
            there.append(instance(number, now))
            number += 1
        now += 10
    assert refresh.status == "Successful"
    assert all(i.launched_at >= 100.0 for i in there) and number == 2 * desired
