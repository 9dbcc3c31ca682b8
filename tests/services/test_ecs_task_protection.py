"""GetTaskProtection and UpdateTaskProtection, through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.control.world import NETWORK, World, container
from tests.services.ecs_scene import refuses


@pytest.fixture
def world(emulator: Any, clock: VirtualClock, aws: Aws) -> World:
    world = World(emulator, clock, aws)
    world.cluster()
    world.image()
    world.define(container())
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
    )
    world.settle()
    return world


def test_protection_comes_and_goes_and_expires(world: World) -> None:
    (arn,) = world.ecs.list_tasks(serviceName="web")["taskArns"]
    said = world.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=True)
    assert said["failures"] == []
    protected = said["protectedTasks"][0]
    assert (protected["taskArn"], protected["protectionEnabled"]) == (arn, True)
    assert protected["expirationDate"].timestamp() == world.clock.now() + 7200
    task_id = arn.rpartition("/")[2]
    assert world.ecs.get_task_protection(cluster="default", tasks=[task_id])["protectedTasks"] == [protected]
    world.clock.advance(7200)
    off = [{"taskArn": arn, "protectionEnabled": False}]
    assert world.ecs.get_task_protection(cluster="default", tasks=[arn])["protectedTasks"] == off
    world.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=True, expiresInMinutes=1)
    said = world.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=False)
    assert said["protectedTasks"] == off


def test_a_deployment_that_waits_for_protected_tasks_blocks_more_protection(world: World) -> None:
    (old,) = world.ecs.list_tasks(serviceName="web")["taskArns"]
    ask = {"cluster": "default", "protectionEnabled": True}
    world.ecs.update_task_protection(tasks=[old], **ask)
    world.ecs.update_service(service="web", forceNewDeployment=True)
    world.settle()
    # The new task is not healthy yet: the deployment moves.
    assert world.ecs.update_task_protection(tasks=[old], **ask)["failures"] == []
    world.pass_time(60)
    tasks = world.ecs.list_tasks(serviceName="web")["taskArns"]
    assert (len(tasks), old in tasks) == (2, True)
    said = world.ecs.update_task_protection(tasks=tasks, **ask)
    assert said["protectedTasks"] == []
    assert {failure["reason"] for failure in said["failures"]} == {"DEPLOYMENT_BLOCKED"}
    assert {failure["arn"] for failure in said["failures"]} == set(tasks)
    world.ecs.update_task_protection(tasks=[old], cluster="default", protectionEnabled=False)
    world.pass_time(60)
    (new,) = world.ecs.list_tasks(serviceName="web")["taskArns"]
    assert new != old
    assert world.stopped(old)[0] == "ServiceSchedulerInitiated"
    assert world.ecs.update_task_protection(tasks=[new], **ask)["failures"] == []


def test_tasks_that_cannot_be_protected(world: World) -> None:
    alone = world.run()
    missing = "arn:aws:ecs:us-east-1:123456789012:task/default/" + "0" * 32
    for said in (
        world.ecs.get_task_protection(cluster="default", tasks=[alone, missing]),
        world.ecs.update_task_protection(cluster="default", tasks=[alone, "0" * 32], protectionEnabled=True),
    ):
        assert said["protectedTasks"] == []
        assert said["failures"] == [
            {"arn": alone, "reason": "TASK_NOT_VALID"},
            {"arn": missing, "reason": "MISSING"},
        ]


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"tasks": []}, "InvalidParameterException", "Tasks cannot be empty."),
        ({"tasks": ["0" * 32] * 11}, "InvalidParameterException", "Tasks can have at most 10 items."),
        ({"expiresInMinutes": 0}, "InvalidParameterException", "expiresInMinutes must be a positive integer"),
        ({"expiresInMinutes": 2881}, "InvalidParameterException", "expiresInMinutes must be a positive integer"),
        ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
    ],
)
def test_refusals(world: World, members: dict[str, Any], code: str, message: str) -> None:
    request = {"cluster": "default", "tasks": ["0" * 32], "protectionEnabled": True, **members}
    with refuses(code, message, part=True):
        world.ecs.update_task_protection(**request)


def test_a_hundred_are_the_most_to_ask_for(world: World) -> None:
    with refuses("InvalidParameterException", "Tasks can have at most 100 items."):
        world.ecs.get_task_protection(cluster="default", tasks=["0" * 32] * 101)
