"""Slow work in lanes: four at a time, and what finishes a task before what begins another."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emulator.control.work import LANES, ThreadedWork

DEADLINE_S = 60.0


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


def test_the_end_waits_a_little_for_what_is_in_hand_and_begins_nothing_more() -> None:
    work, done, begun, gate = ThreadedWork(), [], threading.Semaphore(0), threading.Event()

    def job() -> None:
        begun.release()
        assert gate.wait(DEADLINE_S)
        done.append("in hand")

    for _ in range(LANES["stop"]):
        work.submit("stop", job)
        assert begun.acquire(timeout=DEADLINE_S)
    work.submit("stop", lambda: done.append("waiting"))
    assert not work.close(0.0)
    work.submit("start", lambda: done.append("late"))
    gate.set()
    assert work.settle(DEADLINE_S)
    assert done == ["in hand"] * LANES["stop"]
    assert not [thread for thread in threading.enumerate() if not thread.daemon and "homeport" in thread.name]


def test_a_job_that_fails_is_counted_as_ended() -> None:
    work = ThreadedWork()

    def fail() -> None:
        raise ValueError("a bug")

    work.submit("stop", fail)
    assert work.settle(DEADLINE_S)
    work.close()
