"""RunTask through boto3: what it makes, and everything it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.domain.networks.network import default_security_group_id, default_subnets
from emulator.events import journal
from tests.conftest import Aws
from tests.services.ecs_scene import fargate_definition, prepare, refuses, run

ACCOUNT, REGION = "123456789012", "us-east-1"


def test_a_new_task_in_full(aws: Aws, clock: VirtualClock) -> None:
    ecs = aws("ecs")
    definition = prepare(ecs, container={"cpu": 64, "memory": 128})
    answer = run(ecs, startedBy="me", tags=[{"key": "a", "value": "b"}])
    assert answer["failures"] == []
    (task,) = answer["tasks"]
    cluster_arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c"
    task_id = task["taskArn"].rpartition("/")[2]
    attachment, container = task.pop("attachments")[0], task.pop("containers")[0]
    zone = task.pop("availabilityZone")
    assert zone in {"us-east-1a", "us-east-1b", "us-east-1c"}
    assert task.pop("createdAt").timestamp() == clock.now()
    assert task == {
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "clusterArn": cluster_arn,
        "cpu": "256",
        "desiredStatus": "RUNNING",
        "enableExecuteCommand": False,
        "group": "family:web",
        "healthStatus": "UNKNOWN",
        "inferenceAccelerators": [],
        "lastStatus": "PROVISIONING",
        "launchType": "FARGATE",
        "memory": "512",
        "overrides": {"containerOverrides": [{"name": "app"}], "inferenceAcceleratorOverrides": []},
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "startedBy": "me",
        "tags": [{"key": "a", "value": "b"}],
        "taskArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/c/{task_id}",
        "taskDefinitionArn": definition,
        "version": 1,
        "ephemeralStorage": {"sizeInGiB": 20},
        "fargateEphemeralStorage": {"sizeInGiB": 20},
    }
    assert len(task_id) == 32
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "PRECREATED")
    assert attachment["details"] == [{"name": "subnetId", "value": "subnet-aaaa"}]
    assert container.pop("containerArn").startswith(f"arn:aws:ecs:{REGION}:{ACCOUNT}:container/c/{task_id}/")
    assert container == {
        "taskArn": task["taskArn"],
        "name": "app",
        "image": "busybox",
        "lastStatus": "PENDING",
        "networkBindings": [],
        "networkInterfaces": [],
        "healthStatus": "UNKNOWN",
        "cpu": "64",
        "memory": "128",
    }


def test_what_was_run_is_described_and_journalled(aws: Aws, emulator: Emulator) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    task = run(ecs)["tasks"][0]
    described = ecs.describe_tasks(cluster="c", tasks=[task["taskArn"]])["tasks"][0]
    assert {**described, "tags": []} == task
    with emulator.database.read() as reader:
        assert journal.entries(reader, subject=task["taskArn"])[0].kind == "task.created"


def test_subnets_are_taken_in_turn_and_stand_in_one_zone_each(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    tasks = run(ecs, count=4)["tasks"]
    subnets = [t["attachments"][0]["details"][0]["value"] for t in tasks]
    assert subnets == ["subnet-aaaa", "subnet-bbbb"] * 2
    assert [t["availabilityZone"] for t in tasks[:2]] == [t["availabilityZone"] for t in tasks[2:]]


def test_adopted_placeholders_are_said(emulator: Emulator, aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    said: list[str] = []
    ecs.meta.events.register(
        "after-call", lambda http_response, **_: said.append(http_response.headers["x-homeport-warning"])
    )
    run(ecs)
    assert said == ["never created, so adopted into the default VPC: subnet-aaaa, subnet-bbbb, sg-12345678"]


def test_overrides_are_merged_and_echoed(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    override = {"name": "app", "command": ["true"], "cpu": 128, "environment": [{"name": "A", "value": "1"}]}
    task = run(ecs, overrides={"cpu": "512", "memory": "1024", "containerOverrides": [override]})["tasks"][0]
    assert (task["cpu"], task["memory"], task["containers"][0]["cpu"]) == ("512", "1024", "128")
    assert task["overrides"] == {
        "containerOverrides": [override],
        "inferenceAcceleratorOverrides": [],
        "cpu": "512",
        "memory": "1024",
    }
    with refuses(
        "InvalidParameterException", "Override for container named x is not a container in the TaskDefinition."
    ):
        run(ecs, overrides={"containerOverrides": [{"name": "x"}]})
    with refuses("InvalidParameterException", "No Fargate configuration exists", part=True):
        run(ecs, overrides={"cpu": "256", "memory": "8192"})


def test_tags_are_propagated_and_managed(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs, tags=[{"key": "a", "value": "definition"}, {"key": "b", "value": "definition"}])
    task = run(ecs, tags=[{"key": "a", "value": "own"}], propagateTags="TASK_DEFINITION", enableECSManagedTags=True)[
        "tasks"
    ][0]
    tags = {tag["key"]: tag["value"] for tag in task["tags"]}
    assert tags == {"a": "own", "b": "definition", "aws:ecs:clusterName": "c"}
    assert run(ecs)["tasks"][0]["tags"] == []


def test_a_task_has_at_most_50_tags_wherever_they_come_from(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs, tags=[{"key": f"d{n}", "value": ""} for n in range(30)])
    own = [{"key": f"t{n}", "value": ""} for n in range(21)]
    with refuses("InvalidParameterException", "exceeds the limit of 50", part=True):
        run(ecs, tags=own, propagateTags="TASK_DEFINITION")
    task = run(ecs, tags=own[:20], propagateTags="TASK_DEFINITION", enableECSManagedTags=True)["tasks"][0]
    assert len(task["tags"]) == 51  # one is ECS's own
    with refuses("InvalidParameterException", "less than or equal to 50", part=True):
        run(ecs, tags=[{"key": f"t{n}", "value": ""} for n in range(51)])


def test_a_client_token_stands_for_its_tasks_for_a_day(aws: Aws, clock: VirtualClock) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    first = [t["taskArn"] for t in run(ecs, count=2, clientToken="t")["tasks"]]
    assert [t["taskArn"] for t in run(ecs, count=2, clientToken="t")["tasks"]] == first
    with pytest.raises(ecs.exceptions.ConflictException) as conflict:
        run(ecs, count=3, clientToken="t")
    assert conflict.value.response["resourceIds"] == first
    clock.advance(86_400)
    assert len(run(ecs, count=3, clientToken="t")["tasks"]) == 3
    assert len(run(ecs, count=1, clientToken="another")["tasks"]) == 1
    with refuses("InvalidParameterException", "clientToken must be", part=True):
        run(ecs, clientToken="x" * 65)


def test_strategies(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    task = run(ecs, capacityProviderStrategy=spot)["tasks"][0]
    assert (task["capacityProviderName"], task["launchType"]) == ("FARGATE_SPOT", "FARGATE")
    with refuses(
        "InvalidParameterException", "Specify either Launch Type or Capacity Provider Strategy, but not both."
    ):
        run(ecs, capacityProviderStrategy=spot, launchType="FARGATE")
    ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}],
    )  # fmt: skip
    with refuses("InvalidParameterException", "There are no capacity providers with a weight value", part=True):
        run(ecs, launchType=None)
    ecs.create_cluster(clusterName="bare")
    with refuses("InvalidParameterException", "not associated with the cluster", part=True):
        run(ecs, cluster="bare", capacityProviderStrategy=spot)


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"cluster": "nope"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "nope"}, "ClientException", "TaskDefinition not found."),
        ({"count": 0}, "InvalidParameterException", "count should be between 1 and 10."),
        ({"count": 11}, "InvalidParameterException", "count should be between 1 and 10."),
        ({"launchType": "EC2"}, "InvalidParameterException", "No Container Instances were found in your cluster."),
        ({"launchType": None}, "InvalidParameterException", "No Container Instances were found in your cluster."),
        (
            {"launchType": "EXTERNAL"},
            "InvalidParameterException",
            "Task definition does not support launch_type EXTERNAL.",
        ),
        (
            {"networkConfiguration": None},
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}},
            "InvalidParameterException",
            "subnets can not be empty.",
        ),
        ({"platformVersion": "9.9.9"}, "PlatformUnknownException", "The specified platform version does not exist."),
        (
            {"launchType": "EC2", "platformVersion": "1.4.0"},
            "InvalidParameterException",
            "The platform version must be null when specifying an EC2 launch type.",
        ),
        (
            {"placementStrategy": [{"type": "random"}]},
            "InvalidParameterException",
            "Placement strategies are not supported with FARGATE launch type.",
        ),
        ({"enableExecuteCommand": True}, "InvalidParameterException", None),
        ({"volumeConfigurations": [{"name": "v"}]}, "NotEmulatedYet", None),
        ({"launchType": "MANAGED_INSTANCES"}, "InvalidParameterException", None),
        ({"propagateTags": "SERVICE"}, "InvalidParameterException", None),
        ({"startedBy": "not allowed"}, "InvalidParameterException", None),
        ({"startedBy": "x" * 129}, "InvalidParameterException", None),
        ({"group": "service:web"}, "InvalidParameterException", None),
        ({"group": "x" * 256}, "InvalidParameterException", None),
        ({"tags": [{"key": "aws:x", "value": ""}]}, "InvalidParameterException", None),
    ],
)
def test_refusals(aws: Aws, members: dict[str, Any], code: str, message: str | None) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    with refuses(code, message):
        run(ecs, **members)
    assert ecs.list_tasks(cluster="c")["taskArns"] == []


def test_definitions_that_fargate_does_not_run(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    bridge = {"name": "app", "image": "busybox", "memory": 64}
    ecs.register_task_definition(family="bridge", containerDefinitions=[bridge])
    with refuses("InvalidParameterException", "Task definition does not support launch_type FARGATE."):
        run(ecs, taskDefinition="bridge", networkConfiguration=None)
    with refuses("InvalidParameterException", "Network Configuration is not valid", part=True):
        run(ecs, taskDefinition="bridge", launchType="EC2")
    with refuses("InvalidParameterException", "No Container Instances were found in your cluster."):
        run(ecs, taskDefinition="bridge", launchType="EC2", networkConfiguration=None)


def test_what_cannot_be_acted_on_is_refused_by_name(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    ecs.register_task_definition(**fargate_definition("faulty", enableFaultInjection=True))
    with refuses("NotEmulatedYet", "enableFaultInjection (fault injection)", part=True):
        run(ecs, taskDefinition="faulty")


def test_an_old_platform_version_lacks_what_came_later(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs, ephemeralStorage={"sizeInGiB": 30})
    with refuses(
        "PlatformTaskDefinitionIncompatibilityException",
        "One or more of the requested capabilities are not supported.",
    ):
        run(ecs, platformVersion="1.3.0")
    task = run(ecs, platformVersion="LATEST")["tasks"][0]
    assert (task["platformVersion"], task["ephemeralStorage"]) == ("1.4.0", {"sizeInGiB": 30})


def _strict(emulator: Emulator) -> None:
    emulator.gateway.facts = replace(emulator.gateway.facts, strict=True)


def test_strict_knows_the_default_vpc_only(aws: Aws, emulator: Emulator) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    _strict(emulator)
    subnet, group = default_subnets(ACCOUNT, REGION)[1], default_security_group_id(ACCOUNT, REGION)
    with refuses(
        "InvalidParameterException",
        "Error retrieving subnet information for [subnet-aaaa]: The subnet ID 'subnet-aaaa' does not exist "
        "(ErrorCode: InvalidSubnetID.NotFound)",
    ):
        run(ecs)
    with refuses(
        "InvalidParameterException",
        "Error retrieving security group information for [sg-1]: The security group 'sg-1' does not exist "
        "(ErrorCode: InvalidGroup.NotFound)",
    ):
        run(ecs, networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet.id], "securityGroups": ["sg-1"]}})
    network = {"awsvpcConfiguration": {"subnets": [subnet.id], "securityGroups": [group]}}
    assert run(ecs, networkConfiguration=network)["tasks"][0]["availabilityZone"] == "us-east-1b"


def test_roles_that_nobody_created_are_adopted_or_refused(aws: Aws, emulator: Emulator) -> None:
    ecs, role = aws("ecs"), f"arn:aws:iam::{ACCOUNT}:role/exec"
    prepare(ecs, executionRoleArn=role)
    said: list[str] = []
    ecs.meta.events.register("after-call", lambda http_response, **_: said.extend(http_response.headers.values()))
    run(ecs)
    assert f"never created, so taken as given: {role}" in said
    _strict(emulator)
    network = {"awsvpcConfiguration": {"subnets": [default_subnets(ACCOUNT, REGION)[0].id]}}
    with refuses("ClientException", f"ECS was unable to assume the role '{role}'", part=True):
        run(ecs, networkConfiguration=network)
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    aws("iam").create_role(RoleName="exec", AssumeRolePolicyDocument=document)
    assert run(ecs, networkConfiguration=network)["tasks"]


def test_the_architecture_is_the_definitions(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs, runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"})
    assert run(ecs)["tasks"][0]["attributes"] == [{"name": "ecs.cpu-architecture", "value": "arm64"}]


def test_at_most_16_subnets_and_5_groups(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    for network in (
        {"subnets": [f"subnet-{n}" for n in range(17)]},
        {"subnets": ["subnet-1"], "securityGroups": [f"sg-{n}" for n in range(6)]},
    ):
        with refuses("InvalidParameterException", "can have at most", part=True):
            run(ecs, networkConfiguration={"awsvpcConfiguration": network})


def test_members_that_nothing_reads_are_said(emulator: Emulator, aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    said: list[str] = []
    ecs.meta.events.register("after-call", lambda http_response, **_: said.extend(http_response.headers.values()))
    run(ecs, referenceId="r")
    assert any("referenceId was not read" in text for text in said)
