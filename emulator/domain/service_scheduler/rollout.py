"""How a deployment under way ends: it arrives, or it fails and the service turns back. Pure.

It judges what the circuit breaker counted, what alarms say and what a user asked for, changes the PRIMARY deployment
and keeps the service deployment's record true. How many tasks that starts and stops is rolling.py's.
Source: AWS developer guide "Deployment failure detection"; wordings not marked as observed are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator.domain.service_scheduler import blue_green, rolling_hooks
from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.circuit_breaker import breaker_of, threshold, tripped, watches, with_healthy
from emulator.domain.service_scheduler.deployment import completed, failed, roll_back
from emulator.domain.service_scheduler.lifecycle_stages import given_up
from emulator.domain.service_scheduler.reconciliation import Round
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.service_deployment import ServiceDeployment, arn_of, finished, stopped
from emulator.domain.service_scheduler.service_tasks import of

NO_CANDIDATE = "No rollback candidate was found to run the rollback."  # observed


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a deployment fails. `said`: as the event ends; `state_reason`: its rolloutStateReason; `notice`: what
    EventBridge is told; `because`: after "Service deployment rolled back because "; `turns_back`: whether a rollback
    is wanted; `back`: how the rollback's own rolloutStateReason begins."""

    said: str
    state_reason: str
    notice: str
    because: str
    turns_back: bool
    back: str = "ECS deployment failed"


def oversee(round_: Round) -> None:
    """Whether the deployment under way fails now, and what follows."""
    _begin(round_)
    blue_green.begin(round_)
    rolling_hooks.begin(round_)
    primary = round_.service.primary
    if primary.rollout_state == "IN_PROGRESS" or _stop_asked(round_.rollout):
        failure = _failure(round_)
        if failure is not None:
            _fail(round_, failure)
            round_.muster()
    primary = round_.service.primary
    healthy = {m.task.id for m in of(round_.fleet.primary, "healthy")}
    other = {m.task.id for m in round_.fleet.primary} - healthy
    round_.replace_deployment(with_healthy(round_.service, primary, healthy, other))
    _mirror(round_)


def settle(round_: Round) -> None:
    """Arrived or not, steady or not; and what that ends."""
    fleet, service = round_.fleet, round_.service
    healthy = len(of(fleet.primary, "healthy"))
    steady = not round_.moving and healthy == service.desired_count == len(fleet.primary) == fleet.live
    steady = steady and blue_green.may_arrive(round_)
    early = blue_green.may_arrive(round_) and _early_success(round_, healthy)
    if service.primary.rollout_state == "IN_PROGRESS" and (steady or early):
        if not rolling_hooks.may_arrive(round_):
            round_.untell(say.STEADY)
            return
        _arrive(round_)
    if not steady or service.primary.rollout_state == "FAILED":
        round_.untell(say.STEADY)
        return
    primary = round_.service.primary
    if primary.failed_tasks and service.desired_count:
        round_.replace_deployment(replace(primary, failed_tasks=0, failed_at=None, updated_at=round_.now))
    round_.tell(say.STEADY, say.steady_state(service.name))
    round_.words.append("steady")


# --- watching --------------------------------------------------------------------------------------------------------


def _begin(round_: Round) -> None:
    """The first look at a service deployment starts it. What is in ALARM by then is ignored throughout."""
    under_way, service = round_.rollout, round_.service
    if under_way is None or under_way.status != "PENDING":
        return
    names = alarm_names(service)
    round_.rollout = replace(
        under_way,
        status="IN_PROGRESS",
        started_at=round_.now,
        updated_at=round_.now,
        breaker="MONITORING" if breaker_of(service).get("enable") else "DISABLED",
        threshold=threshold(breaker_of(service), service.desired_count) if breaker_of(service).get("enable") else 0,
        alarms="MONITORING" if names else "DISABLED",
        ignored_alarms=[name for name in names if _in_alarm(round_, name)],
    )
    round_.say(say.deployment_in_progress(service.primary.id, service.primary.rollout_state_reason))


def _mirror(round_: Round) -> None:
    """What the breaker has counted so far, in the service deployment. A rollback counts apart from what failed."""
    under_way, primary = round_.rollout, round_.service.primary
    if under_way is None or under_way.status != "IN_PROGRESS":
        return
    if not watches(round_.service, primary):
        return
    limit = threshold(breaker_of(round_.service), round_.service.desired_count)
    counted = replace(under_way, breaker="MONITORING", failure_count=primary.breaker_failures, threshold=limit)
    if primary.breaker_failures:
        round_.words.append(f"the circuit breaker has counted {primary.breaker_failures} of {limit} failures")
    if counted != under_way:
        round_.rollout = replace(counted, updated_at=round_.now)


