"""How long a group keeps its events. It acts at once on what is read; a timer deletes what has expired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import InvalidParameterException
from emulator.domain.logs.log_group import RETENTION_DAYS
from emulator.services.logs.lookup import group_named
from emulator.store.logs_tables import LOG_GROUPS
from emulator.wire.call import Call


def put_retention_policy(call: Call, request: Mapping[str, Any]) -> None:
    days = request["retentionInDays"]
    if days not in RETENTION_DAYS:
        raise InvalidParameterException(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(map(str, RETENTION_DAYS))}]"
        )
    group = group_named(call, call.tx, request["logGroupName"])
    call.tx.put(LOG_GROUPS, replace(group, retention_days=days))


def delete_retention_policy(call: Call, request: Mapping[str, Any]) -> None:
    group = group_named(call, call.tx, request["logGroupName"])
    call.tx.put(LOG_GROUPS, replace(group, retention_days=None))
