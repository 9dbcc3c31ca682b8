"""The service scheduler over random histories: whatever happens, it keeps within the percentages by its own doing,
does nothing twice, and once things go well it arrives at what is wanted."""

from __future__ import annotations

from dataclasses import replace
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.actions import StartTasks, StopTask
from emulator.domain.deployment import bounds
from emulator.domain.scheduler import Plan
from emulator.domain.service_tasks import muster, of
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
                "look",
            ]
        ),
        st.integers(0, 200),
    ),
    max_size=40,
)
PERCENTS = st.tuples(st.sampled_from([0, 50, 75, 100]), st.sampled_from([100, 125, 150, 200]))


def check_bounds(world: World, plan: Plan) -> None:
    """No start above the ceiling; no stop of a healthy task that takes the rest below the floor."""
    service = world.service
    fleet = muster(service, world.tasks.values(), world.now)
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


def test_a_hundred_services_of_twenty_tasks_are_decided_within_fifty_milliseconds() -> None:
    world = World(make_service(20))
    world.run_on(100)
    began = process_time()
    for _ in range(100):
        world.plan()
    spent = process_time() - began
    print(f"100 decisions over 20 tasks: {spent * 1000:.1f} ms of CPU")
    assert spent < 0.05
