"""The service scheduler: what a service wants next, and why. Pure; control carries its plans out.

`reconcile` looks at a service and its tasks and answers with everything to be done now; asked again before anything
changed it answers with nothing. It keeps the desired count, replaces what ended or is unhealthy, rolls a new
deployment within the percentages (rolling.py; rolling_hooks.py where it pauses) or puts it beside the old one
(blue_green.py), judges it (rollout.py), scales, drains, and says in events what it does. Services whose deployments
somebody else controls are task_sets.py's, where a DAEMON service's tasks belong is daemon.py's, evening out zones
zone_balance.py's. It does not know clocks, engines or where tasks run: placement, target health and alarms come in as
values.
Source: AWS developer guide "Deploy Amazon ECS services by replacing tasks", "Amazon ECS services".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emulator.domain.service_scheduler import (
    blue_green,
    daemon,
    rolling_hooks,
    rollout,
    task_sets,
    zone_balance,
)
from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.circuit_breaker import with_failures
from emulator.domain.service_scheduler.deployment import with_health_failure
from emulator.domain.service_scheduler.judging import judge
from emulator.domain.service_scheduler.reconciliation import Plan, Round, Surroundings
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_events import IdSource
from emulator.domain.service_scheduler.service_tasks import LIVE, of
from emulator.domain.tasks.task import Task

__all__ = ["Plan", "Surroundings", "reconcile"]


def reconcile(
    service: Service, tasks: Sequence[Task], now: float, ids: IdSource, around: Surroundings | None = None
) -> Plan:
    """What to do about a service now.

    `tasks`: all of the service that are not `released` yet (released ones may be among them). `now`: epoch seconds.
    """
    known = [task for task in tasks if not task.released]
    round_ = Round(service, known, now, ids, around or Surroundings())
    match service.status:
        case "ACTIVE":
            return task_sets.keep(round_) if service.has_task_sets else _keep(round_)
        case "DRAINING":
            return _drain(round_)
        case "INACTIVE":
            return _forget(round_)


# --- the three states of a service -----------------------------------------------------------------------------------


def _keep(round_: Round) -> Plan:
    if round_.service.is_daemon:
        daemon.size_up(round_)
    judge(round_)
    round_.muster()
    _say_unhealthy(round_)
    rollout.oversee(round_)
    fleet = round_.muster()
    round_.looks += [m.changes_at for m in fleet.wanted if m.changes_at is not None]
    _move(round_)
    round_.say_stopped()
    _drop_empty_deployments(round_)
    rollout.settle(round_)
    return round_.plan()


def _move(round_: Round) -> None:
    if round_.service.is_daemon:
        daemon.move(round_)
    else:
        # LINEAR and CANARY take their place here when there is traffic to shift; CreateService refuses them until then.
        blue_green.move(round_) if blue_green.holds(round_) else rolling_hooks.move(round_)
        zone_balance.even_out(round_)


def _drain(round_: Round) -> Plan:
    """A deleted service: everything stops, whatever protects it."""
    round_.note_ends()
    for member in round_.muster().wanted:
        owner = member.task.deployment_id or ""
        reason = task_sets.scaling_reason(owner) if round_.service.has_task_sets else round_.scaling_reason()
        round_.stop(member, reason, "the service is being deleted")
    round_.say_stopped()
    going = [t for t in round_.tasks if t.last_status in LIVE or t.last_status == "DEACTIVATING"]
    if not going:
        round_.service = replace(
            round_.service, status="INACTIVE", deployments=[], completed=None, inactive_at=round_.now
        )
        round_.told = {}
    round_.words.append(f"deleted; {len(going)} tasks have not stopped yet")
    return round_.plan()


def _forget(round_: Round) -> Plan:
    """An INACTIVE service only lets go of its last tasks."""
    round_.note_ends()
    round_.words.append("deleted")
    return round_.plan()


# --- what happened ---------------------------------------------------------------------------------------------------


def _say_unhealthy(round_: Round) -> None:
    unhealthy = {say.UNHEALTHY + m.task.id: m for m in of(round_.fleet.wanted, "unhealthy")}
    round_.untell(*[k for k in round_.told if k.startswith(say.UNHEALTHY) and k not in unhealthy])
    for kind, member in unhealthy.items():
        if kind not in round_.told and member in round_.fleet.primary:
            failing = with_health_failure(round_.service.primary, round_.now)
            round_.replace_deployment(with_failures(round_.service, failing, 1))
        round_.tell_unhealthy(kind, member, round_.service.name)


def _drop_empty_deployments(round_: Round) -> None:
    """A replaced deployment disappears once none of its tasks is running or on the way there."""
    alive = {t.deployment_id for t in round_.tasks if t.last_status in LIVE}
    alive.update(m.task.deployment_id for m in round_.fleet.wanted)
    alive |= blue_green.kept(round_) | rolling_hooks.kept(round_)
    kept = [d for d in round_.service.deployments if d.status == "PRIMARY" or d.id in alive]
    round_.service = replace(round_.service, deployments=kept)
