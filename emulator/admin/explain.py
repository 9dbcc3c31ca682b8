"""Why a task, a service, a capacity provider is where it is: the plan of its next look, what blocks it, what happened.

For people and as data. It asks the same deciders that act, so it cannot tell another story than theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from emulator.admin import explain_connect
from emulator.admin.discovered import discovered
from emulator.admin.explain_capacity import of_provider
from emulator.admin.failing_probes import failing_probes
from emulator.admin.unheard import unheard_ports
from emulator.control.plane import ControlPlane
from emulator.domain.fault_words import target_words, told
from emulator.domain.networks.reach import HERE, Vantage, addresses, sentences
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_blocks import Block, blocks
from emulator.domain.tasks.task import Task
from emulator.events import journal
from emulator.events.task_changes import STATE_CHANGE
from emulator.store.database import Database, Reader
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, SERVICES, TASKS

RECENT_ENTRIES = 30


def _here(reader: Reader, task: Task) -> Vantage:
    return HERE


class NothingToExplain(LookupError):
    """No such task or service."""


def explain(
    database: Database,
    plane: ControlPlane,
    subject: str,
    now: float,
    vantage: Callable[[Reader, Task], Vantage] = _here,
) -> dict[str, Any]:
    """`subject`: `task/<id>` (its beginning will do), `service/<name>`, `service/<cluster>/<name>`,
    `capacity-provider/<name>`, or an ARN of these. `vantage` tells where a task's engine is.

    Raises NothingToExplain, which names what was meant when that is more than one.
    """
    kind = subject.rpartition(":")[2].partition("/")[0] if subject.startswith("arn:") else subject.partition("/")[0]
    with database.read() as reader:
        if kind == "task":
            found: list[Any] = [task for task in reader.find(TASKS) if _means(subject, task.arn, task.id)]
        elif kind == "service":
            found = [service for service in reader.find(SERVICES) if _means(subject, service.arn)]
            # one that was deleted is only meant when no other has its name
            found = [service for service in found if service.status != "INACTIVE"] or found[-1:]
        elif kind == "capacity-provider":
            found = [provider for provider in reader.find(CAPACITY_PROVIDERS) if _means(subject, provider.arn)]
        else:
            raise NothingToExplain(f"{subject!r} is neither task/ID nor service/NAME nor capacity-provider/NAME")
        if len(found) > 1:
            raise NothingToExplain(f"{subject} may be any of: {', '.join(one.arn for one in found)}")
        if not found:
            raise NothingToExplain(f"there is no {subject}")
        if kind == "task":
            return _of_task(reader, plane, found[0], now, vantage(reader, found[0]))
        if kind == "capacity-provider":
            return of_provider(reader, plane, found[0], now)
        return _of_service(reader, plane, found[0], now)


def _means(subject: str, arn: str, id_: str = "") -> bool:
    """Whether `subject` is this ARN, or the end of it, or begins like this task's id."""
    if subject.startswith("arn:"):
        return subject == arn
    named = subject.partition("/")[2]
    words = arn.rpartition(":")[2].split("/")
    if "/" in named:
        return named.split("/") == words[1:]
    return bool(named) and (named == words[-1] or (bool(id_) and id_.startswith(named)))


def _of_task(reader: Reader, plane: ControlPlane, task: Task, now: float, seen: Vantage) -> dict[str, Any]:
    plan = plane.tasks.plan_of(task)
    words = [
        f"It is {task.last_status} and desired {task.desired_status}: {plan.because or task.because}.",
        *(f"Next: {_action(action)}." for action in plan.actions),
        *_wait(plan.next_look, now),
        *sentences(task, seen),
        *discovered(reader, task, now),
        *(f"But {text}." for text in unheard_ports(reader, plane, task)),
        *(f"But {text}." for text in failing_probes(plane, task)),
        *([f"It stopped: {task.stop_code}: {task.stopped_reason}."] if task.stop_code else []),
        *(f"Container {c.name}: {c.reason}" for c in task.containers if c.reason),
        *(f"It was struck by {fault}." for fault in task.faults),
        *([f"Limits: {task.limits}."] if task.limits else []),
        *(f"Warning: {text}." for text in task.warnings),
    ]
    return {
        "subject": task.arn,
        "words": words,
        "reach": addresses(task, seen),
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "because": plan.because,
        "actions": [{"action": type(a).__name__, **asdict(a)} for a in plan.actions],
        "waits": [],
        "nextLook": plan.next_look,
        "limits": task.limits,
        "faults": task.faults,
        "warnings": task.warnings,
        "history": history(reader, task.arn),
    }


