"""One image per deployment: a tag that moves changes nothing until the next one, unless the container wants it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.control.service_scheduler.image_pins import ImagePins
from emulator.engine.base import ImageFacts
from emulator.store.ecs_tables import TASKS
from tests.control.world import NETWORK, World, container

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def point_tag(world: World, digest: str) -> None:
    """`app:1` means the image of this digest from now on."""
    facts = ImageFacts(id=digest, tags=(), digests=(), size_bytes=1, architecture="x86_64")
    for name in (f"app@{digest}", "app:1"):
        world.engine.add_image(name, facts=facts)


def create(world: World, **members: Any) -> str:
    point_tag(world, OLD)
    world.define(container(**members))
    service = world.ecs.create_service(
        serviceName="web",
        taskDefinition="web",
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )["service"]
    world.pass_time(60)
    return str(service["currentServiceRevisions"][0]["arn"])


def digests(world: World) -> list[str]:
    arns = world.ecs.list_tasks(serviceName="web")["taskArns"]
    tasks = world.ecs.describe_tasks(tasks=arns)["tasks"]
    return sorted(task["containers"][0]["imageDigest"] for task in tasks)


def replace_one(world: World) -> None:
    world.ecs.stop_task(task=world.ecs.list_tasks(serviceName="web")["taskArns"][0])
    world.pass_time(60)


def test_a_moved_tag_waits_for_the_next_deployment(world: World) -> None:
    revision = create(world)
    point_tag(world, NEW)
    replace_one(world)
    assert digests(world) == [OLD, OLD]
    (shown,) = world.ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    assert shown["containerImages"] == [{"containerName": "app", "image": "app:1", "imageDigest": OLD}]
    world.ecs.update_service(service="web", forceNewDeployment=True)
    world.pass_time(120)
    assert digests(world) == [NEW, NEW]


def test_a_container_may_follow_the_tag(world: World) -> None:
    revision = create(world, versionConsistency="disabled")
    point_tag(world, NEW)
    replace_one(world)
    assert digests(world) == [OLD, NEW]
    (shown,) = world.ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    assert shown["containerImages"] == [{"containerName": "app", "image": "app:1"}]


def test_a_rollback_goes_back_to_the_image_of_then(world: World) -> None:
    create(world)
    point_tag(world, NEW)
    arn = world.ecs.update_service(service="web", forceNewDeployment=True)["service"]["currentServiceDeployment"]
    world.settle()
    world.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    world.settle()
    replace_one(world)
    world.pass_time(60)
    assert digests(world) == [OLD, OLD]


def test_of_two_tasks_that_see_another_image_the_first_decides(world: World) -> None:
    create(world)
    with world.emulator.database.read() as reader:
        first, second = reader.find(TASKS)
    pins = ImagePins(world.emulator.database)
    assert pins.pin(first, "sidecar", NEW) == NEW
    assert pins.pin(second, "sidecar", OLD) == NEW == pins.pinned(second, "sidecar")
    stray = replace(second, deployment_id="ecs-svc/0")
    assert pins.pin(stray, "sidecar", OLD) == OLD
