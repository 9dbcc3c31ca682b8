"""An engine that can be made to answer nothing: every call goes through, or fails as when no engine is there.

Who wants the outage is not known here. What containers write is still read, since that comes by connections of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from emulator.engine.base import Engine, EngineEvent
from emulator.engine.errors import EngineUnavailable

Outage = Callable[[], str | None]
"""Why the engine answers nothing at the moment; None while it does."""
_PARTS: Final = frozenset({"groups"})
"""Attributes of an engine that have calls of their own."""


def with_outages(engine: Engine, outage: Outage) -> Engine:
    """The engine as everybody but its owner is to see it. `close` always goes through."""
    return cast(Engine, _Gate(engine, outage))


class _Gate:
    """Passes every call of `behind` on while there is no outage."""

    def __init__(self, behind: object, outage: Outage) -> None:
        self._behind = behind
        self._outage = outage

    def __getattr__(self, name: str) -> Any:
        """Asked once for each name: what is found is kept."""
        found = getattr(self._behind, name)
        if name in _PARTS:
            kept: Any = _Gate(found, self._outage)
        elif name == "events":
            kept = self._events
        else:
            kept = found if name == "close" or not callable(found) else self._gated(name)
        self.__dict__[name] = kept
        return kept

    def _gated(self, name: str) -> Callable[..., Any]:
        def through(*arguments: Any, **named: Any) -> Any:
            if (why := self._outage()) is not None:
                raise EngineUnavailable(why)
            return getattr(self._behind, name)(*arguments, **named)

        return through

    def _events(self, labels: Mapping[str, str]) -> Iterator[EngineEvent]:
        """What happens during an outage nobody is told; the whole look after it shows it."""
        events = cast(Engine, self._behind).events(labels)
        return (event for event in events if self._outage() is None)