def alarm_names(service: Service) -> list[str]:
    """The alarms that watch its deployments."""
    alarms: Mapping[str, Any] = service.spec.get("deploymentConfiguration", {}).get("alarms") or {}
    return list(alarms.get("alarmNames") or ()) if alarms.get("enable") else []


def _in_alarm(round_: Round, name: str) -> bool:
    alarm = round_.around.alarms.get(name)
    return alarm is not None and alarm.state == "ALARM"


def _stop_asked(under_way: ServiceDeployment | None) -> bool:
    return under_way is not None and under_way.status in ("STOP_REQUESTED", "ROLLBACK_REQUESTED")


def _failure(round_: Round) -> _Failure | None:
    staged = _hooks_failure(round_)
    if staged is not None:
        return staged
    service, under_way = round_.service, round_.rollout
    if under_way is not None and under_way.status in ("STOP_REQUESTED", "ROLLBACK_REQUESTED"):
        return _Failure(
            said="deployment stopped",
            state_reason=f"ECS deployment {service.primary.id} stopped.",
            notice=f"ECS deployment {service.primary.id} stopped.",
            because="a stop was requested.",
            turns_back=under_way.status == "ROLLBACK_REQUESTED",
            back="ECS deployment stopped",
        )
    if not blue_green.watched(under_way):
        return None
    if tripped(service, service.primary):
        return _Failure(
            said="tasks failed to start",  # observed
            state_reason="ECS deployment circuit breaker: tasks failed to start.",  # observed
            notice="ECS deployment circuit breaker: task failed to start.",  # observed
            because="the circuit breaker threshold was exceeded.",  # observed
            turns_back=bool(breaker_of(service).get("rollback")),
            back="ECS deployment circuit breaker",  # observed
        )
    return _alarmed(round_) or _overdue(round_)


def _hooks_failure(round_: Round) -> _Failure | None:
    """A deployment that a lifecycle hook turns back."""
    found = blue_green.hook_failure(round_)
    if found is None:
        return None
    stage, why = found
    reason = f"ECS deployment failed: {stage} lifecycle hook(s) failed."
    return _Failure(
        said=f"{stage} lifecycle hook(s) failed",
        state_reason=reason,
        notice=reason,
        because=f"{stage} lifecycle hook(s) failed. {why}",  # observed, but for `why`
        turns_back=True,
    )


def _overdue(round_: Round) -> _Failure | None:
    """A blue/green deployment that takes too long."""
    why = blue_green.overdue(round_)
    if why is None:
        return None
    said = why.rstrip(".")
    return _Failure(said, f"ECS deployment failed: {why}", f"ECS deployment failed: {why}", why, turns_back=True)


def _alarmed(round_: Round) -> _Failure | None:
    """An alarm went to ALARM. A rollback is not watched: the alarm that began it is most likely still on."""
    service, under_way = round_.service, round_.rollout
    if under_way is None or under_way.status != "IN_PROGRESS":
        return None
    names = alarm_names(service)
    if unknown := [name for name in names if name not in round_.around.alarms]:
        round_.words.append(f"nobody knows an alarm {', '.join(unknown)}, so it watches nothing")
    triggered = [n for n in names if _in_alarm(round_, n) and n not in under_way.ignored_alarms]
    if not triggered:
        return None
    round_.rollout = replace(under_way, triggered_alarms=triggered)
    return _Failure(
        said="alarm detected",  # observed
        state_reason="ECS deployment failed: alarm detected.",
        notice="ECS deployment failed: alarm detected.",
        because=f"of alarms in ALARM state: {', '.join(triggered)}.",
        turns_back=bool(service.spec["deploymentConfiguration"]["alarms"].get("rollback")),
    )


# --- failing ---------------------------------------------------------------------------------------------------------


def _fail(round_: Round, failure: _Failure) -> None:
    """The deployment is FAILED and starts no more tasks; the last one that completed takes over, if that is wanted."""
    service, now = round_.service, round_.now
    losing = failed(service.primary, failure.state_reason, now)
    round_.replace_deployment(losing)
    round_.say(say.deployment_failed(service.name, losing.id, failure.said, failure.notice))
    round_.words.append(f"deployment {losing.id} failed: {failure.said}")
    _note_failure(round_, losing)
    target = blue_green.rollback_target(round_) or _rollback_target(round_.service)
    if failure.turns_back and target is not None:
        reason = f"{failure.back}: rolling back to deploymentId {target.id}."
        round_.service = roll_back(round_.service, target, losing, reason, now)
        round_.told = {kind: at for kind, at in round_.told.items() if kind.startswith(say.UNHEALTHY)}
        round_.say(say.rolling_back(service.name, target.id, reason))
        _turn_back(round_, target, f"Service deployment rolled back because {failure.because}")
        return
    if round_.rollout is None:
        return
    if round_.rollout.status == "ROLLBACK_IN_PROGRESS":
        reason = f"Service deployment rollback failed because {failure.because}"
        round_.rollout = finished(round_.rollout, "ROLLBACK_FAILED", now, reason)
    elif failure.turns_back:
        round_.rollout = finished(round_.rollout, "ROLLBACK_FAILED", now, NO_CANDIDATE)
    else:
        round_.rollout = stopped(round_.rollout, f"Service deployment stopped because {failure.because}", now)


