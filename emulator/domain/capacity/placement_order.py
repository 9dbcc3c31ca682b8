"""The order in which placement strategies choose among hosts that can take a task. Pure.

Strategies decide one after the other: each divides the hosts into groups and takes the best, the next divides that
group. Every step costs the logarithm of the number of groups, so that no placement looks at all hosts. It does not
know what makes a host able to take a task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar

Pick = Callable[[int], int]


class Choosable(Protocol):
    """`index` is its place among the candidates, `of_group` how many tasks of the group stand on it."""

    index: int
    of_group: int
    cpu_left: int
    memory_left: int

    @property
    def attributes(self) -> Mapping[str, str | None]: ...


H = TypeVar("H", bound=Choosable)


class Order(Protocol[H]):
    """Hosts in order. A host is removed before it changes, then added again, or weighed when it takes no more."""

    def add(self, host: H) -> None: ...

    def remove(self, host: H) -> None: ...

    def weigh(self, host: H) -> None:
        """Its tasks count, but it is not to be chosen."""

    def first(self) -> H | None: ...


def order_for(strategies: Sequence[tuple[str, str]], pick: Pick) -> Order[H]:
    """`strategies`: (kind, field) in order. Where they see no difference, fewer tasks of the group decide."""
    if not strategies:
        return _Ranked(_tasks)
    (kind, name), rest = strategies[0], strategies[1:]
    if kind == "random":
        return _Random(pick)
    if kind == "spread":
        if name in ("instanceId", "host"):
            return _Grouped(_tasks, _rank_by_value, rest, pick) if rest else _Ranked(_tasks)
        attribute = name.partition(":")[2]
        return _Grouped(lambda host: host.attributes.get(attribute), _rank_by_tasks, rest, pick)
    left = _cpu_left if name == "cpu" else _memory_left
    return _Grouped(left, _rank_by_value, rest, pick) if rest else _Ranked(left)


def _cpu_left(host: Choosable) -> int:
    return host.cpu_left


def _memory_left(host: Choosable) -> int:
    return host.memory_left


def _tasks(host: Choosable) -> int:
    return host.of_group


class _Ranked(Generic[H]):
    """By a number, then by the order of the candidates."""

    def __init__(self, rank: Callable[[H], int]) -> None:
        self._rank = rank
        self._hosts: dict[int, tuple[int, H]] = {}
        self._heap: list[tuple[int, int]] = []

    def add(self, host: H) -> None:
        rank = self._rank(host)
        self._hosts[host.index] = (rank, host)
        heappush(self._heap, (rank, host.index))

    def remove(self, host: H) -> None:
        del self._hosts[host.index]

    def weigh(self, host: H) -> None:
        pass

    def first(self) -> H | None:
        while self._heap:
            rank, index = self._heap[0]
            held = self._hosts.get(index)
            if held is not None and held[0] == rank:
                return held[1]
            heappop(self._heap)
        return None


class _Random(Generic[H]):
    """Any of them; strategies after this one have nothing left to decide."""

    def __init__(self, pick: Pick) -> None:
        self._pick = pick
        self._hosts: list[H] = []
        self._places: dict[int, int] = {}

    def add(self, host: H) -> None:
        self._places[host.index] = len(self._hosts)
        self._hosts.append(host)

    def remove(self, host: H) -> None:
        place, last = self._places.pop(host.index), self._hosts.pop()
        if last.index != host.index:
            self._hosts[place] = last
            self._places[last.index] = place

    def weigh(self, host: H) -> None:
        pass

    def first(self) -> H | None:
        return self._hosts[self._pick(len(self._hosts))] if self._hosts else None


@dataclass(slots=True)
class _Group(Generic[H]):
    """`tasks` counts those of all its hosts, able or not; `able` the hosts that can take one more."""

    number: int  # in the order of appearance, which decides among equals
    inner: Order[H]
    tasks: int = 0
    able: int = 0


Value = str | int | None
Rank = Callable[[Value, int], int]


def _rank_by_tasks(value: Value, tasks: int) -> int:
    return tasks


def _rank_by_value(value: Value, tasks: int) -> int:
    return value if isinstance(value, int) else 0


class _Grouped(Generic[H]):
    """Groups of hosts with the same value, by rank; within a group, the next strategies."""

    def __init__(self, value: Callable[[H], Value], rank: Rank, rest: Sequence[tuple[str, str]], pick: Pick) -> None:
        self._value = value
        self._rank = rank
        self._rest = rest
        self._pick = pick
        self._groups: dict[Value, _Group[H]] = {}
        self._heap: list[tuple[int, int, Value]] = []

    def add(self, host: H) -> None:
        value, group = self._group(host)
        group.inner.add(host)
        group.able += 1
        group.tasks += host.of_group
        self._offer(value, group)

    def remove(self, host: H) -> None:
        value, group = self._group(host)
        group.inner.remove(host)
        group.able -= 1
        group.tasks -= host.of_group
        self._offer(value, group)

    def weigh(self, host: H) -> None:
        value, group = self._group(host)
        group.inner.weigh(host)
        group.tasks += host.of_group
        self._offer(value, group)

    def first(self) -> H | None:
        while self._heap:
            rank, _, value = self._heap[0]
            group = self._groups[value]
            if group.able and rank == self._rank(value, group.tasks):
                return group.inner.first()
            heappop(self._heap)
        return None

    def _group(self, host: H) -> tuple[Value, _Group[H]]:
        value = self._value(host)
        group = self._groups.get(value)
        if group is None:
            inner: Order[H] = order_for(self._rest, self._pick)
            group = self._groups[value] = _Group(len(self._groups), inner)
        return value, group

    def _offer(self, value: Value, group: _Group[H]) -> None:
        if group.able:
            heappush(self._heap, (self._rank(value, group.tasks), group.number, value))
