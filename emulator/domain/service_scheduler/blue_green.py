"""The BLUE_GREEN strategy of a service without a load balancer: which stage its deployment is in, and what each side of
it keeps. Pure.

Blue is the revision that serves when a deployment begins, green the new one. Both are kept at the whole desired count,
by rolling.py's counting, until green serves and has baked; whichever serves is stopped only when the other is whole and
has taken over. Nobody directs traffic here: the stages that shift it are passed, and a PAUSE hook stands in any of them
that allows one, so that whoever does direct it has the time. When a deployment fails is rollout.py's to say.
Source: AWS developer guide "Amazon ECS blue/green service deployments workflow"; where it is silent the rules are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from emulator.domain.service_scheduler import rolling
from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.lifecycle_stages import (
    LONGEST_DEPLOYMENT_S,
    LONGEST_STAGE_S,
    Hook,
    Stage,
    failures,
    following,
    hooks_at,
    is_past,
    of_stage,
    timed_out,
)
from emulator.domain.service_scheduler.reconciliation import Round, Wait
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.service_deployment import ServiceDeployment
from emulator.domain.service_scheduler.service_tasks import LIVE, Fleet, muster, of

_MINIMUM_HEALTHY_PERCENT: Final = 100
_MAXIMUM_PERCENT: Final = 200
"""What each side keeps to: the service's own percentages are those of rolling deployments."""
_ANY_SIDE: Final = (say.UNPLACED, say.BLOCKED, say.PROTECTED)
"""What stands as long as it is so of either side."""


def under_way(round_: Round) -> bool:
    """Whether a blue/green deployment, or the rollback of one, is going on."""
    rollout = round_.rollout
    return rollout is not None and rollout.is_blue_green and not rollout.ended


def holds(round_: Round) -> bool:
    """Whether there are two sides to keep: also when a deployment has failed and nothing turned it back."""
    return under_way(round_) or round_.service.serving is not None


# --- beginning and failing -------------------------------------------------------------------------------------------


def begin(round_: Round) -> None:
    """The first look at a deployment: who is blue, and where it starts. A rolling one ends all that."""
    rollout, service = round_.rollout, round_.service
    if rollout is None or rollout.ended or rollout.stage is not None:
        return
    if not rollout.is_blue_green:
        if service.serving is not None:
            round_.service = replace(service, serving=None)
        return
    blue = serving_before(round_)
    older = [d for d in service.deployments if d.status != "PRIMARY"]
    round_.service = replace(service, serving=blue.id if blue else None)
    round_.rollout = replace(
        rollout, blue=blue.number if blue else None, production=blue.number if blue else None, updated_at=round_.now
    )
    enter(round_, "RECONCILE_SERVICE" if len(older) > 1 else "PRE_SCALE_UP")


def rollback_target(round_: Round) -> Deployment | None:
    """Blue, as long as it is there and did not fail itself."""
    blue = _blue(round_) if under_way(round_) else None
    return blue if blue is not None and blue.rollout_state != "FAILED" else None


def watched(rollout: ServiceDeployment | None) -> bool:
    """Whether circuit breaker and alarms still judge it: not any more once blue is being cleaned up."""
    return rollout is None or rollout.stage != "CLEAN_UP"


def hook_failure(round_: Round) -> tuple[str, str] | None:
    """The stage whose hooks make it turn back, and why: a user said so, or one has run out."""
    rollout = round_.rollout
    if rollout is None or rollout.stage is None or rollout.status not in ("IN_PROGRESS", "ROLLBACK_REQUESTED"):
        return None
    hooks = rollout.hooks if rollout.status == "ROLLBACK_REQUESTED" else timed_out(rollout.hooks, round_.now)
    why = list(failures(of_stage(hooks, rollout.stage)))
    if not why:
        return None
    round_.rollout = replace(rollout, hooks=hooks)
    return rollout.stage, " ".join(why)


