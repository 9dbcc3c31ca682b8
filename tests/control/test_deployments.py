"""Deployments through boto3 on the simulated engine: each by its events, deployments, counts and containers."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from emulator.domain.service_scheduler.alarm import AlarmState
from emulator.engine.simulated.behaviour import Behaviour, HealthTurn
from emulator.store.ecs_tables import ALARM_STATES
from tests.control.world import NETWORK, World, container, health_check

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
BROKEN = "Service deployment rolled back because the circuit breaker threshold was exceeded."


class Scene:
    """One service `web`: what its API says, and what the engine holds of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ecs = world.ecs

    def create(self, desired: int = 2, **members: Any) -> str:
        """The ARN of its service deployment."""
        service = self.ecs.create_service(
            serviceName="web",
            taskDefinition="web",
            desiredCount=desired,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            **members,
        )["service"]
        return str(service["currentServiceDeployment"])

    def steady(self, desired: int = 2, first: dict[str, Any] | None = None, **members: Any) -> None:
        """A service whose first deployment has completed."""
        self.world.image()
        self.world.define(first or container())
        self.create(desired, **members)
        self.world.pass_time(60)
        assert self.primary()["rolloutState"] == "COMPLETED"

    def roll(self, *containers: dict[str, Any], **members: Any) -> str:
        self.world.define(*containers)
        return str(self.update(taskDefinition="web", **members)["currentServiceDeployment"])

    def update(self, **members: Any) -> dict[str, Any]:
        updated: dict[str, Any] = self.ecs.update_service(service="web", **members)["service"]
        self.world.settle()
        return updated

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.describe_services(services=["web"])["services"][0]
        return found

    def primary(self) -> dict[str, Any]:
        first: dict[str, Any] = self.shown()["deployments"][0]
        assert first["status"] == "PRIMARY"
        return first

    def deployment(self, arn: str) -> dict[str, Any]:
        found = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
        return found[0]  # type: ignore[no-any-return]

    def said(self) -> list[str]:
        """Events, oldest first, without the ids that differ from run to run."""
        messages = [event["message"] for event in reversed(self.shown()["events"])]
        return [re.sub(r"[0-9a-f]{32}", "T", re.sub(r"ecs-svc/\d+", "D", m)) for m in messages]

    def revisions(self) -> Counter[str]:
        """How many application containers the engine has of each revision."""
        states = self.world.engine.list_containers({"homeport.kind": "app"})
        return Counter(s.labels["com.amazonaws.ecs.task-definition-version"] for s in states)

    def counts(self) -> tuple[int, int, int]:
        shown = self.shown()
        return shown["desiredCount"], shown["runningCount"], shown["pendingCount"]

    def stops(self) -> set[tuple[str, str]]:
        arns = self.ecs.list_tasks(serviceName="web", desiredStatus="STOPPED")["taskArns"]
        tasks = self.ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        return {(t["stopCode"], t["stoppedReason"]) for t in tasks}


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


STARTED_2 = "(service web) has started 2 tasks: (task T) (task T)."
STARTED_1 = "(service web) has started 1 tasks: (task T)."
STOPPED_2 = "(service web) has stopped 2 running tasks: (task T) (task T)."
COMPLETED = "(service web) (deployment D) deployment completed."
STEADY = "(service web) has reached a steady state."
FAILED = "(service web) (deployment D) deployment failed: tasks failed to start."
BACK = "(service web) rolling back to deployment D."
IMPAIRED = "(service web) is unable to consistently start tasks successfully."
FIRST = [STARTED_2, COMPLETED, STEADY]


def test_the_first_deployment(scene: Scene, world: World) -> None:
    world.image()
    world.define(container())
    arn = scene.create()
    world.settle()
    assert (scene.counts(), scene.revisions()) == ((2, 2, 0), {"1": 2})
    assert scene.deployment(arn)["status"] == "IN_PROGRESS"
    world.pass_time(45)
    assert scene.said() == FIRST
    (deployment,) = scene.shown()["deployments"]
    assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "COMPLETED")
    assert scene.deployment(arn)["status"] == "SUCCESSFUL"


