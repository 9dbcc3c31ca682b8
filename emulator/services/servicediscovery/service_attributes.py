"""Attributes of a service: what its owner notes for those who discover it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.discovery.errors import InvalidInput, ServiceAttributesLimitExceededException
from emulator.domain.discovery.service import ATTRIBUTE_KEY, MOST_ATTRIBUTES
from emulator.domain.key_value_tags import without
from emulator.services.servicediscovery import finding
from emulator.store.discovery_tables import DISCOVERY_SERVICES
from emulator.wire.call import Call

Request = Mapping[str, Any]


def get_service_attributes(call: Call, request: Request) -> dict[str, Any]:
    found = finding.service(call, request["ServiceId"])
    return {
        "ServiceAttributes": {
            "ServiceArn": found.arn,
            "ResourceOwner": found.account,
            "Attributes": dict(found.attributes),
        }
    }


def update_service_attributes(call: Call, request: Request) -> None:
    found = finding.service(call, request["ServiceId"])
    for key in request["Attributes"]:
        if ATTRIBUTE_KEY.fullmatch(key) is None:
            raise InvalidInput(f"Invalid attribute key: {key}")
    merged = {**found.attributes, **request["Attributes"]}
    if len(merged) > MOST_ATTRIBUTES:
        raise ServiceAttributesLimitExceededException(f"A service can have at most {MOST_ATTRIBUTES} attributes")
    call.tx.put(DISCOVERY_SERVICES, replace(found, attributes=merged))


def delete_service_attributes(call: Call, request: Request) -> None:
    """Keys that are not there are no error."""
    found = finding.service(call, request["ServiceId"])
    call.tx.put(DISCOVERY_SERVICES, replace(found, attributes=without(found.attributes, request["Attributes"])))
