"""Looks that share a transaction: one commit for many, nothing done before it, and one that fails stops nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.clock import VirtualClock
from emulator.control.loop import FAILURE_DELAY_S, ControlLoop
from emulator.control.turn import MOST_LOOKS, Look, Turn
from emulator.domain.networks.security_group import GroupMember
from emulator.store.database import Database, DatabaseClosed
from emulator.store.ecs_tables import GROUP_MEMBERS
from tests.control.world import NETWORK, World, container


class Writers:
    """Writes a record for each key; `failing` ones raise once they have. What came after commits is in `done`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.failing: set[str] = set()
        self.failing_after: set[str] = set()
        self.quiet: set[str] = set()
        self.done: list[str] = []

    def look(self, turn: Turn, key: str) -> Look:
        if key not in self.quiet:
            turn.write().put(GROUP_MEMBERS, GroupMember("1", "r", "sg", key, "10.0.0.1"))
        if key in self.failing:
            raise ValueError("a bug")
        return Look(then=lambda: self._then(key))

    def _then(self, key: str) -> None:
        if key in self.failing_after:
            raise ValueError("a bug after the commit")
        assert key in self.quiet or key in self.written(), "it is done after the commit"
        self.done.append(key)

    def written(self) -> list[str]:
        with self.database.read() as reader:
            return list(reader.column(GROUP_MEMBERS, "task_arn"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "state.db", [GROUP_MEMBERS])
    yield made
    made.close()


@pytest.fixture
def writers(database: Database) -> Writers:
    return Writers(database)


@pytest.fixture
def loop(clock: VirtualClock, database: Database, writers: Writers) -> ControlLoop:
    made = ControlLoop(clock)
    made.use({}, {"k": writers}, lambda: Turn(database))
    return made


def counted(database: Database) -> list[int]:
    """Grows by one with each transaction."""
    write = database.write
    found: list[int] = []

    @contextmanager
    def counting() -> Iterator[Any]:
        with write() as tx:
            yield tx
        found.append(tx.changes)

    database.write = counting  # type: ignore[method-assign]
    return found


def keys(count: int) -> list[tuple[str, str]]:
    return [("k", f"{number:03}") for number in range(count)]


def test_many_looks_cost_one_commit(loop: ControlLoop, database: Database, writers: Writers) -> None:
    commits = counted(database)
    loop.wake(keys(MOST_LOOKS + 8))
    assert loop.tick() == MOST_LOOKS + 8
    assert commits == [MOST_LOOKS, 8]
    assert writers.done == [key for _, key in keys(MOST_LOOKS + 8)]


def test_what_changes_nothing_costs_none(loop: ControlLoop, database: Database, writers: Writers) -> None:
    writers.quiet = {key for _, key in keys(5)}
    commits = counted(database)
    loop.wake(keys(5))
    assert loop.tick() == 5
    assert commits == []
    assert len(writers.done) == 5


def test_one_that_fails_stops_nobody_else(
    loop: ControlLoop, database: Database, writers: Writers, clock: VirtualClock
) -> None:
    writers.failing = {"002"}
    loop.wake(keys(5))
    loop.tick()
    assert writers.written() == ["000", "001", "003", "004"]
    assert sorted(writers.done) == ["000", "001", "003", "004"]
    assert loop.next_due() == clock.now() + FAILURE_DELAY_S
    writers.failing = set()
    clock.advance(FAILURE_DELAY_S)
    loop.tick()
    assert writers.done[-1] == "002"
    assert loop.next_due() is None


def test_what_fails_after_the_commit_is_looked_at_again_and_written_once(
    loop: ControlLoop, database: Database, writers: Writers, clock: VirtualClock
) -> None:
    commits = counted(database)
    writers.failing_after = {"001"}
    loop.wake(keys(3))
    loop.tick()
    assert commits == [3]
    assert writers.done == ["000", "002"]
    writers.failing_after = set()
    clock.advance(FAILURE_DELAY_S)
    loop.tick()
    assert writers.done == ["000", "002", "001"]


def test_a_commit_that_fails_leaves_nothing_done(loop: ControlLoop, database: Database, writers: Writers) -> None:
    write = database.write
    broken = [True]

    @contextmanager
    def breaking() -> Iterator[Any]:
        with write() as tx:
            yield tx
            if broken[0]:
                raise OSError("the disk is full")

    database.write = breaking  # type: ignore[method-assign]
    loop.wake(keys(2))
    loop.tick()
    assert (writers.done, writers.written()) == ([], [])
    broken[0] = False
    loop.wake(keys(2))
    loop.tick()
    assert writers.done == ["000", "001"]


def test_at_the_end_nobody_complains(loop: ControlLoop, database: Database, writers: Writers) -> None:
    database.close()
    loop.wake(keys(2))
    loop.tick()
    assert writers.done == []
    with pytest.raises(DatabaseClosed), database.write():
        pass


def test_the_engine_is_never_asked_within_a_transaction(world: World) -> None:
    """Intentions are committed before anything is done about them."""
    database = world.emulator.database
    write = database.write
    opened = [0, 0]  # now, and in all

    @contextmanager
    def watched() -> Iterator[Any]:
        with write() as tx:
            opened[0] += 1
            opened[1] += 1
            try:
                yield tx
            finally:
                opened[0] -= 1

    def check(when: str, name: str, arguments: object) -> None:
        assert opened[0] == 0, name

    database.write = watched  # type: ignore[method-assign]
    world.image()
    world.define(container(), container("sidecar"))
    world.engine.on_call = check
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=10, launchType="FARGATE", networkConfiguration=NETWORK
    )
    before = opened[1]
    world.settle()
    assert world.ecs.describe_services(services=["web"])["services"][0]["runningCount"] == 10
    # Without turns each task would take a dozen: its rungs, and what its network and its images write.
    assert opened[1] - before <= 5 * 10
    world.ecs.delete_service(service="web", force=True)
    world.settle()
    assert world.containers() == []
