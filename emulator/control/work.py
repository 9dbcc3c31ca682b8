"""Slow work: engine calls, off the loop's thread, a few at a time. It comes back through the loop.

Starts run four wide: more only adds latency (measured on Docker 20.10). Pulls have threads of their own, so that a
slow registry does not keep ready tasks from starting; so do stops and removals. Within a lane, what brings a task to
its end that was begun goes ahead of what begins another: of many tasks the first then runs soon.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import Literal, Protocol

_log = logging.getLogger("homeport.control")

Lane = Literal["start", "pull", "stop"]
LANES: dict[Lane, int] = {"start": 4, "pull": 4, "stop": 4}


class Work(Protocol):
    """Where slow work is done."""

    def submit(self, lane: Lane, job: Callable[[], None], *, ahead: bool = False) -> None:
        """`ahead`: before all jobs that wait in the lane and were not submitted so."""
        ...

    def settle(self, timeout_s: float) -> bool:
        """Waits until no job is under way; whether that came true in time."""
        ...

    def close(self) -> None: ...


class InlineWork:
    """Does each job at once, in the caller's thread: for tests on a standing clock."""

    def submit(self, lane: Lane, job: Callable[[], None], *, ahead: bool = False) -> None:
        job()

    def settle(self, timeout_s: float) -> bool:
        return True

    def close(self) -> None:
        return


class ThreadedWork:
    """A small pool per lane."""

    def __init__(self) -> None:
        self._pools = {
            lane: ThreadPoolExecutor(width, thread_name_prefix=f"homeport-{lane}") for lane, width in LANES.items()
        }
        self._waiting: dict[Lane, tuple[deque[Callable[[], None]], deque[Callable[[], None]]]] = {
            lane: (deque(), deque()) for lane in LANES
        }
        self._under_way = 0
        self._changed = Condition()

    def submit(self, lane: Lane, job: Callable[[], None], *, ahead: bool = False) -> None:
        with self._changed:
            self._under_way += 1
            self._waiting[lane][0 if ahead else 1].append(job)
        try:
            self._pools[lane].submit(self._do_next, lane).add_done_callback(self._ended)
        except RuntimeError:  # shutting down
            self._count_down()

    def settle(self, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way == 0, timeout_s)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _do_next(self, lane: Lane) -> None:
        """As many calls as jobs: each does the one that is first by then."""
        with self._changed:
            ahead, others = self._waiting[lane]
            job = (ahead or others).popleft()
        job()

    def _ended(self, future: Future[None]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            _log.error("a job failed", exc_info=error)
        self._count_down()

    def _count_down(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()
