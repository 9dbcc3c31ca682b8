"""`replace` of records does what the standard library's does."""

from __future__ import annotations

import dataclasses

import pytest

from emulator.domain import records
from emulator.domain.tasks.task import Container, Eni


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: str = "r"


def test_it_replaces_what_is_named_and_keeps_the_rest() -> None:
    for record, members in (
        (Pair(1), {"left": 2}),
        (Pair(1), {}),
        (Container("app", "1", "app:1", True, "PENDING"), {"last_status": "RUNNING", "started_at": 1.0}),
        (Eni("a", "eni-1", "s", "ATTACHED"), {"status": "DELETED"}),
    ):
        changed = records.replace(record, **members)
        assert changed == dataclasses.replace(record, **members)
        assert type(changed) is type(record)


def test_what_a_record_does_not_have_is_an_error() -> None:
    with pytest.raises(TypeError, match="Pair has no member middle"):
        records.replace(Pair(1), middle=2)
