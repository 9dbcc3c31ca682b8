"""Reading parameters: one, several, all under a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.secrets.parameter import (
    ParameterNotFound,
    ParameterVersionNotFound,
    ValidationException,
    check_path,
    under,
)
from emulator.domain.secrets.parameter_filter import chooser
from emulator.domain.secrets.public_parameter import PREFIX, public_parameters
from emulator.services.ssm.shown import Found, all_newest, opened, version_of, with_value
from emulator.wire.call import Call

_PATH_FILTERS = ("Type", "KeyId", "Label")


def get_parameter(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"Parameter": opened(call, request["Name"], decrypt=bool(request.get("WithDecryption")))}


def get_parameters(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    decrypt = bool(request.get("WithDecryption"))
    found: list[dict[str, Any]] = []
    invalid: list[str] = []
    for name in dict.fromkeys(request["Names"]):
        try:
            found.append(opened(call, name, decrypt=decrypt))
        except (ParameterNotFound, ParameterVersionNotFound, ValidationException):
            invalid.append(name)
    return {"Parameters": found, "InvalidParameters": invalid}


def get_parameters_by_path(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """With a filter on Label the labelled versions are answered, otherwise the newest. AWS's public ones among them."""
    path, recursive = request["Path"], bool(request.get("Recursive"))
    check_path(path)
    filters = request.get("ParameterFilters", ())
    choose = chooser(filters, keys=_PATH_FILTERS)
    labels = [value for given in filters if given["Key"] == "Label" for value in given.get("Values", ())]
    found: list[Found] = []
    public = public_parameters(call.region) if path.startswith(PREFIX.rstrip("/")) else []
    for parameter, newest in (*all_newest(call), *public):
        if not under(parameter.name, path, recursive=recursive):
            continue
        labelled = [(label, parameter.labels[label]) for label in labels if label in parameter.labels]
        version = version_of(call, parameter, labelled[0][1]) if labelled else newest
        if version is not None and choose(parameter, version):
            found.append(Found(parameter, version, f":{labelled[0][0]}" if labelled else None))
    page = call.page(request, found, key=lambda item: item.parameter.name)
    decrypt = bool(request.get("WithDecryption"))
    return {
        "Parameters": [with_value(call, item, decrypt=decrypt) for item in page.items],
        "NextToken": page.next_token,
    }
