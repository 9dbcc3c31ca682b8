"""Blue/green deployments through boto3 on the simulated engine: each by its events, deployments and containers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.test_deployments import COMPLETED, FIRST, STARTED_2, STEADY, Scene
from tests.control.world import World, container
from tests.services.instance_scene import register

STOPPED_2 = "(service web) has stopped 2 running tasks: (task T) (task T)."
PAUSED = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
BLUE_GREEN = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 10, "lifecycleHooks": [PAUSED]}


@pytest.fixture
def scene(world: World) -> Scene:
    scene = Scene(world)
    scene.steady()
    world.image("next")
    return scene


def waiting(scene: Scene, arn: str) -> dict[str, Any]:
    """The hook that waits for an answer."""
    shown = scene.deployment(arn)
    (hook,) = [hook for hook in shown["lifecycleHookDetails"] if hook["status"] == "AWAITING_ACTION"]
    assert shown["lifecycleStage"] == "POST_SCALE_UP"
    return dict(hook)


def test_green_goes_beside_blue_waits_bakes_and_takes_over(scene: Scene, world: World) -> None:
    arn = scene.roll(container(image="next:1"), deploymentConfiguration=BLUE_GREEN)
    assert (scene.deployment(arn)["lifecycleStage"], scene.revisions()) == ("SCALE_UP", {"1": 2, "2": 2})
    world.pass_time(3600)
    hook = waiting(scene, arn)
    assert scene.revisions() == {"1": 2, "2": 2}
    scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"])
    world.settle()
    assert (scene.deployment(arn)["lifecycleStage"], scene.revisions()) == ("BAKE_TIME", {"1": 2, "2": 2})
    world.pass_time(599)
    assert scene.revisions() == {"1": 2, "2": 2}
    world.pass_time(30)
    assert scene.deployment(arn)["status"] == "SUCCESSFUL"
    assert (scene.counts(), scene.revisions(), len(scene.shown()["deployments"])) == ((2, 2, 0), {"2": 2}, 1)
    assert scene.said() == [*FIRST, STARTED_2, STOPPED_2, COMPLETED, STEADY]


def test_an_answer_rolls_back_to_the_very_same_tasks(scene: Scene, world: World) -> None:
    before = set(scene.ecs.list_tasks(serviceName="web")["taskArns"])
    arn = scene.roll(container(image="next:1"), deploymentConfiguration=BLUE_GREEN)
    world.pass_time(60)
    hook = waiting(scene, arn)["hookId"]
    scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, action="ROLLBACK")
    world.pass_time(5)
    assert scene.deployment(arn)["status"] == "ROLLBACK_SUCCESSFUL"
    assert set(scene.ecs.list_tasks(serviceName="web")["taskArns"]) == before
    assert (scene.counts(), scene.revisions()) == ((2, 2, 0), {"1": 2})
    failed = "(service web) (deployment D) deployment failed: POST_SCALE_UP lifecycle hook(s) failed."
    back = "(service web) rolling back to deployment D."
    assert scene.said() == [*FIRST, STARTED_2, failed, back, STOPPED_2, COMPLETED, STEADY]


def test_nobody_answers_and_the_clock_turns_it_back(scene: Scene, world: World) -> None:
    arn = scene.roll(container(image="next:1"), deploymentConfiguration=BLUE_GREEN)
    world.pass_time(60)
    expires = waiting(scene, arn)["expiresAt"].timestamp()
    world.emulator.plane.advance(expires - world.clock.now() - 1, world.clock.advance)
    assert waiting(scene, arn)
    world.pass_time(30)
    shown = scene.deployment(arn)
    assert (shown["status"], shown["lifecycleHookDetails"][0]["status"]) == ("ROLLBACK_SUCCESSFUL", "TIMED_OUT")
    assert scene.revisions() == {"1": 2}


def test_an_image_that_is_not_there_never_touches_blue(scene: Scene, world: World) -> None:
    before = set(scene.ecs.list_tasks(serviceName="web")["taskArns"])
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    arn = scene.roll(container(image="missing:1"), deploymentConfiguration={**BLUE_GREEN, **breaker})
    world.pass_time(60)
    shown = scene.deployment(arn)
    assert (shown["status"], shown["deploymentCircuitBreaker"]["status"]) == ("ROLLBACK_SUCCESSFUL", "TRIGGERED")
    assert "lifecycleHookDetails" not in shown
    assert set(scene.ecs.list_tasks(serviceName="web")["taskArns"]) == before
    assert len(scene.shown()["deployments"]) == 1


def test_sides_on_instances_share_their_ports(world: World) -> None:
    """With a fixed host port a side needs an instance of its own; when both lose their task at once, each finds one."""
    scene = Scene(world)
    world.cluster()
    world.image()
    for number in range(2):
        register(scene.ecs, number, cluster="default")
    ports = [{"containerPort": 80, "hostPort": 18080}]
    for cpu in (64, 32):
        fixed = {"name": "app", "image": "app:1", "memory": 64, "cpu": cpu, "portMappings": ports}
        scene.ecs.register_task_definition(family="web", containerDefinitions=[fixed])
    scene.ecs.create_service(serviceName="web", taskDefinition="web:1", desiredCount=1, launchType="EC2")
    world.pass_time(60)
    updated = scene.update(taskDefinition="web:2", deploymentConfiguration=BLUE_GREEN)
    arn = updated["currentServiceDeployment"]
    world.pass_time(60)
    hook = waiting(scene, arn)["hookId"]
    for task in scene.ecs.list_tasks(serviceName="web")["taskArns"]:
        scene.ecs.stop_task(task=task)
    world.pass_time(60)
    tasks = scene.ecs.describe_tasks(tasks=scene.ecs.list_tasks(serviceName="web")["taskArns"])["tasks"]
    assert {task["lastStatus"] for task in tasks} == {"RUNNING"}
    assert len({task["containerInstanceArn"] for task in tasks}) == len({task["startedBy"] for task in tasks}) == 2
    scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook)
    world.pass_time(700)
    assert scene.deployment(arn)["status"] == "SUCCESSFUL" and scene.revisions() == {"2": 1}
