"""What EventBridge would be told: the journal's entries that AWS has as events, each whole, as a rule's target gets it.

Reads; nothing decides by it. Entries of kind `eventbridge` hold the whole event; those of state changes hold its
detail. Source: Amazon EventBridge user guide, "Events".
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from emulator.domain.tasks.task_event import iso
from emulator.events import instance_changes, task_changes
from emulator.store.database import Reader

_STATE_CHANGES: Final = (task_changes.STATE_CHANGE, instance_changes.STATE_CHANGE)
_KINDS: Final = (*_STATE_CHANGES, "eventbridge")
_TYPE: Final = "CASE kind WHEN 'eventbridge' THEN json_extract(detail, '$.\"detail-type\"') ELSE kind END"
_IDS: Final = uuid.UUID("6d8a1a0e-7c55-4e0e-9c0a-3f1d3c7b2a11")
"""An event has the same id whenever it is read: it is made of the entry's number and place."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`of`: a part of the resource's ARN, `kind`: of the detail-type, whatever its case; empty for all."""

    of: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    sequence: int
    whole: dict[str, Any]


def newest(reader: Reader, wanted: Wanted, count: int) -> list[Event]:
    """The last `count`, oldest first."""
    return _found(reader, wanted, "ORDER BY sequence DESC", 0, count)[::-1]


def later(reader: Reader, wanted: Wanted, after: int, count: int = 1000) -> list[Event]:
    """Those after a sequence number, oldest first."""
    return _found(reader, wanted, "ORDER BY sequence", after, count)


def _found(reader: Reader, wanted: Wanted, order: str, after: int, count: int) -> list[Event]:
    sql = (
        "SELECT sequence, at, account, region, kind, subject, detail FROM journal "
        f"WHERE sequence > ? AND kind IN ({', '.join('?' * len(_KINDS))}) "
        f"AND instr(subject, ?) > 0 AND instr(lower({_TYPE}), ?) > 0 {order} LIMIT ?"
    )
    values: list[object] = [after, *_KINDS, wanted.of, wanted.kind.lower(), count]
    return [Event(int(row[0]), _whole(*row)) for row in reader.execute(sql, values)]


def _whole(sequence: int, at: float, account: str, region: str, kind: str, subject: str, detail: str) -> dict[str, Any]:
    known: dict[str, Any] = msgspec.json.decode(detail)
    if kind not in _STATE_CHANGES:
        return known
    return {
        "version": "0",
        "id": str(uuid.uuid5(_IDS, f"{sequence} {at} {subject}")),
        "detail-type": kind,
        "source": "aws.ecs",
        "account": account,
        "time": f"{iso(at)[:-5]}Z",
        "region": region,
        "resources": [subject],
        "detail": known,
    }
