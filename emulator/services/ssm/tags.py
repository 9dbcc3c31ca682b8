"""Tags of Systems Manager's resources. Of these only parameters are emulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import AwsError, NotEmulatedYet
from emulator.domain.key_value_tags import as_list, tags_of, without
from emulator.domain.secrets.parameter import Parameter, reference
from emulator.services.ssm.shown import scope_of
from emulator.services.ssm.tagging import checked_tags
from emulator.store.secret_values import find_parameter
from emulator.store.secrets_tables import PARAMETERS
from emulator.wire.call import Call


class InvalidResourceId(AwsError):
    """There is no such parameter."""


def add_tags_to_resource(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    parameter = _tagged(call, request)
    call.tx.put(PARAMETERS, replace(parameter, tags=checked_tags(parameter.tags, tags_of(request["Tags"]))))
    return {}


def remove_tags_from_resource(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    parameter = _tagged(call, request)
    call.tx.put(PARAMETERS, replace(parameter, tags=without(parameter.tags, request["TagKeys"])))
    return {}


def list_tags_for_resource(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"TagList": as_list(_tagged(call, request).tags)}


def _tagged(call: Call, request: Mapping[str, Any]) -> Parameter:
    if request["ResourceType"] != "Parameter":
        raise NotEmulatedYet(f"Systems Manager resources of type {request['ResourceType']} are not emulated yet.")
    parameter = find_parameter(call.reader, scope_of(call), reference(request["ResourceId"]))
    if parameter is None:
        raise InvalidResourceId(
            f"The resource ID {request['ResourceId']} is not valid. "
            "Verify that you entered the correct ID and try again."
        )
    return parameter
