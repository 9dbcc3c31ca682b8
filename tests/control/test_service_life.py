"""A service's whole life through the API, on the simulated engine: deployed, rolled, healed, failing, deleted."""

from __future__ import annotations

from typing import Any

from emulator.engine.simulated.behaviour import Behaviour
from tests.control.world import NETWORK, World, container


def _create(world: World, desired: int = 2) -> None:
    world.ecs.create_service(
        serviceName="web",
        taskDefinition="web",
        desiredCount=desired,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )


def _service(world: World) -> dict[str, Any]:
    service: dict[str, Any] = world.ecs.describe_services(services=["web"])["services"][0]
    return service


def _said(world: World) -> list[str]:
    return [event["message"] for event in _service(world)["events"]]


def test_deploy_roll_heal_delete(world: World) -> None:
    world.image()
    world.define(container())
    _create(world)
    world.settle()
    assert (_service(world)["runningCount"], _service(world)["deployments"][0]["rolloutState"]) == (2, "IN_PROGRESS")
    world.pass_time(45)
    assert _service(world)["deployments"][0]["rolloutState"] == "COMPLETED"

    world.ecs.update_service(service="web", forceNewDeployment=True)
    world.settle()
    assert _service(world)["runningCount"] == 4
    world.pass_time(60)
    rolled = _service(world)
    assert (len(rolled["deployments"]), rolled["runningCount"]) == (1, 2)
    assert _said(world)[0] == "(service web) has reached a steady state."

    world.ecs.stop_task(task=world.ecs.list_tasks(serviceName="web")["taskArns"][0])
    world.settle()
    assert _said(world)[0].startswith("(service web) has started 1 tasks: ")
    assert _service(world)["runningCount"] == 2

    world.ecs.delete_service(service="web", force=True)
    world.pass_time(60)
    assert _service(world)["status"] == "INACTIVE"
    assert world.containers() == []


def test_an_image_that_is_not_there_is_tried_later_and_later(world: World) -> None:
    world.define(container(image="missing:1"))
    _create(world, desired=1)
    world.settle()
    failures = []
    for _ in range(6):
        failures.append(_service(world)["deployments"][0]["failedTasks"])
        world.pass_time(15)
    assert failures == [1, 2, 3, 3, 3, 4]
    assert "(service web) is unable to consistently start tasks successfully." in _said(world)
    world.image("missing", Behaviour())
    world.pass_time(300)
    assert _service(world)["deployments"][0]["rolloutState"] == "COMPLETED"
    assert _service(world)["deployments"][0]["failedTasks"] == 0
