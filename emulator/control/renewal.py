"""Brings what is outside up to what the records say, key by key: one renewal at a time, and another when something has
changed meanwhile. It knows neither what is renewed nor when that is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from emulator.clock import Clock
from emulator.control.loop import ControlLoop
from emulator.control.work import Work
from emulator.engine.base import EngineError

_log = logging.getLogger("homeport.control")

TRY_AGAIN_S = 5.0


class Renewal:
    """`renew(key)` runs in the engine work's start lane; what it raises as EngineError makes it run again later."""

    def __init__(self, kind: str, clock: Clock, loop: ControlLoop, work: Work, renew: Callable[[str], None]) -> None:
        self._kind = kind
        self._clock = clock
        self._loop = loop
        self._work = work
        self._renew = renew
        self._under_way: set[str] = set()
        self._again: set[str] = set()
        self._not_before: dict[str, float] = {}

    def reconcile(self, key: str) -> float | None:
        if key in self._under_way:
            self._again.add(key)
            return None
        not_before = self._not_before.pop(key, 0.0)
        if self._clock.now() < not_before:
            self._not_before[key] = not_before
            return not_before
        self._under_way.add(key)

        def job() -> None:
            later = True
            try:
                self._renew(key)
                later = False
            except EngineError as error:
                _log.warning("%s of %s are renewed again later: %s", self._kind, key, error)
            finally:
                self._loop.post(lambda: self._back(key, later))

        self._work.submit("start", job)
        return None

    def _back(self, key: str, later: bool) -> None:
        self._under_way.discard(key)
        if later:
            self._not_before[key] = self._clock.now() + TRY_AGAIN_S
        if later or key in self._again:
            self._again.discard(key)
            self._loop.wake([(self._kind, key)])
