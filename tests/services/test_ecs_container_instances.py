"""Container instances through boto3: registered, described, listed, drained, deregistered, tagged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.ecs_scene import refuses
from tests.services.instance_scene import ec2_definition, provide_image, register, resources, run_on_ec2

RESERVED = ["22", "2376", "2375", "51678", "51679", "51680"]


def test_a_registered_instance_is_described(aws: Aws, clock: VirtualClock) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    made = register(ecs, 1, zone="b", tags=[{"key": "team", "value": "a"}])
    assert made["tags"] == [{"key": "team", "value": "a"}]
    arn = made["containerInstanceArn"]
    assert arn.startswith("arn:aws:ecs:us-east-1:123456789012:container-instance/c/")
    [shown] = ecs.describe_container_instances(cluster="c", containerInstances=[arn])["containerInstances"]
    assert (shown["status"], shown["agentConnected"], shown["version"]) == ("ACTIVE", True, 1)
    assert (shown["ec2InstanceId"], shown["runningTasksCount"], shown["pendingTasksCount"]) == (
        "i-00000000000000001", 0, 0,
    )  # fmt: skip
    assert shown["registeredAt"].timestamp() == pytest.approx(clock.now(), abs=1)
    assert shown["tags"] == []
    assert resources(shown) == {"CPU": 2048, "MEMORY": 7883, "PORTS": RESERVED, "PORTS_UDP": []}
    assert shown["registeredResources"] == shown["remainingResources"]
    attributes = {a["name"]: a.get("value") for a in shown["attributes"]}
    assert attributes["ecs.availability-zone"] == "us-east-1b"
    assert attributes["ecs.instance-type"] == "m5.large"
    assert attributes["ecs.os-type"] == "linux"
    assert attributes["ecs.cpu-architecture"] == "x86_64"
    assert attributes["ecs.ami-id"] == "ami-0123456789abcdef0"
    assert "com.amazonaws.ecs.capability.docker-remote-api.1.18" in attributes
    assert "com.amazonaws.ecs.capability.privileged-container" not in attributes


def test_what_describe_includes(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    arn = register(ecs, tags=[{"key": "a", "value": "1"}])["containerInstanceArn"]
    answer = ecs.describe_container_instances(
        cluster="c",
        containerInstances=[arn.rpartition("/")[2], "0" * 32],
        include=["TAGS", "CONTAINER_INSTANCE_HEALTH"],
    )
    [shown] = answer["containerInstances"]
    assert shown["tags"] == [{"key": "a", "value": "1"}]
    assert shown["healthStatus"]["overallStatus"] == "OK"
    assert answer["failures"] == [{"arn": f"{arn.rpartition('/')[0]}/{'0' * 32}", "reason": "MISSING"}]


def test_an_agent_says_what_it_has(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    given = ecs.register_container_instance(
        cluster="c",
        totalResources=[
            {"name": "CPU", "type": "INTEGER", "integerValue": 1000},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": 900},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22"]},
            {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": ["53"]},
        ],
        versionInfo={"agentVersion": "1.50.0", "agentHash": "abc", "dockerVersion": "DockerVersion: 19.03"},
        attributes=[{"name": "stack", "value": "prod"}, {"name": "ecs.availability-zone", "value": "us-east-1c"}],
    )["containerInstance"]
    assert resources(given) == {"CPU": 1000, "MEMORY": 900, "PORTS": ["22"], "PORTS_UDP": ["53"]}
    assert given["versionInfo"]["agentVersion"] == "1.50.0"
    assert {"name": "stack", "value": "prod"} in given["attributes"]
    assert given["ec2InstanceId"].startswith("i-")
    outside = ecs.register_container_instance(
        cluster="c",
        totalResources=[{"name": "CPU", "integerValue": 1}, {"name": "MEMORY", "integerValue": 1}],
        attributes=[{"name": "ecs.capability.external"}],
    )["containerInstance"]
    assert outside["ec2InstanceId"].startswith("mi-")
    assert not any(a["name"] == "ecs.availability-zone" for a in outside["attributes"])


def test_the_same_host_is_registered_again(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    first = register(ecs, 1)
    again = register(ecs, 1, attributes=[{"name": "stack", "value": "prod"}])
    assert (again["containerInstanceArn"], again["version"]) == (first["containerInstanceArn"], 2)
    by_arn = register(ecs, 2, containerInstanceArn=first["containerInstanceArn"])
    assert by_arn["ec2InstanceId"] == first["ec2InstanceId"]
    with refuses("ClientException", "Container instance type changes are not supported."):
        register(ecs, 1, kind="m5.xlarge")
    ecs.deregister_container_instance(cluster="c", containerInstance=first["containerInstanceArn"])
    with refuses("ClientException", "The container instance was deregistered; register a new one."):
        register(ecs, 1, containerInstanceArn=first["containerInstanceArn"])
    assert register(ecs, 1)["containerInstanceArn"] != first["containerInstanceArn"]


def test_the_default_cluster_is_made_by_an_agent(aws: Aws) -> None:
    ecs = aws("ecs")
    made = ecs.register_container_instance(instanceIdentityDocument=json.dumps({"instanceType": "t3.micro"}))
    assert ":container-instance/default/" in made["containerInstance"]["containerInstanceArn"]
    assert ecs.describe_clusters()["clusters"][0]["registeredContainerInstancesCount"] == 1
    with refuses("ClusterNotFoundException", "Cluster not found."):
        register(ecs)


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"instanceIdentityDocument": "{"}, "ClientException", "The instance identity document is not valid."),
        ({"instanceIdentityDocument": "[]"}, "ClientException", "The instance identity document is not valid."),
        (
            {"instanceIdentityDocument": "{}"},
            "InvalidParameterException",
            "Resource CPU must be specified, from 1 to 2147483647.",
        ),
        (
            {"totalResources": [{"name": "CPU", "doubleValue": 1e300}]},
            "InvalidParameterException",
            "Resource CPU must be specified, from 1 to 2147483647.",
        ),
        (
            {"instanceIdentityDocument": "[" * 200_000},
            "ClientException",
            "The instance identity document is not valid.",
        ),
        (
            {"totalResources": [{"name": "PORTS", "stringSetValue": ["70000"]}]},
            "InvalidParameterException",
            "Resource PORTS must be a set of ports.",
        ),
        ({"attributes": [{"name": "a b"}]}, "InvalidParameterException", None),
        ({"attributes": [{"name": "a", "value": " b"}]}, "InvalidParameterException", None),
        (
            {"attributes": [{"name": "ecs.availability-zone", "value": "eu-west-1a"}]},
            "InvalidParameterException",
            "The Availability Zone eu-west-1a is not in the Region us-east-1.",
        ),
        (
            {"containerInstanceArn": "0" * 32},
            "InvalidParameterException",
            "The referenced container instance was not found.",
        ),
    ],
)
def test_refused_registrations(aws: Aws, members: dict[str, Any], code: str, message: str | None) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    with refuses(code, message):
        register(ecs, **members)
    assert ecs.list_container_instances(cluster="c")["containerInstanceArns"] == []


def test_lists_by_status_and_expression_page_by_page(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    arns = [register(ecs, n, zone="ab"[n % 2])["containerInstanceArn"] for n in range(5)]
    ecs.update_container_instances_state(cluster="c", containerInstances=arns[:1], status="DRAINING")
    ecs.deregister_container_instance(cluster="c", containerInstance=arns[1])

    def listed(**members: Any) -> set[str]:
        pages = ecs.get_paginator("list_container_instances").paginate(
            cluster="c", PaginationConfig={"PageSize": 2}, **members
        )
        return {arn for page in pages for arn in page["containerInstanceArns"]}

    assert listed() == {*arns} - {arns[1]}
    assert listed(status="DRAINING") == {arns[0]}
    assert listed(status="ACTIVE") == {*arns[2:]}
    assert listed(filter="attribute:ecs.availability-zone == us-east-1a") == {arns[0], arns[2], arns[4]}
    assert listed(filter="attribute:ecs.availability-zone == us-east-1a", status="ACTIVE") == {arns[2], arns[4]}
    assert listed(filter="ec2InstanceId in [i-00000000000000003] or runningTasksCount > 0") == {arns[3]}
    with refuses("InvalidParameterException", "Invalid expression 'x': 'x' is not a supported subject at position 1."):
        ecs.list_container_instances(cluster="c", filter="x")
    with refuses("InvalidParameterException", "status should be one of", part=True):
        ecs.list_container_instances(cluster="c", status="INACTIVE")
    with refuses("ClusterNotFoundException", "Cluster not found."):
        ecs.list_container_instances(cluster="nope")


def test_states(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    arn = register(ecs)["containerInstanceArn"]
    answer = ecs.update_container_instances_state(cluster="c", containerInstances=[arn, "f" * 32], status="DRAINING")
    assert [i["status"] for i in answer["containerInstances"]] == ["DRAINING"]
    assert [f["reason"] for f in answer["failures"]] == ["MISSING"]
    back = ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status="ACTIVE")
    assert (back["containerInstances"][0]["status"], back["containerInstances"][0]["version"]) == ("ACTIVE", 3)
    ecs.deregister_container_instance(cluster="c", containerInstance=arn)
    gone = ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status="ACTIVE")
    assert [f["reason"] for f in gone["failures"]] == ["INACTIVE"]
    for status in ("DEREGISTERING", "nonsense"):
        with refuses("InvalidParameterException", "Container instance status should be one of [ACTIVE, DRAINING]"):
            ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status=status)
    with refuses("ClientException", "Container Instances cannot be empty."):
        ecs.update_container_instances_state(cluster="c", containerInstances=[], status="ACTIVE")
    with refuses("InvalidParameterException", "Container Instances cannot have more than 10 elements."):
        ecs.update_container_instances_state(cluster="c", containerInstances=["a"] * 11, status="ACTIVE")


def test_deregistered(aws: Aws, emulator: Emulator, clock: VirtualClock) -> None:
    provide_image(emulator)
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(**ec2_definition())
    arn = register(ecs)["containerInstanceArn"]
    assert ecs.describe_clusters(clusters=["c"])["clusters"][0]["registeredContainerInstancesCount"] == 1
    task = run_on_ec2(ecs)["tasks"][0]["taskArn"]
    emulator.plane.settle()
    with refuses("InvalidParameterException", "Found running tasks on the instance."):
        ecs.deregister_container_instance(cluster="c", containerInstance=arn)
    gone = ecs.deregister_container_instance(cluster="c", containerInstance=arn, force=True)["containerInstance"]
    assert (gone["status"], gone["agentConnected"]) == ("INACTIVE", False)
    clock.advance(60)
    emulator.plane.settle()
    [stopped] = ecs.describe_tasks(cluster="c", tasks=[task])["tasks"]
    assert stopped["lastStatus"] == "STOPPED"
    assert stopped["stoppedReason"] == "Container instance deregistration forced by user."
    assert ecs.deregister_container_instance(cluster="c", containerInstance=arn)["containerInstance"]["version"] >= 3
    assert ecs.describe_clusters(clusters=["c"])["clusters"][0]["registeredContainerInstancesCount"] == 0
    with refuses("InvalidParameterException", "The referenced container instance was not found."):
        ecs.deregister_container_instance(cluster="c", containerInstance="0" * 32)
    clock.advance(7300)
    emulator.plane.settle()
    assert ecs.describe_container_instances(cluster="c", containerInstances=[arn])["containerInstances"] == []


def test_a_cluster_with_instances_is_not_deleted(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    arn = register(ecs)["containerInstanceArn"]
    with refuses(
        "ClusterContainsContainerInstancesException",
        "The Cluster cannot be deleted while Container Instances are active or draining.",
    ):
        ecs.delete_cluster(cluster="c")
    ecs.deregister_container_instance(cluster="c", containerInstance=arn)
    assert ecs.delete_cluster(cluster="c")["cluster"]["status"] == "INACTIVE"


def test_the_agent_is_updated(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    newest, old = register(ecs, 1), register(ecs, 2, versionInfo={"agentVersion": "1.50.0"})
    with refuses("NoUpdateAvailableException", "There is no update available for your container agent."):
        ecs.update_container_agent(cluster="c", containerInstance=newest["containerInstanceArn"])
    asked = ecs.update_container_agent(cluster="c", containerInstance=old["containerInstanceArn"])
    assert asked["containerInstance"]["agentUpdateStatus"] == "PENDING"
    [shown] = ecs.describe_container_instances(cluster="c", containerInstances=[old["containerInstanceArn"]])[
        "containerInstances"
    ]
    assert shown["agentUpdateStatus"] == "UPDATED"
    assert shown["versionInfo"]["agentVersion"] == newest["versionInfo"]["agentVersion"]
    with refuses("InvalidParameterException", "The referenced container instance was not found."):
        ecs.update_container_agent(cluster="c", containerInstance="0" * 32)


def test_refused_descriptions(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    with refuses("ClientException", "Container Instances cannot be empty."):
        ecs.describe_container_instances(cluster="c", containerInstances=[])
    with refuses("InvalidParameterException", "Container Instances cannot have more than 100 elements."):
        ecs.describe_container_instances(cluster="c", containerInstances=["a"] * 101)
    with refuses("InvalidParameterException", "Invalid identifier: Identifier is for cluster d. Your", part=True):
        arn = "arn:aws:ecs:us-east-1:123456789012:container-instance/d/" + "0" * 32
        ecs.describe_container_instances(cluster="c", containerInstances=[arn])


def test_tags(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    arn = register(ecs)["containerInstanceArn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    ecs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    ecs.deregister_container_instance(cluster="c", containerInstance=arn)
    with refuses(
        "InvalidParameterException",
        "The specified container instance is inactive. Specify an active container instance and try again.",
    ):
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}])
    with refuses("ResourceNotFoundException", "The specified container instance was not found.", part=True):
        ecs.list_tags_for_resource(resourceArn=arn[:-1])


def test_an_agent_finds_its_endpoint(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    arn = register(ecs)["containerInstanceArn"]
    assert ecs.discover_poll_endpoint(cluster="c", containerInstance=arn)["endpoint"].startswith("http://")
    with refuses("InvalidParameterException", "The referenced container instance was not found."):
        ecs.discover_poll_endpoint(cluster="c", containerInstance="0" * 32)
