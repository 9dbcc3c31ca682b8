"""What only time makes due, on the clock."""

from __future__ import annotations

from emulator.store.ecs_tables import TASK_DEFINITIONS
from tests.control.world import NETWORK, World, container


def _stored(world: World) -> list[str]:
    with world.emulator.database.read() as reader:
        return [d.arn.rpartition("/")[2] for d in reader.find(TASK_DEFINITIONS)]


def test_a_deleted_revision_goes_when_its_last_task_has_stopped(world: World) -> None:
    world.image()
    arn = world.define(container())
    task = world.run()
    world.settle()
    world.ecs.deregister_task_definition(taskDefinition=arn)
    world.ecs.delete_task_definitions(taskDefinitions=[arn])
    world.pass_time(2 * 3600)
    assert _stored(world) == ["web:1"]
    world.ecs.stop_task(task=task)
    world.pass_time(2 * 3600)
    assert _stored(world) == []


def test_a_deleted_revision_stays_as_long_as_a_service_may_roll_back_to_it(world: World) -> None:
    world.image()
    arn = world.define(container())
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE",
                             networkConfiguration=NETWORK)  # fmt: skip
    world.pass_time(60)
    bad = world.define(container(image="missing:1"))
    update = world.ecs.update_service(service="web", taskDefinition=bad)["service"]
    world.ecs.stop_task(task=world.ecs.list_tasks(serviceName="web", family="web")["taskArns"][0])
    world.ecs.deregister_task_definition(taskDefinition=arn)
    world.ecs.delete_task_definitions(taskDefinitions=[arn])
    world.pass_time(2 * 3600)
    assert _stored(world) == ["web:1", "web:2"]
    world.ecs.stop_service_deployment(serviceDeploymentArn=update["currentServiceDeployment"])
    world.pass_time(100)
    shown = world.ecs.describe_services(services=["web"])["services"][0]
    assert (shown["taskDefinition"], shown["runningCount"]) == (arn, 1)
    world.ecs.delete_service(service="web", force=True)
    world.pass_time(2 * 3600)
    assert _stored(world) == ["web:2"]


def test_a_number_is_never_given_twice(world: World) -> None:
    arn = world.define(container())
    world.ecs.deregister_task_definition(taskDefinition=arn)
    world.ecs.delete_task_definitions(taskDefinitions=[arn])
    world.pass_time(2 * 3600)
    assert _stored(world) == []
    assert world.define(container()).endswith("web:2")
