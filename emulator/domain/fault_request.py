"""How a fault is asked for: which members each kind takes, and what is wrong with the others. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.capacity.virtual_host import UnknownZone, zone_named
from emulator.domain.faults import KINDS, Fault, Kind
from emulator.domain.tasks.task_progress import SPOT_NOTICE_S

_TASKS: Final = ("task", "service", "family", "cluster")
_CONTAINERS: Final = (*_TASKS, "container", "image", "error", "delay")
_TAKES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "spot-interruption": ("task", "service", "cluster", "instance"),
    "pull": (*_CONTAINERS, "count", "duration"),
    "start": (*_CONTAINERS, "count", "duration"),
    "throttling": ("api", "operation", "rate", "count", "duration"),
    "agent-disconnect": ("instance", "duration"),
    "zone-loss": ("zone", "duration"),
    "engine-outage": ("duration",),
}
_NEEDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "spot-interruption": ("task", "service", "instance"),
    "pull": ("error", "delay"),
    "start": ("error", "delay"),
    "agent-disconnect": ("instance",),
    "zone-loss": ("zone",),
}
"""At least one of these."""
_WHOLE: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d[a-z]")
MAX_SECONDS: Final = 366 * 86400.0
MAX_TEXT: Final = 512
MAX_ERROR: Final = 900


class BadFault(ValueError):
    """What was asked for is no fault; the text says what is wrong."""


def fault_from(asked: Mapping[str, Any], *, id_: str, now: float, account: str, region: str) -> Fault:
    """`{"kind", "task"?, "service"?, ..., "error"?, "delay"?, "rate"?, "count"?, "duration"?}` as a record; delay and
    duration are in seconds, a zone may be said as `a` of the region. Raises BadFault."""
    kind = asked.get("kind")
    if kind not in KINDS:
        raise BadFault(f"kind is one of {', '.join(KINDS)}")
    given = {name: value for name, value in asked.items() if name != "kind" and value not in (None, "")}
    for name in given:
        if name not in _TAKES[kind]:
            raise BadFault(f"{kind} does not take {name}; it takes {', '.join(_TAKES[kind])}")
    needs = _NEEDS.get(kind, ())
    if needs and not any(name in given for name in needs):
        raise BadFault(f"{kind} needs {' or '.join(needs)}")
    if kind == "spot-interruption" and "instance" in given and len(given) > 1:
        raise BadFault("spot-interruption takes an instance, or tasks, but not both")
    numbers = ("delay", "rate", "count", "duration")
    texts: dict[str, Any] = {name: _text(name, value) for name, value in given.items() if name not in numbers}
    if "zone" in texts:
        texts["zone"] = _zone(texts["zone"], account, region)
    duration = _seconds("duration", given["duration"]) if "duration" in given else None
    if kind == "spot-interruption" and "instance" in given:
        duration = SPOT_NOTICE_S
    return Fault(
        id=id_,
        kind=kind,
        since=now,
        until=None if duration is None else now + duration,
        count=_count(given["count"]) if "count" in given else None,
        delay_s=_seconds("delay", given["delay"]) if "delay" in given else 0.0,
        rate=_rate(given["rate"]) if "rate" in given else 1.0,
        **texts,
    )


def _text(name: str, value: object) -> str:
    longest = MAX_ERROR if name == "error" else MAX_TEXT
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise BadFault(f"{name} is a text of at most {longest} printable characters")
    return value


def _zone(zone: str, account: str, region: str) -> str:
    """A zone's whole name names its region, too."""
    region = zone[:-1] if _WHOLE.fullmatch(zone) else region
    try:
        return zone_named(zone, region, account)
    except UnknownZone as error:
        raise BadFault(str(error)) from error


def _seconds(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_SECONDS:
        raise BadFault(f"{name} is a number of seconds, more than 0 and at most {MAX_SECONDS:g}")
    return float(value)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1_000_000:
        raise BadFault("count is a whole number from 1 to 1000000")
    return value


def _rate(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise BadFault("rate is the share of calls that are throttled: more than 0 and at most 1")
    return float(value)