def test_an_image_that_is_not_there_trips_the_breaker(scene: Scene, world: World) -> None:
    scene.steady(deploymentConfiguration=BREAKER)
    arn = scene.roll(container(image="missing:1"))
    world.pass_time(60)
    pending = "(service web) stopped 1 pending tasks."  # of the second wave, which the third failure cut short
    assert scene.said() == [*FIRST, STARTED_2, STARTED_2, IMPAIRED, FAILED, BACK, pending, COMPLETED, STEADY]
    (deployment,) = scene.shown()["deployments"]
    assert deployment["taskDefinition"].endswith("web:1")
    assert (scene.counts(), scene.revisions()) == ((2, 2, 0), {"1": 2})
    shown = scene.deployment(arn)
    assert (shown["status"], shown["statusReason"]) == ("ROLLBACK_SUCCESSFUL", BROKEN)
    assert shown["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert {code for code, _ in scene.stops()} == {"TaskFailedToStart", "ServiceSchedulerInitiated"}


def test_a_bad_entry_point_without_rollback_stalls(scene: Scene, world: World) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    scene.steady(deploymentConfiguration=breaker)
    world.image("bad", Behaviour(start_error='exec: "nope": executable file not found in $PATH'))
    arn = scene.roll(container(image="bad:1"))
    world.pass_time(600)
    assert scene.said() == [*FIRST, STARTED_2, STARTED_2, IMPAIRED, FAILED]
    new, old = scene.shown()["deployments"]
    assert (new["status"], new["rolloutState"], new["runningCount"]) == ("PRIMARY", "FAILED", 0)
    assert new["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert (old["status"], old["rolloutState"], old["runningCount"]) == ("ACTIVE", "COMPLETED", 2)
    assert scene.revisions() == {"1": 2}
    assert scene.deployment(arn)["status"] == "STOPPED"
    assert any("executable file not found" in reason for _, reason in scene.stops())
    world.image("good")
    scene.roll(container(image="good:1"))
    world.pass_time(60)
    assert scene.revisions() == {"3": 2} and len(scene.shown()["deployments"]) == 1


def test_failing_health_checks_turn_the_deployment_back(scene: Scene, world: World) -> None:
    scene.steady(first=container(healthCheck=health_check()), deploymentConfiguration=BREAKER)
    world.image("sick", Behaviour(health=(HealthTurn(5, "unhealthy"),)))
    arn = scene.roll(container(image="sick:1", healthCheck=health_check()))
    least = 2
    for _ in range(120):
        world.pass_time(1)
        least = min(least, scene.revisions()["1"])
    assert least == 2, "the old tasks served throughout"
    assert scene.deployment(arn)["status"] == "ROLLBACK_SUCCESSFUL"
    assert scene.deployment(arn)["deploymentCircuitBreaker"]["failureCount"] == 3
    said = scene.said()
    assert said.count("(service web) (task T) failed container health checks.") >= 3
    assert said[-2:] == [COMPLETED, STEADY] and BACK in said
    assert ("ServiceSchedulerInitiated", "Task failed container health checks") in scene.stops()
    assert (scene.counts(), scene.revisions()) == ((2, 2, 0), {"1": 2})


@pytest.mark.parametrize("fault", ["crash", "memory"])
def test_what_runs_and_then_ends_is_replaced_at_once(scene: Scene, world: World, fault: str) -> None:
    """It reached RUNNING: neither back-off nor breaker count it, and the deployment never completes."""
    scene.steady(deploymentConfiguration=BREAKER)
    behaviour = {
        "crash": Behaviour(runs_for_s=5, exit_code=3),
        "memory": Behaviour(out_of_memory_after_s=5),
    }[fault]
    world.image("short", behaviour)
    arn = scene.roll(container(image="short:1"))
    world.pass_time(60)
    assert scene.deployment(arn)["status"] == "IN_PROGRESS"
    assert scene.deployment(arn)["deploymentCircuitBreaker"]["failureCount"] == 0
    new, old = scene.shown()["deployments"]
    assert (new["rolloutState"], old["runningCount"], scene.revisions()["1"]) == ("IN_PROGRESS", 2, 2)
    assert len(scene.said()) > 3 + 10, "a new pair about every five seconds"
    assert {code for code, _ in scene.stops()} == {"EssentialContainerExited"}
    if fault == "memory":
        arns = scene.ecs.list_tasks(serviceName="web", desiredStatus="STOPPED")["taskArns"]
        reasons = {c["reason"] for t in scene.ecs.describe_tasks(tasks=arns)["tasks"] for c in t["containers"]}
        assert any(reason.startswith("OutOfMemoryError") for reason in reasons)


def test_roll_forward_after_a_failure(scene: Scene, world: World) -> None:
    scene.steady(deploymentConfiguration=BREAKER)
    bad = scene.roll(container(image="missing:1"))
    world.pass_time(3)
    world.image("good")
    good = scene.roll(container(image="good:1"))
    world.pass_time(100)
    assert scene.deployment(bad)["status"] == "STOPPED"
    assert scene.deployment(good)["status"] == "SUCCESSFUL"
    assert (scene.counts(), scene.revisions()) == ((2, 2, 0), {"3": 2})
    assert scene.said()[-4:] == [STARTED_2, STOPPED_2, COMPLETED, STEADY]
    assert [d["taskDefinition"][-5:] for d in scene.shown()["deployments"]] == ["web:3"]


def test_force_new_deployment(scene: Scene, world: World) -> None:
    scene.steady()
    before = scene.primary()["id"]
    scene.update(forceNewDeployment=True)
    assert scene.revisions() == {"1": 4}
    new, old = scene.shown()["deployments"]
    assert (old["id"], old["status"], old["runningCount"]) == (before, "ACTIVE", 2)
    assert (new["desiredCount"], new["runningCount"]) == (2, 2)
    world.pass_time(100)
    assert [d["id"] for d in scene.shown()["deployments"]] == [new["id"]]
    assert (scene.counts(), scene.revisions()) == ((2, 2, 0), {"1": 2})
    assert scene.said() == [*FIRST, STARTED_2, STOPPED_2, COMPLETED, STEADY]


@pytest.mark.parametrize("desired", [1, 4])
def test_scaling_during_a_rollout(scene: Scene, world: World, desired: int) -> None:
    scene.steady()
    world.image("next")
    arn = scene.roll(container(image="next:1"))
    assert scene.revisions() == {"1": 2, "2": 2}
    scene.update(desiredCount=desired)
    new, old = scene.shown()["deployments"]
    assert new["desiredCount"] == desired and old["runningCount"] == min(2, desired)
    world.pass_time(150)
    assert scene.deployment(arn)["status"] == "SUCCESSFUL"
    assert (scene.counts(), scene.revisions()) == ((desired, desired, 0), {"2": desired})
    assert len(scene.shown()["deployments"]) == 1
    moved = {
        1: [STOPPED_2, "(service web) has stopped 1 running tasks: (task T)."],
        4: [STARTED_2, STOPPED_2],
    }[desired]
    assert scene.said() == [*FIRST, STARTED_2, *moved, COMPLETED, STEADY]


def test_a_protected_task_at_scale_in(scene: Scene, world: World) -> None:
    scene.steady()
    arns = scene.ecs.list_tasks(serviceName="web")["taskArns"]
    for arn in arns:
        scene.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=True, expiresInMinutes=10)
    scene.update(desiredCount=1)
    world.pass_time(60)
    assert (scene.counts(), scene.revisions()) == ((1, 2, 0), {"1": 2})
    assert scene.said()[-1].endswith("The number of protected tasks are more than the desired count of tasks.")
    scene.ecs.update_task_protection(cluster="default", tasks=arns[:1], protectionEnabled=False)
    world.pass_time(60)
    assert scene.ecs.list_tasks(serviceName="web")["taskArns"] == arns[1:]
    assert scene.revisions() == {"1": 1}
    assert scene.said()[-1] == STEADY


def test_protected_tasks_outlive_their_deployment(scene: Scene, world: World) -> None:
    scene.steady()
    (first, _) = scene.ecs.list_tasks(serviceName="web")["taskArns"]
    scene.ecs.update_task_protection(cluster="default", tasks=[first], protectionEnabled=True, expiresInMinutes=10)
    arn = scene.update(forceNewDeployment=True)["currentServiceDeployment"]
    world.pass_time(120)
    assert scene.deployment(arn)["status"] == "IN_PROGRESS"
    assert first in scene.ecs.list_tasks(serviceName="web")["taskArns"]
    assert len(scene.shown()["deployments"]) == 2
    world.pass_time(600)
    assert scene.deployment(arn)["status"] == "SUCCESSFUL"
    assert scene.revisions() == {"1": 2}


def test_an_alarm_during_the_bake_time(scene: Scene, world: World) -> None:
    def set_alarm(state: str) -> None:
        with world.emulator.database.write() as tx:
            tx.put(ALARM_STATES, AlarmState("123456789012", "us-east-1", "errors", state, world.clock.now()))

    alarms = {"alarms": {"enable": True, "rollback": True, "alarmNames": ["errors"]}, "bakeTimeInMinutes": 5}
    scene.steady()
    set_alarm("OK")
    world.image("next")
    arn = scene.roll(container(image="next:1"), deploymentConfiguration=alarms)
    world.pass_time(100)
    assert scene.deployment(arn)["lifecycleStage"] == "BAKE_TIME"
    assert scene.revisions() == {"2": 2}
    set_alarm("ALARM")
    world.settle()
    assert scene.deployment(arn)["status"] == "ROLLBACK_IN_PROGRESS"
    world.pass_time(100)
    assert scene.deployment(arn)["status"] == "ROLLBACK_SUCCESSFUL"
    assert scene.revisions() == {"1": 2}
    assert "(service web) (deployment D) deployment failed: alarm detected." in scene.said()


def test_a_rollback_through_a_restart(scene: Scene, world: World) -> None:
    """Everything that a rollback needs is in the records."""
    scene.steady(deploymentConfiguration=BREAKER)
    arn = scene.roll(container(image="missing:1"))
    world.pass_time(3)
    for task in scene.ecs.list_tasks(serviceName="web")["taskArns"]:
        scene.ecs.stop_task(task=task)
    world.pass_time(60)
    assert scene.deployment(arn)["status"] in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")
    world.pass_time(60)
    assert (scene.counts(), scene.revisions()) == ((2, 2, 0), {"1": 2})


def test_history_is_forgotten_after_ninety_days(scene: Scene, world: World) -> None:
    scene.steady()
    for _ in range(2):
        scene.update(forceNewDeployment=True)
        world.pass_time(100)
    revisions = [d["targetServiceRevisionArn"] for d in _listed(scene)]
    assert len(revisions) == 3
    world.clock.advance(91 * 86400)
    world.settle()
    assert _listed(scene) == []
    found = scene.ecs.describe_service_revisions(serviceRevisionArns=revisions)
    assert [r["serviceRevisionArn"] for r in found["serviceRevisions"]] == revisions[:1], "that which still runs"


def _listed(scene: Scene) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scene.ecs.list_service_deployments(service="web")["serviceDeployments"]
    return found
