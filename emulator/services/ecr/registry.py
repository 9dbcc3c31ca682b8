"""The registry itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.ecr.members import shown_configuration
from emulator.store.ecr_tables import REPLICATION_CONFIGURATIONS
from emulator.wire.call import Call


def describe_registry(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Its id and where it replicates to."""
    configuration = call.reader.get(REPLICATION_CONFIGURATIONS, call.account, call.region)
    return {"registryId": call.account, "replicationConfiguration": shown_configuration(configuration)}
