"""Availability Zone rebalancing: one more where there are fewest, then one fewer where there are most."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from emulator.domain.service_scheduler.reconciliation import Surroundings
from emulator.domain.service_scheduler.scheduler import Plan, reconcile
from emulator.domain.service_scheduler.service_placement import Spot
from emulator.domain.tasks.actions import StartTasks, StopTask
from tests.domain.service_world import World, make_service

A, B = "us-east-1a", "us-east-1b"


class Zoned(World):
    """A world of two zones; `put_in` says where a task stands."""

    def plan(self) -> Plan:
        primary = self.service.primary.service_deployment_id if self.service.deployments else ""
        around = Surroundings(
            rollout=self.history.get(primary), zones=(A, B), place_in=lambda deployment, zone: Spot(zone=zone)
        )
        return reconcile(self.service, list(self.tasks.values()), self.now, self.ids, around)

    def _add(self, task_id: str, deployment_id: str, spot: Spot) -> None:
        super()._add(task_id, deployment_id, spot)
        task = next(t for t in self.tasks.values() if t.id == task_id)
        self.put(replace(task, availability_zone=spot.zone or A))

    def zones(self) -> Counter[str | None]:
        return Counter(task.availability_zone for task in self.wanted())


def uneven(desired: int = 4, enabled: bool = True, **changes: Any) -> Zoned:
    """All tasks have come to stand in A, and the deployment is complete."""
    spec = {"availabilityZoneRebalancing": "ENABLED" if enabled else "DISABLED"}
    world = Zoned(make_service(desired, spec={"availabilityZoneRebalancing": "DISABLED"}, **changes))
    world.run_on(120)
    assert world.zones() == {A: desired}
    world.service = replace(world.service, spec=spec)
    return world


def test_it_moves_one_after_another_and_says_so() -> None:
    world = uneven()
    plan = world.look()
    [start] = plan.actions
    assert isinstance(start, StartTasks)
    assert start.because == "4 are in us-east-1a, 0 in us-east-1b"
    assert world.messages()[:2] == [
        "web has started 1 tasks in us-east-1b to AZ Rebalance: (task T).",
        "(service web) is not AZ balanced with 4 tasks in us-east-1a, 0 in us-east-1b. AZ Rebalancing in progress.",
    ]
    assert world.settle().actions == (), "the one beyond the desired count is not scaled in"
    world.run(world.starting()[0])
    world.advance(39)
    assert world.zones() == {A: 4, B: 1}
    plan = reconcile_at(world, 1)
    [stop] = [a for a in plan.actions if isinstance(a, StopTask)]
    assert stop.reason == "Availability-zone rebalancing initiated by (deployment ecs-svc/1)"
    assert world.tasks[stop.task_arn].availability_zone == A
    world.run_on(300)
    assert world.zones() == {A: 2, B: 2}
    assert world.service.rebalancing == []
    assert "(service web) is AZ balanced with 2 tasks in us-east-1a, 2 in us-east-1b." in world.messages()
    assert sum("due to AZ rebalancing" in message for message in world.messages()) == 2
    assert sum("is not AZ balanced" in message for message in world.messages()) == 1
    assert not any("running tasks: (task T)" in m for m in world.messages()), "each stop is told once"
    assert world.service.primary.rollout_state == "COMPLETED"
    names = [notice.said.name for notice in world.notices]
    assert "SERVICE_REBALANCING_STARTED" in names
    assert "SERVICE_REBALANCING_COMPLETED" in names


def reconcile_at(world: Zoned, seconds: float) -> Plan:
    world.now += seconds
    return world.look()


def test_one_apart_is_even() -> None:
    world = uneven(1)
    assert world.look().actions == ()


def test_disabled_or_without_room_nothing_moves() -> None:
    assert uneven(enabled=False).look().actions == ()
    assert uneven(maximum_percent=110).look().actions == ()


def test_a_newcomer_that_never_starts_costs_nothing() -> None:
    world = uneven(2)
    world.look()
    world.fail_launch(world.starting()[0])
    world.settle()
    assert world.zones() == {A: 2}
    assert world.plan().next_look is not None
    world.run_on(400)
    assert world.zones() == {A: 1, B: 1}


def test_protected_tasks_stay_where_they_are() -> None:
    world = uneven(2)
    for task in world.running():
        world.put(replace(task, protection_enabled=True))
    assert world.settle().actions == ()
    assert world.zones() == {A: 2}


def test_a_deployment_ends_it() -> None:
    world = uneven(2)
    world.look()
    world.roll()
    world.look()
    assert world.messages()[0] == "(service web) stopped AZ Rebalancing." or (
        "(service web) stopped AZ Rebalancing." in world.messages()
    )
    assert world.service.rebalancing == []
    world.run_on(300)
    assert world.service.primary.rollout_state == "COMPLETED"
    assert len(world.running()) == 2


def test_scaling_out_meanwhile_keeps_the_newcomer() -> None:
    world = uneven(2)
    world.look()
    world.scale(5)
    world.run_on(600)
    assert len(world.running()) == 5
    assert max(world.zones().values()) - min(world.zones().values()) <= 1
