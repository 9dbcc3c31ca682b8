"""Each change of a task that AWS reports is an "ECS Task State Change" in the journal, its version counting up."""

from __future__ import annotations

import itertools
from typing import Any

from emulator.engine.simulated.behaviour import Behaviour, HealthTurn
from emulator.events.task_changes import state_changes
from tests.control.world import NETWORK, World, container, health_check


def events(world: World, arn: str) -> list[Any]:
    with world.emulator.database.read() as reader:
        return [dict(detail) for detail in state_changes(reader, arn)]


def counts_up(told: list[Any]) -> None:
    assert [detail["version"] for detail in told] == list(range(1, len(told) + 1))
    assert [detail["updatedAt"] for detail in told] == sorted(detail["updatedAt"] for detail in told)
    for before, after in itertools.pairwise(told):
        assert {**before, "version": 0, "updatedAt": ""} != {**after, "version": 0, "updatedAt": ""}


def test_a_life_is_told_rung_by_rung(world: World) -> None:
    world.image("app", Behaviour(health=(HealthTurn(5, "healthy"),)))
    world.define(container(healthCheck=health_check()))
    arn = world.run()
    world.pass_time(10)
    world.ecs.stop_task(task=arn, reason="enough")
    world.settle()
    told = events(world, arn)
    counts_up(told)
    rungs = [detail["lastStatus"] for detail in told]
    assert list(dict.fromkeys(rungs)) == [
        "PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED",
    ]  # fmt: skip
    health = [detail["healthStatus"] for detail in told]
    assert health.index("HEALTHY") == rungs.index("RUNNING") + 1
    asked = next(detail for detail in told if detail["desiredStatus"] == "STOPPED")
    assert (asked["lastStatus"], asked["stopCode"], asked["stoppedReason"]) == ("RUNNING", "UserInitiated", "enough")
    last = told[-1]
    assert last["version"] == world.task(arn)["version"]
    assert last["containers"][0]["exitCode"] == 0
    assert (last["attachments"][0]["type"], last["attachments"][0]["status"]) == ("eni", "DELETED")
    assert last["createdAt"].endswith("Z")
    assert last["stoppedAt"] <= last["updatedAt"]
    assert "tags" not in last


def test_what_aws_does_not_report_has_no_event(world: World) -> None:
    world.image()
    world.define(container())
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
    )
    world.settle()
    (arn,) = world.ecs.list_tasks(serviceName="web")["taskArns"]
    before = events(world, arn)
    world.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=True)
    world.ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
    world.pass_time(60)
    assert events(world, arn) == before
    world.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=False)
    world.ecs.update_service(service="web", desiredCount=0)
    world.pass_time(60)
    counts_up(events(world, arn))
    assert events(world, arn)[-1]["stopCode"] == "ServiceSchedulerInitiated"


def test_a_container_that_is_not_essential_ends_in_an_event_of_its_own(world: World) -> None:
    world.image()
    world.image("side", Behaviour(runs_for_s=5, exit_code=3))
    world.define(container(), container("side", image="side:1", essential=False))
    arn = world.run()
    world.pass_time(10)
    told = events(world, arn)
    counts_up(told)
    assert [detail["lastStatus"] for detail in told[-2:]] == ["RUNNING", "RUNNING"]
    side = {c["name"]: c for c in told[-1]["containers"]}["side"]
    assert (side["lastStatus"], side["exitCode"]) == ("STOPPED", 3)


def test_explain_tells_them_in_words_only(world: World) -> None:
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    from emulator.admin.explain import explain

    told = explain(world.emulator.database, world.emulator.plane, f"task/{arn.rpartition('/')[2]}", world.clock.now())
    assert {entry["kind"] for entry in told["history"]} >= {"task.created", "task.status_changed"}
    assert "ECS Task State Change" not in {entry["kind"] for entry in told["history"]}
