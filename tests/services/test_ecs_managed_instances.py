"""Capacity providers of managed instances through boto3: made in a cluster, described, updated; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from tests.conftest import Aws
from tests.services.capacity_scene import make_group, make_provider, make_template
from tests.services.ecs_scene import refuses
from tests.services.instance_scene import SUBNETS
from tests.services.managed_scene import PROFILE, ROLE, SMALL, make_managed, managed_definition, settings

ARN = "arn:aws:ecs:us-east-1:123456789012:capacity-provider/mi"
ONLY = [{"capacityProvider": "mi", "weight": 1}]


@pytest.fixture(autouse=True)
def cluster(aws: Aws) -> None:
    aws("ecs").create_cluster(clusterName="c")


def test_a_provider_is_made_in_its_cluster_and_described(emulator: Emulator, aws: Aws) -> None:
    ecs = aws("ecs")
    made = make_managed(aws, requirements=SMALL, after=120, monitoring="BASIC", tags=[{"key": "a", "value": "b"}])
    expected = {
        "infrastructureRoleArn": ROLE,
        "instanceLaunchTemplate": {
            "ec2InstanceProfileArn": PROFILE,
            "networkConfiguration": {"subnets": SUBNETS[:1]},
            "instanceRequirements": SMALL,
            "monitoring": "BASIC",
            "capacityOptionType": "ON_DEMAND",
        },
        "infrastructureOptimization": {"scaleInAfter": 120},
    }
    assert made == {
        "capacityProviderArn": ARN,
        "name": "mi",
        "cluster": "c",
        "status": "PROVISIONING",
        "managedInstancesProvider": expected,
        "updateStatus": "CREATE_IN_PROGRESS",
        "tags": [{"key": "a", "value": "b"}],
        "type": "MANAGED_INSTANCES",
    }
    emulator.plane.settle()
    [shown] = ecs.describe_capacity_providers(cluster="c")["capacityProviders"]
    assert (shown["status"], shown["updateStatus"]) == ("ACTIVE", "CREATE_COMPLETE")
    [cluster] = ecs.describe_clusters(clusters=["c"], include=["ATTACHMENTS"])["clusters"]
    assert cluster["capacityProviders"] == ["mi"] and not cluster.get("attachments")


def template(**members: Any) -> dict[str, Any]:
    made = settings()
    made["instanceLaunchTemplate"].update(members)
    return made


def required(**members: Any) -> dict[str, Any]:
    return template(instanceRequirements={"vCpuCount": {"min": 1}, "memoryMiB": {"min": 1}, **members})


@pytest.mark.parametrize(
    ("asked", "code", "part"),
    [
        ({**settings(), "infrastructureRoleArn": "r"}, "InvalidParameterException", "infrastructureRoleArn"),
        (template(ec2InstanceProfileArn=ROLE), "InvalidParameterException", "ec2InstanceProfileArn"),
        (template(networkConfiguration={}), "InvalidParameterException", "at least one subnet"),
        (template(capacityOptionType="RESERVED"), "NotEmulatedYet", "Capacity Reservations"),
        (template(nitroEnclavesEnabled=True), "NotEmulatedYet", "Nitro Sandbox"),
        (settings(after=3601), "InvalidParameterException", "scaleInAfter"),
        (settings(after=-2), "InvalidParameterException", "scaleInAfter"),
        (required(vCpuCount={"min": 4, "max": 2}), "InvalidParameterException", "vCpuCount"),
        (required(memoryMiB={"min": -1}), "InvalidParameterException", "negative"),
        (required(allowedInstanceTypes=["m5.*"], excludedInstanceTypes=["m5.*"]), "InvalidParameterException",
         "together"),
        (required(allowedInstanceTypes=["m5 large"]), "InvalidParameterException", "allowedInstanceTypes"),
        (required(networkBandwidthGbps={"min": 10}), "NotEmulatedYet", "networkBandwidthGbps"),
        (required(allowedInstanceTypes=["x9.huge"]), "ClientException", "No instance type"),
    ],
)  # fmt: skip
def test_what_is_refused(aws: Aws, asked: dict[str, Any], code: str, part: str) -> None:
    with refuses(code, part, part=True):
        aws("ecs").create_capacity_provider(name="mi", cluster="c", managedInstancesProvider=asked)
    assert aws("ecs").describe_clusters(clusters=["c"])["clusters"][0]["capacityProviders"] == []


def test_clusters_names_and_vpcs(aws: Aws) -> None:
    ecs = aws("ecs")
    with refuses("ClusterNotFoundException"):
        make_managed(aws, cluster="nope")
    with refuses("InvalidParameterException", "cluster must be specified", part=True):
        ecs.create_capacity_provider(name="mi", managedInstancesProvider=settings())
    vpc = aws("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = aws("ec2").create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    with refuses("InvalidParameterException", "same VPC", part=True):
        make_managed(aws, networkConfiguration={"subnets": [subnet, SUBNETS[0]]})
    group = aws("ec2").create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    with refuses("InvalidParameterException", "security groups", part=True):
        make_managed(aws, networkConfiguration={"subnets": SUBNETS[:1], "securityGroups": [group]})
    make_managed(aws, networkConfiguration={"subnets": [subnet], "securityGroups": [group]})
    with refuses("ClientException", "already exists", part=True):
        make_managed(aws)


def test_it_is_not_put_to_clusters_and_not_mixed(emulator: Emulator, aws: Aws) -> None:
    ecs = aws("ecs")
    make_managed(aws)
    emulator.plane.settle()
    with refuses("InvalidParameterException", "Cannot associate Managed Instances capacity provider", part=True):
        ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=["mi"], defaultCapacityProviderStrategy=ONLY)
    with refuses("InvalidParameterException", "Cannot associate", part=True):
        ecs.create_cluster(clusterName="d", capacityProviders=["mi"])
    mixed = [*ONLY, {"capacityProvider": "FARGATE", "weight": 1}]
    with refuses("InvalidParameterException", "cannot contain", part=True):
        ecs.put_cluster_capacity_providers(
            cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=mixed
        )
    put = ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=ONLY
    )["cluster"]
    assert put["capacityProviders"] == ["FARGATE", "mi"]
    with refuses("ClusterContainsCapacityProviderException"):
        ecs.delete_cluster(cluster="c")
    ecs.create_cluster(clusterName="d")
    ecs.register_task_definition(**managed_definition())
    with refuses("InvalidParameterException", "not associated", part=True):
        ecs.run_task(cluster="d", taskDefinition="job", capacityProviderStrategy=ONLY)
    [task] = ecs.run_task(cluster="c", taskDefinition="job")["tasks"]
    assert (task["launchType"], task["capacityProviderName"]) == ("MANAGED_INSTANCES", "mi")
    assert ecs.list_tasks(cluster="c", launchType="MANAGED_INSTANCES")["taskArns"] == [task["taskArn"]]
    [shown] = ecs.describe_clusters(clusters=["c"], include=["STATISTICS"])["clusters"]
    assert {"name": "pendingManagedInstancesTasksCount", "value": "1"} in shown["statistics"]


def test_only_definitions_that_can_run_there(aws: Aws) -> None:
    make_managed(aws)
    aws("ecs").register_task_definition(
        **managed_definition("b", networkMode="bridge", requiresCompatibilities=["EC2"])
    )
    with refuses("InvalidParameterException", "does not support launch_type MANAGED_INSTANCES", part=True):
        aws("ecs").run_task(cluster="c", taskDefinition="b", capacityProviderStrategy=ONLY)


def test_an_update_changes_what_it_says(emulator: Emulator, aws: Aws) -> None:
    ecs = aws("ecs")
    make_managed(aws, requirements=SMALL, after=60)
    emulator.plane.settle()
    asked = {
        "infrastructureRoleArn": f"{ROLE}2",
        "instanceLaunchTemplate": {"monitoring": "DETAILED"},
        "propagateTags": "CAPACITY_PROVIDER",
    }
    changed = ecs.update_capacity_provider(name="mi", cluster="c", managedInstancesProvider=asked)["capacityProvider"]
    assert changed["updateStatus"] == "UPDATE_IN_PROGRESS"
    shown = changed["managedInstancesProvider"]
    assert (shown["infrastructureRoleArn"], shown["propagateTags"]) == (f"{ROLE}2", "CAPACITY_PROVIDER")
    made = shown["instanceLaunchTemplate"]
    assert (made["monitoring"], made["instanceRequirements"]) == ("DETAILED", SMALL)
    assert shown["infrastructureOptimization"] == {"scaleInAfter": 60}
    emulator.plane.settle()
    [shown] = ecs.describe_capacity_providers(capacityProviders=["mi"])["capacityProviders"]
    assert shown["updateStatus"] == "UPDATE_COMPLETE"
    with refuses("ClientException", "of another type", part=True):
        ecs.update_capacity_provider(name="mi", autoScalingGroupProvider={})
    make_template(aws)
    make_provider(aws, make_group(aws))
    with refuses("ClientException", "of another type", part=True):
        ecs.update_capacity_provider(name="ec2", managedInstancesProvider=asked)
    ecs.create_cluster(clusterName="d")
    with refuses("ClientException", "does not exist", part=True):
        ecs.update_capacity_provider(name="mi", cluster="d", managedInstancesProvider=asked)
    with refuses("ClientException", "does not exist", part=True):
        ecs.delete_capacity_provider(capacityProvider="mi", cluster="d")
    with refuses("InvalidParameterException", "scaleInAfter", part=True):
        ecs.update_capacity_provider(
            name="mi",
            managedInstancesProvider={**asked, "infrastructureOptimization": {"scaleInAfter": 9999}},
        )


def test_ec2_does_not_end_a_managed_instance(emulator: Emulator, aws: Aws) -> None:
    make_managed(aws, requirements=SMALL)
    aws("ecs").register_task_definition(**managed_definition())
    aws("ecs").run_task(cluster="c", taskDefinition="job", capacityProviderStrategy=ONLY)
    emulator.plane.settle()
    [reservation] = aws("ec2").describe_instances()["Reservations"]
    with refuses("OperationNotPermitted", "ecs.amazonaws.com", part=True):
        aws("ec2").terminate_instances(InstanceIds=[reservation["Instances"][0]["InstanceId"]])
