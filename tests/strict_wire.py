"""The wire is judged strictly: an answer with a member or type that botocore's model does not know fails the test."""

from __future__ import annotations

import json
from typing import Any

from botocore.model import ServiceModel, Shape

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float),
    "blob": (str,),
}
_DOCUMENTED = {"ServiceDeploymentLifecycleStage": ("PRE_PRODUCTION_TRAFFIC_SHIFT",)}
"""Values that a model's documentation names and its enum leaves out."""


def check_answer(model: ServiceModel, headers: dict[str, str], request: bytes, answer: bytes) -> None:
    """Checks a JSON answer member by member. (XML answers are written from the shape itself.)"""
    target = next((v for k, v in headers.items() if k.lower() == "x-amz-target"), None)
    if target is None:
        return
    operation = model.operation_model(target.partition(".")[2])
    body = json.loads(answer) if answer else {}
    if operation.output_shape is None:
        assert body == {}, f"{operation.name} answers nothing, got {body}"
        return
    check_value(operation.output_shape, body, operation.name)


def check_value(shape: Shape, value: Any, path: str) -> None:
    """Raises AssertionError naming the path of the first member that does not fit."""
    if shape.type_name == "structure":
        assert isinstance(value, dict), f"{path}: {value!r} is no structure"
        if shape.metadata.get("document"):
            return
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, item in value.items():
            assert name in names, f"{path}: unknown member {name}"
            assert item is not None, f"{path}.{name} is null"
            check_value(names[name], item, f"{path}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{path}: {value!r} is no list"
        for number, item in enumerate(value):
            check_value(shape.member, item, f"{path}[{number}]")
    elif shape.type_name == "map":
        assert isinstance(value, dict), f"{path}: {value!r} is no map"
        for name, item in value.items():
            check_value(shape.value, item, f"{path}.{name}")
    else:
        allowed = _TYPES[shape.type_name]
        wrong_bool = isinstance(value, bool) and bool not in allowed
        assert isinstance(value, allowed) and not wrong_bool, f"{path}: {value!r} is no {shape.type_name}"
        choices = getattr(shape, "enum", None)
        if choices and value not in _DOCUMENTED.get(shape.name, ()):
            assert value in choices, f"{path}: {value!r} is none of {choices}"
