"""When the watch looks at a container, and when it need not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from emulator.clock import VirtualClock
from emulator.control.loop import ControlLoop
from emulator.control.observe import ContainerWatch
from emulator.engine import labels
from emulator.engine.base import ContainerSpec, EngineEvent
from emulator.engine.simulated.behaviour import Behaviour
from emulator.engine.simulated.engine import SimulatedEngine

TASK = "arn:aws:ecs:us-east-1:123456789012:task/c/1"


class Looks:
    """A watch on a simulated engine, and the containers that were looked at singly."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.engine = SimulatedEngine(self.clock, images={"app": Behaviour(runs_for_s=5)}, on_call=self._note)
        self.woken: list[tuple[str, str]] = []
        self.watch = ContainerWatch(self.engine, "i", self.woken.extend)
        self.events: Iterator[EngineEvent] = self.engine.events({})
        self.looked_at: list[str] = []

    def container(self) -> str:
        marks = {labels.INSTANCE: "i", labels.TASK: TASK}
        return self.engine.create_container(ContainerSpec(name="c", image="app", labels=marks))

    def take(self, number: int) -> list[str]:
        """The next events, by name; what was looked at for them."""
        names = []
        self.looked_at.clear()
        for _ in range(number):
            event = next(self.events)
            names.append(event.action)
            self.watch.take(event)
        return names

    def _note(self, when: Literal["before", "after"], call: str, arguments: tuple[object, ...]) -> None:
        if when == "before" and call == "inspect_container":
            self.looked_at.append(str(arguments[0]))


@pytest.fixture
def looks() -> Looks:
    return Looks()


def test_a_container_that_its_maker_looks_at_is_not_looked_at_again(looks: Looks) -> None:
    container = looks.container()
    with looks.watch.in_hand(container):
        looks.engine.start_container(container)
        assert looks.take(2) == ["create", "start"]
        assert looks.looked_at == []
        looks.watch.remember(container)
    state = looks.watch.state(container)
    assert state is not None
    assert state.status == "running"


def test_a_start_that_is_known_is_not_looked_at(looks: Looks) -> None:
    container = looks.container()
    looks.engine.start_container(container)
    looks.watch.remember(container)
    assert looks.take(2) == ["create", "start"]
    assert looks.looked_at == []
    assert looks.woken == []


def test_an_end_is_looked_at_at_once_even_of_one_in_hand(looks: Looks) -> None:
    container = looks.container()
    with looks.watch.in_hand(container):
        looks.engine.start_container(container)
        looks.clock.advance(5)
        assert looks.take(3) == ["create", "start", "die"]
        assert looks.looked_at == [container]
    assert looks.woken == [("task", TASK)]


def test_a_start_by_somebody_else_is_looked_at(looks: Looks) -> None:
    container = looks.container()
    looks.engine.start_container(container)
    assert looks.take(2) == ["create", "start"]
    assert looks.looked_at == [container]
    looks.clock.advance(5)
    assert looks.take(1) == ["die"]
    looks.engine.start_container(container)
    assert looks.take(1) == ["start"]
    assert looks.looked_at == [container]
    assert looks.woken == [("task", TASK)] * 3


def test_the_soonest_time_is_known_without_those_that_were_overtaken() -> None:
    clock = VirtualClock()
    loop = ControlLoop(clock)

    class Later:
        def reconcile(self, key: str) -> float:
            return clock.now() + float(key)

    loop.use({"k": Later()})
    loop.wake([("k", "10"), ("k", "20")])
    assert loop.tick() == 2
    assert loop.next_due() == clock.now() + 10
    loop.wake([("k", "20")])
    assert not loop.idle()
    assert loop.tick() == 1
    assert loop.idle()
    clock.advance(4)
    loop.wake([("k", "10")])
    assert loop.tick() == 1
    assert loop.next_due() == clock.now() + 10
