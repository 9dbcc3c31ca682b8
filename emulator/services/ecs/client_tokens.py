"""Client tokens of RunTask: the same token with the same request names the same tasks for 24 hours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulator.domain.ecs_errors import ConflictException
from emulator.domain.tasks.task import IdempotencyToken
from emulator.store.ecs_tables import TOKENS
from emulator.wire.call import Call

KEPT_S: Final = 86_400.0


def fingerprint(request: Mapping[str, Any], members: Sequence[str]) -> str:
    """What a request asked for, in few characters."""
    asked = {member: request.get(member) for member in members}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def earlier_result(call: Call, scope: str, token: str, asked: str) -> list[str] | None:
    """ARNs that the token already stands for; None when it is new or has expired.

    ConflictException, which names those ARNs, when it stood for another request.
    """
    kept = call.tx.get(TOKENS, call.account, call.region, call.operation, scope, token)
    if kept is None or call.now >= kept.at + KEPT_S:
        return None
    if kept.fingerprint != asked:
        raise ConflictException(
            "The provided clientToken is already in use with a different RunTask request.",
            {"resourceIds": kept.result},
        )
    return kept.result


def keep(call: Call, scope: str, token: str, asked: str, result: Sequence[str]) -> None:
    """Remembers what the token stands for, and forgets tokens that have expired (SDKs send a new one every time)."""
    call.tx.execute(f"DELETE FROM {TOKENS.name} WHERE at <= ?", (call.now - KEPT_S,))
    call.tx.put(
        TOKENS,
        IdempotencyToken(
            account=call.account,
            region=call.region,
            operation=call.operation,
            scope=scope,
            token=token,
            fingerprint=asked,
            result=list(result),
            at=call.now,
        ),
    )
