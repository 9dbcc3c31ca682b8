"""What happened, append-only, written in the transaction of the change itself.

The console, `homeport explain` and later EventBridge read it; nothing decides by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from emulator.store.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind` is an event in the past tense ("task.started"), `subject` the ARN it is about."""

    sequence: int
    at: float
    account: str
    region: str
    kind: str
    subject: str
    detail: dict[str, Any]


def append(
    tx: Transaction,
    *,
    at: float,
    account: str,
    region: str,
    kind: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    tx.execute(
        "INSERT INTO journal (at, account, region, kind, subject, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (at, account, region, kind, subject, msgspec.json.encode(detail or {}).decode()),
    )


def entries(reader: Reader, *, subject: str | None = None, after: int = 0, limit: int = 1000) -> list[Entry]:
    """Oldest first, those after a sequence number."""
    sql = "SELECT sequence, at, account, region, kind, subject, detail FROM journal WHERE sequence > ?"
    values: list[object] = [after]
    if subject is not None:
        sql += " AND subject = ?"
        values.append(subject)
    sql += " ORDER BY sequence LIMIT ?"
    values.append(limit)
    return [_entry(row) for row in reader.execute(sql, values)]


def newest(reader: Reader, subject: str, limit: int, *, but_not: str) -> list[Entry]:
    """The newest about something, oldest first, without those of one kind."""
    sql = (
        "SELECT sequence, at, account, region, kind, subject, detail FROM journal WHERE subject = ? AND kind <> ? "
        "ORDER BY sequence DESC LIMIT ?"
    )
    return [_entry(row) for row in reader.execute(sql, (subject, but_not, limit))][::-1]


def last_sequence(reader: Reader) -> int:
    """0 when the journal is empty."""
    return int(next(iter(reader.execute("SELECT COALESCE(MAX(sequence), 0) FROM journal", ())))[0])


def forget(tx: Transaction, kept: int) -> int:
    """Deletes all but the newest `kept`; says how many."""
    return int(tx.execute("DELETE FROM journal WHERE sequence <= ?", (last_sequence(tx) - kept,)).rowcount)


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(row[0], row[1], row[2], row[3], row[4], row[5], msgspec.json.decode(row[6]))
