"""The service scheduler, one situation each: what is so, what it does about it, and what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.domain.service_scheduler.deployment import back_off_s, bounds
from emulator.domain.tasks.actions import StartTasks, StopTask
from tests.domain.service_world import World, make_service

STEADY = "(service web) has reached a steady state."
IMPAIRED = "(service web) is unable to consistently start tasks successfully."
BLOCKED = (
    "(service web) was unable to stop or start tasks during a deployment because of the service deployment "
    "configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
)


def steady_world(desired: int = 2, health_check: bool = False, **changes: object) -> World:
    world = World(make_service(desired, **changes), health_check=health_check)
    world.run_on(120)
    assert len(world.running()) == desired
    return world


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "expected"),
    [(4, 100, 200, (4, 8)), (3, 50, 125, (2, 3)), (2, 75, 150, (2, 3)), (1, 0, 100, (0, 1)), (0, 100, 200, (0, 0))],
)
def test_the_floor_is_rounded_up_and_the_ceiling_down(
    desired: int, minimum: int, maximum: int, expected: tuple[int, int]
) -> None:
    limits = bounds(desired, minimum, maximum)
    assert (limits.floor, limits.ceiling) == expected


def test_first_deployment_starts_all_and_is_steady_forty_seconds_after_they_run() -> None:
    world = World(make_service(2))
    plan = world.look()
    assert [str(action) for action in plan.actions] == ["start 2 of ecs-svc/1: 0 of 2 are there and well"]
    assert world.messages() == ["(service web) has started 2 tasks: (task T) (task T)."]

    for task in world.starting():
        world.run(task)
    assert world.settle().next_look == world.now + 40
    world.advance(39)
    assert world.service.primary.rollout_state == "IN_PROGRESS"
    world.advance(1)
    assert world.service.primary.rollout_state == "COMPLETED"
    assert world.service.primary.rollout_state_reason == "ECS deployment ecs-svc/1 completed."
    assert world.messages()[:2] == [STEADY, "(service web) (deployment ecs-svc/1) deployment completed."]


def test_with_a_health_check_the_verdict_is_waited_for() -> None:
    world = World(make_service(1), health_check=True)
    world.look()
    world.run(world.starting()[0])
    world.advance(100)
    assert world.service.primary.rollout_state == "IN_PROGRESS"
    world.health(world.running()[0], "HEALTHY")
    world.settle()
    assert world.service.primary.rollout_state == "COMPLETED"


def test_nothing_changed_nothing_done() -> None:
    world = steady_world()
    plan = world.plan()
    assert (plan.service, plan.actions) == (None, ())
    assert plan.because == "2 of 2 running; steady"


def test_a_task_that_ran_and_ended_is_replaced_at_once() -> None:
    world = steady_world()
    world.crash(world.running()[0])
    world.settle()
    assert len(world.starting()) == 1
    assert world.service.primary.failed_tasks == 0
    world.run_on(60)
    assert world.messages()[:2] == [STEADY, "(service web) has started 1 tasks: (task T)."]


def test_a_task_stopped_by_a_user_is_replaced_and_is_no_failure() -> None:
    world = World(make_service(1))
    world.look()
    world.finish(world.ask_to_stop(world.starting()[0], "UserInitiated", "Task stopped by user"))
    world.settle()
    assert len(world.starting()) == 1
    assert world.service.primary.failed_tasks == 0


def test_launches_that_never_run_are_tried_again_later_and_later() -> None:
    world = World(make_service(1))
    world.settle()
    waits = []
    for _ in range(9):
        world.fail_launch(world.starting()[0])
        plan = world.settle()
        assert world.starting() == [] and plan.next_look is not None
        waits.append(plan.next_look - world.now)
        world.now = plan.next_look
        world.settle()
    assert waits == [10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert world.service.primary.failed_tasks == 9
    assert world.messages().count(IMPAIRED) == 1
    assert back_off_s(500) == 900

    world.run_on(60)
    assert world.service.primary.failed_tasks == 0
    assert world.service.primary.start_failures == 0


def test_a_wave_of_failures_backs_off_once() -> None:
    world = World(make_service(4))
    world.settle()
    for task in world.starting():
        world.fail_launch(task)
    plan = world.settle()
    assert plan.next_look == world.now + 10
    assert world.service.primary.failed_tasks == 4


def test_an_update_ends_the_back_off() -> None:
    world = World(make_service(1))
    world.settle()
    world.fail_launch(world.starting()[0])
    world.settle()
    assert world.starting() == []
    world.scale(1)
    world.settle()
    assert len(world.starting()) == 1


def test_unhealthy_task_is_replaced_before_it_is_stopped() -> None:
    world = steady_world(2, health_check=True)
    sick = world.running()[0]
    world.health(sick, "UNHEALTHY")
    world.settle()
    assert len(world.starting()) == 1 and sick.id in {t.id for t in world.running()}
    assert world.messages()[:2] == [
        "(service web) has started 1 tasks: (task T). Amazon ECS replaced 1 tasks due to an unhealthy status.",
        "(service web) (task T) failed container health checks.",
    ]
    assert world.service.primary.failed_tasks == 1

    new = world.starting()[0]
    world.advance(1)
    world.run(new)
    world.settle()
    assert sick.id in {t.id for t in world.running()}
    world.health(world.tasks[new.arn], "HEALTHY")
    world.settle()
    gone = world.tasks[sick.arn]
    assert (gone.stop_code, gone.stopped_reason) == ("ServiceSchedulerInitiated", "Task failed container health checks")
    assert world.messages()[0] == "(service web) has stopped 1 running tasks: (task T)."
    assert world.service.primary.failed_tasks == 0


def test_without_room_unhealthy_tasks_go_one_at_a_time() -> None:
    world = steady_world(2, health_check=True, maximum_percent=100, minimum_healthy_percent=50)
    for task in world.running():
        world.health(task, "UNHEALTHY")
    world.settle()
    assert len(world.wanted()) == 1 and world.starting() == []
    for task in [t for t in world.tasks.values() if t.desired_status == "STOPPED"]:
        world.finish(task)
    world.settle()
    assert len(world.starting()) == 1 and len(world.wanted()) == 2
    world.run_on(120)
    assert len(world.running()) == 2
    assert world.messages()[0] == STEADY


def test_health_is_ignored_during_the_grace_period() -> None:
    world = World(make_service(1, health_check_grace_period_s=60), health_check=True)
    world.settle()
    world.run(world.starting()[0])
    world.health(world.running()[0], "UNHEALTHY")
    assert world.settle().next_look == world.now + 60
    world.advance(59)
    assert len(world.wanted()) == 1
    world.advance(1)
    assert len(world.wanted()) == 2


def test_a_new_deployment_rolls_within_the_percentages() -> None:
    world = steady_world(2)
    world.roll()
    world.settle()
    assert (len(world.wanted(1)), len(world.wanted(2))) == (2, 2)
    assert [d.status for d in world.service.deployments] == ["PRIMARY", "ACTIVE"]
    for task in world.starting():
        world.run(task)
    world.advance(39)
    assert len(world.wanted(1)) == 2
    world.advance(1)
    assert len(world.wanted(1)) == 0
    old = [t for t in world.tasks.values() if t.deployment_id == "ecs-svc/1"]
    assert {t.stopped_reason for t in old} == {"Scaling activity initiated by (deployment ecs-svc/2)"}
    assert len(world.service.deployments) == 2, "its tasks are still running"
    for task in old:
        world.finish(task)
    world.settle()
    assert [d.id for d in world.service.deployments] == ["ecs-svc/2"]
    assert world.messages()[:4] == [
        STEADY,
        "(service web) (deployment ecs-svc/2) deployment completed.",
        "(service web) has stopped 2 running tasks: (task T) (task T).",
        "(service web) has started 2 tasks: (task T) (task T).",
    ]


def test_half_may_stop_first_when_there_is_no_room() -> None:
    world = steady_world(4, minimum_healthy_percent=50, maximum_percent=100)
    world.roll()
    world.settle()
    assert (len(world.wanted(1)), len(world.wanted(2))) == (2, 0)
    world.run_on(300)
    assert (len(world.running(1)), len(world.running(2))) == (0, 4)


def test_a_deployment_that_can_neither_start_nor_stop_says_so() -> None:
    world = steady_world(1, minimum_healthy_percent=100, maximum_percent=150)
    world.roll()
    world.settle()
    assert world.messages()[0] == BLOCKED
    world.advance(6 * 3600 - 1)
    assert world.messages().count(BLOCKED) == 1
    world.advance(1)
    assert world.messages().count(BLOCKED) == 2
    world.service = replace(world.service, maximum_percent=200)
    world.run_on(120)
    assert len(world.running(2)) == 1
    assert world.messages()[0] == STEADY


def test_a_newer_deployment_supersedes_one_under_way() -> None:
    world = steady_world(2)
    world.roll()
    world.settle()
    world.roll()
    world.settle()
    assert world.wanted(2) == []
    assert [d.id for d in world.service.deployments] == ["ecs-svc/3", "ecs-svc/2", "ecs-svc/1"]
    assert "(service web) stopped 2 pending tasks." in world.messages()
    assert (len(world.wanted(1)), len(world.wanted(3))) == (2, 0), "the ceiling still counts those that stop"
    world.run_on(120)
    assert [d.id for d in world.service.deployments] == ["ecs-svc/3"]


def test_a_bad_revision_leaves_the_old_tasks_running() -> None:
    world = steady_world(2)
    world.roll()
    for _ in range(5):
        plan = world.settle()
        for task in world.starting():
            world.fail_launch(task)
        plan = world.settle()
        world.now = plan.next_look or world.now
    assert len(world.running(1)) == 2
    assert world.service.primary.rollout_state == "IN_PROGRESS"
    assert world.service.primary.failed_tasks == 10


def test_scaling_keeps_the_deployment() -> None:
    world = steady_world(2)
    world.scale(4)
    world.run_on(60)
    assert len(world.running(1)) == 4
    world.scale(1)
    world.settle()
    assert len(world.wanted()) == 1
    assert world.messages()[0] == "(service web) has stopped 3 running tasks: (task T) (task T) (task T)."
    world.run_on(60)
    assert world.messages()[0] == STEADY
    assert world.service.primary.rollout_state == "COMPLETED"


def test_scaling_in_takes_from_the_fullest_zone() -> None:
    world = steady_world(3)
    for task, zone in zip(world.running(), ("a", "b", "b"), strict=True):
        world.put(replace(task, availability_zone=zone))
    world.scale(2)
    world.settle()
    assert sorted(t.availability_zone or "" for t in world.wanted()) == ["a", "b"]


def test_protected_tasks_are_not_scaled_in_until_protection_expires() -> None:
    world = steady_world(2)
    for task in world.running():
        world.put(replace(task, protection_enabled=True, protection_expires_at=world.now + 600))
    world.scale(1)
    plan = world.settle()
    assert len(world.wanted()) == 2
    assert plan.next_look == world.now + 600
    assert world.messages()[0].endswith("The number of protected tasks are more than the desired count of tasks.")
    world.advance(600)
    assert len(world.wanted()) == 1


def test_steady_state_is_said_again_after_six_hours() -> None:
    world = steady_world()
    count = world.messages().count(STEADY)
    plan = world.plan()
    assert plan.next_look is not None
    world.now = plan.next_look
    world.settle()
    assert world.messages().count(STEADY) == count + 1


def test_a_service_on_instances_says_that_there_are_none() -> None:
    world = World(make_service(1))
    primary = replace(world.service.primary, spec={"launchType": "EC2"})
    world.service = replace(world.service, deployments=[primary], launch_type="EC2")
    plan = world.settle()
    assert world.tasks == {}
    assert "No Container Instances were found in your cluster" in plan.because
    assert world.messages() == [
        "(service web) was unable to place a task because no container instance met all of its requirements. "
        "Reason: No Container Instances were found in your cluster. For more information, see the Troubleshooting "
        "section of the Amazon ECS Developer Guide."
    ]


def test_a_strategy_spreads_tasks_over_its_providers() -> None:
    strategy = [
        {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": 3},
    ]
    world = World(make_service(5))
    primary = replace(world.service.primary, spec={"capacityProviderStrategy": strategy})
    world.service = replace(world.service, deployments=[primary], launch_type=None)
    world.run_on(60)
    providers = sorted(t.capacity_provider or "" for t in world.running())
    assert providers == ["FARGATE", "FARGATE", "FARGATE_SPOT", "FARGATE_SPOT", "FARGATE_SPOT"]


def test_a_deleted_service_drains_and_becomes_inactive() -> None:
    world = steady_world(2)
    world.service = replace(world.service, status="DRAINING", desired_count=0)
    world.settle()
    assert world.wanted() == []
    assert world.service.status == "DRAINING"
    for task in world.live():
        world.put(replace(task, last_status="STOPPING"))
    world.settle()
    assert world.service.status == "INACTIVE"
    assert world.service.deployments == []
    world.everything_works()
    world.settle()
    assert all(t.released for t in world.tasks.values())


def test_at_most_a_hundred_events_are_kept() -> None:
    world = steady_world(1)
    for _ in range(120):
        world.crash(world.running()[0])
        world.settle()
        world.run(world.starting()[0])
    assert len(world.service.events) == 100
    assert len({event.id for event in world.service.events}) == 100


def test_a_task_of_a_forgotten_deployment_is_stopped() -> None:
    world = steady_world(1)
    stray = replace(world.running()[0], id="f" * 32, arn="arn:aws:ecs:us-east-1:123456789012:task/default/stray",
                    deployment_id="ecs-svc/999")  # fmt: skip
    world.put(stray)
    plan = world.look()
    assert [type(action) for action in plan.actions] == [StopTask]


def test_a_failed_deployment_starts_nothing_more() -> None:
    world = World(make_service(1))
    world.service = replace(world.service, deployments=[replace(world.service.primary, rollout_state="FAILED")])
    assert not [action for action in world.plan().actions if isinstance(action, StartTasks)]
