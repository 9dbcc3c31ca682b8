"""A fault on demand as `/_emulator/faults` and `homeport fault list` show it. Pure."""

from __future__ import annotations

from typing import Any

from emulator.domain.fault_words import effect_words, target_words
from emulator.domain.faults import Fault, is_active


def fault_shape(fault: Fault, now: float) -> dict[str, Any]:
    """Times are epoch seconds. `until` None: until it is cleared; `state`: on, or over."""
    return {
        "id": fault.id,
        "kind": fault.kind,
        "state": "on" if is_active(fault, now) else "over",
        "because": fault.ended_because,
        "since": fault.since,
        "until": fault.until if fault.ended_at is None else fault.ended_at,
        "count": fault.count,
        "hits": target_words(fault),
        "does": effect_words(fault),
        "strikes": fault.strikes,
        "lastStruckAt": fault.last_struck_at,
        "struck": fault.hits,
    }
