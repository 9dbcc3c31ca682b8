"""Parameters: put, describe, delete, label."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.key_value_tags import tags_of
from emulator.domain.secrets.parameter import (
    DEFAULT_KEY,
    Parameter,
    ParameterNotFound,
    ParameterVersion,
    ValidationException,
    arn_resource,
    attach_labels,
    check_data_type,
    check_name,
    check_new_version,
    reference,
    settled_tier,
    version_not_found,
    version_to_drop,
)
from emulator.domain.secrets.parameter_filter import Choose, InvalidFilterKey, chooser, old_chooser
from emulator.services.ssm.allowed_pattern import check_value
from emulator.services.ssm.shown import all_newest, metadata, scope_of, version_of
from emulator.services.ssm.tagging import checked_tags
from emulator.store.sealing import Sealer
from emulator.store.secret_values import find_parameter
from emulator.store.secrets_tables import PARAMETER_VERSIONS, PARAMETERS
from emulator.wire.call import Call


def put_parameter(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_unsupported(request)
    current = _parameter_to_write(call, request)
    value, pattern = request["Value"], request.get("AllowedPattern")
    check_value(value, pattern)
    data_type = request.get("DataType", "text")
    check_data_type(data_type)
    tier = settled_tier(request.get("Tier"), current.tier or None, len(value.encode()))
    _make_room(call, current)
    version = ParameterVersion(
        call.account,
        call.region,
        current.name,
        current.version + 1,
        current.type,
        _stored_value(call, current, value),
        tier,
        data_type,
        call.now,
        call.caller.arn,
        _key_id(call, request, current.type),
        request.get("Description"),
        pattern,
    )
    call.tx.insert(PARAMETER_VERSIONS, version)
    call.tx.put(PARAMETERS, replace(current, version=version.version, tier=tier))
    return {"Version": version.version, "Tier": tier}


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    if request.get("Policies") not in (None, "", "[]", "{}"):
        raise NotEmulatedYet("Policies of a parameter (expiration, notification) are not emulated yet.")


def _parameter_to_write(call: Call, request: Mapping[str, Any]) -> Parameter:
    """The existing parameter, or a new one at version 0 without a tier."""
    wanted = reference(request["Name"])
    existing = find_parameter(call.reader, scope_of(call), wanted)
    tags = request.get("Tags", ())
    if existing is not None:
        overwrite = bool(request.get("Overwrite"))
        check_new_version(existing, request.get("Type"), overwrite=overwrite, tagged=bool(tags))
        return existing
    check_name(wanted.name)
    if wanted.selector is not None:
        raise ValidationException("Parameter name can't contain a version or a label.")
    if "Type" not in request:
        raise ValidationException("A parameter type is required when you create a parameter.")
    arn = call.arn(arn_resource(wanted.name))
    tagged = checked_tags({}, tags_of(tags))
    return Parameter(call.account, call.region, wanted.name, arn, 0, request["Type"], "", tags=tagged)


def _stored_value(call: Call, parameter: Parameter, value: str) -> str:
    if parameter.type != "SecureString":
        return value
    return base64.b64encode(call.parts.get(Sealer).seal(value.encode(), parameter.arn)).decode()


def _key_id(call: Call, request: Mapping[str, Any], kind: str) -> str | None:
    key = request.get("KeyId")
    if kind != "SecureString":
        if key is not None:
            raise ValidationException("KeyId is only allowed for parameters of type SecureString.")
        return None
    if key is not None and key != DEFAULT_KEY:
        call.warn("KeyId is stored and shown; KMS is not emulated, values are encrypted with Homeport's own key.")
    return key or DEFAULT_KEY


def _make_room(call: Call, parameter: Parameter) -> None:
    numbers = call.reader.column(
        PARAMETER_VERSIONS, "version", account=parameter.account, region=parameter.region, name=parameter.name
    )
    if numbers:
        drop = version_to_drop(parameter, min(numbers), len(numbers))
        if drop is not None:
            call.tx.delete(PARAMETER_VERSIONS, parameter.account, parameter.region, parameter.name, drop)


def describe_parameters(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if request.get("Shared"):
        raise NotEmulatedYet("Parameters shared between accounts are not emulated yet.")
    choose = _chooser(request)
    found = [(parameter, version) for parameter, version in all_newest(call) if choose(parameter, version)]
    page = call.page(request, found, key=lambda pair: pair[0].name)
    shown = [{**metadata(parameter, version), "ARN": parameter.arn} for parameter, version in page.items]
    return {"Parameters": shown, "NextToken": page.next_token}


def _chooser(request: Mapping[str, Any]) -> Choose:
    old, new = request.get("Filters"), request.get("ParameterFilters")
    if old and new:
        raise ValidationException("You can use either Filters or ParameterFilters in a single request.")
    if any(given["Key"] == "Label" for given in new or ()):
        raise InvalidFilterKey(
            "The following filter key is not valid: Label. "
            "Valid filter keys include: [Path, Name, Type, KeyId, Tier, DataType, tag:<key>]."
        )
    return old_chooser(old) if old else chooser(new or ())


def delete_parameter(call: Call, request: Mapping[str, Any]) -> None:
    if not _delete(call, request["Name"]):
        raise ParameterNotFound("")


def delete_parameters(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    deleted = [name for name in request["Names"] if _delete(call, name)]
    return {
        "DeletedParameters": deleted,
        "InvalidParameters": [name for name in request["Names"] if name not in deleted],
    }


def _delete(call: Call, name: str) -> bool:
    wanted = reference(name)
    parameter = find_parameter(call.reader, scope_of(call), wanted)
    if parameter is None or wanted.selector is not None:
        return False
    where: dict[str, Any] = {"account": parameter.account, "region": parameter.region, "name": parameter.name}
    for number in call.reader.column(PARAMETER_VERSIONS, "version", **where):
        call.tx.delete(PARAMETER_VERSIONS, *where.values(), number)
    return call.tx.delete(PARAMETERS, *where.values())


def label_parameter_version(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    parameter = _named(call, request)
    number = request.get("ParameterVersion") or parameter.version
    _must_exist(call, parameter, number)
    labels, invalid = attach_labels(parameter, number, request["Labels"])
    call.tx.put(PARAMETERS, replace(parameter, labels=labels))
    return {"InvalidLabels": invalid, "ParameterVersion": number}


def unlabel_parameter_version(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    parameter, number = _named(call, request), request["ParameterVersion"]
    _must_exist(call, parameter, number)
    removed = [label for label in request["Labels"] if parameter.labels.get(label) == number]
    labels = {label: holder for label, holder in parameter.labels.items() if label not in removed}
    call.tx.put(PARAMETERS, replace(parameter, labels=labels))
    return {
        "RemovedLabels": removed,
        "InvalidLabels": [label for label in request["Labels"] if label not in removed],
    }


def _named(call: Call, request: Mapping[str, Any]) -> Parameter:
    parameter = find_parameter(call.reader, scope_of(call), reference(request["Name"]))
    if parameter is None:
        raise ParameterNotFound("")
    return parameter


def _must_exist(call: Call, parameter: Parameter, number: int) -> None:
    if version_of(call, parameter, number) is None:
        raise version_not_found(parameter.name, number)
