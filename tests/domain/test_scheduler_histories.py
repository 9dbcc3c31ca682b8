"""The service scheduler over random histories: whatever happens, it keeps within the percentages by its own doing,
does nothing twice, and once things go well it arrives at what is wanted."""

from __future__ import annotations

from dataclasses import replace
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.service_scheduler.circuit_breaker import breaker_of, threshold
from emulator.domain.service_scheduler.deployment import bounds
from emulator.domain.service_scheduler.scheduler import Plan
from emulator.domain.service_scheduler.service_tasks import TargetHealth, muster, of
from emulator.domain.tasks.actions import StartTasks, StopTask
from tests.domain.service_world import World, make_service

Step = tuple[str, int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "run",
                "run",
                "run_all",
                "fail",
                "crash",
                "user_stop",
                "healthy",
                "healthy",
                "unhealthy",
                "finish",
                "finish_all",
                "advance",
                "advance",
                "scale",
                "roll",
                "percent",
                "protect",
                "target",
                "target_well",
                "look",
            ]
        ),
        st.integers(0, 200),
    ),
    max_size=40,
)
TROUBLES = st.lists(
    st.tuples(
        st.sampled_from(["run", "run_all", "fail", "fail", "fail_all", "crash", "healthy", "unhealthy", "finish_all",
                         "advance", "advance", "scale", "roll", "alarm", "calm", "stop", "abort"]),
        st.integers(0, 200),
    ),
    max_size=50,
)  # fmt: skip
PERCENTS = st.tuples(st.sampled_from([0, 50, 75, 100]), st.sampled_from([100, 125, 150, 200]))


def check_bounds(world: World, plan: Plan) -> None:
    """No start above the ceiling; no stop of a healthy task that takes the rest below the floor."""
    service = world.service
    fleet = muster(service, world.tasks.values(), world.now, world.targets)
    limits = bounds(service.desired_count, service.minimum_healthy_percent, service.maximum_percent)
    starts = sum(action.count for action in plan.actions if isinstance(action, StartTasks))
    if starts:
        assert fleet.live + starts <= limits.ceiling
    stopped = {action.task_arn for action in plan.actions if isinstance(action, StopTask)}
    healthy = {member.task.arn for member in of(fleet.wanted, "healthy")}
    if healthy & stopped:
        assert len(healthy - stopped) >= limits.floor
    assert not any(m.protected and m.task.arn in stopped and m.verdict != "unhealthy" for m in fleet.wanted)


def take(world: World, step: Step) -> None:
    """One thing that befalls the world; a step with nobody to befall is no step."""
    what, number = step
    wanted, starting, running = world.wanted(), world.starting(), world.running()
    leaving = [t for t in world.live() if t.desired_status == "STOPPED"]
    match what:
        case "run" if starting:
            world.run(starting[number % len(starting)])
        case "run_all":
            for task in starting:
                world.run(task)
        case "fail" if starting:
            world.fail_launch(starting[number % len(starting)])
        case "crash" if running:
            world.crash(running[number % len(running)])
        case "user_stop" if wanted:
            world.ask_to_stop(wanted[number % len(wanted)], "UserInitiated", "Task stopped by user")
        case "healthy" | "unhealthy" if running and world.health_check:
            world.health(running[number % len(running)], what.upper())
        case "finish" if leaving:
            world.finish(leaving[number % len(leaving)])
        case "finish_all":
            for task in leaving:
                world.finish(task)
        case "advance":
            world.now += number
        case "scale":
            world.scale(number % 6)
        case "roll":
            world.roll()
        case "percent":
            minimum, maximum = [(0, 100), (50, 100), (50, 150), (100, 200), (100, 125)][number % 5]
            world.service = replace(world.service, minimum_healthy_percent=minimum, maximum_percent=maximum)
        case "target" | "target_well" if running:
            state = "healthy" if what == "target_well" else ("initial", "unhealthy", "draining")[number % 3]
            world.targets[running[number % len(running)].id] = [TargetHealth("arn:tg", 80, state)]
        case "fail_all":
            for task in starting:
                world.fail_launch(task)
        case "alarm" | "calm":
            world.alarm("errors", "ALARM" if what == "alarm" else "OK")
        case "stop" | "abort" if world.rollout.status in ("PENDING", "IN_PROGRESS"):
            world.ask_rollout_to("ROLLBACK_REQUESTED" if what == "stop" else "STOP_REQUESTED")
        case "protect" if wanted:
            task = wanted[number % len(wanted)]
            world.put(replace(task, protection_enabled=True, protection_expires_at=world.now + number))
        case _:
            pass