def overdue(round_: Round) -> str | None:
    """Which limit of time it exceeds: 24 hours for a stage, 30 days for all of it."""
    rollout = round_.rollout
    if rollout is None or rollout.stage is None or rollout.status != "IN_PROGRESS" or rollout.stage == "CLEAN_UP":
        return None
    if not rollout.is_blue_green:
        return None
    if round_.now >= _ends_at(rollout):
        return "the deployment did not complete within 30 days."
    if waiting(rollout) or round_.now < _works_since(rollout) + LONGEST_STAGE_S + _bake_s(round_):
        return None
    return f"the {rollout.stage} stage did not complete within 24 hours."


# --- stages ----------------------------------------------------------------------------------------------------------


def move(round_: Round) -> None:
    if round_.service.primary.rollout_state == "FAILED":
        _stand_still(round_)
        return
    rollout = round_.rollout
    if rollout is not None and rollout.status == "ROLLBACK_IN_PROGRESS":
        _turn_back(round_)
        return
    _walk(round_)
    _keep_sides(round_)


def may_arrive(round_: Round) -> bool:
    """Whether it is over when all is steady: when it cleans up, or has turned back."""
    rollout = round_.rollout
    if rollout is None or not under_way(round_):
        return True
    return rollout.status == "ROLLBACK_IN_PROGRESS" or rollout.stage == "CLEAN_UP"


def kept(round_: Round) -> set[str | None]:
    """Ids of deployments that stay although they may have no task now, as a desired count of 0 has none."""
    rollout, blue = round_.rollout, _blue(round_) if under_way(round_) else None
    ids = {round_.service.serving}
    if rollout is not None and rollout.status == "IN_PROGRESS" and rollout.stage != "CLEAN_UP" and blue is not None:
        ids.add(blue.id)
    return ids


def _walk(round_: Round) -> None:
    """Through every stage that is done now, to the one that is not."""
    while True:
        rollout = round_.rollout
        if rollout is None or rollout.stage is None or rollout.status != "IN_PROGRESS":
            return
        stage = rollout.stage
        hooks = timed_out(rollout.hooks, round_.now)
        if hooks != rollout.hooks:
            round_.rollout = rollout = replace(rollout, hooks=hooks, updated_at=round_.now)
        round_.looks.append(_ends_at(rollout))
        if waiting(rollout):
            tell_paused(round_, rollout)
            return
        if not _is_done(round_, rollout, stage):
            round_.words.append(f"in stage {stage}")
            if stage != "CLEAN_UP":
                round_.looks.append(_works_since(rollout) + LONGEST_STAGE_S + _bake_s(round_))
            return
        _leave(round_, rollout, stage)
        enter(round_, following(stage))


def enter(round_: Round, stage: Stage) -> None:
    rollout = round_.rollout
    assert rollout is not None
    configured = len(rollout.configuration.get("lifecycleHooks") or ())
    begun = hooks_at(rollout.configuration, stage, (round_.ids.hex(64) for _ in range(configured)), round_.now)
    for hook in begun:
        round_.say(say.hook_awaits(rollout.arn, hook))
    round_.rollout = replace(
        rollout, stage=stage, stage_since=round_.now, hooks=[*rollout.hooks, *begun], updated_at=round_.now
    )


def _is_done(round_: Round, rollout: ServiceDeployment, stage: Stage) -> bool:
    match stage:
        case "RECONCILE_SERVICE":
            sides = {round_.service.primary.id, round_.service.serving}
            return not any(t.last_status in LIVE and t.deployment_id not in sides for t in round_.tasks)
        case "SCALE_UP" | "PRODUCTION_TRAFFIC_SHIFT":
            return _is_whole(round_, round_.service.primary)
        case "BAKE_TIME":
            until = _works_since(rollout) + _bake_s(round_)
            if round_.now < until:
                round_.looks.append(until)
                round_.words.append(f"baking for another {until - round_.now:.0f} s")
                return False
            return _is_whole(round_, round_.service.primary)
        case "CLEAN_UP":
            return False
        case _:
            return True


