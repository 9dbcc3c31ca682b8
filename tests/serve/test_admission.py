"""Who makes room when there are as many connections as there may be."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from emulator.serving.admission import Admission


@dataclass(eq=False)
class Visitor:
    """A connection that leaves when it is woken."""

    admission: Admission
    idle: bool
    idle_since: float
    woken: threading.Event = field(default_factory=threading.Event)

    def wake(self) -> None:
        self.woken.set()
        self.admission.leave(self)

    def abort(self) -> None:
        self.wake()


@dataclass
class Gate:
    open: bool = True


def crowd(*idle_since: float | None) -> tuple[Admission, list[Visitor]]:
    """As many connections as there may be; None is one with a request running."""
    admission = Admission(limit=len(idle_since))
    visitors = [Visitor(admission, since is not None, since or 0.0) for since in idle_since]
    for visitor in visitors:
        admission.enter(visitor, threading.Thread())
    return admission, visitors


def test_the_longest_idle_one_goes() -> None:
    admission, visitors = crowd(30.0, None, 10.0, 20.0)
    assert admission.wait_for_room(Gate())
    assert [visitor.woken.is_set() for visitor in visitors] == [False, False, True, False]


def test_nobody_goes_while_there_is_room() -> None:
    admission, visitors = crowd(1.0, 2.0)
    admission.leave(visitors[0])
    assert admission.wait_for_room(Gate())
    assert not visitors[1].woken.is_set()


def test_a_running_request_is_waited_for() -> None:
    admission, visitors = crowd(None)
    result: list[bool] = []
    waiting = threading.Thread(target=lambda: result.append(admission.wait_for_room(Gate())))
    waiting.start()
    admission.leave(visitors[0])
    waiting.join(10)
    assert result == [True]
    assert not visitors[0].woken.is_set()


def test_a_closed_gate_lets_nobody_in() -> None:
    admission, _ = crowd(1.0)
    assert not admission.wait_for_room(Gate(open=False))
