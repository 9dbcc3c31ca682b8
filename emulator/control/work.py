"""Slow work: engine calls, off the loop's thread, a few at a time. It comes back through the loop.

Starts run four wide: more only adds latency (measured on Docker 20.10). Pulls have threads of their own, so that a
slow registry does not keep ready tasks from starting; so do stops and removals, and scans of images, of which two are
made at once, since each may hold a whole package database in memory. Within a lane, what brings a task to
its end that was begun goes ahead of what begins another: of many tasks the first then runs soon.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from threading import Condition, Lock, RLock, Thread
from typing import Literal, Protocol

_log = logging.getLogger("homeport.control")

Lane = Literal["start", "pull", "stop", "scan"]
LANES: dict[Lane, int] = {"start": 4, "pull": 4, "stop": 4, "scan": 2}


class Work(Protocol):
    """Where slow work is done."""

    def submit(self, lane: Lane, job: Callable[[], None], *, ahead: bool = False) -> None:
        """`ahead`: before all jobs that wait in the lane and were not submitted so."""
        ...

    def settle(self, timeout_s: float) -> bool:
        """Waits until no job is under way; whether that came true in time."""
        ...

    def close(self, grace_s: float = 0.0) -> bool:
        """No job begins any more. Waits so long for those in hand; whether they ended."""
        ...


class InlineWork:
    """Does each job at once, in the caller's thread: for tests on a standing clock."""

    def submit(self, lane: Lane, job: Callable[[], None], *, ahead: bool = False) -> None:
        job()

    def settle(self, timeout_s: float) -> bool:
        return True

    def close(self, grace_s: float = 0.0) -> bool:
        return True


class ThreadedWork:
    """A few threads per lane, each begun when there is more to do than threads that wait.

    They are daemons, which a ThreadPoolExecutor's are not: an engine may take half a minute to answer a call, or ten
    minutes for a pull, and Ctrl-C does not wait for it. What is cut off so is what a crash would have cut off; recovery
    sees to it.
    """

    def __init__(self) -> None:
        lock = RLock()
        self._lanes = {lane: _Waiting(Condition(lock)) for lane in LANES}
        self._changed = Condition(lock)
        self._under_way = 0
        self._closed = False

    def submit(self, lane: Lane, job: Callable[[], None], *, ahead: bool = False) -> None:
        with self._changed:
            if self._closed:
                return
            waiting = self._lanes[lane]
            (waiting.ahead if ahead else waiting.others).append(job)
            self._under_way += 1
            if waiting.idle < len(waiting) and waiting.threads < LANES[lane]:
                waiting.threads += 1
                name = f"homeport-{lane}-{waiting.threads}"
                Thread(target=self._run, args=(waiting,), name=name, daemon=True).start()
            else:
                waiting.changed.notify()

    def settle(self, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way == 0, timeout_s)

    def close(self, grace_s: float = 0.0) -> bool:
        with self._changed:
            self._closed = True
            for waiting in self._lanes.values():
                self._under_way -= waiting.forget()
                waiting.changed.notify_all()
            return self._changed.wait_for(lambda: self._under_way == 0, grace_s)

    def _run(self, waiting: _Waiting) -> None:
        while (job := self._next(waiting)) is not None:
            try:
                job()
            except Exception:  # noqa: BLE001 - the lane outlives every bug; the bug is in the log
                # After the end nobody waits for it, and what it would write to may be gone.
                _log.log(logging.DEBUG if self._closed else logging.ERROR, "a job failed", exc_info=True)
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _next(self, waiting: _Waiting) -> Callable[[], None] | None:
        """Waits for a job; None at the end."""
        with self._changed:
            waiting.idle += 1
            waiting.changed.wait_for(lambda: self._closed or len(waiting))
            waiting.idle -= 1
            return None if self._closed else (waiting.ahead or waiting.others).popleft()


class _Waiting:
    """The jobs of one lane that are not in hand, and its threads."""

    def __init__(self, changed: Condition) -> None:
        self.ahead: deque[Callable[[], None]] = deque()
        self.others: deque[Callable[[], None]] = deque()
        self.changed = changed
        self.threads = 0
        self.idle = 0

    def __len__(self) -> int:
        return len(self.ahead) + len(self.others)

    def forget(self) -> int:
        """How many there were."""
        count = len(self)
        self.ahead.clear()
        self.others.clear()
        return count


class OncePerKey:
    """Jobs of one lane, each by a key: a key that comes again while its job is in hand begins no second one."""

    def __init__(self, work: Work, lane: Lane) -> None:
        self._work = work
        self._lane = lane
        self._lock = Lock()
        self._in_hand: set[str] = set()

    def submit(self, key: str, job: Callable[[str], None]) -> None:
        with self._lock:
            if key in self._in_hand:
                return
            self._in_hand.add(key)
        self._work.submit(self._lane, lambda: self._do(key, job))

    def _do(self, key: str, job: Callable[[str], None]) -> None:
        try:
            job(key)
        finally:
            with self._lock:
                self._in_hand.discard(key)
