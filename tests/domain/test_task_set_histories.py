"""Task sets over random histories: none starts more than its share, nothing outlives a deleted one, and once things go
well each has exactly what it shall have."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.service_scheduler import deployment as deployments
from emulator.domain.service_scheduler.scheduler import Plan
from emulator.domain.service_scheduler.service import TaskSet
from emulator.domain.service_scheduler.task_sets import computed_desired, promoted
from emulator.domain.tasks.actions import StartTasks
from tests.domain.service_world import World, make_service

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["create", "create", "scale", "scale", "delete", "promote", "desired", "run", "run", "run_all", "fail",
             "crash", "sick", "finish", "advance", "look"]
        ),
        st.integers(0, 100),
    ),
    max_size=40,
)  # fmt: skip


def check(world: World, plan: Plan) -> None:
    """Healthy tasks and those on the way never exceed a task set's share by what it starts."""
    for action in plan.actions:
        if isinstance(action, StartTasks):
            chosen = next(d for d in world.service.deployments if d.id == action.deployment_id)
            assert chosen.status != "DRAINING"
            good = [t for t in world.wanted() if t.deployment_id == chosen.id and t.health_status != "UNHEALTHY"]
            assert len(good) + action.count <= computed_desired(world.service, chosen)


def take(world: World, what: str, number: int) -> None:
    service = world.service
    sets = service.deployments
    chosen = sets[number % len(sets)] if sets else None
    tasks = {"run": world.starting(), "fail": world.starting(), "finish": [t for t in world.live() if t.stop_code]}
    pool = tasks.get(what, world.running())
    task = pool[number % len(pool)] if pool else None
    if what == "create" and len(sets) < 5:
        world.rollouts += 1
        made = deployments.begin(f"ecs-svc/{world.rollouts}", "arn:web:1", {"launchType": "FARGATE"}, world.now, "")
        made = replace(made, status="ACTIVE", task_set=TaskSet(f"arn:set:{world.rollouts}", float(number)))
        world.service = replace(service, deployments=[*sets, made])
    elif what == "desired":
        world.service = replace(service, desired_count=number % 6)
    elif what == "advance":
        world.advance(number)
    elif what == "run_all":
        for each in world.starting():
            world.run(each)
    elif chosen is not None and chosen.task_set is not None and what in ("scale", "delete", "promote"):
        if what == "promote" and chosen.status != "DRAINING":
            world.service = promoted(service, chosen, world.now)
        elif what != "promote":
            scaled = replace(chosen, task_set=replace(chosen.task_set, scale=float(number)))
            changed = replace(chosen, status="DRAINING") if what == "delete" else scaled
            world.service = replace(service, deployments=[changed if d.id == chosen.id else d for d in sets])
    elif task is not None:
        match what:
            case "run":
                world.run(task)
            case "fail":
                world.fail_launch(task)
            case "crash":
                world.crash(task)
            case "sick":
                world.health(task, "UNHEALTHY")
            case "finish":
                world.finish(task)
    world.settle()


@settings(deadline=None)
@given(STEPS, st.booleans())
def test_any_history_of_task_sets(steps: list[tuple[str, int]], health_check: bool) -> None:
    spec = {"deploymentController": {"type": "EXTERNAL"}}
    world = World(make_service(3), health_check=health_check, watch=check)
    world.service = replace(world.service, deployments=[], spec=spec)
    for what, number in steps:
        take(world, what, number)
    world.run_on(4000)
    sets = world.service.deployments
    assert all(d.status != "DRAINING" for d in sets)
    running = {d.id: sum(t.deployment_id == d.id for t in world.running()) for d in sets}
    assert running == {d.id: computed_desired(world.service, d) for d in sets}
    assert len(world.wanted()) == sum(running.values())
    assert all(d.task_set is not None and d.task_set.stability == "STEADY_STATE" for d in sets)
