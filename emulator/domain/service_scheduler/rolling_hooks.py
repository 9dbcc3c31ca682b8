"""PAUSE hooks of rolling deployments: where one stands still, what is kept meanwhile, and when it may go on. Pure.

A rolling deployment has those of the lifecycle stages that shift no traffic: RECONCILE_SERVICE when more than one older
revision is there, PRE_SCALE_UP before its first task starts, SCALE_UP while tasks are replaced, POST_SCALE_UP once all
of them are, BAKE_TIME. It has stages only when it has hooks. Before SCALE_UP what served is kept as it is.
Source: ECS API model (DeploymentLifecycleHook); AWS says that pause hooks work with rolling deployments, but not what
the stages mean there: that is ours.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.domain.service_scheduler import rolling
from emulator.domain.service_scheduler.blue_green import by_itself, enter, keep, serving_before, tell_paused, waiting
from emulator.domain.service_scheduler.lifecycle_stages import following, is_past, timed_out
from emulator.domain.service_scheduler.reconciliation import Round
from emulator.domain.service_scheduler.service_deployment import ServiceDeployment


def begin(round_: Round) -> None:
    """The first look at a rolling deployment with hooks: what serves until then, and where it starts."""
    rollout = round_.rollout
    if rollout is None or rollout.is_blue_green or rollout.status != "IN_PROGRESS" or rollout.stage is not None:
        return
    if not rollout.configuration.get("lifecycleHooks"):
        return
    before = serving_before(round_)
    older = [d for d in round_.service.deployments if d.status != "PRIMARY"]
    round_.rollout = replace(rollout, blue=before.number if before else None)
    enter(round_, "RECONCILE_SERVICE" if len(older) > 1 else "PRE_SCALE_UP")


def move(round_: Round) -> None:
    """One look: through the stages that are done, then what rolling.py does, or what keeps things as they are."""
    rollout = _walk(round_)
    if rollout is None or is_past(rollout.stage or "", "PRE_SCALE_UP"):
        rolling.move(round_)
        return
    keep(round_, [("serving", d) for d in round_.service.deployments if d.number == rollout.blue], by_itself)


def may_arrive(round_: Round) -> bool:
    """Asked when all its tasks are there: whether no hook stands before the end."""
    rollout = _staged(round_)
    if rollout is None:
        return True
    if rollout.stage == "SCALE_UP":
        enter(round_, "POST_SCALE_UP")
    rollout = _walk(round_)
    return rollout is None or rollout.stage == "BAKE_TIME"


def kept(round_: Round) -> set[str | None]:
    """The deployment that serves while the new one is not begun stays, also when it has no task just now."""
    rollout = _staged(round_)
    if rollout is None or is_past(rollout.stage or "", "PRE_SCALE_UP"):
        return set()
    return {d.id for d in round_.service.deployments if d.number == rollout.blue}


def _walk(round_: Round) -> ServiceDeployment | None:
    """Through what waits no longer; None without hooks."""
    while (rollout := _staged(round_)) is not None:
        hooks = timed_out(rollout.hooks, round_.now)
        if hooks != rollout.hooks:
            round_.rollout = rollout = replace(rollout, hooks=hooks, updated_at=round_.now)
        if waiting(rollout):
            tell_paused(round_, rollout)
            return rollout
        if rollout.stage in ("SCALE_UP", "BAKE_TIME"):
            return rollout
        enter(round_, "BAKE_TIME" if rollout.stage == "POST_SCALE_UP" else following(rollout.stage or "PRE_SCALE_UP"))
    return None


def _staged(round_: Round) -> ServiceDeployment | None:
    """The rolling deployment under way that has hooks; one that turns back has none any more."""
    rollout = round_.rollout
    if rollout is None or rollout.is_blue_green or rollout.status != "IN_PROGRESS" or rollout.stage is None:
        return None
    return rollout
