"""Blue/green deployments: the stages in their order, what each side keeps, pauses, and every way back to blue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.domain.service_scheduler.lifecycle_stages import PAUSE_STAGES, STAGES
from emulator.domain.service_scheduler.service_notices import envelope
from emulator.domain.tasks.actions import StartTasks
from tests.domain.service_world import World, make_service

HOOKS_FAILED = "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed. "


def blue_world(
    *pauses: str, desired: int = 2, bake_minutes: int = 0, health_check: bool = False, **members: object
) -> World:
    """Revision 1 is steady; the next deployment is a blue/green one."""
    world = World(make_service(desired), health_check=health_check)
    world.run_on(120)
    world.blue_green(*pauses, bake_minutes=bake_minutes, **members)
    return world


def works(world: World) -> None:
    """All that is asked for happens, without time passing but what a task needs to count as healthy."""
    for _ in range(6):
        world.settle()
        world.everything_works()
        world.advance(41)


def sides(world: World) -> tuple[int, int]:
    """Running tasks of the last revision but one, and of the last."""
    return len(world.running(world.rollouts - 1)), len(world.running(world.rollouts))


def test_green_comes_whole_beside_blue_before_blue_goes() -> None:
    world = blue_world(desired=3, bake_minutes=5)
    world.roll()
    world.settle()
    assert (world.rollout.stage, len(world.starting()), sides(world)) == ("SCALE_UP", 3, (3, 0))
    assert (world.rollout.production, world.rollout.test) == ("1", None)
    world.everything_works()
    world.settle()
    assert (world.rollout.stage, sides(world)) == ("SCALE_UP", (3, 3)), "not healthy yet"
    world.advance(41)
    assert (world.rollout.stage, sides(world)) == ("BAKE_TIME", (3, 3))
    assert (world.rollout.production, world.rollout.test) == ("2", "2")
    world.advance(299)
    assert (world.rollout.stage, sides(world)) == ("BAKE_TIME", (3, 3))
    world.advance(1)
    assert (world.rollout.stage, sides(world)) == ("CLEAN_UP", (0, 3))
    assert [d.status for d in world.service.deployments] == ["PRIMARY", "ACTIVE"]
    world.everything_works()
    world.settle()
    assert (world.rollout.status, world.rollout.stage) == ("SUCCESSFUL", None)
    assert [d.rollout_state for d in world.service.deployments] == ["COMPLETED"]
    assert world.service.serving is None
    assert world.messages()[:3] == [
        "(service web) has reached a steady state.",
        "(service web) (deployment ecs-svc/2) deployment completed.",
        "(service web) has stopped 3 running tasks: (task T) (task T) (task T).",
    ]


@pytest.mark.parametrize("stage", PAUSE_STAGES[1:])
def test_it_pauses_where_it_is_asked_to(stage: str) -> None:
    world = blue_world(stage)
    world.roll()
    works(world)
    assert world.rollout.stage == stage
    assert world.rollout.production == ("2" if stage == "POST_PRODUCTION_TRAFFIC_SHIFT" else "1")
    assert sides(world) == ((2, 0) if stage == "PRE_SCALE_UP" else (2, 2))
    (hook,) = world.rollout.hooks
    assert (hook.stage, hook.status, hook.timeout_action) == (stage, "AWAITING_ACTION", "ROLLBACK")
    assert hook.id.startswith("ecs-pause-") and len(hook.id) == 53
    (wait,) = world.plan().waits
    assert f"paused in stage {stage} by lifecycle hook {hook.id}" in wait.text and hook.id in world.plan().because
    assert "aws ecs continue-service-deployment" in wait.text and wait.until == hook.expires_at
    (notice,) = [n for n in world.notices if n.said.name == "HOOK_AWAITING_ACTION"]
    event = envelope(world.service, notice)
    assert (event["detail-type"], event["detail"]["hookId"]) == ("ECS Hook State Change", hook.id)
    assert event["detail"]["lifecycleStage"] == stage and world.rollout.arn in event["resources"]
    world.answer()
    works(world)
    assert world.rollout.status == "SUCCESSFUL" and sides(world) == (0, 2)
    assert [h.status for h in world.rollout.hooks] == ["SUCCEEDED"] and world.plan().waits == ()


def test_the_first_deployment_has_no_blue_and_does_not_bake() -> None:
    world = World(make_service(2))
    world.blue_green("PRE_SCALE_UP", "POST_SCALE_UP", bake_minutes=10)
    world.history.clear()
    world._keep_rollout()
    works(world)
    assert (world.rollout.stage, world.wanted(), world.rollout.production) == ("PRE_SCALE_UP", [], None)
    world.answer()
    works(world)
    assert (world.rollout.stage, len(world.running())) == ("POST_SCALE_UP", 2)
    assert "steady" not in world.service.told
    world.answer()
    world.settle()
    assert (world.rollout.status, world.rollout.production) == ("SUCCESSFUL", "1")


def test_two_hooks_of_one_stage_must_both_be_answered() -> None:
    world = blue_world("POST_SCALE_UP", "POST_SCALE_UP")
    world.roll()
    works(world)
    first, second = world.rollout.hooks
    assert first.id != second.id
    world.answer()
    world.settle()
    assert [h.status for h in world.rollout.hooks] == ["SUCCEEDED", "AWAITING_ACTION"]
    assert world.rollout.stage == "POST_SCALE_UP"
    world.answer()
    works(world)
    assert world.rollout.status == "SUCCESSFUL"


def test_a_rollback_by_answer_goes_back_to_blue_at_once() -> None:
    world = blue_world("POST_SCALE_UP")
    blue = {t.id for t in world.running()}
    world.roll()
    works(world)
    hook = world.rollout.hooks[0]
    world.answer("ROLLBACK")
    world.settle()
    assert {t.id for t in world.running()} == blue
    assert (world.rollout.status, world.rollout.stage) == ("ROLLBACK_IN_PROGRESS", "CLEAN_UP")
    assert world.rollout.status_reason == f"{HOOKS_FAILED}A rollback was requested for lifecycle hook {hook.id}."
    works(world)
    assert (world.rollout.status, world.rollout.production) == ("ROLLBACK_SUCCESSFUL", "1")
    assert [d.id for d in world.service.deployments] == ["ecs-svc/1"] and world.service.task_definition == "arn:web:1"
    assert [h.status for h in world.rollout.hooks] == ["FAILED"]
    assert world.messages()[:4] == [
        "(service web) has reached a steady state.",
        "(service web) (deployment ecs-svc/1) deployment completed.",
        "(service web) has stopped 2 running tasks: (task T) (task T).",
        "(service web) rolling back to deployment ecs-svc/1.",
    ]


@pytest.mark.parametrize(("action", "status"), [("ROLLBACK", "ROLLBACK_SUCCESSFUL"), ("CONTINUE", "SUCCESSFUL")])
def test_a_hook_that_nobody_answers_times_out(action: str, status: str) -> None:
    world = blue_world("POST_SCALE_UP", action=action)
    world.roll()
    works(world)
    hook = world.rollout.hooks[0]
    assert world.plan().next_look == hook.expires_at
    world.now = hook.expires_at - 1
    world.settle()
    assert world.rollout.stage == "POST_SCALE_UP"
    world.advance(1)
    works(world)
    assert world.rollout.status == status and world.rollout.hooks[0].status == "TIMED_OUT"
    if action == "ROLLBACK":
        assert world.rollout.status_reason == f"{HOOKS_FAILED}Lifecycle hook {hook.id} timed out."


@pytest.mark.parametrize("how", ["stop", "alarm", "breaker"])
def test_a_failure_while_it_waits_turns_back(how: str) -> None:
    """By a user's stop, an alarm, or the circuit breaker, which sees green's tasks fall ill."""
    breaker = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 1}}
    alarms = {"enable": True, "rollback": True, "alarmNames": ["errors"]}
    world = blue_world("POST_SCALE_UP", health_check=True, deploymentCircuitBreaker=breaker, alarms=alarms)
    blue = {t.id for t in world.running()}
    world.roll()
    works(world)
    for task in world.running():
        world.health(task, "HEALTHY")
    world.settle()
    assert world.rollout.stage == "POST_SCALE_UP"
    match how:
        case "stop":
            world.ask_rollout_to("ROLLBACK_REQUESTED")
        case "alarm":
            world.alarm("errors", "ALARM")
        case _:
            world.health(world.running(2)[0], "UNHEALTHY")
    world.settle()
    assert world.rollout.status == "ROLLBACK_IN_PROGRESS" and {t.id for t in world.running()} == blue
    assert [h.status for h in world.rollout.hooks] == ["FAILED"], "nothing waits any more"
    works(world)
    assert world.rollout.status == "ROLLBACK_SUCCESSFUL"


def test_while_green_serves_it_stays_until_blue_is_whole() -> None:
    world = blue_world(bake_minutes=60)
    world.roll()
    works(world)
    assert world.rollout.stage == "BAKE_TIME" and world.rollout.production == "2"
    lost = world.running(1)[0]
    world.crash(lost)
    world.settle()
    assert len(world.wanted(1)) == 2, "blue is kept for a way back"
    world.ask_rollout_to("ROLLBACK_REQUESTED")
    world.settle()
    assert (world.rollout.stage, sides(world)) == ("SCALE_UP", (1, 2))
    assert world.rollout.production == "2"
    works(world)
    assert (world.rollout.status, sides(world), world.rollout.production) == ("ROLLBACK_SUCCESSFUL", (2, 0), "1")


def test_a_stop_while_it_cleans_up_brings_blue_back_whole() -> None:
    world = blue_world()
    world.roll()
    for _ in range(3):
        world.everything_works()
        world.advance(41)
        if world.rollout.stage == "CLEAN_UP":
            break
    world.ask_rollout_to("ROLLBACK_REQUESTED")
    world.settle()
    assert len(world.running(2)) == 2 and len([t for t in world.starting() if t.deployment_id == "ecs-svc/1"]) == 2
    works(world)
    assert (world.rollout.status, len(world.running(1)), len(world.live())) == ("ROLLBACK_SUCCESSFUL", 2, 2)


def test_an_abort_leaves_both_and_the_next_deployment_reconciles() -> None:
    world = blue_world("POST_SCALE_UP", "RECONCILE_SERVICE")
    world.roll()
    works(world)
    world.ask_rollout_to("STOP_REQUESTED")
    works(world)
    assert (world.rollout.status, world.service.primary.rollout_state) == ("STOPPED", "FAILED")
    assert (len(world.running(1)), len(world.running(2)), world.service.serving) == (2, 2, "ecs-svc/1")
    world.crash(world.running(2)[0])
    world.crash(world.running(1)[0])
    works(world)
    assert (len(world.running(1)), len(world.running(2))) == (2, 1), "what serves is kept, what failed is not"
    world.roll()
    works(world)
    assert (world.rollout.stage, world.rollout.blue) == ("RECONCILE_SERVICE", "1")
    assert (len(world.running(1)), len(world.running(2)), len(world.running(3))) == (2, 1, 0)
    world.answer()
    world.settle()
    assert (world.rollout.stage, len(world.wanted(2)), len(world.wanted(3))) == ("RECONCILE_SERVICE", 0, 0)
    works(world)
    assert (world.rollout.stage, len(world.running(1)), len(world.running(3))) == ("POST_SCALE_UP", 2, 2)
    world.answer()
    works(world)
    assert world.rollout.status == "SUCCESSFUL" and len(world.live()) == len(world.running(3)) == 2


def test_a_newer_deployment_supersedes_whoever_does_not_serve() -> None:
    world = blue_world("POST_SCALE_UP")
    world.roll()
    works(world)
    older = world.rollout.id
    world.roll()
    assert [h.status for h in world.history[older].hooks] == ["FAILED"] and world.history[older].status == "STOPPED"
    works(world)
    assert (world.rollout.blue, len(world.running(1)), world.wanted(2), len(world.running(3))) == ("1", 2, [], 2)


def test_a_newer_deployment_keeps_green_that_serves_already() -> None:
    world = blue_world(bake_minutes=60)
    world.roll()
    works(world)
    assert world.rollout.stage == "BAKE_TIME"
    world.roll()
    works(world)
    assert (world.rollout.blue, world.rollout.stage) == ("2", "BAKE_TIME")
    assert (world.wanted(1), len(world.running(2)), len(world.running(3))) == ([], 2, 2)
    world.ask_rollout_to("ROLLBACK_REQUESTED")
    works(world)
    assert world.rollout.status == "ROLLBACK_SUCCESSFUL" and len(world.running(2)) == len(world.live()) == 2


def test_the_desired_count_scales_both_sides() -> None:
    world = blue_world("POST_SCALE_UP")
    world.roll()
    works(world)
    world.scale(4)
    world.answer()
    world.settle()
    assert world.rollout.stage == "PRODUCTION_TRAFFIC_SHIFT", "green is not whole"
    assert len(world.wanted(1)) == len(world.wanted(2)) == 4
    world.scale(1)
    world.settle()
    assert (world.rollout.stage, world.wanted(1), len(world.wanted(2))) == ("CLEAN_UP", [], 1), "now it is whole"
    works(world)
    assert world.rollout.status == "SUCCESSFUL" and len(world.running(2)) == len(world.live()) == 1


def test_without_tasks_it_passes_all_stages_and_blue_is_still_there_to_go_back_to() -> None:
    world = blue_world("POST_TEST_TRAFFIC_SHIFT", desired=0)
    world.roll()
    world.settle()
    assert [d.id for d in world.service.deployments] == ["ecs-svc/2", "ecs-svc/1"]
    world.scale(2)
    works(world)
    assert sides(world) == (2, 2)
    world.answer("ROLLBACK")
    works(world)
    assert world.rollout.status == "ROLLBACK_SUCCESSFUL" and len(world.running(1)) == len(world.live()) == 2


def test_a_stage_of_more_than_a_day_turns_back() -> None:
    world = blue_world()
    world.roll()
    world.settle()
    began = world.now
    while world.now < began + 86400 - 1000:
        for task in world.starting():
            world.fail_launch(task)
        world.advance(950)
    assert world.rollout.status == "IN_PROGRESS" and len(world.running(1)) == 2
    world.now = began + 86400
    works(world)
    assert world.rollout.status == "ROLLBACK_SUCCESSFUL"
    assert world.rollout.status_reason.endswith("the SCALE_UP stage did not complete within 24 hours.")


def test_a_pause_is_no_part_of_its_stages_day() -> None:
    world = blue_world("PRE_SCALE_UP", action="CONTINUE")
    hook = world.service.spec["deploymentConfiguration"]["lifecycleHooks"][0]
    hook["timeoutConfiguration"]["timeoutInMinutes"] = 20160
    world.roll()
    world.settle()
    world.advance(13 * 86400)
    assert world.rollout.stage == "PRE_SCALE_UP" and world.rollout.status == "IN_PROGRESS"
    world.answer()
    works(world)
    assert world.rollout.status == "SUCCESSFUL"


def test_blue_is_replaced_when_it_ends_and_protected_blue_is_waited_for() -> None:
    world = blue_world("POST_SCALE_UP")
    world.roll()
    world.settle()
    world.crash(world.running(1)[0])
    works(world)
    assert sides(world) == (2, 2)
    guarded = world.running(1)[0]
    world.put(replace(guarded, protection_enabled=True, protection_expires_at=world.now + 3000))
    world.answer()
    works(world)
    assert (world.rollout.stage, [t.id for t in world.running(1)]) == ("CLEAN_UP", [guarded.id])
    world.advance(3000)
    works(world)
    assert world.rollout.status == "SUCCESSFUL" and sides(world) == (0, 2)


def test_going_back_to_rolling_forgets_who_serves() -> None:
    world = blue_world("POST_SCALE_UP")
    world.roll()
    works(world)
    world.configure(strategy="ROLLING")
    world.settle()
    assert world.rollout.stage == "POST_SCALE_UP", "a deployment keeps the strategy that it began with"
    world.roll()
    world.settle()
    assert world.service.serving is None
    works(world)
    assert world.rollout.status == "SUCCESSFUL" and len(world.live()) == len(world.running(3)) == 2


def test_a_first_deployment_that_is_turned_back_has_nowhere_to_go() -> None:
    world = World(make_service(1))
    world.blue_green("POST_SCALE_UP")
    world.history.clear()
    world._keep_rollout()
    works(world)
    world.answer("ROLLBACK")
    works(world)
    assert (world.rollout.status, world.service.primary.rollout_state) == ("ROLLBACK_FAILED", "FAILED")
    world.configure(strategy="BLUE_GREEN")
    world.roll()
    works(world)
    assert world.rollout.status == "SUCCESSFUL" and len(world.live()) == len(world.running(2)) == 1


def test_the_stages_are_those_of_the_model_in_order() -> None:
    world = blue_world(*PAUSE_STAGES)
    world.roll()
    seen: list[str] = []
    for _ in range(40):
        world.look()
        if world.rollout.stage and (not seen or seen[-1] != world.rollout.stage):
            seen.append(world.rollout.stage)
        if any(h.waits for h in world.rollout.hooks):
            world.answer()
        world.everything_works()
        world.now += 41
    assert seen == [s for s in STAGES if s in seen] and world.rollout.status == "SUCCESSFUL"
    assert not any(isinstance(a, StartTasks) for a in world.plan().actions)
