"""Capacity providers through boto3: made, described, updated, associated, deleted, tagged; and what ECS refuses."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from tests.conftest import Aws
from tests.services.capacity_scene import group, make_group, make_provider, make_template, use_provider
from tests.services.ecs_scene import refuses

ARN = "arn:aws:ecs:us-east-1:123456789012:capacity-provider/ec2"


@pytest.fixture
def group_arn(aws: Aws) -> str:
    make_template(aws)
    return make_group(aws)


def test_a_provider_is_made_and_described(aws: Aws, group_arn: str) -> None:
    ecs = aws("ecs")
    made = make_provider(aws, group_arn, managedDraining="DISABLED")
    of_group = {
        "autoScalingGroupArn": group_arn,
        "managedScaling": {
            "status": "ENABLED",
            "targetCapacity": 100,
            "minimumScalingStepSize": 1,
            "maximumScalingStepSize": 10000,
            "instanceWarmupPeriod": 300,
        },
        "managedTerminationProtection": "DISABLED",
        "managedDraining": "DISABLED",
    }
    assert made == {
        "capacityProviderArn": ARN,
        "name": "ec2",
        "status": "ACTIVE",
        "autoScalingGroupProvider": of_group,
        "tags": [],
        "type": "EC2_AUTOSCALING",
    }
    answer = ecs.describe_capacity_providers(capacityProviders=["ec2", "nope", "FARGATE"])
    assert [p["name"] for p in answer["capacityProviders"]] == ["FARGATE", "ec2"]
    assert answer["failures"] == [{"arn": f"{ARN[:-3]}nope", "reason": "MISSING"}]
    everything = ecs.describe_capacity_providers()["capacityProviders"]
    assert [p["name"] for p in everything] == ["FARGATE", "FARGATE_SPOT", "ec2"]
    assert everything[0]["capacityProviderArn"].endswith(":capacity-provider/FARGATE")
    assert {k: v for k, v in group(aws)["Tags"][0].items() if k in ("Key", "PropagateAtLaunch")} == {
        "Key": "AmazonECSManaged",
        "PropagateAtLaunch": True,
    }


def test_pages_and_clusters(aws: Aws, group_arn: str) -> None:
    make_provider(aws, group_arn)
    use_provider(aws, "ec2")
    ecs = aws("ecs")
    first = ecs.describe_capacity_providers(maxResults=2)
    rest = ecs.describe_capacity_providers(maxResults=2, nextToken=first["nextToken"])
    assert [p["name"] for p in rest["capacityProviders"]] == ["ec2"] and "nextToken" not in rest
    assert [p["name"] for p in ecs.describe_capacity_providers(cluster="c")["capacityProviders"]] == ["ec2"]
    with refuses("ClusterNotFoundException"):
        ecs.describe_capacity_providers(cluster="nope")


@pytest.mark.parametrize(
    ("members", "code", "part"),
    [
        ({"name": "fargate-mine"}, "ClientException", "cannot start with"),
        ({"name": "a b"}, "ClientException", "Up to 255 characters"),
        ({"autoScalingGroupArn": "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x"}, "ClientException",
         "Auto Scaling group ARN is invalid"),
        ({"managedScaling": {"targetCapacity": 0}}, "InvalidParameterException", "autoScalingGroupProvider"),
        ({"managedScaling": {"minimumScalingStepSize": 5, "maximumScalingStepSize": 2}}, "InvalidParameterException",
         "cannot be greater"),
        ({"managedTerminationProtection": "ENABLED"}, "InvalidParameterException", "must have instance protection"),
        ({"managedTerminationProtection": "ENABLED", "managedScaling": {"status": "DISABLED"}},
         "InvalidParameterException", "managed scaling must be enabled"),
    ],
)  # fmt: skip
def test_what_is_refused(aws: Aws, group_arn: str, members: dict[str, Any], code: str, part: str) -> None:
    name = members.pop("name", "ec2")
    with refuses(code, part, part=True):
        make_provider(aws, members.pop("autoScalingGroupArn", group_arn), name, **members)


def test_a_name_and_a_group_are_used_once(aws: Aws, group_arn: str) -> None:
    make_provider(aws, group_arn)
    with refuses("ClientException", "already exists", part=True):
        make_provider(aws, group_arn)
    with refuses("ClientException", "already being used by another capacity provider", part=True):
        make_provider(aws, group_arn, "other")


def test_a_provider_has_a_group_or_managed_instances(aws: Aws, group_arn: str) -> None:
    with refuses("InvalidParameterException", "Exactly one", part=True):
        aws("ecs").create_capacity_provider(name="mine")
    with refuses("InvalidParameterException", "cluster can only", part=True):
        aws("ecs").create_capacity_provider(
            name="mine", cluster="c", autoScalingGroupProvider={"autoScalingGroupArn": group_arn}
        )


def test_an_update_is_done_at_the_next_look(emulator: Emulator, aws: Aws, group_arn: str) -> None:
    ecs = aws("ecs")
    make_provider(aws, group_arn)
    changed = ecs.update_capacity_provider(
        name="ec2", autoScalingGroupProvider={"managedScaling": {"targetCapacity": 50}, "managedDraining": "DISABLED"}
    )["capacityProvider"]
    assert changed["updateStatus"] == "UPDATE_IN_PROGRESS"
    assert changed["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"] == 50
    with refuses("UpdateInProgressException"):
        ecs.update_capacity_provider(name="ec2", autoScalingGroupProvider={})
    emulator.plane.settle()
    [shown] = ecs.describe_capacity_providers(capacityProviders=[ARN])["capacityProviders"]
    assert (shown["updateStatus"], shown["autoScalingGroupProvider"]["managedDraining"]) == (
        "UPDATE_COMPLETE", "DISABLED",
    )  # fmt: skip
    with refuses("ClientException", "does not exist", part=True):
        ecs.update_capacity_provider(name="nope", autoScalingGroupProvider={})


def test_a_provider_in_use_is_not_deleted(emulator: Emulator, aws: Aws, group_arn: str) -> None:
    ecs = aws("ecs")
    make_provider(aws, group_arn)
    use_provider(aws, "ec2")
    emulator.plane.settle()
    kept = ecs.delete_capacity_provider(capacityProvider="ec2")["capacityProvider"]
    assert kept["updateStatus"] == "DELETE_FAILED"
    assert "it is associated with cluster: c." in kept["updateStatusReason"]
    with refuses("ClientException", "reserved capacity provider", part=True):
        ecs.delete_capacity_provider(capacityProvider="FARGATE")
    ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=[], defaultCapacityProviderStrategy=[])
    gone = ecs.delete_capacity_provider(capacityProvider=ARN)["capacityProvider"]
    assert (gone["status"], gone["updateStatus"]) == ("ACTIVE", "DELETE_IN_PROGRESS")
    emulator.plane.settle()
    [gone] = ecs.describe_capacity_providers(capacityProviders=["ec2"])["capacityProviders"]
    assert (gone["status"], gone["updateStatus"]) == ("INACTIVE", "DELETE_COMPLETE")
    assert {p["name"] for p in ecs.describe_capacity_providers()["capacityProviders"]} == {"FARGATE", "FARGATE_SPOT"}
    for refused in (ecs.delete_capacity_provider, ecs.update_capacity_provider):
        name = "capacityProvider" if refused == ecs.delete_capacity_provider else "name"
        with refuses("ClientException", "does not exist", part=True):
            refused(**{name: "ec2"}, **({} if name == "capacityProvider" else {"autoScalingGroupProvider": {}}))
    with refuses("InvalidParameterException", "was not found", part=True):
        ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=["ec2"], defaultCapacityProviderStrategy=[])
    with refuses("ResourceNotFoundException"):
        ecs.list_tags_for_resource(resourceArn=ARN)
    emulator.plane.advance(3601, emulator.clock.advance)  # type: ignore[attr-defined]
    assert ecs.describe_capacity_providers(capacityProviders=["ec2"])["failures"][0]["reason"] == "MISSING"
    # Name and group are free as soon as it is INACTIVE.
    for _ in range(2):
        make_provider(aws, group_arn)
        ecs.delete_capacity_provider(capacityProvider="ec2")
        emulator.plane.settle()
    with refuses("ClientException", "does not exist", part=True):
        ecs.delete_capacity_provider(capacityProvider="ec2")


def test_a_cluster_tells_its_attachments(emulator: Emulator, aws: Aws, group_arn: str) -> None:
    ecs = aws("ecs")
    make_provider(aws, group_arn)
    made = ecs.create_cluster(clusterName="c", capacityProviders=["ec2", "FARGATE"])["cluster"]
    assert made["attachmentsStatus"] == "UPDATE_IN_PROGRESS"
    with refuses("UpdateInProgressException"):
        ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=[], defaultCapacityProviderStrategy=[])
    with refuses("UpdateInProgressException"):
        ecs.delete_cluster(cluster="c")
    emulator.plane.settle()
    [shown] = ecs.describe_clusters(clusters=["c"], include=["ATTACHMENTS"])["clusters"]
    assert shown["attachmentsStatus"] == "UPDATE_COMPLETE"
    [attachment] = shown["attachments"]
    details = {d["name"]: d["value"] for d in attachment["details"]}
    assert (attachment["type"], attachment["status"], details["capacityProviderName"]) == (
        "as_policy", "CREATED", "ec2",
    )  # fmt: skip
    [policy] = aws("autoscaling").describe_policies(AutoScalingGroupName="hosts")["ScalingPolicies"]
    assert policy["PolicyName"] == details["scalingPolicyName"]
    with refuses("InvalidParameterException", "cannot contain both Fargate and Auto Scaling", part=True):
        ecs.put_cluster_capacity_providers(
            cluster="c",
            capacityProviders=["ec2", "FARGATE"],
            defaultCapacityProviderStrategy=[
                {"capacityProvider": "ec2", "weight": 1},
                {"capacityProvider": "FARGATE", "weight": 1},
            ],
        )


def test_tags(aws: Aws, group_arn: str) -> None:
    ecs = aws("ecs")
    made = ecs.create_capacity_provider(
        name="ec2",
        autoScalingGroupProvider={"autoScalingGroupArn": group_arn},
        tags=[{"key": "team", "value": "a"}],
    )["capacityProvider"]
    assert made["tags"] == [{"key": "team", "value": "a"}]
    assert "managedScaling" not in made["autoScalingGroupProvider"]
    ecs.tag_resource(resourceArn=ARN, tags=[{"key": "stage", "value": "b"}])
    ecs.untag_resource(resourceArn=ARN, tagKeys=["team"])
    [shown] = ecs.describe_capacity_providers(capacityProviders=["ec2"], include=["TAGS"])["capacityProviders"]
    assert shown["tags"] == [{"key": "stage", "value": "b"}]
    assert ecs.list_tags_for_resource(resourceArn=ARN)["tags"] == shown["tags"]
    with refuses("ResourceNotFoundException"):
        ecs.list_tags_for_resource(resourceArn=f"{ARN}2")
