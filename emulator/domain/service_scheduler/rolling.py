"""The ROLLING strategy: how many tasks start and stop now, within minimumHealthyPercent and maximumPercent. Pure.

It counts and chooses; whether the deployment has failed or arrived is rollout.py's.
Source: AWS developer guide "Deploy Amazon ECS services by replacing tasks".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.domain.capacity.capacity_strategy import share_out
from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.deployment import bounds
from emulator.domain.service_scheduler.reconciliation import Round
from emulator.domain.service_scheduler.service import Deployment
from emulator.domain.service_scheduler.service_placement import NO_SPOTS, Spots, Unplaced
from emulator.domain.service_scheduler.service_tasks import Member, in_order_of_stopping, of
from emulator.domain.tasks.actions import StartTasks


@dataclass(slots=True)
class _Numbers:
    """What the steps use up: `need` to start, `room` under the ceiling, `spare` above the floor. A new task counts
    for the floor once it is healthy, an old one as long as it runs. `spots`: where new tasks go. `held_back`: why
    nothing starts although tasks are missing."""

    need: int
    room: int
    spare: int
    spare_healthy: int
    healthy_primary: int
    spots: Spots = NO_SPOTS
    held_back: str | None = None


def move(round_: Round) -> None:
    numbers = _size_up(round_)
    _stop_unhealthy(round_, numbers)
    _stop_old(round_, numbers)
    _scale_in(round_, numbers)
    _start(round_, numbers)
    _say_blocked(round_, numbers)


# --- how many --------------------------------------------------------------------------------------------------------


def _size_up(round_: Round) -> _Numbers:
    service, fleet = round_.service, round_.fleet
    limits = bounds(service.desired_count, service.minimum_healthy_percent, service.maximum_percent)
    healthy_primary = len(of(fleet.primary, "healthy"))
    need = service.desired_count - len(fleet.primary) + len(of(fleet.primary, "unhealthy"))
    floor = limits.floor
    if service.primary.rollout_state == "FAILED":
        # Nothing replaces the old tasks any more, so that only those beyond the desired count may go.
        floor = max(floor, service.desired_count)
    running = len(of(fleet.primary, "waiting", "healthy", "unhealthy"))
    wanted = service.desired_count
    too_many = running > wanted
    round_.words.append(f"{running} running, {wanted} desired" if too_many else f"{running} of {wanted} running")
    if unsure := len(of(fleet.primary, "waiting")):
        round_.words.append(f"{unsure} of them do not count as healthy yet")
    if fleet.old:
        round_.words.append(f"{len(fleet.old)} of older deployments or on draining instances left")
    numbers = _Numbers(
        need=need,
        room=limits.ceiling - fleet.live,
        spare=healthy_primary + len(of(fleet.old, "waiting", "healthy")) - floor,
        spare_healthy=len(of(fleet.wanted, "healthy")) - limits.floor,
        healthy_primary=healthy_primary,
    )
    numbers.held_back = _held_back(round_, numbers)
    return numbers


def _held_back(round_: Round, numbers: _Numbers) -> str | None:
    """Why nothing is started; also finds `spots`, and says when there are fewer than are needed now."""
    primary = round_.service.primary
    if numbers.need <= 0:
        round_.tell_unplaced(None, round_.service.name)
        return None
    if primary.rollout_state == "FAILED":
        round_.tell_unplaced(None, round_.service.name)  # nothing asks for a place any more
        return f"the deployment has failed: {primary.rollout_state_reason.rstrip('.')}"
    unplaced = _find_spots(round_, numbers, primary)
    if unplaced is not None and not numbers.spots.found:
        return unplaced.text.removeprefix("Reason: ").rstrip(".")
    if primary.next_start_at is not None and round_.now < primary.next_start_at:
        round_.looks.append(primary.next_start_at)
        seconds = primary.next_start_at - round_.now
        return f"{primary.start_failures} launches in a row failed; the next is in {seconds:.0f} s"
    return None


def _find_spots(round_: Round, numbers: _Numbers, primary: Deployment) -> Unplaced | None:
    """As many as may start now. Says why there are not enough, as long as that is so."""
    if numbers.room <= 0:
        round_.tell_unplaced(None, round_.service.name)
        return None
    wanted = providers(round_.fleet.primary, primary, min(numbers.need, numbers.room))
    numbers.spots = round_.around.place(primary, wanted)
    unplaced = numbers.spots.unplaced
    round_.tell_unplaced(unplaced, round_.service.name)
    return unplaced


# --- stopping --------------------------------------------------------------------------------------------------------


def _stop_unhealthy(round_: Round, numbers: _Numbers) -> None:
    """Replacement first: an unhealthy task goes when a healthy one stands in for it. Only where maximumPercent
    leaves no room for the replacement, one goes before, and the next when that replacement has settled."""
    fleet = round_.fleet
    unhealthy = of(fleet.primary, "unhealthy")
    surplus = numbers.healthy_primary + len(unhealthy) - round_.service.desired_count
    count = min(len(unhealthy), max(0, surplus))
    unsettled = fleet.leaving or of(fleet.primary, "starting", "waiting")
    no_room = numbers.need > 0 and numbers.room <= 0
    if unhealthy and not count and no_room and not unsettled and not numbers.held_back:
        count = 1
    for member in unhealthy[:count]:
        round_.stop(member, member.why_unhealthy, "its health checks fail")


def _stop_old(round_: Round, numbers: _Numbers) -> None:
    """Old tasks go as far as the floor allows; those that serve nobody go first and freely."""
    old = round_.fleet.old
    for member in _stoppable(of(old, "starting")):
        round_.stop(member, round_.scaling_reason(), _why_old(round_, member))
    unhealthy = _stoppable(of(old, "unhealthy"))
    serving = numbers.healthy_primary + len(of(old, "waiting", "healthy", "unhealthy"))
    count = serving - round_.service.desired_count
    if not numbers.held_back:
        # Room that comes by what is leaving anyway is not made by stopping more.
        count = max(count, numbers.need - max(0, numbers.room) - round_.fleet.leaving - len(round_.stopping))
    for member in unhealthy[: max(0, count)]:
        round_.stop(member, round_.scaling_reason(), f"{_why_old(round_, member)}, and its health checks fail")
    if numbers.spare > 0:
        for member in _stoppable(of(old, "waiting", "healthy")):
            _stop_above_floor(round_, numbers, member, _why_old(round_, member))


def _why_old(round_: Round, member: Member) -> str:
    drained = member.task.container_instance_arn in round_.around.leaving
    return "its container instance is draining" if drained else "its deployment was replaced"


def _scale_in(round_: Round, numbers: _Numbers) -> None:
    service, fleet = round_.service, round_.fleet
    surplus = -numbers.need - sum(m.task.id in service.rebalancing for m in fleet.primary)
    good = of(fleet.primary, "starting", "waiting", "healthy")
    if surplus > 0:
        cause = f"{len(good)} are there, {service.desired_count} are desired"
        for member in _stoppable(good)[:surplus]:
            _stop_above_floor(round_, numbers, member, cause)
    protected = sum(m.protected and m.task.id not in round_.stopping for m in fleet.primary)
    if protected > service.desired_count:
        round_.tell(say.PROTECTED, say.scale_in_blocked(service.name, service.primary.id))
    else:
        round_.untell(say.PROTECTED)


def _stop_above_floor(round_: Round, numbers: _Numbers, member: Member, because: str) -> None:
    """Stops it unless that would take healthy tasks below minimumHealthyPercent."""
    counts = member.verdict == "healthy" or (member.verdict == "waiting" and member in round_.fleet.old)
    if counts:
        if numbers.spare <= 0 or (member.verdict == "healthy" and numbers.spare_healthy <= 0):
            return
        numbers.spare -= 1
        numbers.spare_healthy -= member.verdict == "healthy"
    round_.stop(member, round_.scaling_reason(), because)


def _stoppable(members: Iterable[Member]) -> list[Member]:
    return in_order_of_stopping([m for m in members if not m.protected])


# --- starting --------------------------------------------------------------------------------------------------------


def _start(round_: Round, numbers: _Numbers) -> None:
    spots = numbers.spots.found[: max(0, min(numbers.need, numbers.room))]
    count = len(spots)
    if numbers.held_back:
        round_.words.append(numbers.held_back)
        return
    if not spots:
        return
    service = round_.service
    unhealthy = len(of(round_.fleet.primary, "unhealthy"))
    task_ids = tuple(round_.ids.hex(32) for _ in range(count))
    good = service.desired_count - numbers.need
    because = f"{good} of {service.desired_count} are there and well"
    round_.actions.append(StartTasks(service.primary.id, task_ids, spots, because))
    round_.say(say.started(service.name, task_ids, min(count, unhealthy)))
    round_.words.append(f"starting {count}")


def providers(members: Iterable[Member], deployment: Deployment, count: int) -> tuple[str | None, ...]:
    """The capacity providers of the next tasks of a deployment that has these already; None with a launch type."""
    strategy = deployment.spec.get("capacityProviderStrategy")
    if not strategy:
        return (None,) * count
    running = Counter(m.task.capacity_provider for m in members if m.task.capacity_provider)
    return share_out(strategy, running, count)


def _say_blocked(round_: Round, numbers: _Numbers) -> None:
    """The percentages allow neither a start nor a stop."""
    fleet = round_.fleet
    unsettled = round_.moving or fleet.leaving or of(fleet.wanted, "starting", "waiting")
    if fleet.old and numbers.need > 0 and numbers.room <= 0 and not unsettled and not numbers.held_back:
        round_.tell(say.BLOCKED, say.deployment_blocked(round_.service.name))
        round_.words.append("minimumHealthyPercent and maximumPercent allow neither a start nor a stop")
    elif not fleet.old or round_.moving:
        round_.untell(say.BLOCKED)
