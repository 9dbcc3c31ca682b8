"""What it takes to say that nothing is under way: one moment, not two looks one after the other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from emulator.control.plane import ControlPlane


def test_what_the_loop_began_between_two_looks_is_waited_for() -> None:
    """Work had ended when it was asked, the loop took its outcome and began the next, and then it was idle."""
    under_way = [False, True, True, False, False]
    asked: list[bool] = []

    def settle(_: float) -> bool:
        asked.append(under_way[min(len(asked), len(under_way) - 1)])
        return not asked[-1]

    plane: Any = ControlPlane.__new__(ControlPlane)
    plane._threaded = True
    plane.engines = SimpleNamespace(all=[SimpleNamespace(work=SimpleNamespace(settle=settle))])
    plane.loop = SimpleNamespace(idle=lambda: True)
    assert plane.settle(60)
    assert asked == [False, True, True, False, False]
