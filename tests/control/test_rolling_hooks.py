"""PAUSE hooks of rolling deployments through boto3 on the simulated engine: what stands still, and what goes on."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.admin.explain import explain
from tests.control.test_deployments import Scene
from tests.control.world import World, container
from tests.services.ecs_scene import refuses


@pytest.fixture
def scene(world: World) -> Scene:
    scene = Scene(world)
    scene.steady()
    world.image("next")
    return scene


def paused(*stages: str, **members: Any) -> dict[str, Any]:
    return {"strategy": "ROLLING", "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": [*stages], **members}]}


def roll(scene: Scene, configuration: dict[str, Any], image: str = "next:1") -> str:
    return str(scene.roll(container(image=image), deploymentConfiguration=configuration))


def waiting(scene: Scene, arn: str) -> str:
    (hook,) = [h for h in scene.deployment(arn)["lifecycleHookDetails"] if h["status"] == "AWAITING_ACTION"]
    return str(hook["hookId"])


def answer(scene: Scene, arn: str, action: str = "CONTINUE") -> None:
    scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=waiting(scene, arn), action=action)


def test_before_the_first_task_what_serves_is_kept(scene: Scene, world: World) -> None:
    arn = roll(scene, paused("PRE_SCALE_UP"))
    world.pass_time(600)
    assert (scene.deployment(arn)["lifecycleStage"], scene.revisions()) == ("PRE_SCALE_UP", {"1": 2})
    for task in scene.ecs.list_tasks(serviceName="web")["taskArns"]:
        scene.ecs.stop_task(task=task)
    world.pass_time(10)
    assert (scene.revisions(), len(scene.shown()["deployments"])) == ({"1": 2}, 2)
    scene.update(desiredCount=3)
    world.pass_time(10)
    assert scene.revisions() == {"1": 3}
    answer(scene, arn)
    world.pass_time(120)
    shown = scene.deployment(arn)
    assert (shown["status"], scene.revisions(), len(scene.shown()["deployments"])) == ("SUCCESSFUL", {"2": 3}, 1)
    assert "lifecycleStage" not in shown


def test_once_all_tasks_are_new_it_waits_bakes_and_ends(scene: Scene, world: World) -> None:
    arn = roll(scene, {**paused("POST_SCALE_UP"), "bakeTimeInMinutes": 5})
    assert scene.deployment(arn)["lifecycleStage"] == "SCALE_UP"
    world.pass_time(600)
    assert (scene.deployment(arn)["lifecycleStage"], scene.revisions()) == ("POST_SCALE_UP", {"2": 2})
    assert scene.shown()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    (task, _) = scene.ecs.list_tasks(serviceName="web")["taskArns"]
    scene.ecs.stop_task(task=task)
    world.pass_time(10)
    assert scene.revisions() == {"2": 2}
    answer(scene, arn)
    world.pass_time(60)
    assert scene.deployment(arn)["lifecycleStage"] == "BAKE_TIME"
    world.pass_time(300)
    assert scene.deployment(arn)["status"] == "SUCCESSFUL"


def test_an_answer_rolls_it_back(scene: Scene, world: World) -> None:
    arn = roll(scene, paused("POST_SCALE_UP"))
    world.pass_time(100)
    answer(scene, arn, "ROLLBACK")
    world.pass_time(200)
    shown = scene.deployment(arn)
    assert (shown["status"], scene.revisions()) == ("ROLLBACK_SUCCESSFUL", {"1": 2})
    assert "POST_SCALE_UP lifecycle hook(s) failed." in shown["statusReason"]
    assert "(service web) rolling back to deployment D." in scene.said()


@pytest.mark.parametrize(("action", "status", "revisions"), [
    ("ROLLBACK", "ROLLBACK_SUCCESSFUL", {"1": 2}),
    ("CONTINUE", "SUCCESSFUL", {"2": 2}),
])  # fmt: skip
def test_nobody_answers(scene: Scene, world: World, action: str, status: str, revisions: dict[str, int]) -> None:
    timeout = {"timeoutInMinutes": 30, "action": action}
    arn = roll(scene, paused("PRE_SCALE_UP", timeoutConfiguration=timeout))
    world.pass_time(29 * 60)
    assert waiting(scene, arn)
    world.pass_time(200)
    shown = scene.deployment(arn)
    assert (shown["status"], scene.revisions()) == (status, revisions)
    assert [hook["status"] for hook in shown["lifecycleHookDetails"]] == ["TIMED_OUT"]


def test_a_stop_ends_the_wait(scene: Scene, world: World) -> None:
    arn = roll(scene, paused("PRE_SCALE_UP"))
    hook = waiting(scene, arn)
    scene.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    world.pass_time(100)
    assert (scene.deployment(arn)["status"], scene.revisions()) == ("ROLLBACK_SUCCESSFUL", {"1": 2})
    with refuses("InvalidParameterException", "is not awaiting an action", part=True):
        scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook)


def test_with_more_than_one_older_revision_it_waits_to_reconcile(scene: Scene, world: World) -> None:
    first = roll(scene, {"minimumHealthyPercent": 100, "maximumPercent": 150})
    arn = roll(scene, paused("RECONCILE_SERVICE", "POST_SCALE_UP"))
    assert scene.deployment(first)["status"] != "SUCCESSFUL"
    assert scene.deployment(arn)["lifecycleStage"] == "RECONCILE_SERVICE"
    world.pass_time(600)
    assert set(scene.revisions()) == {"1", "2"}
    answer(scene, arn)
    world.pass_time(300)
    assert (scene.deployment(arn)["lifecycleStage"], scene.revisions()) == ("POST_SCALE_UP", {"3": 2})
    answer(scene, arn)
    world.pass_time(10)
    assert scene.deployment(arn)["status"] == "SUCCESSFUL"


def test_the_first_deployment_waits_too_and_says_how_to_go_on(scene: Scene, world: World) -> None:
    scene.ecs.delete_service(service="web", force=True)
    world.pass_time(60)
    scene.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}},
        deploymentConfiguration=paused("PRE_SCALE_UP"),
    )  # fmt: skip
    world.pass_time(60)
    assert scene.ecs.list_tasks(serviceName="web")["taskArns"] == []
    emulator = world.emulator
    words = " ".join(
        explain(emulator.database, emulator.plane, scene.shown()["serviceArn"], world.clock.now())["words"]
    )
    assert "aws ecs continue-service-deployment --service-deployment-arn" in words
    arn = scene.shown()["currentServiceDeployment"]
    answer(scene, arn)
    world.pass_time(60)
    assert scene.deployment(arn)["status"] == "SUCCESSFUL"


def test_the_circuit_breaker_judges_between_the_pauses(scene: Scene, world: World) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    arn = roll(scene, {**paused("PRE_SCALE_UP", "POST_SCALE_UP"), **breaker}, image="missing:1")
    answer(scene, arn)
    world.pass_time(900)
    shown = scene.deployment(arn)
    assert (shown["status"], shown["deploymentCircuitBreaker"]["status"]) == ("ROLLBACK_SUCCESSFUL", "TRIGGERED")
    assert scene.revisions() == {"1": 2}


@pytest.mark.parametrize("stage", ["POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"])
def test_a_stage_that_never_comes_is_refused(scene: Scene, stage: str) -> None:
    with refuses("InvalidParameterException", f"cannot be configured at the {stage} stage", part=True):
        scene.update(deploymentConfiguration=paused(stage))
