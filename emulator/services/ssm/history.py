"""Former versions of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.secrets.parameter import ParameterNotFound, reference
from emulator.services.ssm.shown import past, scope_of
from emulator.store.secret_values import find_parameter
from emulator.store.secrets_tables import PARAMETER_VERSIONS
from emulator.wire.call import Call


def get_parameter_history(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    parameter = find_parameter(call.reader, scope_of(call), reference(request["Name"]))
    if parameter is None:
        raise ParameterNotFound("")
    versions = call.reader.find(
        PARAMETER_VERSIONS, account=parameter.account, region=parameter.region, name=parameter.name
    )
    page = call.page(request, versions, key=lambda version: f"{version.version:012d}")
    decrypt = bool(request.get("WithDecryption"))
    return {
        "Parameters": [past(call, parameter, version, decrypt=decrypt) for version in page.items],
        "NextToken": page.next_token,
    }
