"""How deployments end: by the circuit breaker, by alarms, by request, by success; and what the history says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.domain.service_scheduler.circuit_breaker import threshold
from emulator.domain.service_scheduler.service_notices import envelope
from emulator.domain.service_scheduler.service_tasks import TargetHealth
from emulator.domain.tasks.actions import StartTasks
from tests.domain.service_world import World, make_service

P = "arn:aws:ecs:us-east-1:123456789012:"
STEADY = "(service web) has reached a steady state."
TARGETS = f"{P}targetgroup/web/1".replace(":ecs:", ":elasticloadbalancing:")
BROKEN = "Service deployment rolled back because the circuit breaker threshold was exceeded."


def steady_world(desired: int = 2, health_check: bool = False, **changes: object) -> World:
    world = World(make_service(desired, **changes), health_check=health_check)
    world.run_on(120)
    assert world.service.primary.rollout_state == "COMPLETED"
    return world


def fail_all_launches(world: World, waves: int = 1) -> None:
    for _ in range(waves):
        plan = world.settle()
        for task in world.starting():
            world.fail_launch(task)
        plan = world.settle()
        if not world.starting() and plan.next_look is not None and world.service.primary.rollout_state != "FAILED":
            world.now = max(world.now, plan.next_look)


# --- the breaker's count ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "desired", "expected"),
    [
        (None, 1, 3),
        (None, 25, 13),
        (None, 400, 200),
        (None, 401, 200),
        (("BOUNDED_PERCENT", 10), 100, 10),
        (("UNBOUNDED_PERCENT", 10), 15, 2),
        (("UNBOUNDED_PERCENT", 50), 1000, 500),
        (("UNBOUNDED_PERCENT", 50), 0, 1),
        (("COUNT", 2), 50, 2),
    ],
)
def test_the_threshold(how: tuple[str, int] | None, desired: int, expected: int) -> None:
    settings = {"thresholdConfiguration": {"type": how[0], "value": how[1]}} if how else {}
    assert threshold(settings, desired) == expected


def test_it_trips_at_exactly_the_threshold_and_starts_nothing_more() -> None:
    world = World(make_service(1))
    world.breaker(rollback=False)
    for failures in (1, 2):
        fail_all_launches(world)
        assert world.service.primary.breaker_failures == world.rollout.failure_count == failures
        assert world.service.primary.rollout_state == "IN_PROGRESS"
    assert (world.rollout.breaker, world.rollout.threshold) == ("MONITORING", 3)
    fail_all_launches(world)
    primary = world.service.primary
    assert (primary.rollout_state, primary.failed_tasks) == ("FAILED", 3)
    assert primary.rollout_state_reason == "ECS deployment circuit breaker: tasks failed to start."
    assert world.messages()[0] == "(service web) (deployment ecs-svc/1) deployment failed: tasks failed to start."
    rollout = world.rollout
    assert (rollout.status, rollout.breaker, rollout.failure_count) == ("STOPPED", "TRIGGERED", 3)
    assert rollout.stopped_at == rollout.finished_at == world.now
    world.advance(10_000)
    assert world.starting() == []
    assert "the deployment has failed: ECS deployment circuit breaker" in world.plan().because


def test_failures_beyond_the_threshold_are_not_counted() -> None:
    world = World(make_service(8))
    world.breaker(rollback=False)
    fail_all_launches(world)
    assert world.rollout.failure_count == world.rollout.threshold == 4


def test_the_threshold_goes_by_the_desired_count_of_now() -> None:
    world = World(make_service(1))
    world.breaker(rollback=False)
    fail_all_launches(world, 2)
    world.service = replace(world.service, desired_count=20)
    world.settle()
    assert world.service.primary.rollout_state == "IN_PROGRESS"
    assert world.rollout.threshold == 10


def test_a_healthy_task_sets_the_count_back() -> None:
    world = World(make_service(2), health_check=True)
    world.breaker(rollback=False)
    world.settle()
    first, second = world.starting()
    world.fail_launch(first)
    world.settle()
    assert world.service.primary.breaker_failures == 1
    world.advance(1)
    world.run(second)
    world.settle()
    assert world.service.primary.breaker_failures == 1
    world.health(world.tasks[second.arn], "HEALTHY")
    world.settle()
    assert world.service.primary.breaker_failures == world.rollout.failure_count == 0
    fail_all_launches(world, 3)
    assert world.service.primary.rollout_state == "FAILED", "one that stays healthy sets nothing back again"


def test_it_does_not_when_told_so() -> None:
    world = World(make_service(2), health_check=True)
    world.breaker(rollback=False, resetOnHealthyTask=False, thresholdConfiguration={"type": "COUNT", "value": 2})
    world.settle()
    first, second = world.starting()
    world.fail_launch(first)
    world.run(second)
    world.health(world.tasks[second.arn], "HEALTHY")
    world.settle()
    fail_all_launches(world, 2)
    assert world.service.primary.rollout_state == "FAILED"


def test_failing_health_checks_count_once_a_task_has_run() -> None:
    world = steady_world(1, health_check=True)
    world.breaker()
    world.roll()
    for failures in (1, 2, 3):
        world.settle()
        (new,) = world.starting()
        world.run(new)
        world.settle()
        assert world.service.primary.breaker_failures == failures - 1
        world.health(world.tasks[new.arn], "UNHEALTHY")
        world.settle()  # there is no room above for its replacement, so that it stops first
        world.finish(world.tasks[new.arn])
    assert world.service.primary.id == "ecs-svc/1"
    assert world.rollout.failure_count == 3
    world.run_on(60)
    assert world.rollout.status == "ROLLBACK_SUCCESSFUL"
    assert len(world.running(1)) == 1 and world.running(2) == []


def test_a_crash_after_running_is_no_failure_to_start() -> None:
    world = World(make_service(1))
    world.breaker(rollback=False)
    world.settle()
    for _ in range(10):
        world.run(world.starting()[0])
        world.settle()
        world.now += 5
        world.crash(world.running()[0])
        world.settle()
    assert world.service.primary.rollout_state == "IN_PROGRESS"
    assert world.service.primary.breaker_failures == 0


def test_a_completed_deployment_is_watched_no_more() -> None:
    world = steady_world(1)
    world.breaker()
    for _ in range(5):
        world.crash(world.running()[0])
        fail_all_launches(world, 3)
        world.run_on(60)
    assert world.service.primary.rollout_state == "COMPLETED"
    assert world.service.primary.breaker_failures == 0
    assert world.rollout.status == "SUCCESSFUL"


# --- turning back ----------------------------------------------------------------------------------------------------


def test_it_rolls_back_to_the_last_deployment_that_completed() -> None:
    world = steady_world(2)
    old = {t.id for t in world.running()}
    world.breaker()
    world.roll()
    world.settle()
    fail_all_launches(world, 2)
    assert [(d.id, d.status, d.rollout_state) for d in world.service.deployments] == [
        ("ecs-svc/1", "PRIMARY", "COMPLETED")
    ]
    assert {t.id for t in world.running()} == old, "what still ran is not replaced"
    assert world.service.task_definition == "arn:web:1"
    assert world.messages()[:4] == [
        STEADY,
        "(service web) (deployment ecs-svc/1) deployment completed.",
        "(service web) rolling back to deployment ecs-svc/1.",
        "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.",
    ]
    rollout = world.history["d2"]
    assert (rollout.status, rollout.status_reason) == ("ROLLBACK_SUCCESSFUL", BROKEN)
    assert (rollout.breaker, rollout.failure_count, rollout.threshold) == ("TRIGGERED", 3, 3)
    assert rollout.rollback_to == f"{P}service-revision/default/web/1"
    assert (rollout.target, rollout.sources) == ("2", ["1"])
    assert rollout.finished_at is not None and rollout.stopped_at is None


def test_a_rollback_brings_the_old_tasks_back() -> None:
    """Most old tasks are gone by the time the new ones turn out unhealthy."""
    world = steady_world(4, health_check=True, minimum_healthy_percent=50, maximum_percent=100)
    world.breaker(thresholdConfiguration={"type": "COUNT", "value": 1})
    world.roll()
    world.settle()
    assert len(world.running(1)) == 2
    for task in [t for t in world.live() if t.desired_status == "STOPPED"]:
        world.finish(task)
    world.settle()
    for task in world.starting():
        world.run(task)
    world.health(world.running(2)[0], "UNHEALTHY")
    world.settle()
    primary = world.service.primary
    assert (primary.id, primary.rollout_state) == ("ecs-svc/1", "IN_PROGRESS")
    expected = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
    assert primary.rollout_state_reason == expected
    assert [d.rollout_state for d in world.service.deployments] == ["IN_PROGRESS", "FAILED"]
    assert world.rollout.status == "ROLLBACK_IN_PROGRESS"
    world.run_on(300)
    assert (len(world.running(1)), len(world.running(2))) == (4, 0)
    assert world.rollout.status == "ROLLBACK_SUCCESSFUL"


def test_a_deployment_that_is_gone_comes_back_under_its_own_id() -> None:
    world = steady_world(1)
    world.breaker()
    world.configure(deploymentCircuitBreaker={"enable": True, "rollback": True}, bakeTimeInMinutes=10,
                    alarms={"enable": True, "rollback": True, "alarmNames": ["slow"]})  # fmt: skip
    first = world.service.primary
    world.roll()
    world.run_on(120)
    assert [d.id for d in world.service.deployments] == ["ecs-svc/2"]
    assert world.rollout.status == "IN_PROGRESS", "baking"
    world.alarm("slow", "ALARM")
    world.settle()
    assert world.service.primary.id == first.id
    assert world.service.primary.created_at == first.created_at
    assert len(world.wanted(1)) == 1
    world.run_on(120)
    assert [d.id for d in world.service.deployments] == ["ecs-svc/1"]
    assert world.rollout.status == "ROLLBACK_SUCCESSFUL"


def test_without_a_candidate_it_stalls() -> None:
    world = World(make_service(1))
    world.breaker()
    fail_all_launches(world, 3)
    assert world.service.primary.rollout_state == "FAILED"
    assert world.rollout.status == "ROLLBACK_FAILED"
    assert world.rollout.status_reason == "No rollback candidate was found to run the rollback."
    world.advance(10_000)
    assert world.starting() == []


def test_a_rollback_that_fails_is_not_rolled_back() -> None:
    world = steady_world(1)
    world.breaker()
    world.roll()
    world.settle()
    world.crash(world.running(1)[0])
    fail_all_launches(world, 3)
    assert world.rollout.status == "ROLLBACK_IN_PROGRESS"
    assert world.service.completed is None, "not eligible again before it completes"
    fail_all_launches(world, 3)
    assert (world.service.primary.id, world.service.primary.rollout_state) == ("ecs-svc/1", "FAILED")
    assert world.rollout.status == "ROLLBACK_FAILED"
    expected = "Service deployment rollback failed because the circuit breaker threshold was exceeded."
    assert (world.rollout.status_reason, world.rollout.failure_count) == (expected, 3)


def test_a_failed_deployment_leaves_the_old_tasks_alone() -> None:
    world = steady_world(4, minimum_healthy_percent=0)
    world.breaker(rollback=False)
    world.service = replace(world.service, minimum_healthy_percent=100)
    world.roll()
    world.settle()
    fail_all_launches(world, 1)
    world.service = replace(world.service, minimum_healthy_percent=0)
    assert world.service.primary.rollout_state == "FAILED"
    world.advance(600)
    assert len(world.running(1)) == 4


def test_a_newer_deployment_takes_over_from_a_failed_one() -> None:
    world = steady_world(2)
    world.breaker(rollback=False)
    world.roll()
    fail_all_launches(world, 2)
    assert world.service.primary.rollout_state == "FAILED"
    world.roll()
    world.run_on(120)
    assert [d.id for d in world.service.deployments] == ["ecs-svc/3"]
    assert world.history["d2"].status == "STOPPED"
    assert world.history["d3"].status == "SUCCESSFUL"
    assert world.history["d3"].sources == ["2", "1"]


# --- alarms and bake time --------------------------------------------------------------------------------------------


def watched(rollback: bool = True, **members: object) -> World:
    world = steady_world(2)
    alarms = {"enable": True, "rollback": rollback, "alarmNames": ["errors", "slow"]}
    world.configure(alarms=alarms, **members)
    world.alarm("errors", "OK")
    world.alarm("slow", "OK")
    world.roll()
    world.settle()
    return world


def test_an_alarm_fails_the_deployment_and_turns_it_back() -> None:
    world = watched()
    assert world.rollout.alarms == "MONITORING"
    world.alarm("slow", "ALARM")
    world.settle()
    assert world.service.primary.id == "ecs-svc/1"
    expected = "ECS deployment failed: rolling back to deploymentId ecs-svc/1."
    assert world.service.primary.rollout_state_reason == expected
    assert "(service web) (deployment ecs-svc/2) deployment failed: alarm detected." in world.messages()
    world.run_on(120)
    rollout = world.history["d2"]
    assert (rollout.status, rollout.alarms, rollout.triggered_alarms) == ("ROLLBACK_SUCCESSFUL", "TRIGGERED", ["slow"])
    assert len(world.running(1)) == 2


def test_an_alarm_without_rollback_stops_the_deployment() -> None:
    world = watched(rollback=False)
    world.alarm("errors", "ALARM")
    world.settle()
    assert (world.service.primary.id, world.service.primary.rollout_state) == ("ecs-svc/2", "FAILED")
    assert world.rollout.status == "STOPPED"
    assert world.rollout.status_reason == "Service deployment stopped because of alarms in ALARM state: errors."


def test_an_alarm_that_was_on_before_is_ignored_throughout() -> None:
    world = steady_world(1)
    world.configure(alarms={"enable": True, "rollback": True, "alarmNames": ["slow"]})
    world.alarm("slow", "ALARM")
    world.roll()
    world.run_on(30)
    world.alarm("slow", "OK")
    world.settle()
    world.alarm("slow", "ALARM")
    world.run_on(300)
    assert world.rollout.status == "SUCCESSFUL"
    assert (world.rollout.ignored_alarms, world.rollout.alarms) == (["slow"], "MONITORING_COMPLETE")


def test_an_alarm_that_nobody_knows_watches_nothing_and_says_so() -> None:
    world = steady_world(1)
    world.configure(alarms={"enable": True, "rollback": True, "alarmNames": ["nobody"]})
    world.roll()
    assert "nobody knows an alarm nobody" in world.settle().because
    world.run_on(120)
    assert world.rollout.status == "SUCCESSFUL"


def test_a_deployment_bakes_as_long_as_its_alarms_look_back() -> None:
    world = watched()
    world.run_on(90)
    assert world.service.primary.rollout_state == "IN_PROGRESS"
    assert world.rollout.baking_since is not None
    assert world.plan().next_look == world.rollout.baking_since + 60
    world.run_on(60)
    assert world.rollout.status == "SUCCESSFUL"
    assert world.rollout.finished_at == pytest.approx(world.history["d2"].finished_at)


def test_bake_time_in_minutes() -> None:
    world = watched(bakeTimeInMinutes=5)
    world.run_on(41)
    assert world.plan().because.startswith("2 of 2 running; baking for another ")
    world.run_on(298)
    assert world.rollout.status == "IN_PROGRESS"
    world.run_on(10)
    assert world.rollout.status == "SUCCESSFUL"


# --- stopping by request ---------------------------------------------------------------------------------------------


def test_a_rollback_by_request_needs_no_breaker() -> None:
    world = steady_world(2)
    world.roll()
    world.settle()
    world.ask_rollout_to("ROLLBACK_REQUESTED")
    world.run_on(120)
    assert world.service.primary.id == "ecs-svc/1"
    assert world.history["d2"].status == "ROLLBACK_SUCCESSFUL"
    assert world.running(2) == []


def test_an_abort_leaves_things_as_they_are() -> None:
    world = steady_world(2)
    world.roll()
    world.settle()
    world.ask_rollout_to("STOP_REQUESTED")
    world.settle()
    assert (world.service.primary.id, world.service.primary.rollout_state) == ("ecs-svc/2", "FAILED")
    assert world.rollout.status == "STOPPED"
    assert len(world.running(1)) == 2


def test_a_rollback_of_the_first_deployment_has_nowhere_to_go() -> None:
    world = World(make_service(1))
    world.settle()
    world.ask_rollout_to("ROLLBACK_REQUESTED")
    world.settle()
    assert world.rollout.status == "ROLLBACK_FAILED"


# --- early success ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cleanup", ["BLOCKING", "DEFERRED"])
def test_early_success(cleanup: str) -> None:
    world = steady_world(4, health_check=True, minimum_healthy_percent=50)
    criteria = {"enable": True, "healthyPercent": 50, "sourceServiceRevisionCleanup": cleanup}
    world.configure(earlySuccessCriteria=criteria)
    world.roll()
    world.settle()
    for task in world.starting():
        world.run(task)
    for task in world.running(2)[:2]:
        world.health(task, "HEALTHY")
    world.settle()
    expected = "COMPLETED" if cleanup == "DEFERRED" else "IN_PROGRESS"
    assert world.service.primary.rollout_state == expected
    for task in [t for t in world.live() if t.desired_status == "STOPPED"]:
        world.finish(task)
    world.run_on(120)
    assert world.rollout.status == "SUCCESSFUL"
    assert (len(world.running(1)), len(world.running(2))) == (0, 4)


# --- targets ---------------------------------------------------------------------------------------------------------


def test_health_of_targets_is_waited_for_and_drives_replacement() -> None:
    world = World(make_service(1, health_check_grace_period_s=30))
    world.settle()
    task = world.starting()[0]
    world.targets[task.id] = [TargetHealth(TARGETS, 80, "initial")]
    world.run(task)
    world.advance(100)
    assert world.service.primary.rollout_state == "IN_PROGRESS", "40 s are for tasks without any check"
    world.targets[task.id] = [TargetHealth(TARGETS, 80, "healthy")]
    world.settle()
    assert world.service.primary.rollout_state == "COMPLETED"

    world.targets[task.id] = [TargetHealth(TARGETS, 80, "unhealthy", "Health checks failed with these codes: [500]")]
    world.settle()
    assert world.messages()[:2] == [
        "(service web) has started 1 tasks: (task T). Amazon ECS replaced 1 tasks due to an unhealthy status.",
        f"(service web) (task T) (port 80) is unhealthy in (target-group {TARGETS}) due to (reason Health checks "
        "failed with these codes: [500])",
    ]
    new = world.starting()[0]
    world.targets[new.id] = [TargetHealth(TARGETS, 80, "healthy")]
    world.run(new)
    world.settle()
    gone = world.tasks[task.arn]
    assert gone.stopped_reason == f"Task failed ELB health checks in (target-group {TARGETS})"


def test_containers_and_targets_must_both_be_healthy() -> None:
    world = World(make_service(1), health_check=True)
    world.settle()
    task = world.starting()[0]
    world.targets[task.id] = [TargetHealth(TARGETS, 80, "healthy")]
    world.run(task)
    world.settle()
    assert world.service.primary.rollout_state == "IN_PROGRESS"
    world.health(world.running()[0], "HEALTHY")
    world.settle()
    assert world.service.primary.rollout_state == "COMPLETED"


def test_targets_are_ignored_during_the_grace_period() -> None:
    world = World(make_service(1, health_check_grace_period_s=60))
    world.settle()
    task = world.starting()[0]
    world.targets[task.id] = [TargetHealth(TARGETS, 80, "unhealthy")]
    world.run(task)
    world.advance(59)
    assert len(world.wanted()) == 1
    world.advance(1)
    assert len(world.wanted()) == 2


# --- what EventBridge is told ----------------------------------------------------------------------------------------


def test_eventbridge_is_told_of_deployments_and_actions() -> None:
    world = steady_world(1)
    world.breaker()
    world.roll()
    fail_all_launches(world, 3)
    told = [(n.said.level, n.said.name, n.said.deployment_id) for n in world.notices]
    assert told == [
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", "ecs-svc/1"),
        ("INFO", "TASKS_STARTED", ""),
        ("INFO", "SERVICE_DEPLOYMENT_COMPLETED", "ecs-svc/1"),
        ("INFO", "SERVICE_STEADY_STATE", ""),
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", "ecs-svc/2"),
        ("INFO", "TASKS_STARTED", ""),
        ("INFO", "TASKS_STARTED", ""),
        ("WARN", "SERVICE_TASK_START_IMPAIRED", ""),
        ("INFO", "TASKS_STARTED", ""),
        ("ERROR", "SERVICE_DEPLOYMENT_FAILED", "ecs-svc/2"),
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", "ecs-svc/1"),
        ("INFO", "SERVICE_DEPLOYMENT_COMPLETED", "ecs-svc/1"),
        ("INFO", "SERVICE_STEADY_STATE", ""),
    ]
    failed = next(n for n in world.notices if n.said.name == "SERVICE_DEPLOYMENT_FAILED")
    event = envelope(world.service, failed)
    assert event.pop("id") == failed.id and event.pop("time").endswith("Z")
    assert event["detail"].pop("updatedAt").endswith("Z")
    assert event == {
        "version": "0",
        "detail-type": "ECS Deployment State Change",
        "source": "aws.ecs",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [f"{P}service/default/web"],
        "detail": {
            "eventType": "ERROR",
            "eventName": "SERVICE_DEPLOYMENT_FAILED",
            "deploymentId": "ecs-svc/2",
            "reason": "ECS deployment circuit breaker: task failed to start.",
        },
    }
    steady = envelope(world.service, world.notices[3])
    assert steady["detail-type"] == "ECS Service Action"
    assert steady["detail"].keys() == {"eventType", "eventName", "clusterArn", "createdAt"}


def test_a_deployment_starts_tasks_again_after_a_rollback_only_if_some_are_missing() -> None:
    world = steady_world(2)
    world.breaker()
    world.roll()
    world.settle()
    world.crash(world.running(1)[0])
    world.settle()
    fail_all_launches(world, 2)
    starts = [a for a in world.plan().actions if isinstance(a, StartTasks)]
    assert starts == [] and len(world.wanted(1)) == 2