def _leave(round_: Round, rollout: ServiceDeployment, stage: Stage) -> None:
    if stage == "TEST_TRAFFIC_SHIFT":
        round_.rollout = replace(rollout, test=rollout.target)
    elif stage == "PRODUCTION_TRAFFIC_SHIFT":
        round_.rollout = replace(rollout, production=rollout.target)
        round_.service = replace(round_.service, serving=round_.service.primary.id)


def tell_paused(round_: Round, rollout: ServiceDeployment) -> None:
    """That it waits for an answer, how long, and how to give one."""
    for hook in waiting(rollout):
        round_.looks.append(hook.expires_at)
        then = "goes on" if hook.timeout_action == "CONTINUE" else "turns back"
        text = (
            f"paused in stage {hook.stage} by lifecycle hook {hook.id}: it waits for another "
            f"{hook.expires_at - round_.now:.0f} s and then {then}"
        )
        how = (
            f"aws ecs continue-service-deployment --service-deployment-arn {rollout.arn} --hook-id {hook.id} "
            "--action CONTINUE"
        )
        round_.words.append(text)
        round_.waits.append(Wait(f"{text}. To go on: {how}; or with --action ROLLBACK", hook.expires_at))


def _bake_s(round_: Round) -> float:
    """How long it bakes in BAKE_TIME: bakeTimeInMinutes, or as long as its alarms look back; 0 in other stages, and
    without a blue that would run beside green."""
    rollout = round_.rollout
    if rollout is None or rollout.stage != "BAKE_TIME" or rollout.blue is None:
        return 0.0
    asked = 60.0 * (rollout.configuration.get("bakeTimeInMinutes") or 0)
    return max([asked, *(alarm.evaluation_s for alarm in round_.around.alarms.values())])


# --- sides -----------------------------------------------------------------------------------------------------------


def _keep_sides(round_: Round) -> None:
    """Green from SCALE_UP on, blue until CLEAN_UP; others go, once RECONCILE_SERVICE is not paused any more."""
    rollout, primary, blue = round_.rollout, round_.service.primary, _blue(round_)
    assert rollout is not None
    sides: list[tuple[str, Deployment]] = []
    if blue is not None and rollout.stage != "CLEAN_UP":
        sides.append(("blue", blue))
    if is_past(rollout.stage or "", "PRE_SCALE_UP"):
        sides.append(("green", primary))
    others = {d.id for _, d in sides} | {primary.id}
    if rollout.stage == "RECONCILE_SERVICE" and waiting(rollout):
        others |= {d.id for d in round_.service.deployments}
    keep(round_, sides)
    _drain(round_, others, "its deployment was replaced")


def _turn_back(round_: Round) -> None:
    """What serves stays until the rollback's target is whole; then all that is not the target goes."""
    service, rollout = round_.service, round_.rollout
    assert rollout is not None
    target = service.primary
    losing = next((d for d in service.deployments if d.id == service.serving and d.id != target.id), None)
    if losing is not None and _is_whole(round_, target):
        losing = None
    if losing is None:
        round_.service = replace(service, serving=target.id)
    changed = replace(
        rollout, stage="SCALE_UP" if losing else "CLEAN_UP", production=(losing or target).number, test=None
    )
    if changed != rollout:
        since = rollout.stage_since if changed.stage == rollout.stage else round_.now
        round_.rollout = replace(changed, stage_since=since, updated_at=round_.now)
    keep(round_, [("blue", target), *([("green", _frozen(losing))] if losing else [])])
    _drain(round_, {target.id, *([losing.id] if losing else [])}, "its deployment failed")


def _stand_still(round_: Round) -> None:
    """A deployment that failed and does not turn back: what serves is kept, nothing else starts or is replaced."""
    service = round_.service
    keep(
        round_,
        [("serving", d) if d.id == service.serving else ("other", _frozen(d)) for d in reversed(service.deployments)],
    )


def beside(service: Service, deployment: Deployment) -> Service:
    """The service as if this were its only deployment, which never goes below the desired count."""
    return replace(
        by_itself(service, deployment),
        minimum_healthy_percent=_MINIMUM_HEALTHY_PERCENT,
        maximum_percent=_MAXIMUM_PERCENT,
    )


