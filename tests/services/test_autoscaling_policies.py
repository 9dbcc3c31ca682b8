"""Scaling policies through boto3: simple and step scaling, executed by hand; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from tests.conftest import Aws
from tests.services.capacity_scene import group, make_group, make_provider, make_template
from tests.services.ecs_scene import refuses

POLICY = {"AutoScalingGroupName": "hosts", "PolicyName": "grow"}
SIMPLE = {**POLICY, "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 2}
STEPS = [
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 3},
]
STEP = {**POLICY, "PolicyType": "StepScaling", "AdjustmentType": "ChangeInCapacity", "StepAdjustments": STEPS}


@pytest.fixture
def autoscaling(aws: Aws) -> Any:
    make_template(aws)
    make_group(aws)
    return aws("autoscaling")


def desired(aws: Aws) -> int:
    return int(group(aws)["DesiredCapacity"])


def test_a_simple_policy(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    arn = autoscaling.put_scaling_policy(**SIMPLE, Cooldown=60)["PolicyARN"]
    assert arn.endswith(":autoScalingGroupName/hosts:policyName/grow")
    autoscaling.execute_policy(**POLICY)
    assert desired(aws) == 2
    emulator.plane.advance(10, emulator.clock.advance)  # type: ignore[attr-defined]
    [activity, _] = autoscaling.describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert "a user request executed policy grow changing the desired capacity from 0 to 2" in activity["Cause"]
    with refuses("ScalingActivityInProgress", "cooldown", part=True):
        autoscaling.execute_policy(**POLICY, HonorCooldown=True)
    emulator.plane.advance(60, emulator.clock.advance)  # type: ignore[attr-defined]
    autoscaling.execute_policy(PolicyName=arn, HonorCooldown=True)
    assert desired(aws) == 4
    autoscaling.put_scaling_policy(**{**SIMPLE, "ScalingAdjustment": 100})
    autoscaling.execute_policy(**POLICY)
    assert desired(aws) == 10  # the group's maximum
    autoscaling.put_scaling_policy(**{**SIMPLE, "AdjustmentType": "ExactCapacity", "ScalingAdjustment": 5})
    autoscaling.execute_policy(**POLICY)
    assert desired(aws) == 5
    for percent, after in ((-10, 4), (30, 5), (-50, 3)):
        autoscaling.put_scaling_policy(
            **{**SIMPLE, "AdjustmentType": "PercentChangeInCapacity", "ScalingAdjustment": percent}
        )
        autoscaling.execute_policy(**POLICY)
        assert desired(aws) == after
    autoscaling.put_scaling_policy(
        **{**SIMPLE, "AdjustmentType": "PercentChangeInCapacity", "ScalingAdjustment": 10}, MinAdjustmentMagnitude=4
    )
    autoscaling.execute_policy(**POLICY)
    assert desired(aws) == 7


def test_a_step_policy(aws: Aws, autoscaling: Any) -> None:
    autoscaling.put_scaling_policy(**STEP, EstimatedInstanceWarmup=30)
    for value, after in ((55.0, 1), (60.0, 4)):
        autoscaling.execute_policy(**POLICY, MetricValue=value, BreachThreshold=50.0)
        assert desired(aws) == after
    with refuses("ValidationError", "No step adjustment found for metric value 40.0 and breach threshold 50.0"):
        autoscaling.execute_policy(**POLICY, MetricValue=40.0, BreachThreshold=50.0)
    with refuses("ValidationError", "must be specified", part=True):
        autoscaling.execute_policy(**POLICY)
    down = [{"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1}]
    autoscaling.put_scaling_policy(**{**STEP, "StepAdjustments": down})
    autoscaling.execute_policy(**POLICY, MetricValue=40.0, BreachThreshold=50.0)
    assert desired(aws) == 3


def test_policies_are_described_and_deleted(aws: Aws, autoscaling: Any) -> None:
    arn = autoscaling.put_scaling_policy(**SIMPLE)["PolicyARN"]
    assert autoscaling.put_scaling_policy(**STEP)["PolicyARN"] == arn
    make_provider(aws, group(aws)["AutoScalingGroupARN"])
    own, managed = autoscaling.describe_policies(AutoScalingGroupName="hosts")["ScalingPolicies"][::-1]
    assert (own["PolicyName"], own["StepAdjustments"], own["Enabled"]) == ("grow", STEPS, True)
    [kind] = autoscaling.describe_policies(PolicyTypes=["StepScaling"])["ScalingPolicies"]
    assert kind["PolicyARN"] == arn
    with refuses("ValidationError", "managed by Amazon ECS", part=True):
        autoscaling.delete_policy(AutoScalingGroupName="hosts", PolicyName=managed["PolicyName"])
    autoscaling.put_scaling_policy(**STEP, Enabled=False)
    with refuses("ValidationError", "disabled", part=True):
        autoscaling.execute_policy(**POLICY, MetricValue=60.0, BreachThreshold=50.0)
    autoscaling.delete_policy(PolicyName=arn)
    for call in (autoscaling.delete_policy, autoscaling.execute_policy):
        with refuses("ValidationError", "Policy name not found", part=True):
            call(**POLICY)
    with refuses("ValidationError", "AutoScalingGroupName must be specified", part=True):
        autoscaling.delete_policy(PolicyName="grow")


@pytest.mark.parametrize(
    ("request_", "code", "part"),
    [
        ({**POLICY, "PolicyType": "TargetTrackingScaling"}, "NotEmulatedYet", "TargetTrackingScaling"),
        ({**SIMPLE, "PolicyType": "Dance"}, "ValidationError", "PolicyType"),
        ({**SIMPLE, "AutoScalingGroupName": "nope"}, "ValidationError", "not found"),
        ({**POLICY, "ScalingAdjustment": 1}, "ValidationError", "AdjustmentType"),
        ({**POLICY, "AdjustmentType": "ChangeInCapacity"}, "ValidationError", "ScalingAdjustment"),
        ({**SIMPLE, "AdjustmentType": "ExactCapacity", "ScalingAdjustment": -1}, "ValidationError", "negative"),
        ({**SIMPLE, "MinAdjustmentMagnitude": 2}, "ValidationError", "MinAdjustmentMagnitude"),
        ({**STEP, "StepAdjustments": []}, "ValidationError", "At least one"),
        ({**STEP, "ScalingAdjustment": 1}, "ValidationError", "neither"),
        ({**STEP, "StepAdjustments": [STEPS[0], STEPS[0]]}, "ValidationError", "overlap"),
        ({**STEP, "StepAdjustments": [{**STEPS[0], "MetricIntervalUpperBound": 0.0}]}, "ValidationError",
         "lower bound"),
    ],
)  # fmt: skip
def test_what_is_refused(autoscaling: Any, request_: dict[str, Any], code: str, part: str) -> None:
    with refuses(code, part, part=True):
        autoscaling.put_scaling_policy(**request_)
    assert autoscaling.describe_policies()["ScalingPolicies"] == []


def test_policies_go_with_their_group(aws: Aws, autoscaling: Any) -> None:
    autoscaling.put_scaling_policy(**SIMPLE)
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="hosts")
    make_group(aws)
    assert autoscaling.describe_policies(AutoScalingGroupName="hosts")["ScalingPolicies"] == []
