"""Services on container instances, as their scheduler sees it: tasks go where there is room, and leave what drains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from emulator.domain.capacity.placement import Refusal
from emulator.domain.service_scheduler.service import Deployment
from emulator.domain.service_scheduler.service_placement import Spot, Spots, no_instances, unplaced
from emulator.domain.service_scheduler.service_tasks import in_order_of_stopping, muster
from tests.domain.instance_fleet import instance
from tests.domain.service_world import World, make_service

FULL = (
    "(service web) was unable to place a task because no container instance met all of its requirements. The closest "
    f"matching (container-instance {'0' * 32}) has insufficient CPU units available. For more information, see the "
    "Troubleshooting section of the Amazon ECS Developer Guide."
)


@dataclass
class Hosts:
    """Two instances with room for `room` tasks each."""

    world: World
    room: int = 2

    def place(self, deployment: Deployment, providers: Sequence[str | None]) -> Spots:
        left = {}
        for arn in ("one", "two"):
            here = [t for t in self.world.tasks.values() if t.container_instance_arn == arn and not t.stopped]
            left[arn] = 0 if arn in self.world.drained else self.room - len(here)
        found = []
        for _ in providers:
            best = max(left, key=lambda arn: (left[arn], arn == "one"))
            if left[best] <= 0:
                break
            left[best] -= 1
            found.append(Spot(None, best))
        short = len(found) < len(providers)
        return Spots(tuple(found), unplaced([Refusal(instance(), "RESOURCE:CPU")]) if short else None)


def world_on_instances(desired: int, *, minimum: int = 100, maximum: int = 200, room: int = 2) -> World:
    world = World(make_service(desired, minimum_healthy_percent=minimum, maximum_percent=maximum, launch_type="EC2"))
    primary = replace(world.service.primary, spec={"launchType": "EC2"})
    world.service = replace(world.service, deployments=[primary])
    world.place = Hosts(world, room).place
    return world


def hosts_of(world: World) -> list[str]:
    return sorted(t.container_instance_arn or "" for t in world.running())


def test_what_fits_starts_and_the_rest_says_why() -> None:
    world = world_on_instances(6)
    world.run_on(60)
    assert hosts_of(world) == ["one", "one", "two", "two"]
    assert world.messages().count(FULL) == 1
    assert any("has started 4 tasks" in message for message in world.messages())


def test_room_that_comes_is_used() -> None:
    world = world_on_instances(6)
    world.run_on(60)
    world.place = Hosts(world, room=3).place
    world.run_on(60)
    assert hosts_of(world) == ["one"] * 3 + ["two"] * 3
    assert world.messages().count(FULL) == 1


def test_another_lack_is_said_anew() -> None:
    world = world_on_instances(3)
    world.place = lambda deployment, providers: Spots((), no_instances())
    world.run_on(60)
    world.place = Hosts(world, room=1).place
    world.run_on(60)
    messages = [message for message in world.messages() if "unable to place" in message]
    assert len(messages) == 2
    assert FULL in messages
    world.place = Hosts(world, room=2).place
    world.run_on(60)
    assert not any(kind.startswith("unplaced") for kind in world.service.told)


def test_a_draining_instance_is_left_within_the_percentages() -> None:
    world = world_on_instances(2, room=4)
    world.run_on(60)
    assert hosts_of(world) == ["one", "two"]
    world.drained = {"one"}
    world.settle()
    # Replacement first, since all must stay healthy.
    assert hosts_of(world) == ["one", "two"]
    world.run_on(60)
    assert hosts_of(world) == ["two", "two"]
    assert sum("has stopped 1 running tasks" in message for message in world.messages()) == 1


def test_pending_tasks_of_a_draining_instance_stop_at_once() -> None:
    world = world_on_instances(2, room=4)
    world.settle()
    world.drained = {"one"}
    world.settle()
    stopping = [t.container_instance_arn for t in world.tasks.values() if t.desired_status == "STOPPED"]
    assert stopping == ["one"]


def test_with_half_allowed_to_stop_the_task_goes_first() -> None:
    world = world_on_instances(2, minimum=50, maximum=100, room=4)
    world.run_on(60)
    world.drained = {"one"}
    world.settle()
    stopping = [t.container_instance_arn for t in world.tasks.values() if t.desired_status == "STOPPED"]
    assert stopping == ["one"]
    world.run_on(60)
    assert hosts_of(world) == ["two", "two"]


def test_without_room_elsewhere_the_tasks_stay() -> None:
    world = world_on_instances(4)
    world.run_on(60)
    world.drained = {"one"}
    world.run_on(60)
    assert hosts_of(world) == ["one", "one", "two", "two"]
    assert FULL in world.messages()


def test_scaling_in_takes_from_the_fullest_instance() -> None:
    world = world_on_instances(4, room=4)
    world.run_on(60)
    one, *others = sorted(world.tasks.values(), key=lambda t: t.id)
    tasks = [replace(one, container_instance_arn="two"), *(replace(t, container_instance_arn="one") for t in others)]
    members = muster(world.service, tasks, world.now + 100).wanted
    order = [m.task.container_instance_arn for m in in_order_of_stopping(members)]
    assert order[:2] == ["one", "one"]


@pytest.mark.parametrize(
    ("reason", "text", "word"),
    [
        ("RESOURCE:CPU", "has insufficient CPU units available.", "RESOURCE:CPU"),
        ("RESOURCE:MEMORY", "has insufficient memory available.", "RESOURCE:MEMORY"),
        ("RESOURCE:PORTS", "is already using a port required by your task.", "RESOURCE:CONTAINER_INSTANCE"),
        ("ATTRIBUTE", "is missing an attribute required by your task.", "RESOURCE:CONTAINER_INSTANCE"),
        ("AGENT", 'encountered error "AGENT".', "RESOURCE:CONTAINER_INSTANCE"),
        (
            "DistinctInstance placement constraint unsatisfied.",
            'encountered error "DistinctInstance placement constraint unsatisfied.".',
            "RESOURCE:CONTAINER_INSTANCE",
        ),
    ],
)
def test_texts(reason: str, text: str, word: str) -> None:
    said = unplaced([Refusal(instance(1), "AGENT"), Refusal(instance(2), reason)])
    number = 1 if reason == "AGENT" else 2
    assert said.text == f"The closest matching (container-instance {number:032x}) {text}"
    assert said.reason == word
    assert no_instances().text == "Reason: No Container Instances were found in your cluster."