def _of_service(reader: Reader, plane: ControlPlane, service: Service, now: float) -> dict[str, Any]:
    plan = plane.services.plan_of(reader, _key(service))
    because = plan.because if plan else ""
    tasks = _tasks(reader, service)
    after = (plan.service if plan else None) or service
    waits = plan.waits if plan else ()
    in_the_way = [_with_probe(plane, block, tasks) for block in blocks(after, tasks, now)]
    in_the_way += [Block("hook", wait.text, wait.until) for wait in waits]
    words = [
        f"It is {service.status} and wants {service.desired_count} tasks: {because.rstrip('.')}.",
        *(f"Next: {action}." for action in (plan.actions if plan else ())),
        *(f"In the way ({block.kind}): {block.text.rstrip('.')}." for block in in_the_way),
        *(f"Task {t.id[:8]} is {t.last_status}: {t.because}." for t in _on_the_way(tasks)),
        *explain_connect.sentences(reader, plane, service),
        *_wait(plan.next_look if plan else None, now),
        *(f"This is on: {told(fault)}, for {target_words(fault)}." for fault in plane.faults.on()),
    ]
    return {
        "subject": service.arn,
        "words": words,
        "status": service.status,
        "because": because,
        "actions": [str(action) for action in (plan.actions if plan else ())],
        "waits": [wait.text for wait in waits],
        "blocks": [asdict(block) for block in in_the_way],
        "nextLook": plan.next_look if plan else None,
        "events": [{"at": e.at, "message": e.message} for e in service.events[:RECENT_ENTRIES]],
        "stoppedTasks": _stopped(tasks),
        "aliases": explain_connect.connections(reader, plane, service),
    }


def _with_probe(plane: ControlPlane, block: Block, tasks: list[Task]) -> Block:
    """Tasks that fail their health checks: what one of the probes said."""
    ill = [task for task in tasks if block.kind == "health" and task.id in block.tasks]
    said = next((f"{text} (task {task.id[:12]})" for task in ill for text in failing_probes(plane, task)), None)
    return block if said is None else replace(block, text=f"{block.text.rstrip('.')}: {said}")


def plans(database: Database, plane: ControlPlane, now: float) -> dict[str, Any]:
    """What the next tick would do: every service and task that has something to do now, and when the next one has; and
    every service whose deployment waits for somebody's answer."""
    with database.read() as reader:
        services = [s for s in reader.find(SERVICES) if s.status != "INACTIVE"]
        looked = [(s.arn, plane.services.plan_of(reader, _key(s))) for s in services]
        tasks = [(t.arn, plane.tasks.plan_of(t)) for t in reader.find(TASKS) if not t.stopped]
    due = [(arn, plan) for arn, plan in (*looked, *tasks) if plan is not None]
    later = [plan.next_look for _, plan in due if plan.next_look is not None and plan.next_look > now]
    return {
        "plans": [
            {"subject": arn, "because": plan.because, "actions": [str(a) for a in plan.actions], "waits": waits}
            for arn, plan in due
            if (waits := [wait.text for wait in getattr(plan, "waits", ())]) or plan.actions
        ],
        "nextLook": min(later, default=None),
    }


def _key(service: Service) -> str:
    return f"{service.account}/{service.region}/{service.cluster}/{service.name}"


def _tasks(reader: Reader, service: Service) -> list[Task]:
    """All that are still known, stopped ones too."""
    return reader.find(
        TASKS, account=service.account, region=service.region, cluster=service.cluster, service=service.name
    )


def _on_the_way(tasks: list[Task]) -> list[Task]:
    """A few that are not RUNNING yet."""
    return [t for t in tasks if t.desired_status == "RUNNING" and t.last_status not in ("RUNNING", "STOPPED")][:5]


def _stopped(tasks: list[Task]) -> list[dict[str, Any]]:
    ended = sorted((t for t in tasks if t.stop_code), key=lambda t: -(t.stopping_at or 0))[:5]
    return [
        {"task": t.id, "stopCode": t.stop_code, "stoppedReason": t.stopped_reason, "faults": t.faults} for t in ended
    ]


def _wait(next_look: float | None, now: float) -> list[str]:
    if next_look is None or next_look <= now:
        return []
    return [f"It is looked at again in {next_look - now:.1f} s, or when something changes."]


def _action(action: Any) -> str:
    container = getattr(action, "container", "")
    return f"{type(action).__name__}{f' {container}' if container else ''}, because {action.because}"


def history(reader: Reader, subject: str) -> list[dict[str, Any]]:
    """The newest journal entries about something, oldest first; those told in words, not as events of AWS."""
    entries = journal.newest(reader, subject, RECENT_ENTRIES, but_not=STATE_CHANGE)
    return [{"at": e.at, "kind": e.kind, **e.detail} for e in entries]
