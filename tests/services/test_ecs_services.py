"""Services through boto3: what is answered, what starts a deployment, what a waiter sees."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import WaiterError

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.events import journal
from emulator.services.ecs import services
from tests.conftest import Aws
from tests.services.capacity_scene import make_group, make_template
from tests.services.ecs_scene import NETWORK, fargate_definition, prepare, refuses, run
from tests.services.instance_scene import ec2_definition
from tests.services.service_scene import Scene

P = "arn:aws:ecs:us-east-1:123456789012:"


@pytest.fixture
def scene(aws: Aws, emulator: Emulator, clock: VirtualClock) -> Scene:
    ecs = aws("ecs")
    prepare(ecs)
    return Scene(emulator, clock, ecs)


def register_again(scene: Scene, **members: Any) -> str:
    made = scene.ecs.register_task_definition(**fargate_definition(**members))
    return str(made["taskDefinition"]["taskDefinitionArn"])


def waits(scene: Scene, waiter: str, name: str = "web") -> bool:
    """Whether the waiter is satisfied by what it sees first."""
    try:
        scene.ecs.get_waiter(waiter).wait(cluster="c", services=[name], WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    except WaiterError:
        return False
    return True


# --- CreateService -----------------------------------------------------------------------------------------------


def test_a_new_service_as_answered(scene: Scene, clock: VirtualClock) -> None:
    service = scene.create(tags=[{"key": "team", "value": "blue"}])
    deployment = service["deployments"][0]
    number = deployment["id"].removeprefix("ecs-svc/")
    assert len(number) == 19 and number.isdigit()
    network = {"awsvpcConfiguration": {**NETWORK["awsvpcConfiguration"], "assignPublicIp": "DISABLED"}}
    assert service["createdAt"].timestamp() == clock.now()
    assert deployment.pop("createdAt") == deployment.pop("updatedAt") == service.pop("createdAt")
    shown = service.pop("currentServiceDeployment")
    assert shown.startswith(f"{P}service-deployment/c/web/") and len(shown.rpartition("/")[2]) == 21
    assert service == {
        "serviceArn": f"{P}service/c/web",
        "serviceName": "web",
        "clusterArn": f"{P}cluster/c",
        "loadBalancers": [],
        "serviceRegistries": [],
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 0,
        "pendingCount": 0,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": f"{P}task-definition/web:1",
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": False, "rollback": False},
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        },
        "deployments": [
            {
                "id": f"ecs-svc/{number}",
                "status": "PRIMARY",
                "taskDefinition": f"{P}task-definition/web:1",
                "desiredCount": 2,
                "pendingCount": 0,
                "runningCount": 0,
                "failedTasks": 0,
                "launchType": "FARGATE",
                "platformVersion": "1.4.0",
                "platformFamily": "Linux",
                "networkConfiguration": network,
                "rolloutState": "IN_PROGRESS",
                "rolloutStateReason": f"ECS deployment ecs-svc/{number} in progress.",
            }
        ],
        "roleArn": "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        "events": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": network,
        "healthCheckGracePeriodSeconds": 0,
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "tags": [{"key": "team", "value": "blue"}],
        "createdBy": "arn:aws:iam::123456789012:root",
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "ENABLED",
        "resourceManagementType": "CUSTOMER",
        "currentServiceRevisions": [
            {
                "arn": f"{P}service-revision/c/web/{number}",
                "requestedTaskCount": 2,
                "runningTaskCount": 0,
                "pendingTaskCount": 0,
            }
        ],
    }


def test_the_scheduler_starts_its_tasks(scene: Scene) -> None:
    scene.create(propagateTags="SERVICE", enableECSManagedTags=True, tags=[{"key": "team", "value": "blue"}])
    scene.look()
    service = scene.describe()
    assert (service["runningCount"], service["pendingCount"]) == (0, 2)
    assert not waits(scene, "services_stable")
    task = scene.tasks()[0]
    assert task.started_by == service["deployments"][0]["id"]
    assert task.group == "service:web"
    assert {"key": "team", "value": "blue"} in task.tags
    assert {"key": "aws:ecs:serviceName", "value": "web"} in task.tags
    ids = [t.id for t in scene.tasks()]
    assert service["events"][0]["message"] in {
        f"(service web) has started 2 tasks: (task {a}) (task {b})." for a, b in (ids, ids[::-1])
    }

    scene.run_on()
    service = scene.describe()
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    assert "currentServiceDeployment" not in service
    assert [e["message"] for e in service["events"][:2]] == [
        "(service web) has reached a steady state.",
        f"(service web) (deployment {service['deployments'][0]['id']}) deployment completed.",
    ]
    assert waits(scene, "services_stable")


def test_the_same_again_is_the_same_service(scene: Scene) -> None:
    first = scene.create()
    again = scene.create(taskDefinition="web:1", deploymentConfiguration={"maximumPercent": 200})
    assert again["deployments"][0]["id"] == first["deployments"][0]["id"]
    with refuses("InvalidParameterException", "Creation of service was not idempotent."):
        scene.create(desiredCount=3)
    register_again(scene)
    with refuses("InvalidParameterException", "Creation of service was not idempotent."):
        scene.create()


def test_a_client_token_remembers_the_request(scene: Scene) -> None:
    scene.create(clientToken="t1")
    scene.update(desiredCount=5)
    assert scene.create(clientToken="t1")["desiredCount"] == 5
    with refuses("InvalidParameterException", "Creation of service was not idempotent."):
        scene.create(clientToken="t1", desiredCount=3)
    with refuses("InvalidParameterException", "Creation of service was not idempotent."):
        scene.create("other", clientToken="t1")
    with refuses("InvalidParameterException", "Creation of service was not idempotent."):
        scene.create(clientToken="t1", tags=[{"key": "a", "value": "b"}])
    with refuses("InvalidParameterException", "clientToken", part=True):
        scene.create("other", clientToken="x" * 37)


def test_a_cluster_has_room_for_so_many_services(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_SERVICES", 1)
    scene.create(desiredCount=0)
    with refuses("ClientException", "at most 1 services", part=True):
        scene.create("other", desiredCount=0)
    scene.ecs.delete_service(cluster="c", service="web")
    scene.create("other", desiredCount=0)


def test_a_service_connect_that_is_off_is_shown_where_it_belongs(scene: Scene) -> None:
    service = scene.create(serviceConnectConfiguration={"enabled": False})
    assert service["deployments"][0]["serviceConnectConfiguration"] == {"enabled": False}
    assert len(scene.update(serviceConnectConfiguration={"enabled": False})["deployments"]) == 1


def test_a_strategy_instead_of_a_launch_type(scene: Scene) -> None:
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    service = scene.create(capacityProviderStrategy=strategy)
    expected = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    assert service["capacityProviderStrategy"] == service["deployments"][0]["capacityProviderStrategy"] == expected
    assert "launchType" not in service and "launchType" not in service["deployments"][0]
    scene.look()
    assert {task.capacity_provider for task in scene.tasks()} == {"FARGATE_SPOT"}
    assert {task.launch_type for task in scene.tasks()} == {"FARGATE"}


def test_the_clusters_default_strategy(scene: Scene) -> None:
    default = [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]
    scene.ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=default
    )
    assert scene.create(launchType=None)["capacityProviderStrategy"] == default


def test_a_service_on_instances_waits_for_them(scene: Scene) -> None:
    scene.ecs.register_task_definition(**ec2_definition("ec2"))
    service = scene.create(
        taskDefinition="ec2", launchType=None, placementStrategy=[{"type": "spread", "field": "host"}]
    )
    assert service["launchType"] == "EC2"
    assert "platformVersion" not in service
    assert service["placementStrategy"] == [{"type": "spread", "field": "instanceId"}]
    assert service["availabilityZoneRebalancing"] == "DISABLED"
    scene.look()
    assert scene.tasks() == []
    assert "No Container Instances were found in your cluster." in scene.describe()["events"][0]["message"]


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "nothing"}, "ClientException", "TaskDefinition not found."),
        ({"taskDefinition": None}, "InvalidParameterException", "TaskDefinition can not be blank."),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}], "launchType": "FARGATE"},
            "InvalidParameterException",
            "Specify either Launch Type or Capacity Provider Strategy, but not both.",
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
            {"schedulingStrategy": "DAEMON", "launchType": "EC2"},
            "InvalidParameterException",
            "The daemon scheduling strategy does not support a desired count for services. Remove the desired count "
            "value and try again",
        ),
        (
            {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}},
            "InvalidParameterException",
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ),
        (
            {"loadBalancers": [{"targetGroupArn": "arn:tg", "containerName": "x", "containerPort": 80}]},
            "InvalidParameterException",
            "The container x does not exist in the task definition.",
        ),
        (
            {"loadBalancers": [{"targetGroupArn": "arn:tg", "containerName": "app", "containerPort": 80}]},
            "InvalidParameterException",
            "The container app did not have a container port 80 defined.",
        ),
        (
            {"enableExecuteCommand": True},
            "InvalidParameterException",
            "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task "
            "role in your task definition and try again.",
        ),
    ],
)
def test_create_refuses(scene: Scene, members: dict[str, Any], code: str, message: str) -> None:
    with refuses(code, message):
        scene.create(**members)


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"desiredCount": None}, "desiredCount"),
        ({"desiredCount": -1}, "desiredCount"),
        ({"desiredCount": 5001}, "desiredCount"),
        ({"healthCheckGracePeriodSeconds": -1}, "healthCheckGracePeriodSeconds"),
        ({"serviceName": "a b"}, "Service name"),
        ({"placementStrategy": [{"type": "random"}]}, "Placement strategies"),
        ({"deploymentConfiguration": {"maximumPercent": 50}}, "maximumPercent"),
        ({"deploymentConfiguration": {"minimumHealthyPercent": 101}}, "minimumHealthyPercent"),
        ({"role": "ecsServiceRole"}, "IAM role"),
        ({"launchType": "MANAGED_INSTANCES"}, "capacity provider strategy"),
        ({"schedulingStrategy": "DAEMON", "desiredCount": None}, "DAEMON"),
        ({"deploymentController": {"type": "EXTERNAL"}}, "EXTERNAL"),
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, "exactly one load balancer"),
        ({"serviceRegistries": [{"registryArn": "a"}, {"registryArn": "b"}]}, "service registry"),
        (
            {
                "availabilityZoneRebalancing": "ENABLED",
                "deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100},
            },
            "Availability Zone rebalancing",
        ),
        ({"tags": [{"key": "aws:x", "value": "y"}]}, "aws:"),
    ],
)
def test_create_refuses_in_words_of_our_own(scene: Scene, members: dict[str, Any], word: str) -> None:
    with refuses("InvalidParameterException", word, part=True):
        scene.create(**members)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"loadBalancers": [{"targetGroupArn": "a", "containerName": "app", "containerPort": 80}]}, "loadBalancers"),
        ({"deploymentConfiguration": {"strategy": "LINEAR"}}, "strategy LINEAR"),
        ({"deploymentConfiguration": {"strategy": "CANARY"}}, "strategy CANARY"),
        (
            {"monitoring": {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]}},
            "monitoring",
        ),
        ({"taskDefinition": "needy"}, "enableFaultInjection"),
    ],
)
def test_what_cannot_act_yet_is_refused_by_name(scene: Scene, members: dict[str, Any], named: str) -> None:
    port = {"portMappings": [{"containerPort": 80}]}
    register_again(scene, container=port, taskRoleArn="arn:aws:iam::123456789012:role/task")
    scene.ecs.register_task_definition(family="ec2", containerDefinitions=[{"name": "a", "image": "b", "memory": 64}])
    scene.ecs.register_task_definition(**fargate_definition("needy", enableFaultInjection=True))
    with refuses("NotEmulatedYet", named, part=True):
        scene.create(**members)
    assert scene.ecs.list_services(cluster="c")["serviceArns"] == []


def test_a_breaker_that_is_off_is_accepted(scene: Scene) -> None:
    breaker = {"enable": False, "rollback": False}
    service = scene.create(deploymentConfiguration={"deploymentCircuitBreaker": breaker})
    assert service["deploymentConfiguration"]["deploymentCircuitBreaker"] == breaker


# --- UpdateService -----------------------------------------------------------------------------------------------


def test_scaling_starts_no_deployment(scene: Scene) -> None:
    first = scene.create()
    scene.run_on()
    service = scene.update(desiredCount=3)
    assert [d["id"] for d in service["deployments"]] == [first["deployments"][0]["id"]]
    assert service["deployments"][0]["desiredCount"] == 3
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    assert not waits(scene, "services_stable")
    scene.run_on()
    assert scene.describe()["runningCount"] == 3
    assert waits(scene, "services_stable")


def test_a_new_revision_rolls_and_the_old_deployment_goes(scene: Scene) -> None:
    scene.create()
    scene.run_on()
    second = register_again(scene)
    service = scene.update(taskDefinition="web")
    assert service["taskDefinition"] == second
    assert [(d["status"], d["rolloutState"]) for d in service["deployments"]] == [
        ("PRIMARY", "IN_PROGRESS"),
        ("ACTIVE", "COMPLETED"),
    ]
    assert service["deployments"][1]["desiredCount"] == 2
    scene.look()
    assert not waits(scene, "services_stable")
    scene.everything_works()
    scene.look()
    assert scene.describe()["runningCount"] == 4
    scene.run_on()
    service = scene.describe()
    assert [d["taskDefinition"] for d in service["deployments"]] == [second]
    assert service["runningCount"] == 2
    assert waits(scene, "services_stable")
    old = [t for t in scene.tasks() if t.definition_arn != second]
    reason = f"Scaling activity initiated by (deployment {service['deployments'][0]['id']})"
    assert {(t.stop_code, t.stopped_reason) for t in old} == {("ServiceSchedulerInitiated", reason)}


@pytest.mark.parametrize(
    ("members", "deploys"),
    [
        ({}, False),
        ({"taskDefinition": "web:1"}, False),
        ({"networkConfiguration": NETWORK}, False),
        ({"deploymentConfiguration": {"minimumHealthyPercent": 50}}, False),
        ({"healthCheckGracePeriodSeconds": 30}, False),
        ({"propagateTags": "SERVICE"}, False),
        ({"enableECSManagedTags": True}, False),
        ({"availabilityZoneRebalancing": "DISABLED"}, False),
        ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}, False),
        ({"loadBalancers": [], "serviceRegistries": [], "placementConstraints": []}, False),
        ({"forceNewDeployment": True}, True),
        ({"platformVersion": "1.4.0"}, True),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-cccc"]}}}, True),
        ({"taskDefinition": "web:2"}, True),
    ],
)
def test_what_starts_a_deployment(scene: Scene, members: dict[str, Any], deploys: bool) -> None:
    scene.create()
    register_again(scene)
    assert (len(scene.update(**members)["deployments"]) == 2) == deploys


def test_an_update_keeps_what_it_does_not_say(scene: Scene) -> None:
    scene.create(deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150}, propagateTags="SERVICE")
    before = scene.describe()
    service = scene.update(deploymentConfiguration={"maximumPercent": 175})
    configuration = service["deploymentConfiguration"]
    assert (configuration["minimumHealthyPercent"], configuration["maximumPercent"]) == (50, 175)
    assert service["propagateTags"] == "SERVICE"
    assert service["networkConfiguration"] == before["networkConfiguration"]
    assert service["desiredCount"] == 2


def test_from_a_launch_type_to_a_strategy_and_back(scene: Scene) -> None:
    scene.create()
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    service = scene.update(capacityProviderStrategy=strategy, forceNewDeployment=True)
    assert "launchType" not in service and service["capacityProviderStrategy"][0]["capacityProvider"] == "FARGATE_SPOT"
    service = scene.update(capacityProviderStrategy=[])
    assert service["launchType"] == "FARGATE" and "capacityProviderStrategy" not in service


def test_from_fargate_to_instances_and_back(scene: Scene, aws: Aws) -> None:
    """A capacity provider strategy starts no deployment: tasks that come from now on follow it."""
    make_template(aws)
    scene.ecs.create_capacity_provider(name="hosts", autoScalingGroupProvider={"autoScalingGroupArn": make_group(aws)})
    scene.ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["FARGATE", "hosts"], defaultCapacityProviderStrategy=[]
    )
    scene.emulator.plane.settle()
    register_again(scene, requiresCompatibilities=["FARGATE", "EC2"])
    scene.create()
    service = scene.update(capacityProviderStrategy=[{"capacityProvider": "hosts", "weight": 1}])
    assert service["capacityProviderStrategy"][0]["capacityProvider"] == "hosts"
    assert "platformVersion" not in service and len(service["deployments"]) == 1
    service = scene.update(capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}])
    assert service["platformVersion"] == "LATEST" and len(service["deployments"]) == 1
    service = scene.update(capacityProviderStrategy=[])
    assert service["launchType"] == "FARGATE"
    public = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"], "assignPublicIp": "ENABLED"}}
    strategy = [{"capacityProvider": "hosts", "weight": 1}]
    with refuses("InvalidParameterException", "Assign public IP is not supported for this launch type."):
        scene.update(networkConfiguration=public, capacityProviderStrategy=strategy)
    with refuses("InvalidParameterException", "Assign public IP is not supported for this launch type."):
        scene.create("other", networkConfiguration=public, launchType="EC2")
    with refuses("InvalidParameterException", "Assign public IP is not supported for this launch type."):
        run(scene.ecs, networkConfiguration=public, capacityProviderStrategy=strategy)


def test_a_service_keeps_an_inactive_definition_but_takes_no_new_one(scene: Scene) -> None:
    scene.create()
    scene.ecs.deregister_task_definition(taskDefinition="web:1")
    assert scene.update(desiredCount=1)["desiredCount"] == 1
    with refuses("ClientException", "TaskDefinition is inactive"):
        scene.update(taskDefinition="web:1")
    with refuses("ClientException", "TaskDefinition is inactive"):
        scene.create("other", taskDefinition="web:1")


def test_update_refuses(scene: Scene) -> None:
    with refuses("ServiceNotFoundException", "Service not found."):
        scene.update("nobody", desiredCount=1)
    scene.create()
    with refuses("InvalidParameterException", "Both maximumPercent", part=True):
        scene.update(deploymentConfiguration={"maximumPercent": 100})
    with refuses("NotEmulatedYet", "strategy CANARY", part=True):
        scene.update(deploymentConfiguration={"strategy": "CANARY"})
    scene.ecs.delete_service(cluster="c", service="web", force=True)
    with refuses("ServiceNotActiveException", "Service was not ACTIVE."):
        scene.update(desiredCount=1)


def test_an_update_ends_the_back_off(scene: Scene) -> None:
    scene.create(desiredCount=1)
    scene.look()
    scene.fail_launches()
    scene.look()
    assert scene.describe()["deployments"][0]["failedTasks"] == 1
    assert scene.describe()["pendingCount"] == 0
    scene.update(desiredCount=2)
    scene.look()
    assert scene.describe()["pendingCount"] == 2


# --- DeleteService -----------------------------------------------------------------------------------------------


def test_delete_drains_and_then_the_service_is_inactive(scene: Scene) -> None:
    scene.create()
    scene.run_on()
    with refuses("InvalidParameterException", "The service cannot be stopped while it is scaled above 0."):
        scene.ecs.delete_service(cluster="c", service="web")
    deleted = scene.ecs.delete_service(cluster="c", service="web", force=True)["service"]
    assert (deleted["status"], deleted["desiredCount"], deleted["runningCount"]) == ("DRAINING", 0, 2)
    assert scene.ecs.delete_service(cluster="c", service="web")["service"]["status"] == "DRAINING"
    assert scene.ecs.list_services(cluster="c")["serviceArns"] == []
    assert not waits(scene, "services_inactive")
    with refuses("InvalidParameterException", "Unable to Start a service that is still Draining."):
        scene.create()

    scene.run_on()
    gone = scene.describe()
    assert (gone["status"], gone["runningCount"], gone["pendingCount"], gone["deployments"]) == ("INACTIVE", 0, 0, [])
    assert waits(scene, "services_inactive")
    assert {t.last_status for t in scene.tasks()} == {"STOPPED"}
    with refuses("ServiceNotFoundException", "Service not found."):
        scene.ecs.delete_service(cluster="c", service="web")


def test_a_service_without_tasks_is_inactive_at_once_and_can_be_made_anew(scene: Scene, clock: VirtualClock) -> None:
    first = scene.create(desiredCount=0)
    assert scene.ecs.delete_service(cluster="c", service="web")["service"]["status"] == "DRAINING"
    assert scene.describe()["status"] == "INACTIVE"
    clock.advance(10)
    again = scene.create(desiredCount=0)
    assert again["status"] == "ACTIVE"
    assert again["createdAt"] > first["createdAt"]
    assert again["events"] == []


# --- Describe and List -------------------------------------------------------------------------------------------


def test_describe_by_name_and_arn_with_failures_and_tags(scene: Scene) -> None:
    scene.create(tags=[{"key": "a", "value": "b"}])
    answer = scene.ecs.describe_services(cluster="c", services=[f"{P}service/c/web", "nobody"])
    assert [s["serviceName"] for s in answer["services"]] == ["web"]
    assert "tags" not in answer["services"][0]
    assert answer["failures"] == [{"arn": f"{P}service/c/nobody", "reason": "MISSING"}]
    tagged = scene.ecs.describe_services(cluster="c", services=["web"], include=["TAGS"])
    assert tagged["services"][0]["tags"] == [{"key": "a", "value": "b"}]


def test_describe_refuses(scene: Scene) -> None:
    with refuses("InvalidParameterException", "Services cannot be empty."):
        scene.ecs.describe_services(cluster="c", services=[])
    with refuses("InvalidParameterException", "10", part=True):
        scene.ecs.describe_services(cluster="c", services=[f"s{n}" for n in range(11)])
    with refuses("ClusterNotFoundException", "Cluster not found."):
        scene.ecs.describe_services(cluster="nowhere", services=["web"])


def test_list_has_pages_of_ten_and_filters(scene: Scene) -> None:
    for number in range(12):
        scene.create(f"s{number:02}", desiredCount=0)
    scene.create("spot", desiredCount=0, capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}])
    first = scene.ecs.list_services(cluster="c")
    assert len(first["serviceArns"]) == 10
    rest = scene.ecs.list_services(cluster="c", nextToken=first["nextToken"])
    assert [arn.rpartition("/")[2] for arn in rest["serviceArns"]] == ["s10", "s11", "spot"]
    assert "nextToken" not in rest

    def listed(**filters: str) -> int:
        pages = scene.ecs.get_paginator("list_services").paginate(cluster="c", **filters)
        return sum(len(page["serviceArns"]) for page in pages)

    assert listed() == 13
    assert listed(launchType="FARGATE") == 12
    assert listed(launchType="EC2") == 0
    assert listed(schedulingStrategy="REPLICA") == 13
    assert listed(schedulingStrategy="DAEMON") == 0
    assert listed(resourceManagementType="ECS") == 0


# --- The journal -------------------------------------------------------------------------------------------------


def test_the_journal_tells_a_services_life(scene: Scene, emulator: Emulator) -> None:
    service = scene.create(desiredCount=1)
    scene.run_on()
    scene.update(desiredCount=0)
    scene.run_on()
    scene.ecs.delete_service(cluster="c", service="web")
    with emulator.database.read() as reader:
        told = journal.entries(reader, subject=service["serviceArn"])
    kinds = [entry.kind for entry in told]
    assert kinds[0] == "service.created" and kinds[-1] == "service.deleted" and "service.updated" in kinds
    said = [entry.detail["message"] for entry in told if entry.kind == "service.event"]
    assert said == [event["message"] for event in reversed(scene.describe()["events"])]