def _rollback_target(service: Service) -> Deployment | None:
    """The newest deployment that completed, as it is now if it still has tasks."""
    if service.completed is None:
        return None
    return next((d for d in service.deployments if d.id == service.completed.id), service.completed)


def _note_failure(round_: Round, losing: Deployment) -> None:
    """What triggered, in the service deployment. What fails a rollback is no news about the deployment."""
    under_way = round_.rollout
    if under_way is None or under_way.status == "ROLLBACK_IN_PROGRESS":
        return
    service = round_.service
    limit = threshold(breaker_of(service), service.desired_count)
    if breaker_of(service).get("enable"):
        broken = losing.breaker_failures >= limit
        under_way = replace(
            under_way,
            failure_count=losing.breaker_failures,
            threshold=limit,
            breaker="TRIGGERED" if broken else "MONITORING_COMPLETE",
        )
    if under_way.alarms != "DISABLED":
        under_way = replace(under_way, alarms="TRIGGERED" if under_way.triggered_alarms else "MONITORING_COMPLETE")
    hooks = given_up(under_way.hooks, round_.now)
    round_.rollout = replace(under_way, updated_at=round_.now, baking_since=None, hooks=hooks)


def _turn_back(round_: Round, target: Deployment, reason: str) -> None:
    if round_.rollout is not None:
        round_.rollout = replace(
            round_.rollout,
            status="ROLLBACK_IN_PROGRESS",
            status_reason=reason,
            rollback_to=arn_of(round_.service.arn, "service-revision", target.number),
            rollback_reason=reason,
            rollback_started_at=round_.now,
            updated_at=round_.now,
        )


# --- arriving --------------------------------------------------------------------------------------------------------


def _early_success(round_: Round, healthy: int) -> bool:
    """earlySuccessCriteria: enough of the new tasks are healthy, and with BLOCKING the old ones are gone."""
    criteria = round_.service.spec.get("deploymentConfiguration", {}).get("earlySuccessCriteria") or {}
    if not criteria.get("enable"):
        return False
    enough = -(-round_.service.desired_count * int(criteria["healthyPercent"]) // 100)
    old_gone = not any(d.status != "PRIMARY" for d in round_.service.deployments)
    return healthy >= enough and (criteria.get("sourceServiceRevisionCleanup") == "DEFERRED" or old_gone)


def _arrive(round_: Round) -> None:
    if _still_baking(round_):
        return
    now, name = round_.now, round_.service.name
    arrived = completed(round_.service.primary, now)
    round_.replace_deployment(arrived)
    round_.service = replace(round_.service, completed=arrived, serving=None)
    round_.say(say.deployment_completed(name, arrived.id, arrived.rollout_state_reason))
    if round_.rollout is not None and not round_.rollout.ended:
        back = round_.rollout.status == "ROLLBACK_IN_PROGRESS"
        round_.rollout = finished(round_.rollout, "ROLLBACK_SUCCESSFUL" if back else "SUCCESSFUL", now)


def _still_baking(round_: Round) -> bool:
    """For the bake time the new tasks run under the eyes of breaker and alarms before the deployment has succeeded."""
    under_way = round_.rollout
    if under_way is None or under_way.status != "IN_PROGRESS" or under_way.is_blue_green:
        return False
    seconds = bake_s(round_)
    if seconds <= 0:
        return False
    if under_way.baking_since is None:
        round_.rollout = under_way = replace(under_way, baking_since=round_.now, updated_at=round_.now)
    since = round_.now if under_way.baking_since is None else under_way.baking_since
    if round_.now >= since + seconds:
        return False
    round_.looks.append(since + seconds)
    round_.words.append(f"baking for another {since + seconds - round_.now:.0f} s")
    return True


def bake_s(round_: Round) -> float:
    """bakeTimeInMinutes; or, when longer, as long as the alarms that watch it look back."""
    asked = float(round_.service.spec.get("deploymentConfiguration", {}).get("bakeTimeInMinutes") or 0) * 60
    known = [round_.around.alarms[n].evaluation_s for n in alarm_names(round_.service) if n in round_.around.alarms]
    return max([asked, *known])
