"""EC2 Auto Scaling through boto3: groups, their instances, launch configurations, tags; and what it refuses."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from emulator.app import Emulator
from tests.conftest import Aws
from tests.services.capacity_scene import group, make_group, make_template
from tests.services.ecs_scene import refuses

NOT_FOUND = "AutoScalingGroup name not found - AutoScalingGroup 'nope' not found"


@pytest.fixture
def autoscaling(aws: Aws) -> Any:
    make_template(aws)
    return aws("autoscaling")


def boot(emulator: Emulator) -> None:
    emulator.plane.advance(10, emulator.clock.advance)  # type: ignore[attr-defined]


def test_a_group_as_it_is_described(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    make_group(aws, DesiredCapacity=2, Tags=[{"Key": "team", "Value": "a", "PropagateAtLaunch": True}])
    boot(emulator)
    shown = group(aws)
    assert (shown["MinSize"], shown["MaxSize"], shown["DesiredCapacity"]) == (0, 10, 2)
    assert ":autoScalingGroup:" in shown["AutoScalingGroupARN"]
    assert shown["LaunchTemplate"]["Version"] == "$Latest"
    assert (shown["HealthCheckType"], shown["TerminationPolicies"], shown["VPCZoneIdentifier"]) == (
        "EC2", ["Default"], "",
    )  # fmt: skip
    assert sorted(i["AvailabilityZone"] for i in shown["Instances"]) == ["us-east-1a", "us-east-1b"]
    first = shown["Instances"][0]
    assert (first["LifecycleState"], first["HealthStatus"], first["ProtectedFromScaleIn"]) == (
        "InService", "Healthy", False,
    )  # fmt: skip
    assert (first["InstanceType"], first["LaunchTemplate"]["Version"]) == ("t3.medium", "1")
    ec2 = aws("ec2")
    [reservation] = ec2.describe_instances(
        Filters=[{"Name": "tag:team", "Values": ["a"]}, {"Name": "instance-id", "Values": [first["InstanceId"]]}]
    )["Reservations"]
    [instance] = reservation["Instances"]
    tags = {t["Key"]: t["Value"] for t in instance["Tags"]}
    assert tags == {
        "team": "a",
        "aws:autoscaling:groupName": "hosts",
        "aws:ec2launchtemplate:id": shown["LaunchTemplate"]["LaunchTemplateId"],
        "aws:ec2launchtemplate:version": "1",
    }
    assert instance["State"]["Name"] == "running"
    [described] = autoscaling.describe_auto_scaling_instances(InstanceIds=[first["InstanceId"]])["AutoScalingInstances"]
    assert (described["AutoScalingGroupName"], described["LifecycleState"]) == ("hosts", "InService")
    assert autoscaling.describe_auto_scaling_instances(InstanceIds=["i-nope"])["AutoScalingInstances"] == []


def test_subnets_decide_the_zones(aws: Aws, autoscaling: Any) -> None:
    subnets = aws("ec2").describe_subnets()["Subnets"]
    make_group(aws, AvailabilityZones=None, VPCZoneIdentifier=f"{subnets[0]['SubnetId']},{subnets[2]['SubnetId']}")
    zones = {subnets[0]["AvailabilityZone"], subnets[2]["AvailabilityZone"]}
    assert set(group(aws)["AvailabilityZones"]) == zones


@pytest.mark.parametrize(
    ("members", "code", "part"),
    [
        ({"MinSize": 3, "MaxSize": 2}, "ValidationError", "Max bound, 2"),
        ({"DesiredCapacity": 20}, "ValidationError", "Desired capacity:20 must be between"),
        ({"LaunchTemplate": None}, "ValidationError", "Valid requests must contain either LaunchTemplate"),
        ({"LaunchTemplate": {"LaunchTemplateName": "nope"}}, "ValidationError", "with template name nope"),
        ({"LaunchTemplate": {"LaunchTemplateName": "hosts", "Version": "9"}}, "ValidationError", "specified version 9"),
        ({"LaunchTemplate": None, "LaunchConfigurationName": "nope"}, "ValidationError", "with the name: nope"),
        ({"AvailabilityZones": None}, "ValidationError", "At least one Availability Zone"),
        ({"AvailabilityZones": ["us-east-1z"]}, "ValidationError", "Invalid availability zone"),
        ({"TargetGroupARNs": ["arn:x"]}, "NotEmulatedYet", "load balancers"),
        ({"TerminationPolicies": ["OldestInstance"]}, "NotEmulatedYet", "OldestInstance"),
    ],
)
def test_what_is_refused(aws: Aws, autoscaling: Any, members: dict[str, Any], code: str, part: str) -> None:
    with refuses(code, part, part=True):
        make_group(aws, **members)
    assert autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_a_group_is_resized(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    make_group(aws, MaxSize=3)
    with refuses("AlreadyExists"):
        make_group(aws)
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=3)
    boot(emulator)
    assert len(group(aws)["Instances"]) == 3
    with refuses("ValidationError", "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup."):
        autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=4)
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="hosts", MaxSize=2, MinSize=1)
    assert group(aws)["DesiredCapacity"] == 2
    boot(emulator)
    assert len(group(aws)["Instances"]) == 2
    with refuses("ValidationError", NOT_FOUND):
        autoscaling.update_auto_scaling_group(AutoScalingGroupName="nope", MaxSize=2)
    with refuses("ValidationError", NOT_FOUND):
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="nope")
    activities = autoscaling.describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert [a["Description"].split(":")[0] for a in activities] == [
        "Terminating EC2 instance", *["Launching a new EC2 instance"] * 3,
    ]  # fmt: skip
    assert "explicitly set group desired capacity changing the desired capacity from 0 to 3" in activities[1]["Cause"]
    with refuses("ValidationError", NOT_FOUND):
        autoscaling.describe_scaling_activities(AutoScalingGroupName="nope")


def test_protection_and_termination(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    make_group(aws, MinSize=1, DesiredCapacity=2)
    boot(emulator)
    first, second = (i["InstanceId"] for i in group(aws)["Instances"])
    autoscaling.set_instance_protection(
        AutoScalingGroupName="hosts", InstanceIds=[first, second], ProtectedFromScaleIn=True
    )
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=1)
    boot(emulator)
    assert len(group(aws)["Instances"]) == 2
    [stuck, *_] = autoscaling.describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert (stuck["StatusCode"], "are protected" in stuck["StatusMessage"]) == ("Failed", True)
    with refuses("ValidationError", "is not part of Auto Scaling group hosts", part=True):
        autoscaling.set_instance_protection(
            AutoScalingGroupName="hosts", InstanceIds=["i-nope"], ProtectedFromScaleIn=True
        )
    with refuses("ValidationError", "desiredSize equals minSize", part=True):
        autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=first, ShouldDecrementDesiredCapacity=True)
    answer = autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=False
    )
    assert answer["Activity"]["StatusCode"] == "InProgress"
    boot(emulator)
    assert [i["InstanceId"] for i in group(aws)["Instances"]] == [second]
    with refuses("ValidationError", "No managed instance found for instance ID: i-nope", part=True):
        autoscaling.terminate_instance_in_auto_scaling_group(InstanceId="i-nope", ShouldDecrementDesiredCapacity=False)


def test_launch_configurations(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    request = {"LaunchConfigurationName": "old", "ImageId": "ami-1", "InstanceType": "m5.large"}
    autoscaling.create_launch_configuration(**request, UserData="ECS_CLUSTER=c")
    with refuses("AlreadyExists"):
        autoscaling.create_launch_configuration(**request)
    with refuses("ValidationError", "both the ImageId and InstanceType", part=True):
        autoscaling.create_launch_configuration(LaunchConfigurationName="half", ImageId="ami-1")
    aws("ecs").create_cluster(clusterName="c")
    make_group(aws, LaunchTemplate=None, LaunchConfigurationName="old", DesiredCapacity=1)
    boot(emulator)
    [instance] = group(aws)["Instances"]
    assert (instance["InstanceType"], instance["LaunchConfigurationName"]) == ("m5.large", "old")
    assert len(aws("ecs").list_container_instances(cluster="c")["containerInstanceArns"]) == 1
    [shown] = autoscaling.describe_launch_configurations(LaunchConfigurationNames=["old"])["LaunchConfigurations"]
    assert base64.b64decode(shown["UserData"]) == b"ECS_CLUSTER=c"
    with refuses("ResourceInUse"):
        autoscaling.delete_launch_configuration(LaunchConfigurationName="old")
    with refuses("ValidationError"):
        autoscaling.delete_launch_configuration(LaunchConfigurationName="nope")
    autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="hosts", LaunchTemplate={"LaunchTemplateName": "hosts", "Version": "1"}
    )
    autoscaling.delete_launch_configuration(LaunchConfigurationName="old")
    assert autoscaling.describe_launch_configurations()["LaunchConfigurations"] == []


def test_a_mixed_instances_policy_gives_its_first_type(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    policy = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateName": "hosts", "Version": "$Default"},
            "Overrides": [{"InstanceType": "c5.large"}, {"InstanceType": "m5.large"}],
        }
    }
    make_group(aws, LaunchTemplate=None, MixedInstancesPolicy=policy, DesiredCapacity=1)
    boot(emulator)
    shown = group(aws)
    assert shown["Instances"][0]["InstanceType"] == "c5.large"
    assert shown["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"] == policy["LaunchTemplate"]["Overrides"]


def test_tags(aws: Aws, autoscaling: Any) -> None:
    make_group(aws)
    tag = {"ResourceId": "hosts", "ResourceType": "auto-scaling-group", "Key": "team", "Value": "a"}
    autoscaling.create_or_update_tags(Tags=[{**tag, "PropagateAtLaunch": False}])
    autoscaling.create_or_update_tags(Tags=[{**tag, "Value": "b", "PropagateAtLaunch": True}])
    assert autoscaling.describe_tags()["Tags"] == [{**tag, "Value": "b", "PropagateAtLaunch": True}]
    assert autoscaling.describe_tags(Filters=[{"Name": "key", "Values": ["x"]}])["Tags"] == []
    with refuses("ValidationError"):
        autoscaling.describe_tags(Filters=[{"Name": "shape", "Values": ["x"]}])
    with refuses("ValidationError", NOT_FOUND):
        autoscaling.create_or_update_tags(Tags=[{**tag, "ResourceId": "nope"}])
    with refuses("ValidationError", NOT_FOUND):
        autoscaling.delete_tags(Tags=[{**tag, "ResourceId": "nope"}])
    autoscaling.delete_tags(Tags=[{"ResourceId": "hosts", "Key": "team"}])
    assert group(aws)["Tags"] == []


@pytest.mark.parametrize(
    "operation",
    [
        "describe_auto_scaling_groups", "describe_auto_scaling_instances", "describe_launch_configurations",
        "describe_policies",
    ],
)  # fmt: skip
def test_a_token_of_nobody(autoscaling: Any, operation: str) -> None:
    with refuses("InvalidNextToken"):
        getattr(autoscaling, operation)(NextToken="nope")


def test_suspended_processes_hold_a_group_back(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    make_group(aws)
    autoscaling.suspend_processes(AutoScalingGroupName="hosts", ScalingProcesses=["Launch", "AZRebalance"])
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=2)
    boot(emulator)
    held = group(aws)
    assert [p["ProcessName"] for p in held["SuspendedProcesses"]] == ["AZRebalance", "Launch"]
    assert held["SuspendedProcesses"][0]["SuspensionReason"].startswith("User suspended at 20")
    assert (held["DesiredCapacity"], held["Instances"]) == (2, [])
    autoscaling.resume_processes(AutoScalingGroupName="hosts", ScalingProcesses=["Launch"])
    boot(emulator)
    assert len(group(aws)["Instances"]) == 2
    autoscaling.suspend_processes(AutoScalingGroupName="hosts")
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=0)
    boot(emulator)
    assert len(group(aws)["Instances"]) == 2
    autoscaling.resume_processes(AutoScalingGroupName="hosts")
    boot(emulator)
    assert group(aws)["Instances"] == group(aws)["SuspendedProcesses"] == []
    names = {p["ProcessName"] for p in autoscaling.describe_scaling_process_types()["Processes"]}
    assert {"Launch", "Terminate", "AlarmNotification"} < names
    for call in (autoscaling.suspend_processes, autoscaling.resume_processes):
        with refuses("ValidationError", "Invalid scaling process: Dance", part=True):
            call(AutoScalingGroupName="hosts", ScalingProcesses=["Dance"])
        with refuses("ValidationError", NOT_FOUND):
            call(AutoScalingGroupName="nope")
