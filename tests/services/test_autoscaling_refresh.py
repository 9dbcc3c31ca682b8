"""Instance refreshes through boto3: a group's instances are replaced a few at a time."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from tests.conftest import Aws
from tests.services.capacity_scene import group, make_group, make_template
from tests.services.ecs_scene import refuses

GROUP = {"AutoScalingGroupName": "hosts"}


@pytest.fixture
def autoscaling(aws: Aws, emulator: Emulator) -> Any:
    make_template(aws)
    make_group(aws, DesiredCapacity=4)
    wait(emulator)
    return aws("autoscaling")


def wait(emulator: Emulator, seconds: float = 10) -> None:
    emulator.plane.advance(seconds, emulator.clock.advance)  # type: ignore[attr-defined]


def there(aws: Aws) -> set[str]:
    return {instance["InstanceId"] for instance in group(aws)["Instances"]}


def shown(autoscaling: Any) -> dict[str, Any]:
    answer = autoscaling.describe_instance_refreshes(**GROUP)
    found: dict[str, Any] = answer["InstanceRefreshes"][0]
    return found


def start(autoscaling: Any, **preferences: Any) -> str:
    return str(autoscaling.start_instance_refresh(**GROUP, Preferences=preferences)["InstanceRefreshId"])


def test_instances_are_replaced_as_many_as_may_be_missing(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    before = there(aws)
    refresh = start(autoscaling, MinHealthyPercentage=50, InstanceWarmup=30)
    assert shown(autoscaling)["Status"] == "Pending"
    wait(emulator)
    # Two of four may be missing, and new ones count when they are 30 seconds old.
    assert len(there(aws) & before) == 2
    found = shown(autoscaling)
    assert (found["Status"], found["InstancesToUpdate"], found["PercentageComplete"]) == ("InProgress", 2, 50)
    wait(emulator, 40)
    assert not there(aws) & before and len(there(aws)) == 4
    wait(emulator, 40)
    found = shown(autoscaling)
    assert (found["InstanceRefreshId"], found["Status"], found["PercentageComplete"]) == (refresh, "Successful", 100)
    assert found["Preferences"]["ScaleInProtectedInstances"] == "Wait"
    activities = autoscaling.describe_scaling_activities(**GROUP)["Activities"]
    assert sum("in response to an instance refresh" in activity["Cause"] for activity in activities) == 4


def test_one_at_a_time_when_all_are_to_be_healthy(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    before = there(aws)
    start(autoscaling, MinHealthyPercentage=100)
    wait(emulator, 0.5)
    assert len([i for i in group(aws)["Instances"] if i["LifecycleState"].startswith("Terminating")]) <= 1
    assert len(there(aws) & before) >= 3
    wait(emulator, 60)
    assert not there(aws) & before and shown(autoscaling)["Status"] == "Successful"


def test_a_desired_configuration_becomes_the_groups(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    aws("ec2").create_launch_template_version(
        LaunchTemplateName="hosts", LaunchTemplateData={"InstanceType": "m5.large", "ImageId": "ami-ecs"}
    )
    template = {"LaunchTemplateName": "hosts", "Version": "2"}
    autoscaling.start_instance_refresh(
        **GROUP, DesiredConfiguration={"LaunchTemplate": template}, Preferences={"MinHealthyPercentage": 0}
    )
    wait(emulator)
    assert {instance["InstanceType"] for instance in group(aws)["Instances"]} == {"m5.large"}
    assert shown(autoscaling)["Status"] == "Successful" and group(aws)["LaunchTemplate"]["Version"] == "2"
    after = there(aws)
    start(autoscaling, SkipMatching=True)
    wait(emulator)
    assert (there(aws), shown(autoscaling)["Status"]) == (after, "Successful")


def test_protected_instances_and_those_in_standby(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    first, second, *_ = sorted(there(aws))
    autoscaling.set_instance_protection(**GROUP, InstanceIds=[first], ProtectedFromScaleIn=True)
    autoscaling.enter_standby(**GROUP, InstanceIds=[second], ShouldDecrementDesiredCapacity=True)
    start(autoscaling, MinHealthyPercentage=0, ScaleInProtectedInstances="Ignore", StandbyInstances="Ignore")
    wait(emulator)
    assert shown(autoscaling)["Status"] == "Successful" and {first, second} < there(aws)
    start(autoscaling, MinHealthyPercentage=0)
    wait(emulator, 60)
    assert shown(autoscaling)["Status"] == "InProgress" and {first, second} < there(aws)
    wait(emulator, 3600)
    found = shown(autoscaling)
    assert found["Status"] == "Failed" and "waited an hour" in found["StatusReason"]
    start(autoscaling, MinHealthyPercentage=0, ScaleInProtectedInstances="Refresh", StandbyInstances="Terminate")
    wait(emulator, 30)
    assert shown(autoscaling)["Status"] == "Successful" and not {first, second} & there(aws)


def test_a_refresh_is_cancelled(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    before = there(aws)
    refresh = start(autoscaling, InstanceWarmup=600)
    wait(emulator)
    with refuses("InstanceRefreshInProgress"):
        start(autoscaling)
    assert autoscaling.cancel_instance_refresh(**GROUP)["InstanceRefreshId"] == refresh
    wait(emulator)
    assert shown(autoscaling)["Status"] == "Cancelled" and len(there(aws) & before) == 3
    wait(emulator, 1000)
    assert len(there(aws) & before) == 3
    with refuses("ActiveInstanceRefreshNotFound"):
        autoscaling.cancel_instance_refresh(**GROUP)
    start(autoscaling)
    autoscaling.cancel_instance_refresh(**GROUP, WaitForTransitioningInstances=False)
    assert shown(autoscaling)["Status"] == "Cancelled"
    named = autoscaling.describe_instance_refreshes(**GROUP, InstanceRefreshIds=[refresh])["InstanceRefreshes"]
    assert [each["InstanceRefreshId"] for each in named] == [refresh]


@pytest.mark.parametrize(
    ("members", "code", "part"),
    [
        ({"Preferences": {"AutoRollback": True}}, "NotEmulatedYet", "AutoRollback"),
        ({"Preferences": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110}}, "NotEmulatedYet", "MaxHealthy"),
        ({"Strategy": "ReplaceRootVolume"}, "NotEmulatedYet", "Rolling"),
        ({"DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateName": "nope"}}}, "ValidationError", "nope"),
        ({"AutoScalingGroupName": "nope"}, "ValidationError", "not found"),
    ],
)  # fmt: skip
def test_what_is_refused(autoscaling: Any, members: dict[str, Any], code: str, part: str) -> None:
    with refuses(code, part, part=True):
        autoscaling.start_instance_refresh(**{**GROUP, **members})
    assert autoscaling.describe_instance_refreshes(**GROUP)["InstanceRefreshes"] == []
    with refuses("ValidationError", "not found", part=True):
        autoscaling.describe_instance_refreshes(AutoScalingGroupName="nope")
