"""Tags of namespaces and services, by ARN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.arn import parse_arn
from emulator.domain.discovery.errors import InvalidInput
from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.service import DiscoveryService
from emulator.domain.errors import ResourceNotFoundException
from emulator.domain.key_value_tags import as_list, without
from emulator.services.servicediscovery import finding
from emulator.store import discovery as store
from emulator.store.discovery_tables import DISCOVERY_SERVICES, NAMESPACES
from emulator.wire.call import Call

Request = Mapping[str, Any]


def tag_resource(call: Call, request: Request) -> None:
    found = _tagged(call, request["ResourceARN"])
    _put(call, found, finding.checked_tags(found.arn, found.tags, request["Tags"]))


def untag_resource(call: Call, request: Request) -> None:
    """Keys that are not there are no error."""
    found = _tagged(call, request["ResourceARN"])
    _put(call, found, without(found.tags, request["TagKeys"]))


def list_tags_for_resource(call: Call, request: Request) -> dict[str, Any]:
    return {"Tags": as_list(_tagged(call, request["ResourceARN"]).tags)}


def _tagged(call: Call, arn: str) -> Namespace | DiscoveryService:
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "servicediscovery" or parsed.kind not in ("namespace", "service"):
        raise InvalidInput(f"Invalid resource ARN: {arn}")
    found: Namespace | DiscoveryService | None
    if parsed.kind == "namespace":
        found = call.reader.get(
            NAMESPACES, call.account, call.region, store.id_in(arn, "namespace", call.account, call.region)
        )
    else:
        found = call.reader.get(
            DISCOVERY_SERVICES, call.account, call.region, store.id_in(arn, "service", call.account, call.region)
        )
    if found is None:
        raise ResourceNotFoundException(f"Resource not found: {arn}")
    return found


def _put(call: Call, found: Namespace | DiscoveryService, tags: dict[str, str]) -> None:
    if isinstance(found, Namespace):
        call.tx.put(NAMESPACES, replace(found, tags=tags))
    else:
        call.tx.put(DISCOVERY_SERVICES, replace(found, tags=tags))
