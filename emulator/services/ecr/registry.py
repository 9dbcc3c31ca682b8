"""The registry itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.wire.call import Call


def describe_registry(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Replication cannot be configured yet (PutReplicationConfiguration is refused), so there are no rules."""
    return {"registryId": call.account, "replicationConfiguration": {"rules": []}}
