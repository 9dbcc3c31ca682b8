"""`homeport explain service/NAME`: what is in the way, found out in each situation that can keep a service waiting."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.admin.explain import explain, plans
from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.engine.simulated.behaviour import Behaviour, HealthTurn
from tests.conftest import Aws
from tests.control.world import NETWORK, World, container, health_check
from tests.services.instance_scene import ec2_definition, provide_image, register


def told(world: World, subject: str = "service/web") -> dict[str, Any]:
    return explain(world.emulator.database, world.emulator.plane, subject, world.clock.now())


def kinds(world: World) -> list[str]:
    return [block["kind"] for block in told(world)["blocks"]]


def text(world: World, kind: str) -> str:
    return next(str(block["text"]) for block in told(world)["blocks"] if block["kind"] == kind)


def serve(world: World, *containers: dict[str, Any], **members: Any) -> None:
    world.define(*containers)
    request = {
        "serviceName": "web",
        "taskDefinition": "web",
        "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
        **members,
    }
    world.ecs.create_service(**request)


def test_a_bad_image_and_the_back_off_with_its_next_time(world: World) -> None:
    serve(world, container(image="nowhere:1"))
    world.settle()
    assert kinds(world) == ["back-off", "image"]
    assert "CannotPullContainerError" in text(world, "image")
    [back_off] = [block for block in told(world)["blocks"] if block["kind"] == "back-off"]
    assert back_off["until"] == pytest.approx(world.clock.now() + 10, abs=2)
    assert any(line.startswith("In the way (image): task ") for line in told(world)["words"])
    world.image("nowhere")
    world.pass_time(60)
    assert kinds(world) == []
    assert "steady" in told(world)["because"]


def test_a_missing_secret(world: World) -> None:
    world.image()
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-abcdef"
    serve(world, container(secrets=[{"name": "PASSWORD", "valueFrom": arn}]))
    world.settle()
    assert "secret" in kinds(world)
    assert "ResourceInitializationError: unable to pull secrets" in text(world, "secret")


def test_what_a_later_task_overcame_is_no_longer_in_the_way(world: World) -> None:
    """A first task that could not start is told of, until one that was made after it has started."""
    world.image("app", Behaviour(health=(HealthTurn(30, "unhealthy"),)))
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:late"
    serve(world, container(secrets=[{"name": "PASSWORD", "valueFrom": arn}], healthCheck=health_check()))
    world.settle()
    assert kinds(world) == ["back-off", "secret"]
    world.aws("secretsmanager").create_secret(Name="late", SecretString="s")
    world.pass_time(120)
    assert kinds(world) == ["health"]


def test_a_subnet_without_addresses(world: World, aws: Aws) -> None:
    """A /28 has eleven; the first that a task gives back is taken again."""
    world.image()
    vpc = aws("ec2").create_vpc(CidrBlock="10.9.0.0/24")["Vpc"]["VpcId"]
    subnet = aws("ec2").create_subnet(VpcId=vpc, CidrBlock="10.9.0.16/28")["Subnet"]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    serve(world, container(), desiredCount=12, networkConfiguration=network)
    world.settle()
    assert world.ecs.describe_services(services=["web"])["services"][0]["runningCount"] == 11
    assert "every address of " in text(world, "network")
    world.ecs.update_service(service="web", desiredCount=11)
    world.pass_time(60)
    first = world.ecs.list_tasks(serviceName="web")["taskArns"][0]
    world.ecs.stop_task(task=first)
    world.pass_time(120)
    assert kinds(world) == []
    assert world.ecs.describe_services(services=["web"])["services"][0]["runningCount"] == 11


def test_health_checks_that_fail(world: World) -> None:
    said = "/bin/sh: curl: not found\n" + 100 * "long "
    world.image("app", Behaviour(health=(HealthTurn(5, "unhealthy", said),)))
    serve(world, container(healthCheck=health_check()))
    world.pass_time(6)
    arn = world.ecs.list_tasks()["taskArns"][0]
    probe = "the health check of container app last exited with 1, saying: /bin/sh: curl: not found long"
    [told_of_task] = [word for word in told(world, arn)["words"] if "health check" in word]
    assert told_of_task.startswith(f"But {probe}")
    assert told_of_task.endswith("...."), "cut"
    assert text(world, "health").startswith(f"1 tasks fail their health checks: {probe}")
    world.pass_time(24)
    assert "health" in kinds(world)
    assert "health checks" in text(world, "health")


def test_an_entry_point_that_ends(world: World) -> None:
    world.image("app", Behaviour(runs_for_s=2, exit_code=3))
    serve(world, container())
    world.pass_time(3)
    assert "exit" in kinds(world)
    assert "app with 3" in text(world, "exit")
    assert "1 of 1 running; 1 of them do not count as healthy yet" in told(world)["because"]
    world.pass_time(5)
    assert "(the newest of " in text(world, "exit")


def test_a_tripped_breaker(world: World) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    serve(world, container(image="nowhere:1"), deploymentConfiguration=breaker)
    world.pass_time(120)
    assert "breaker" in kinds(world)
    assert "ECS deployment circuit breaker: tasks failed to start." in text(world, "breaker")
    assert "back-off" not in kinds(world), "what has failed starts nothing more"
    assert "the deployment has failed" in told(world)["because"]


def test_no_capacity_and_a_port_that_is_taken(emulator: Emulator, aws: Aws, clock: VirtualClock) -> None:
    world = World(emulator, clock, aws)
    provide_image(emulator)
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    port = {"portMappings": [{"containerPort": 80, "hostPort": 80}]}
    ecs.register_task_definition(**ec2_definition(networkMode="bridge", container=port))
    ecs.create_service(cluster="c", serviceName="web", taskDefinition="job", desiredCount=2, launchType="EC2")
    world.settle()
    assert kinds(world) == ["capacity"]
    assert "No Container Instances were found in your cluster." in text(world, "capacity")
    register(ecs)
    world.settle()
    assert kinds(world) == ["port"]
    assert "is already using a port required by your task." in text(world, "port")


def test_percentages_and_protection(world: World) -> None:
    world.image()
    serve(world, container(), deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 150})
    world.pass_time(60)
    world.define(container(cpu=1))
    world.ecs.update_service(service="web", taskDefinition="web")
    world.settle()
    assert kinds(world) == ["percentages"]
    world.ecs.update_service(service="web", deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 200})
    world.pass_time(90)
    assert kinds(world) == []
    tasks = world.ecs.list_tasks(serviceName="web")["taskArns"]
    world.ecs.update_task_protection(cluster="default", tasks=tasks, protectionEnabled=True)
    world.ecs.update_service(service="web", desiredCount=0)
    world.settle()
    assert kinds(world) == ["protection"]


def test_the_plan_of_the_next_tick(world: World) -> None:
    world.image()
    serve(world, container())
    shown = plans(world.emulator.database, world.emulator.plane, world.clock.now())
    [plan] = shown["plans"]
    assert plan["subject"].endswith("service/default/web")
    assert plan["actions"][0].startswith("start 1 of ecs-svc/")
    world.settle()
    shown = plans(world.emulator.database, world.emulator.plane, world.clock.now())
    assert shown["plans"] == []
    assert shown["nextLook"] > world.clock.now()


def test_task_sets_and_daemons_say_what_they_wait_for(world: World) -> None:
    world.define(container(image="nowhere:1"))
    world.ecs.create_service(serviceName="web", deploymentController={"type": "EXTERNAL"}, desiredCount=1)
    world.ecs.create_task_set(
        cluster="default", service="web", taskDefinition="web", launchType="FARGATE", networkConfiguration=NETWORK,
        scale={"value": 100.0, "unit": "PERCENT"},
    )  # fmt: skip
    world.settle()
    assert kinds(world) == ["back-off", "image"]
    assert "task set ecs-svc/" in told(world)["because"]
