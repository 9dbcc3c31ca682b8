"""After a restart the engine gives a container's recent output again: which of it is in the log stream already. Pure.

The engine times a line a little before or after we did when it came live, so time alone cannot tell, and lines may be
all alike, so text alone cannot either. What was stored last is looked for in the replay by its text, and where that
is found more than once the time decides. Output that comes in another order than it was stored in (stdout and stderr
do) is told apart by time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Event = tuple[int, str]
"""Milliseconds since the epoch, and the message."""

SEARCHED_MS = 2_000
"""How far past the newest stored event its like is looked for in the replay."""


class Replay:
    """Takes the replayed events as they come and gives out those that are new; holds them until that is known.

    `stored`: the newest events of the stream, oldest first, as far back as the replay begins (or the newest of those).
    New events are given no earlier time than the last stored one, so that their order stays.
    """

    def __init__(self, stored: Sequence[Event]) -> None:
        self._stored = list(stored)
        self._last_ms = stored[-1][0] if stored else 0
        self._held: list[Event] = []
        self._grew = True
        self.decided = not self._stored

    def feed(self, events: Iterable[Event]) -> list[Event]:
        """The events that are known to be new."""
        self._held += events
        self._grew = True
        if not self.decided and self._held:
            past_ms = self._held[-1][0] - self._last_ms
            if past_ms <= 0:
                return []
            found = overlap(self._stored, self._held)
            if past_ms <= SEARCHED_MS and (found is None or abs(found[1]) > past_ms):
                return []
        return self.flush()

    def flush_quiet(self) -> list[Event]:
        """Call it every second or so: decides when nothing came since the last call, for then no more is replayed."""
        if self._grew:
            self._grew = False
            return []
        return self.flush()

    def flush(self) -> list[Event]:
        """Decides by what came until now."""
        events, self._held = self._held, []
        if not self.decided:
            self.decided = bool(events)
            events = events[_stored_count(self._stored, events) :]
        return [(max(at, self._last_ms), text) for at, text in events]


def overlap(stored: Sequence[Event], replayed: Sequence[Event]) -> tuple[int, int] | None:
    """How many of the first `replayed` events are the last `stored` ones, and by how many ms the last of them differ.

    None when that is nowhere so. Of several answers the one that differs least in time.
    """
    last_ms, last_text = stored[-1]
    texts = [text for _, text in stored]
    ends = [(at - last_ms, end) for end, (at, text) in enumerate(replayed, 1) if text == last_text]
    for apart, end in sorted(ends, key=lambda found: abs(found[0])):
        count = min(end, len(texts))
        if texts[-count:] == [text for _, text in replayed[end - count : end]]:
            return end, apart
    return None


def _stored_count(stored: Sequence[Event], replayed: Sequence[Event]) -> int:
    found = overlap(stored, replayed)
    if found is not None:
        return found[0]
    return sum(at <= stored[-1][0] for at, _ in replayed)
