"""What an operation did, for the journal: written in its own transaction, by whom it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.events import journal
from emulator.wire.call import Call


def note(call: Call, kind: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
    """`subject`: the ARN of what it is about."""
    journal.append(
        call.tx, at=call.now, account=call.account, region=call.region, kind=kind, subject=subject, detail=detail
    )
