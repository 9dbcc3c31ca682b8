"""DAEMON: one task on each container instance that satisfies the constraints, and where that means starts and stops.

It knows the instances as values (`Surroundings.hosts`); what an instance has left is placement.py's. At most one task
stands on an instance at a time, so that a deployment stops the old one first, as far as minimumHealthyPercent allows.
Source: AWS developer guide "Amazon ECS services" (DAEMON), "Draining Amazon ECS container instances".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.deployment import bounds
from emulator.domain.service_scheduler.reconciliation import Round
from emulator.domain.service_scheduler.service_placement import DaemonHost, Spot
from emulator.domain.service_scheduler.service_tasks import Member, of
from emulator.domain.tasks.actions import StartTasks


@dataclass(slots=True)
class _Round:
    """`hosts`: by ARN. `spare`: how many serving tasks may go. `held_back`: why nothing starts, nor makes room."""

    hosts: dict[str, DaemonHost]
    spare: int
    held_back: str | None


def size_up(round_: Round) -> None:
    """desiredCount is the number of ACTIVE instances that satisfy the constraints."""
    wanted = sum(host.eligible and not host.draining for host in round_.around.hosts)
    round_.service = replace(round_.service, desired_count=wanted)


def move(round_: Round) -> None:
    service, fleet = round_.service, round_.fleet
    floor = bounds(service.desired_count, service.minimum_healthy_percent, 100).floor
    serving = len(of(fleet.primary, "healthy")) + len(of(fleet.old, "waiting", "healthy"))
    this = _Round({host.arn: host for host in round_.around.hosts}, serving - floor, _held_back(round_))
    running = len(of(fleet.wanted, "waiting", "healthy", "unhealthy"))
    round_.words.append(f"{running} of {service.desired_count} running, one for each container instance")
    staying = [member for member in fleet.wanted if not _leave(round_, this, member)]
    _replace(round_, this, staying)
    _start(round_, this)
    _say_blocked(round_, this, staying)


def _held_back(round_: Round) -> str | None:
    primary = round_.service.primary
    if primary.rollout_state == "FAILED":
        return f"the deployment has failed: {primary.rollout_state_reason.rstrip('.')}"
    if primary.next_start_at is not None and round_.now < primary.next_start_at:
        round_.looks.append(primary.next_start_at)
        seconds = primary.next_start_at - round_.now
        return f"{primary.start_failures} launches in a row failed; the next is in {seconds:.0f} s"
    return None


def _leave(round_: Round, this: _Round, member: Member) -> bool:
    """Stops a task that has no place where it is; from a draining instance it is the last to go. Whether it is done
    with, one way or the other."""
    host = this.hosts.get(member.task.container_instance_arn or "")
    if host is not None and host.draining:
        if host.others:
            round_.words.append(f"a draining instance keeps its daemon until {host.others} other tasks have stopped")
        else:
            round_.stop(member, round_.scaling_reason(), "its container instance is draining, and nothing else is left")
        return True
    if host is None:
        round_.stop(member, round_.scaling_reason(), "its container instance is gone")
        return True
    if not host.eligible:
        round_.say(say.constraint_violated())
        round_.stop(member, round_.scaling_reason(), "its container instance does not satisfy the constraints any more")
        return True
    return False


def _replace(round_: Round, this: _Round, staying: list[Member]) -> None:
    """What is unhealthy, or of an older deployment, goes first; its replacement comes when it has stopped."""
    primary = round_.service.primary
    standing: set[str | None] = set()
    for member in staying:
        where, current = member.task.container_instance_arn, member.task.deployment_id == primary.id
        if current and where in standing:
            round_.stop(member, round_.scaling_reason(), "there is another one on its container instance")
        elif current and member.verdict == "unhealthy" and not this.held_back:
            round_.stop(member, member.why_unhealthy, "its health checks fail")
        elif not current and not member.protected and not this.held_back:
            _stop_old(round_, this, member)
        standing.add(where)


def _stop_old(round_: Round, this: _Round, member: Member) -> None:
    if member.verdict in ("waiting", "healthy"):
        if this.spare <= 0:
            return
        this.spare -= 1
    round_.stop(member, round_.scaling_reason(), "its deployment was replaced")


def _start(round_: Round, this: _Round) -> None:
    """On every instance where none of the service's tasks is left."""
    taken = {task.container_instance_arn for task in round_.tasks if not task.stopped}
    free = [h for h in this.hosts.values() if h.eligible and not h.draining and h.arn not in taken]
    lacks = [host.lack for host in free if host.lack is not None]
    lack = lacks[0] if lacks and round_.service.primary.rollout_state != "FAILED" else None
    round_.tell_unplaced(lack, round_.service.name)
    if lack is not None:
        round_.words.append(lack.text.removeprefix("Reason: ").rstrip("."))
    spots = tuple(Spot(instance=host.arn) for host in free if host.lack is None)
    if spots and this.held_back:
        round_.words.append(this.held_back)
    elif spots:
        task_ids = tuple(round_.ids.hex(32) for _ in spots)
        because = f"{len(spots)} container instances have none"
        round_.actions.append(StartTasks(round_.service.primary.id, task_ids, spots, because))
        round_.say(say.started(round_.service.name, task_ids))
        round_.words.append(f"starting {len(spots)}")


def _say_blocked(round_: Round, this: _Round, staying: list[Member]) -> None:
    """minimumHealthyPercent lets no old task go."""
    old = [m for m in staying if m.task.deployment_id != round_.service.primary.id and not m.protected]
    unsettled = round_.moving or round_.fleet.leaving or of(round_.fleet.wanted, "starting", "waiting")
    if old and this.spare <= 0 and not unsettled and not this.held_back:
        round_.tell(say.BLOCKED, say.deployment_blocked(round_.service.name))
        round_.words.append("minimumHealthyPercent allows no stop")
    elif not old or round_.moving:
        round_.untell(say.BLOCKED)
