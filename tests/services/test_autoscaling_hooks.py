"""Lifecycle hooks through boto3: instances wait while they are launched and terminated, until somebody says go on."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from emulator.events import journal
from tests.conftest import Aws
from tests.services.capacity_scene import group, make_group, make_provider, make_template, use_provider
from tests.services.ecs_scene import refuses

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
HOOK = {"AutoScalingGroupName": "hosts", "LifecycleHookName": "hook"}


@pytest.fixture
def autoscaling(aws: Aws) -> Any:
    make_template(aws)
    make_group(aws)
    return aws("autoscaling")


def wait(emulator: Emulator, seconds: float = 10) -> None:
    emulator.plane.advance(seconds, emulator.clock.advance)  # type: ignore[attr-defined]


def states(aws: Aws) -> list[str]:
    return sorted(instance["LifecycleState"] for instance in group(aws)["Instances"])


def told(emulator: Emulator, kind: str) -> list[dict[str, Any]]:
    with emulator.database.read() as reader:
        events = [entry.detail for entry in journal.entries(reader, limit=1000) if entry.kind == "eventbridge"]
    return [event["detail"] for event in events if event["detail-type"] == kind]


def test_a_launch_waits_until_it_is_completed(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    autoscaling.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING, NotificationMetadata="more")
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=2)
    wait(emulator)
    assert states(aws) == ["Pending:Wait"] * 2
    [event, _] = told(emulator, "EC2 Instance-launch Lifecycle Action")
    assert (event["LifecycleTransition"], event["NotificationMetadata"], event["Destination"]) == (
        LAUNCHING, "more", "AutoScalingGroup",
    )  # fmt: skip
    autoscaling.complete_lifecycle_action(
        **HOOK, LifecycleActionToken=event["LifecycleActionToken"], LifecycleActionResult="CONTINUE"
    )
    wait(emulator, 1)
    assert states(aws) == ["InService", "Pending:Wait"]
    activities = autoscaling.describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert sorted(activity["StatusCode"] for activity in activities) == ["InProgress", "Successful"]
    with refuses("ValidationError", "No active Lifecycle Action found with instance ID", part=True):
        autoscaling.complete_lifecycle_action(
            **HOOK, InstanceId=event["EC2InstanceId"], LifecycleActionResult="CONTINUE"
        )
    # The other one is abandoned: it is terminated, and another is launched in its place.
    [other] = [i["InstanceId"] for i in group(aws)["Instances"] if i["LifecycleState"] == "Pending:Wait"]
    autoscaling.complete_lifecycle_action(**HOOK, InstanceId=other, LifecycleActionResult="ABANDON")
    wait(emulator)
    assert other not in [i["InstanceId"] for i in group(aws)["Instances"]]
    assert states(aws) == ["InService", "Pending:Wait"]
    [failed] = [
        activity
        for activity in autoscaling.describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
        if activity["StatusCode"] == "Cancelled"
    ]
    assert "was abandoned: Lifecycle Action Completed with ABANDON Result" in failed["StatusMessage"]


def test_a_heartbeat_prolongs_and_the_default_result_follows(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    autoscaling.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING, HeartbeatTimeout=60, DefaultResult="CONTINUE")
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=1)
    wait(emulator, 40)
    [instance] = group(aws)["Instances"]
    autoscaling.record_lifecycle_action_heartbeat(**HOOK, InstanceId=instance["InstanceId"])
    wait(emulator, 50)
    assert states(aws) == ["Pending:Wait"]
    wait(emulator, 15)
    assert states(aws) == ["InService"]
    with refuses("ValidationError", "No active Lifecycle Action", part=True):
        autoscaling.record_lifecycle_action_heartbeat(**HOOK, InstanceId=instance["InstanceId"])
    with refuses("ValidationError", "must be specified", part=True):
        autoscaling.record_lifecycle_action_heartbeat(**HOOK)


def test_a_launch_that_nobody_completes_is_abandoned(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    autoscaling.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING, HeartbeatTimeout=30)
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=1)
    wait(emulator)
    [first] = group(aws)["Instances"]
    wait(emulator, 40)
    [second] = group(aws)["Instances"]
    assert second["InstanceId"] != first["InstanceId"]
    activities = autoscaling.describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert any("abandoned: Heartbeat Timeout" in activity.get("StatusMessage", "") for activity in activities)


@pytest.mark.parametrize("result", ["CONTINUE", "ABANDON"])
def test_a_termination_waits_and_goes_on_either_way(
    emulator: Emulator, aws: Aws, autoscaling: Any, result: str
) -> None:
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=1)
    wait(emulator)
    autoscaling.put_lifecycle_hook(**HOOK, LifecycleTransition=TERMINATING)
    autoscaling.put_lifecycle_hook(
        AutoScalingGroupName="hosts", LifecycleHookName="second", LifecycleTransition=TERMINATING, HeartbeatTimeout=30
    )
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=0)
    wait(emulator)
    assert states(aws) == ["Terminating:Wait"]
    assert len(told(emulator, "EC2 Instance-terminate Lifecycle Action")) == 2
    [instance] = group(aws)["Instances"]
    autoscaling.complete_lifecycle_action(**HOOK, InstanceId=instance["InstanceId"], LifecycleActionResult=result)
    wait(emulator)
    assert states(aws) == (["Terminating:Wait"] if result == "CONTINUE" else [])
    wait(emulator, 30)
    assert states(aws) == []


def test_a_hook_that_is_deleted_is_waited_for_no_more(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    autoscaling.put_lifecycle_hook(**HOOK, LifecycleTransition=TERMINATING)
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=1)
    wait(emulator)
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=0)
    wait(emulator)
    assert states(aws) == ["Terminating:Wait"]
    autoscaling.delete_lifecycle_hook(**HOOK)
    wait(emulator)
    assert states(aws) == []
    with refuses("ValidationError", "No lifecycle hook found", part=True):
        autoscaling.delete_lifecycle_hook(**HOOK)


def test_hooks_are_described_changed_and_go_with_their_group(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    given = {"LifecycleHookName": "own", "LifecycleTransition": TERMINATING, "HeartbeatTimeout": 7200}
    make_group(aws, "more", LifecycleHookSpecificationList=[given])
    autoscaling.put_lifecycle_hook(AutoScalingGroupName="more", LifecycleHookName="own", DefaultResult="CONTINUE")
    [shown] = autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="more")["LifecycleHooks"]
    assert shown == {
        **given,
        "AutoScalingGroupName": "more",
        "GlobalTimeout": 172800,
        "DefaultResult": "CONTINUE",
    }
    assert autoscaling.describe_lifecycle_hook_types()["LifecycleHookTypes"] == [LAUNCHING, TERMINATING]
    named = {"AutoScalingGroupName": "more", "LifecycleHookNames": ["nope"]}
    assert autoscaling.describe_lifecycle_hooks(**named)["LifecycleHooks"] == []
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="more")
    with refuses("ValidationError", "not found", part=True):
        autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="more")
    make_group(aws, "more")
    assert autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="more")["LifecycleHooks"] == []


@pytest.mark.parametrize(
    ("members", "code", "part"),
    [
        ({}, "ValidationError", "LifecycleTransition"),
        ({"LifecycleTransition": "dance"}, "ValidationError", "LifecycleTransition"),
        ({"LifecycleTransition": LAUNCHING, "HeartbeatTimeout": 29}, "ValidationError", "HeartbeatTimeout"),
        ({"LifecycleTransition": LAUNCHING, "DefaultResult": "WAIT"}, "ValidationError", "DefaultResult"),
        ({"LifecycleTransition": LAUNCHING, "RoleARN": "arn:x"}, "NotEmulatedYet", "RoleARN"),
        ({"LifecycleTransition": LAUNCHING, "AutoScalingGroupName": "nope"}, "ValidationError", "not found"),
        ({"LifecycleTransition": LAUNCHING, "LifecycleHookName": "ecs-managed-draining-termination-hook"},
         "ValidationError", "managed by Amazon ECS"),
    ],
)  # fmt: skip
def test_what_is_refused(autoscaling: Any, members: dict[str, Any], code: str, part: str) -> None:
    with refuses(code, part, part=True):
        autoscaling.put_lifecycle_hook(**{**HOOK, **members})
    assert autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="hosts")["LifecycleHooks"] == []
    with refuses("ValidationError", "LifecycleActionResult", part=True):
        autoscaling.complete_lifecycle_action(**HOOK, InstanceId="i-1", LifecycleActionResult="MAYBE")


def test_at_most_fifty_hooks(autoscaling: Any) -> None:
    for number in range(50):
        autoscaling.put_lifecycle_hook(
            AutoScalingGroupName="hosts", LifecycleHookName=f"h{number}", LifecycleTransition=LAUNCHING
        )
    with refuses("LimitExceeded"):
        autoscaling.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING)


def test_managed_draining_has_a_hook(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    make_provider(aws, group(aws)["AutoScalingGroupARN"])
    use_provider(aws, "ec2")
    [hook] = autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="hosts")["LifecycleHooks"]
    assert (hook["LifecycleHookName"], hook["LifecycleTransition"]) == (
        "ecs-managed-draining-termination-hook", TERMINATING,
    )  # fmt: skip
    emulator.plane.settle()
    aws("ecs").update_capacity_provider(name="ec2", autoScalingGroupProvider={"managedDraining": "DISABLED"})
    assert autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="hosts")["LifecycleHooks"] == []
