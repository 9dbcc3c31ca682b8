"""Blue/green deployments, and rolling ones that pause, over random histories: whoever serves is never made less than
whole, nobody takes over who is not whole, nothing is done twice, and once things go well one side is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from emulator.domain.service_scheduler.lifecycle_stages import PAUSE_STAGES, ROLLING_PAUSE_STAGES, STAGES
from emulator.domain.service_scheduler.scheduler import Plan
from emulator.domain.service_scheduler.service import Deployment
from emulator.domain.service_scheduler.service_placement import Placer, Spot, Spots, no_instances
from emulator.domain.service_scheduler.service_tasks import LIVE, Member, muster
from emulator.domain.tasks.actions import StartTasks, StopTask
from tests.domain.service_world import World, make_service
from tests.domain.test_scheduler_histories import Step, take

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["run", "run_all", "run_all", "fail", "fail_all", "crash", "user_stop", "healthy", "healthy",
                         "unhealthy", "finish", "finish_all", "advance", "advance", "scale", "roll", "alarm", "calm",
                         "stop", "abort", "continue", "continue", "back", "hour", "protect", "rolling", "drain",
                         "look"]),
        st.integers(0, 200),
    ),
    max_size=60,
)  # fmt: skip
PAUSES = st.lists(st.sampled_from(PAUSE_STAGES), max_size=3)


INSTANCES = ("arn:i1", "arn:i2")


def on_instances(world: World) -> Placer:
    """Room for everybody on the first that is not being drained; none when all are."""

    def place(deployment: Deployment, wanted: Sequence[str | None]) -> Spots:
        free = [arn for arn in INSTANCES if arn not in world.drained]
        return Spots(tuple(Spot(name, free[0]) for name in wanted)) if free else Spots((), no_instances())

    return place


def befall(world: World, step: Step) -> None:
    what, number = step
    waits = world.rollout.status == "IN_PROGRESS" and any(hook.waits for hook in world.rollout.hooks)
    match what:
        case "continue" | "back" if waits:
            world.answer("CONTINUE" if what == "continue" else "ROLLBACK")
        case "hour":
            world.now += 60 * number
        case "drain":
            world.drained ^= {INSTANCES[number % len(INSTANCES)]}
        case "rolling":
            before = dict(world.service.spec["deploymentConfiguration"])
            stages = ROLLING_PAUSE_STAGES[: number % 4]
            timeout = {"timeoutInMinutes": 60, "action": "CONTINUE" if number % 2 else "ROLLBACK"}
            hooks = [{"targetType": "PAUSE", "lifecycleStages": [s], "timeoutConfiguration": timeout} for s in stages]
            world.configure(**{**before, "strategy": "ROLLING", "lifecycleHooks": hooks})
            world.roll()
            world.configure(**before)
        case _:
            take(world, step)


def check_sides(world: World, plan: Plan) -> None:
    rollout, service = plan.rollout or world.rollout, plan.service or world.service
    if not rollout.is_blue_green or service.serving is None:
        return
    fleet = muster(world.service, world.tasks.values(), world.now, world.targets)
    stopped = {action.task_arn for action in plan.actions if isinstance(action, StopTask)}

    def healthy(deployment_id: str | None) -> list[Member]:
        return [m for m in fleet.wanted if m.task.deployment_id == deployment_id and m.verdict == "healthy"]

    serves = healthy(service.serving)
    went = [m for m in serves if m.task.arn in stopped]
    assert not went or len(serves) - len(went) >= service.desired_count, "what serves is never made less than whole"
    before = world.service.serving
    if service.serving != before and any(d.id == before for d in service.deployments) and world.rollout.stage:
        assert len(serves) >= service.desired_count, "nobody takes over who is not whole"
    live = Counter(t.deployment_id for t in world.tasks.values() if t.last_status in LIVE)
    for action in plan.actions:
        if isinstance(action, StartTasks):
            assert live[action.deployment_id] + action.count <= 2 * service.desired_count
    if world.rollout.stage and rollout.stage and rollout.id == world.rollout.id and rollout.status == "IN_PROGRESS":
        assert STAGES.index(rollout.stage) >= STAGES.index(world.rollout.stage), "stages only go forward"
    assert not any(m.protected and m.task.arn in stopped and m.verdict != "unhealthy" for m in fleet.wanted)


@settings(max_examples=250, deadline=None)
@given(
    steps=STEPS,
    desired=st.integers(0, 4),
    pauses=PAUSES,
    action=st.sampled_from(["CONTINUE", "ROLLBACK"]),
    bake_minutes=st.sampled_from([0, 0, 30]),
    rollback=st.booleans(),
    health_check=st.booleans(),
    ec2=st.booleans(),
)
@example(  # what one side is kept from by a protected task is not said again for the other
    steps=[("alarm", 0), ("protect", 1), ("scale", 0)],
    desired=1,
    pauses=[],
    action="CONTINUE",
    bake_minutes=0,
    rollback=True,
    health_check=False,
    ec2=False,
)
@example(  # a deployment that failed asks for no place: that there was none is not said of it for ever
    steps=[("drain", 1), ("alarm", 0), ("drain", 0), ("scale", 41)],
    desired=2,
    pauses=["PRE_SCALE_UP"],
    action="ROLLBACK",
    bake_minutes=0,
    rollback=False,
    health_check=True,
    ec2=True,
)
def test_any_history_of_blue_green_deployments(
    steps: list[Step],
    desired: int,
    pauses: list[str],
    action: str,
    bake_minutes: int,
    rollback: bool,
    health_check: bool,
    ec2: bool,
) -> None:
    world = World(make_service(desired), health_check=health_check, watch=check_sides)
    if ec2:
        world.place = on_instances(world)
    world.run_on(100)
    world.blue_green(
        *pauses,
        bake_minutes=bake_minutes,
        action=action,
        deploymentCircuitBreaker={"enable": True, "rollback": rollback},
        alarms={"enable": True, "rollback": rollback, "alarmNames": ["errors"]},
    )
    world.roll()
    for step in steps:
        befall(world, step)
        world.look()
        again = world.look()
        assert (again.service, again.rollout, again.actions) == (None, None, ()), f"not settled after {step}: {again}"

    world.alarm("errors", "OK")
    world.drained.clear()
    world.run_on(40000)
    if world.service.primary.rollout_state == "FAILED":
        world.configure(strategy="BLUE_GREEN", bakeTimeInMinutes=bake_minutes)
        world.roll()
        world.run_on(40000)
    service = world.service
    assert world.rollout.status in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL")
    assert all(d.ended and not any(h.waits for h in d.hooks) for d in world.history.values())
    assert [d.status for d in service.deployments] == ["PRIMARY"] and service.serving is None
    assert len(world.running()) == len(world.live()) == service.desired_count
    assert all(t.deployment_id == service.primary.id for t in world.running())
    assert service.primary.rollout_state == "COMPLETED"
    assert service.completed is not None and service.completed.id == service.primary.id
    assert service.events[0].message == "(service web) has reached a steady state."
