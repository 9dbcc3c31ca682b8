"""Availability Zone rebalancing: a steady service whose tasks stand unevenly gets one more where there are fewest, and
once that is healthy, one fewer where there are most. Pure.

It acts for services with availabilityZoneRebalancing ENABLED, between deployments, and only where maximumPercent leaves
room for one task more. The task beyond the desired count is remembered in `Service.rebalancing`, so that rolling.py
does not scale it in. Source: AWS developer guide "Balancing an Amazon ECS service across Availability Zones".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.deployment import bounds
from emulator.domain.service_scheduler.reconciliation import Round
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_tasks import Member, in_order_of_stopping, of
from emulator.domain.tasks.actions import StartTasks


def even_out(round_: Round) -> None:
    service = round_.service
    if not service.rebalancing and say.REBALANCING not in round_.told and not _wanted(service):
        return
    if not _wanted(service) or len(round_.around.zones) < 2:
        _end(round_)
        return
    added = [m for m in round_.fleet.primary if m.task.id in service.rebalancing]
    counts = _counts(round_, round_.fleet.primary)
    if added:
        _make_way(round_, added, counts)
    else:
        round_.service = replace(service, rebalancing=[])
        _add(round_, counts)


def _wanted(service: Service) -> bool:
    """Not while a deployment is under way."""
    enabled = service.spec.get("availabilityZoneRebalancing") == "ENABLED" and service.maximum_percent > 100
    return enabled and service.primary.rollout_state == "COMPLETED" and len(service.deployments) == 1


def _counts(round_: Round, members: tuple[Member, ...]) -> Counter[str]:
    counts = Counter(dict.fromkeys(round_.around.zones, 0))
    counts.update(zone for m in members if (zone := m.task.availability_zone) is not None and zone in counts)
    return counts


def _add(round_: Round, counts: Counter[str]) -> None:
    """Begins, or says that zones are even again."""
    service, fleet = round_.service, round_.fleet
    fullest, emptiest = max(sorted(counts), key=lambda z: counts[z]), min(sorted(counts), key=lambda z: counts[z])
    if counts[fullest] - counts[emptiest] < 2:
        if say.REBALANCING in round_.told and len(fleet.primary) == service.desired_count and not round_.moving:
            round_.say(say.balanced(service.name, counts))
            round_.untell(say.REBALANCING)
        return
    healthy = len(of(fleet.primary, "healthy"))
    settled = healthy == service.desired_count == len(fleet.primary) == fleet.live and not round_.moving
    room = bounds(service.desired_count, 0, service.maximum_percent).ceiling > fleet.live
    if not settled or not room or not _leavers(fleet.primary, fullest):
        return
    if service.primary.next_start_at is not None and round_.now < service.primary.next_start_at:
        round_.looks.append(service.primary.next_start_at)
        return
    spot = round_.around.place_in(service.primary, emptiest)
    if spot is None:
        return
    if say.REBALANCING not in round_.told:
        round_.tell(say.REBALANCING, say.not_balanced(service.name, counts))
    task_id = round_.ids.hex(32)
    because = f"{counts[fullest]} are in {fullest}, {counts[emptiest]} in {emptiest}"
    round_.actions.append(StartTasks(service.primary.id, (task_id,), (spot,), because))
    round_.say(say.started_to_balance(service.name, emptiest, [task_id]))
    round_.service = replace(service, rebalancing=[task_id])
    round_.words.append(f"evening out zones: starting 1 in {emptiest}")


def _make_way(round_: Round, added: list[Member], counts: Counter[str]) -> None:
    """Its healthy newcomer takes the place of one in the fullest zone, unless something else went meanwhile."""
    service, fleet = round_.service, round_.fleet
    if len(fleet.primary) <= service.desired_count:
        round_.service = replace(service, rebalancing=[])
        return
    if not of(added, "healthy") or round_.moving:
        round_.words.append("evening out zones: waiting for the new task to be healthy")
        return
    fullest = max(sorted(counts), key=lambda z: counts[z])
    leavers = _leavers(fleet.primary, fullest)
    round_.service = replace(service, rebalancing=[])
    if not leavers:
        return
    leaver = leavers[0]
    reason = f"Availability-zone rebalancing initiated by (deployment {service.primary.id})"
    round_.stop(leaver, reason, f"{counts[fullest]} are in {fullest}", said=True)
    round_.say(say.stopped_to_balance(service.name, fullest, [leaver.task.id]))


def _leavers(members: tuple[Member, ...], zone: str) -> list[Member]:
    return in_order_of_stopping([m for m in members if m.task.availability_zone == zone and not m.protected])


def _end(round_: Round) -> None:
    """A deployment, or the user, ends it."""
    if round_.service.rebalancing or say.REBALANCING in round_.told:
        round_.say(say.rebalancing_stopped(round_.service.name))
    round_.untell(say.REBALANCING)
    round_.service = replace(round_.service, rebalancing=[])