@settings(max_examples=250, deadline=None)
@given(steps=STEPS, desired=st.integers(0, 5), percents=PERCENTS, health_check=st.booleans(), grace=st.integers(0, 60))
def test_any_history(
    steps: list[Step], desired: int, percents: tuple[int, int], health_check: bool, grace: int
) -> None:
    service = make_service(
        desired, minimum_healthy_percent=percents[0], maximum_percent=percents[1], health_check_grace_period_s=grace
    )
    world = World(service, health_check=health_check, watch=check_bounds)
    for step in steps:
        take(world, step)
        world.look()
        again = world.look()
        assert (again.service, again.actions) == (None, ()), f"not settled after {step}: {again}"

    world.targets.clear()
    world.run_on(5000)
    service = world.service
    limits = bounds(service.desired_count, service.minimum_healthy_percent, service.maximum_percent)
    if len(service.deployments) > 1:
        assert limits.floor >= service.desired_count == limits.ceiling, "stuck, and not by its configuration"
        assert "blocked" in service.told
        return
    assert len(world.running()) == len(world.live()) == service.desired_count
    assert all(t.deployment_id == service.primary.id for t in world.running())
    assert service.primary.rollout_state == "COMPLETED"
    assert service.primary.failed_tasks == 0 or service.desired_count == 0
    assert service.events[0].message == "(service web) has reached a steady state."


def check_breaker(world: World, plan: Plan) -> None:
    """It trips at exactly the threshold, and what has failed starts nothing more."""
    check_bounds(world, plan)
    after, before = plan.service or world.service, world.service
    starts = [action for action in plan.actions if isinstance(action, StartTasks)]
    assert all(d.status == "PRIMARY" and d.rollout_state != "FAILED" for d in after.deployments
               if d.id in {start.deployment_id for start in starts})  # fmt: skip
    breaker = breaker_of(before)
    limit = threshold(breaker, before.desired_count)
    assert sum(d.status == "PRIMARY" for d in after.deployments) == 1
    for deployment in after.deployments:
        if breaker.get("enable") and deployment.rollout_state == "IN_PROGRESS" and deployment.status == "PRIMARY":
            assert deployment.breaker_failures < limit
    rollout = plan.rollout or world.rollout
    if rollout.breaker == "TRIGGERED" and world.rollout.breaker != "TRIGGERED":
        assert rollout.failure_count >= rollout.threshold == limit


@settings(max_examples=250, deadline=None)
@given(
    steps=TROUBLES,
    desired=st.integers(1, 4),
    count=st.integers(1, 4),
    rollback=st.booleans(),
    resets=st.booleans(),
    health_check=st.booleans(),
    cleanup=st.sampled_from([None, "BLOCKING", "DEFERRED"]),
    bake_minutes=st.sampled_from([0, 0, 3]),
    minimum=st.sampled_from([0, 50, 100]),
)
def test_any_history_of_failing_deployments(
    steps: list[Step],
    desired: int,
    count: int,
    rollback: bool,
    resets: bool,
    health_check: bool,
    cleanup: str | None,
    bake_minutes: int,
    minimum: int,
) -> None:
    service = make_service(desired, minimum_healthy_percent=minimum)
    world = World(service, health_check=health_check, watch=check_breaker)
    criteria = {"enable": True, "healthyPercent": minimum, "sourceServiceRevisionCleanup": cleanup}
    world.configure(
        bakeTimeInMinutes=bake_minutes,
        earlySuccessCriteria=criteria if cleanup else {},
        deploymentCircuitBreaker={
            "enable": True,
            "rollback": rollback,
            "resetOnHealthyTask": resets,
            "thresholdConfiguration": {"type": "COUNT", "value": count},
        },
        alarms={"enable": True, "rollback": rollback, "alarmNames": ["errors"]},
    )
    for step in steps:
        take(world, step)
        world.look()
        again = world.look()
        assert (again.service, again.rollout, again.actions) == (None, None, ()), f"not settled after {step}: {again}"

    world.alarm("errors", "OK")
    world.run_on(5000)
    primary = world.service.primary
    assert world.rollout.ended
    if primary.rollout_state == "FAILED":
        assert world.rollout.status in ("STOPPED", "ROLLBACK_FAILED")
        assert all(d.ended for d in world.history.values())
        world.roll()
        world.run_on(5000)
    else:
        assert world.rollout.status in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL")
    assert all(d.ended for d in world.history.values())
    assert [d.status for d in world.service.deployments] == ["PRIMARY"]
    assert len(world.running()) == len(world.live()) == world.service.desired_count
    assert world.service.primary.rollout_state == "COMPLETED"
    assert world.service.completed is not None and world.service.completed.id == world.service.primary.id


def test_a_hundred_services_of_twenty_tasks_are_decided_within_fifty_milliseconds() -> None:
    world = World(make_service(20))
    world.run_on(100)
    world.breaker()
    world.roll()
    world.settle()
    spent = min(_seconds_of_a_hundred_plans(world) for _ in range(5))  # what the process does besides is not theirs
    print(f"100 decisions over 20 tasks: {spent * 1000:.1f} ms of CPU")
    assert spent < 0.05


def _seconds_of_a_hundred_plans(world: World) -> float:
    began = process_time()
    for _ in range(100):
        world.plan()
    return process_time() - began
