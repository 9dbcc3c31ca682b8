"""Slow work in lanes: four at a time, and what finishes a task before what begins another."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emulator.control.work import LANES, ThreadedWork

DEADLINE_S = 10.0


def test_what_was_begun_goes_ahead_of_what_begins_another() -> None:
    work, done, taken = ThreadedWork(), [], threading.Semaphore(0)
    gates = [threading.Event() for _ in range(LANES["start"])]

    def hold(gate: threading.Event) -> Callable[[], None]:
        def job() -> None:
            taken.release()
            assert gate.wait(DEADLINE_S)

        return job

    def note(name: str) -> Callable[[], None]:
        return lambda: done.append(name)

    for gate in gates:
        work.submit("start", hold(gate))
        assert taken.acquire(timeout=DEADLINE_S)
    finished = threading.Event()
    work.submit("start", note("network of b"))
    work.submit("start", finished.set)
    work.submit("start", note("container of a"), ahead=True)
    gates[0].set()  # one thread alone takes what waits: the order is that in which it is done
    assert finished.wait(DEADLINE_S)
    assert done == ["container of a", "network of b"]
    for gate in gates:
        gate.set()
    assert work.settle(DEADLINE_S)
    work.close()


def test_a_job_that_fails_is_counted_as_ended() -> None:
    work = ThreadedWork()

    def fail() -> None:
        raise ValueError("a bug")

    work.submit("stop", fail)
    assert work.settle(DEADLINE_S)
    work.close()
