"""Parameters as Systems Manager answers them, and how its operations name and open them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.domain.errors import AwsError
from emulator.domain.secrets.parameter import (
    SECRETS_PREFIX,
    Parameter,
    ParameterNotFound,
    ParameterVersion,
    ValidationException,
    arn_resource,
    labels_of,
    reference,
)
from emulator.store.sealing import Sealer
from emulator.store.secret_values import Scope, parameter_value, read_parameter, read_secret
from emulator.store.secrets_tables import PARAMETER_VERSIONS, PARAMETERS
from emulator.wire.call import Call


@dataclass(frozen=True, slots=True)
class Found:
    parameter: Parameter
    version: ParameterVersion
    selector: str | None = None


def scope_of(call: Call) -> Scope:
    return Scope(call.account, call.region, call.now)


def opened(call: Call, name: str, *, decrypt: bool) -> dict[str, Any]:
    """The parameter that a request names, as GetParameter answers it. ParameterNotFound, ParameterVersionNotFound."""
    if name.startswith(SECRETS_PREFIX):
        return _secret(call, name, decrypt=decrypt)
    wanted = reference(name)
    parameter, version = read_parameter(call.reader, scope_of(call), wanted)
    return with_value(call, Found(parameter, version, wanted.selector), decrypt=decrypt)


def with_value(call: Call, found: Found, *, decrypt: bool) -> dict[str, Any]:
    parameter, version = found.parameter, found.version
    return {
        "Name": parameter.name,
        "Type": version.type,
        "Value": parameter_value(call.parts.get(Sealer), parameter, version, decrypt=decrypt),
        "Version": version.version,
        "Selector": found.selector,
        "LastModifiedDate": version.modified_at,
        "ARN": parameter.arn,
        "DataType": version.data_type,
    }


def metadata(parameter: Parameter, version: ParameterVersion) -> dict[str, Any]:
    """What DescribeParameters and GetParameterHistory both tell."""
    return {
        "Name": parameter.name,
        "Type": version.type,
        "KeyId": version.key_id,
        "LastModifiedDate": version.modified_at,
        "LastModifiedUser": version.modified_by,
        "Description": version.description,
        "AllowedPattern": version.allowed_pattern,
        "Version": version.version,
        "Tier": version.tier,
        "Policies": [],
        "DataType": version.data_type,
    }


def past(call: Call, parameter: Parameter, version: ParameterVersion, *, decrypt: bool) -> dict[str, Any]:
    return {
        **metadata(parameter, version),
        "Value": parameter_value(call.parts.get(Sealer), parameter, version, decrypt=decrypt),
        "Labels": labels_of(parameter, version.version),
    }


def all_newest(call: Call) -> list[tuple[Parameter, ParameterVersion]]:
    """Every parameter with its newest version, by name."""
    found = []
    for parameter in call.reader.find(PARAMETERS, account=call.account, region=call.region):
        version = version_of(call, parameter, parameter.version)
        assert version is not None
        found.append((parameter, version))
    return found


def version_of(call: Call, parameter: Parameter, number: int) -> ParameterVersion | None:
    return call.reader.get(PARAMETER_VERSIONS, parameter.account, parameter.region, parameter.name, number)


def _secret(call: Call, name: str, *, decrypt: bool) -> dict[str, Any]:
    """A secret of Secrets Manager read through Parameter Store; its version there is always 0."""
    if not decrypt:
        raise ValidationException("WithDecryption flag must be True for retrieving a Secret Manager secret.")
    secret_name, colon, selector = name.removeprefix(SECRETS_PREFIX).partition(":")
    try:
        value = _read_selected(call, secret_name, selector)
    except AwsError as error:
        raise ParameterNotFound(
            f"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {name} not found."
        ) from error
    source = {key: item for key, item in value.answer().items() if item is not None and key != "SecretBinary"}
    return {
        "Name": f"{SECRETS_PREFIX}{secret_name}",
        "Type": "SecureString",
        "Value": value.text or "",
        "Version": 0,
        "Selector": f":{selector}" if colon else None,
        "SourceResult": json.dumps(source),
        "LastModifiedDate": value.version.created_at,
        "ARN": call.arn(arn_resource(f"{SECRETS_PREFIX}{secret_name}")),
        "DataType": "text",
    }


def _read_selected(call: Call, secret_name: str, selector: str) -> Any:
    """By staging label or version id, whichever the selector is."""
    sealer, scope = call.parts.get(Sealer), scope_of(call)
    if len(selector) >= 32:
        return read_secret(call.reader, sealer, scope, secret_name, version_id=selector)
    return read_secret(call.reader, sealer, scope, secret_name, stage=selector or None)
