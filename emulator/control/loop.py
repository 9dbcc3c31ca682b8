"""The loop: a queue of keys, each with the time it is due. One thread decides, so never two workers on one key.

A controller looks at a key and says when to look again; commits and the engine's events merely make a key due.
Slow work runs elsewhere and comes back by `post`. Looks of kinds that are known as `together` share a turn, that is a
transaction. The loop knows no task and no service.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from emulator.clock import Clock
from emulator.control.turn import Look, Turn, TurnController
from emulator.store.database import CannotWrite, DatabaseClosed, Key

_log = logging.getLogger("homeport.control")

FAILURE_DELAY_S = 1.0
MAXIMUM_WAIT_S = 60.0


class Controller(Protocol):
    """Brings one kind of thing one step nearer to what is wanted."""

    def reconcile(self, key: str) -> float | None:
        """Looks at a key and does what is to be done now. The time of the next look; None: when woken."""
        ...


class ControlLoop:
    """`tick()` for tests and for advancing the clock; `run_forever()` in a thread of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._controllers: Mapping[str, Controller] = {}
        self._together: Mapping[str, TurnController] = {}
        self._new_turn: Callable[[], Turn] | None = None
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._counter = 0
        self._posted: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._busy = False
        self._failures: dict[Key, int] = {}

    def use(
        self,
        controllers: Mapping[str, Controller],
        together: Mapping[str, TurnController] | None = None,
        new_turn: Callable[[], Turn] | None = None,
    ) -> None:
        """`together`: those whose looks share a turn, which `new_turn` makes."""
        self._controllers = controllers
        self._together = together or {}
        self._new_turn = new_turn

    def wake(self, keys: Iterable[Key]) -> None:
        """Look at these keys now. Called after every commit, from any thread."""
        now = self._clock.now()
        with self._changed:
            for key in keys:
                self._schedule(key, now)
            self._changed.notify_all()

    def post(self, work: Callable[[], None]) -> None:
        """Runs `work` on the loop's thread before the next look: how slow work comes back."""
        with self._changed:
            self._posted.append(work)
            self._changed.notify_all()

    def next_due(self) -> float | None:
        """The earliest time anything wants a look."""
        with self._changed:
            return self._soonest()

    def idle(self) -> bool:
        """Nothing posted, nothing due, nothing in hand."""
        with self._changed:
            now = self._clock.now()
            soonest = self._soonest()
            return not self._busy and not self._posted and (soonest is None or soonest > now)

    def tick(self) -> int:
        """Does everything that is due now, and what that makes due; how many looks it took."""
        looks = 0
        while (step := self._take()) is not None:
            looks += self._do(*step)
        return looks

    def run_forever(self) -> None:
        """Until `stop()`."""
        while True:
            with self._changed:
                if self._stopping:
                    return
            if self.tick() == 0:
                self._wait()

    def stop(self) -> None:
        """What is in hand is done to its end, and nothing after it."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def kick(self) -> None:
        """The clock was moved: look at what is due anew."""
        with self._changed:
            self._changed.notify_all()

    def look_at_all(self) -> None:
        """The clock was put back: what was due at a time of before is due now."""
        with self._changed:
            keys = list(self._due)
        self.wake(keys)

    def _schedule(self, key: Key, when: float) -> None:
        known = self._due.get(key)
        if known is not None and known <= when:
            return
        self._due[key] = when
        self._counter += 1
        heapq.heappush(self._heap, (when, self._counter, key))

    def _soonest(self) -> float | None:
        """The earliest time that is still due. Entries that were overtaken by an earlier one leave the heap here, so
        that a loop with many keys does not go through them all between two looks."""
        while self._heap:
            when, _, key = self._heap[0]
            if self._due.get(key) == when:
                return when
            heapq.heappop(self._heap)
        return None

    def _take(self) -> tuple[Key | None, Callable[[], None] | None] | None:
        with self._changed:
            self._busy = False
            if self._stopping:
                return None
            if self._posted:
                self._busy = True
                return None, self._posted.popleft()
            now = self._clock.now()
            while self._heap and self._heap[0][0] <= now:
                when, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == when:
                    del self._due[key]
                    self._busy = True
                    return key, None
            return None

    def _take_another(self) -> Key | None:
        """The next key that is due, if it may share the turn under way. What was posted goes first."""
        with self._changed:
            if self._stopping or self._posted or self._soonest() is None:
                return None
            when, _, key = self._heap[0]
            if when > self._clock.now() or key[0] not in self._together:
                return None
            heapq.heappop(self._heap)
            del self._due[key]
            return key

    def _do(self, key: Key | None, work: Callable[[], None] | None) -> int:
        """How many looks it took; posted work counts as one."""
        if work is not None:
            try:
                work()
            except DatabaseClosed:
                pass  # we are at the end
            except Exception:  # noqa: BLE001 - the loop outlives every bug; the bug is in the log
                _log.exception("posted work failed")
            return 1
        assert key is not None
        if key[0] in self._together:
            return self._do_together(key)
        controller = self._controllers.get(key[0])
        if controller is None:
            _log.error("nobody controls %s", key)
            return 1
        self._end_of(key, lambda: controller.reconcile(key[1]))
        return 1

    def _do_together(self, first: Key) -> int:
        """One turn. If it fails, each of its keys has a turn of its own, so that one bug stops nobody else."""
        looks: dict[Key, Look | None] = {}
        try:
            self._one_turn(looks, first, alone=False)
        except DatabaseClosed:
            return len(looks)
        except Exception as error:  # noqa: BLE001 - said below, by the one that fails again
            _log.debug("a turn of %d looks failed: %r", len(looks), error)
            for key in looks:
                self._end_of(key, lambda key=key: self._alone(key))  # type: ignore[misc]
            return len(looks)
        for key, look in looks.items():
            assert look is not None
            self._end_of(key, lambda look=look: _finish(look))  # type: ignore[misc]
        return len(looks)

    def _alone(self, key: Key) -> float | None:
        looks: dict[Key, Look | None] = {}
        self._one_turn(looks, key, alone=True)
        look = looks[key]
        assert look is not None
        return _finish(look)

    def _one_turn(self, looks: dict[Key, Look | None], first: Key, *, alone: bool) -> None:
        """`looks` has every key that was taken, also when it raises."""
        assert self._new_turn is not None
        with self._new_turn() as turn:
            key: Key | None = first
            while key is not None:
                looks[key] = None
                looks[key] = self._together[key[0]].look(turn, key[1])
                key = self._take_another() if turn.looked() and not alone else None

    def _end_of(self, key: Key, look: Callable[[], float | None]) -> None:
        """Takes a look, or what is left of one, and says when the next is."""
        try:
            again = look()
            self._failures.pop(key, None)
        except DatabaseClosed:
            return
        except Exception as error:  # noqa: BLE001 - as above; the key is looked at again, ever more seldom
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            if isinstance(error, CannotWrite):
                _log.error("looking at %s came to nothing: %s", key, error)
            else:
                _log.exception("looking at %s failed", key)
            again = self._clock.now() + min(FAILURE_DELAY_S * 2 ** (failures - 1), MAXIMUM_WAIT_S)
        if again is not None:
            with self._changed:
                self._schedule(key, again)

    def _wait(self) -> None:
        with self._changed:
            if self._stopping or self._posted:
                return
            soonest = self._soonest()
            wait = MAXIMUM_WAIT_S if soonest is None else self._clock.real_seconds_until(soonest)
            if wait > 0:
                self._changed.wait(min(wait, MAXIMUM_WAIT_S))


def _finish(look: Look) -> float | None:
    """What comes after the commit; the time of the next look."""
    if look.then is not None:
        look.then()
    return look.again