def by_itself(service: Service, deployment: Deployment) -> Service:
    """The service as if this were its only deployment."""
    return replace(service, deployments=[replace(deployment, status="PRIMARY")], rebalancing=[])


def keep(
    round_: Round,
    sides: list[tuple[str, Deployment]],
    alone: Callable[[Service, Deployment], Service] = beside,
) -> None:
    """Has rolling.py keep each side by itself: its tasks alone, at the whole desired count. `alone` says to which
    percentages."""
    before = {kind: at for kind, at in round_.told.items() if kind.startswith(_ANY_SIDE)}
    standing: dict[str, float] = {}
    for name, deployment in sides:
        # What another side does not suffer from is not unsaid by it, nor said anew by the one that does.
        round_.told |= before
        service, fleet = round_.service, round_.fleet
        words, actions, stopping = round_.words, round_.actions, round_.stopping
        round_.service, round_.fleet = alone(service, deployment), _fleet(round_, deployment, alone)
        round_.words, round_.actions, round_.stopping = [], [], set()
        rolling.move(round_)
        words.append(f"{name} ({deployment.id}): {', '.join(round_.words)}")
        actions += round_.actions
        stopping |= round_.stopping
        round_.service, round_.fleet = service, fleet
        round_.words, round_.actions, round_.stopping = words, actions, stopping
        standing |= {kind: at for kind, at in round_.told.items() if kind.startswith(_ANY_SIDE)}
    round_.told |= standing


def _drain(round_: Round, but: set[str], because: str) -> None:
    """Stops everything of other deployments that is not protected."""
    for member in round_.fleet.wanted:
        if member.task.deployment_id not in but and not member.protected:
            round_.stop(member, round_.scaling_reason(), because)


def _is_whole(round_: Round, deployment: Deployment) -> bool:
    """Whether it has every wanted task, healthy and on an instance where it stays."""
    healthy = len(of(_fleet(round_, deployment).primary, "healthy"))
    return healthy >= round_.service.desired_count


def _fleet(round_: Round, deployment: Deployment, alone: Callable[[Service, Deployment], Service] = beside) -> Fleet:
    own = [t for t in round_.tasks if t.deployment_id == deployment.id]
    around = round_.around
    return muster(alone(round_.service, deployment), own, round_.now, around.targets, around.leaving)


def _frozen(deployment: Deployment) -> Deployment:
    """As if it had failed: nothing of it is started any more."""
    return deployment if deployment.rollout_state == "FAILED" else replace(deployment, rollout_state="FAILED")


def serving_before(round_: Round) -> Deployment | None:
    """Who has the production traffic when a deployment begins: who had it in a blue/green deployment before; the one
    that completed last; or else the newest that still has tasks."""
    service = round_.service
    older = {d.id: d for d in service.deployments if d.status != "PRIMARY"}
    if service.serving in older:
        return older[service.serving or ""]
    if service.completed is not None and service.completed.id in older:
        return older[service.completed.id]
    alive = {t.deployment_id for t in round_.tasks if t.last_status in LIVE and t.desired_status == "RUNNING"}
    return next((d for d in older.values() if d.id in alive), None)


def _blue(round_: Round) -> Deployment | None:
    rollout = round_.rollout
    if rollout is None or rollout.blue is None:
        return None
    return next((d for d in round_.service.deployments if d.number == rollout.blue), None)


def waiting(rollout: ServiceDeployment) -> list[Hook]:
    return [hook for hook in of_stage(rollout.hooks, rollout.stage or "") if hook.waits]


def _ends_at(rollout: ServiceDeployment) -> float:
    return (rollout.created_at if rollout.started_at is None else rollout.started_at) + LONGEST_DEPLOYMENT_S


def _works_since(rollout: ServiceDeployment) -> float:
    """Since when the stage's own work has been going on: when it was reached, or its last hook was done with."""
    began = rollout.created_at if rollout.stage_since is None else rollout.stage_since
    return max([began, *(h.ended_at for h in of_stage(rollout.hooks, rollout.stage or "") if h.ended_at is not None)])
