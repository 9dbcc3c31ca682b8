"""ECS service discovery on the simulated engine: a service's tasks are instances of Cloud Map as long as they run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emulator.admin.explain import explain
from emulator.domain.networks.network import default_vpc_id
from emulator.engine.simulated.behaviour import Behaviour, HealthTurn
from emulator.store.discovery_tables import INSTANCES
from emulator.store.ecs_tables import TASKS
from tests.control.world import NETWORK, World, container, health_check
from tests.services.ecs_scene import refuses
from tests.services.instance_scene import ec2_definition, register

VPC = default_vpc_id("123456789012", "us-east-1")
PORT = {"portMappings": [{"containerPort": 80}]}
BRIDGE = ec2_definition("web", networkMode="bridge", container={"image": "app:1", **PORT})


def discovery_service(world: World, *types: str, name: str = "web", custom_health: bool = False) -> str:
    """ARN of a service in the private namespace example.local, which is made if need be."""
    client = world.aws("servicediscovery")
    if not client.list_namespaces()["Namespaces"]:
        client.create_private_dns_namespace(Name="example.local", Vpc=VPC)
        world.settle()
    [namespace] = client.list_namespaces()["Namespaces"]
    records = [{"Type": kind, "TTL": 10} for kind in types]
    members: dict[str, Any] = {"DnsConfig": {"DnsRecords": records}} if records else {"Type": "HTTP"}
    if custom_health:
        members["HealthCheckCustomConfig"] = {}
    made = client.create_service(Name=name, NamespaceId=namespace["Id"], **members)
    return str(made["Service"]["Arn"])


def create(world: World, arn: str, name: str = "web", **members: Any) -> dict[str, Any]:
    registry = {"registryArn": arn, **members.pop("registry", {})}
    request = {
        "serviceName": name,
        "taskDefinition": "web",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
        "serviceRegistries": [registry],
        **members,
    }
    made = world.ecs.create_service(**{k: v for k, v in request.items() if v is not None})
    return made["service"]  # type: ignore[no-any-return]


def instances(world: World, name: str = "web", **members: Any) -> dict[str, dict[str, Any]]:
    found = world.aws("servicediscovery").discover_instances(
        NamespaceName="example.local", ServiceName=name, **{"HealthStatus": "ALL", **members}
    )
    return {instance["InstanceId"]: instance for instance in found["Instances"]}


def task_ids(world: World, **members: Any) -> set[str]:
    return {arn.rpartition("/")[2] for arn in world.ecs.list_tasks(**members)["taskArns"]}


def explained(world: World, task_id: str) -> list[str]:
    emulator = world.emulator
    words: list[str] = explain(emulator.database, emulator.plane, f"task/{task_id}", world.clock.now())["words"]
    return words


def test_tasks_are_registered_and_deregistered(world: World) -> None:
    world.image()
    world.define(container())
    arn = discovery_service(world, "A")
    service = create(world, arn)
    assert service["serviceRegistries"] == [{"registryArn": arn}]
    world.settle()
    found = instances(world)
    assert set(found) == task_ids(world, serviceName="web")
    for task_id, instance in found.items():
        [task] = world.ecs.describe_tasks(tasks=[task_id])["tasks"]
        details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
        assert instance["HealthStatus"] == "UNKNOWN"
        assert instance["Attributes"] == {
            "AWS_INSTANCE_IPV4": details["privateIPv4Address"],
            "AVAILABILITY_ZONE": task["availabilityZone"],
            "REGION": "us-east-1",
            "ECS_CLUSTER_NAME": "default",
            "ECS_SERVICE_NAME": "web",
            "ECS_TASK_DEFINITION_FAMILY": "web",
        }
    stopped = sorted(found)[0]
    world.ecs.stop_task(task=stopped)
    assert world.emulator.plane.loop.tick()
    assert stopped not in instances(world)
    assert any(text.startswith("It is not in Cloud Map's web.example.local:") for text in explained(world, stopped))
    world.settle()
    assert set(instances(world)) == task_ids(world, serviceName="web") and len(instances(world)) == 2
    world.ecs.update_service(service="web", desiredCount=0)
    world.pass_time(40)
    assert instances(world) == {}
    world.ecs.delete_service(service="web")
    world.settle()
    world.aws("servicediscovery").delete_service(Id=arn)


def test_a_task_that_dies_is_no_instance(world: World) -> None:
    world.image(behaviour=Behaviour(runs_for_s=20.0))
    world.define(container())
    create(world, discovery_service(world, "A"), desiredCount=1)
    world.settle()
    [first] = instances(world)
    world.pass_time(25)
    assert first not in instances(world)


def test_what_still_runs_of_a_dead_task_is_stopped_once_nobody_is_led_there(world: World) -> None:
    world.image("brief", Behaviour(runs_for_s=20.0))
    world.image()
    world.define(container(image="brief:1"), container("sidecar"))
    create(world, discovery_service(world, "A"), desiredCount=1)
    world.settle()
    [first] = instances(world)
    seen: list[bool] = []

    def look(when: str, call: str, arguments: object) -> None:
        if (when, call) == ("before", "kill_container"):
            seen.append(first in instances(world))

    world.engine.on_call = look
    world.pass_time(25)
    world.engine.on_call = None
    assert seen and not any(seen)


def test_a_custom_health_check_follows_the_container(world: World) -> None:
    sick = (HealthTurn(5.0, "healthy"), HealthTurn(30.0, "unhealthy"))
    world.image(behaviour=Behaviour(health=sick))
    world.define(container(healthCheck=health_check()))
    create(world, discovery_service(world, "A", custom_health=True), desiredCount=1)
    world.settle()
    [first] = instances(world)
    assert instances(world)[first]["HealthStatus"] == "UNHEALTHY"
    assert "It is in Cloud Map's web.example.local, UNHEALTHY." in explained(world, first)
    world.pass_time(6)
    assert instances(world)[first]["HealthStatus"] == "HEALTHY"
    assert "It is in Cloud Map's web.example.local, HEALTHY." in explained(world, first)
    world.pass_time(30)
    assert first not in instances(world, HealthStatus="HEALTHY")


def test_ports_of_srv_records(world: World) -> None:
    world.image()
    world.define(container(**PORT))
    create(world, discovery_service(world, "SRV"), "web", registry={"port": 8080}, desiredCount=1)
    named = {"containerName": "app", "containerPort": 80}
    create(world, discovery_service(world, "SRV", name="named"), "named", registry=named, desiredCount=1)
    world.settle()
    [by_port], [by_name] = instances(world).values(), instances(world, "named").values()
    assert by_port["Attributes"]["AWS_INSTANCE_PORT"] == "8080"
    assert by_name["Attributes"]["AWS_INSTANCE_PORT"] == "80"


def test_bridge_mode_tells_the_host_port(world: World) -> None:
    world.image()
    host = register(world.ecs, cluster="default")
    world.ecs.register_task_definition(**BRIDGE)
    named = {"containerName": "app", "containerPort": 80}
    create(
        world, discovery_service(world, "SRV"), registry=named, desiredCount=1, launchType="EC2",
        networkConfiguration=None,
    )  # fmt: skip
    world.settle()
    [instance] = instances(world).values()
    [arn] = world.ecs.list_tasks(serviceName="web")["taskArns"]
    [binding] = world.task(arn)["containers"][0]["networkBindings"]
    assert instance["Attributes"]["AWS_INSTANCE_IPV4"] == "127.0.0.1"
    assert instance["Attributes"]["AWS_INSTANCE_PORT"] == str(binding["hostPort"])
    assert instance["Attributes"].get("EC2_INSTANCE_ID") == host.get("ec2InstanceId")


def test_an_update_moves_to_another_registry(world: World) -> None:
    world.image()
    world.define(container())
    first, second = discovery_service(world, "A"), discovery_service(world, "A", name="other")
    create(world, first)
    world.pass_time(45)
    assert world.ecs.update_service(service="web", desiredCount=2)["service"]["serviceRegistries"]
    assert len(world.ecs.describe_services(services=["web"])["services"][0]["deployments"]) == 1
    updated = world.ecs.update_service(service="web", serviceRegistries=[{"registryArn": second}])["service"]
    assert updated["serviceRegistries"] == [{"registryArn": second}] and len(updated["deployments"]) == 2
    world.pass_time(60)
    assert (len(instances(world)), len(instances(world, "other"))) == (0, 2)
    [revision] = world.ecs.describe_services(services=["web"])["services"][0]["currentServiceRevisions"]
    [shown] = world.ecs.describe_service_revisions(serviceRevisionArns=[revision["arn"]])["serviceRevisions"]
    assert shown["serviceRegistries"] == [{"registryArn": second}]
    assert world.ecs.update_service(service="web", serviceRegistries=[])["service"]["serviceRegistries"] == []
    world.pass_time(60)
    assert instances(world, "other") == {}


def test_task_sets_have_registries_of_their_own(world: World) -> None:
    world.image()
    world.define(container())
    arn = discovery_service(world, "A")
    world.ecs.create_service(serviceName="web", desiredCount=1, deploymentController={"type": "EXTERNAL"})
    made = world.ecs.create_task_set(
        service="web", cluster="default", taskDefinition="web", launchType="FARGATE", networkConfiguration=NETWORK,
        serviceRegistries=[{"registryArn": arn}], externalId="blue", scale={"value": 100, "unit": "PERCENT"},
    )["taskSet"]  # fmt: skip
    assert made["serviceRegistries"] == [{"registryArn": arn}]
    world.settle()
    [instance] = instances(world).values()
    assert instance["Attributes"]["ECS_TASK_SET_EXTERNAL_ID"] == "blue"


def test_what_should_be_there_is_there_after_a_restart(world: World) -> None:
    world.image()
    world.define(container())
    create(world, discovery_service(world, "A"))
    world.settle()
    before = instances(world)
    with world.emulator.database.write() as tx:
        lost, wrong = tx.find(INSTANCES)
        tx.delete(INSTANCES, lost.account, lost.region, lost.service_id, lost.id)
        tx.put(INSTANCES, replace(wrong, attributes={}))
    world.emulator.plane.start()
    world.settle()
    after = instances(world)
    assert {i: one["Attributes"] for i, one in after.items()} == {i: one["Attributes"] for i, one in before.items()}


def test_a_registry_that_was_deleted_is_told_of(world: World) -> None:
    world.image()
    world.define(container())
    arn = discovery_service(world, "A")
    create(world, arn, desiredCount=1)
    world.aws("servicediscovery").delete_service(Id=arn)
    world.settle()
    world.ecs.update_service(service="web", desiredCount=2)
    world.settle()
    with world.emulator.database.read() as reader:
        warnings = [task.warnings for task in reader.find(TASKS)]
    assert warnings == [[f"its registry {arn} was deleted, so that nobody discovers it"]] * 2
    with refuses("InvalidParameterException", f"The service registry {arn}x does not exist."):
        world.ecs.update_service(service="web", serviceRegistries=[{"registryArn": f"{arn}x"}])


OBSERVED_BRIDGE = (
    "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be "
    "specified from the task definition. Registry: {arn}"
)


@pytest.mark.parametrize(
    ("types", "registry", "text"),
    [
        (["A"], {"port": 80}, "do not require a value for 'port'. Remove the value and retry."),
        (["A"], {"containerName": "app", "containerPort": 80}, "do not require a value for 'containerPort'."),
        (["SRV"], {}, "must be specified for DNS records of type SRV"),
        (["SRV"], {"port": 80, "containerName": "app", "containerPort": 80}, "but not both. Remove one and retry."),
        (["SRV"], {"containerName": "app", "containerPort": 81}, "did not have a container port 81 defined."),
        (["SRV"], {"containerName": "nope", "containerPort": 80}, "The container nope does not exist"),
        (["AAAA"], {}, "supports DNS records of type A and SRV only"),
        (["A"], {"registryArn": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-x"}, "does not exist."),
    ],
)
def test_registries_that_cannot_be(world: World, types: list[str], registry: dict[str, Any], text: str) -> None:
    world.define(container(**PORT))
    arn = discovery_service(world, *types)
    with refuses("InvalidParameterException", text, part=True):
        create(world, arn, registry=registry)
    assert world.ecs.list_services()["serviceArns"] == []


def test_bridge_mode_needs_a_port_of_a_container(world: World) -> None:
    register(world.ecs, cluster="default")
    world.ecs.register_task_definition(**BRIDGE)
    arn = discovery_service(world, "A")
    with refuses("InvalidParameterException", OBSERVED_BRIDGE.format(arn=arn)):
        create(world, arn, launchType="EC2", networkConfiguration=None)
