"""Malformed requests, made from the models' own constraints: members missing, types wrong, bounds passed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.model import OperationModel, Shape

Request = dict[str, Any]
Case = tuple[str, Request]

_WRONG: dict[str, tuple[Any, ...]] = {
    "structure": ("text", 1, True, [1]),
    "list": ("text", 1, True, {"a": 1}),
    "map": ("text", 1, True, [1]),
    "string": (1, True, [], {}, 1.5),
    "integer": ("text", True, [], {}, 1.5, 1 << 40),
    "long": ("text", True, [], {}, 1.5, 1 << 80),
    "float": ("text", True, [], {}),
    "double": ("text", True, [], {}),
    "boolean": ("text", 1, [], {}),
    "timestamp": (True, [], {}, "no date", 1e300),
    "blob": (1, True, [], {}, "no base64 !"),
}
ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "\x1b[31m",
    "é" * 10,
    "💥",
    "a" * 3000,
    "../../etc/passwd",
    "%s%n",
    "'; DROP TABLE x",
    "arn:aws:",
)


def minimal(shape: Shape, depth: int = 0) -> Any:
    """The smallest value that the shape takes, as far as the model tells."""
    match shape.type_name:
        case "structure":
            return {name: minimal(shape.members[name], depth + 1) for name in shape.required_members}
        case "list":
            return [minimal(shape.member, depth + 1)] * max(1, int(shape.metadata.get("min", 1)))
        case "map":
            return {"key": minimal(shape.value, depth + 1)}
        case "integer" | "long" | "float" | "double" | "timestamp":
            return int(shape.metadata.get("min", 1) or 1)
        case "boolean":
            return True
        case "blob":
            return "YQ=="
    choices = getattr(shape, "enum", None)
    return choices[0] if choices else "a" * max(1, int(shape.metadata.get("min", 1)))


def cases(operation: OperationModel) -> Iterator[Case]:
    """(what is wrong, the request) for one operation."""
    shape = operation.input_shape
    if shape is None:
        yield "unknown member", {"x": 1}
        return
    whole = minimal(shape)
    for name in shape.required_members:
        yield f"{name} missing", {k: v for k, v in whole.items() if k != name}
        yield f"{name} null", {**whole, name: None}
    for name, member in shape.members.items():
        for path, value in _broken(member, 0):
            yield f"{name}{path}", {**whole, name: value}
    yield "unknown member", {**whole, "noSuchMember": {"deep": [1]}}


def _broken(shape: Shape, depth: int) -> Iterator[tuple[str, Any]]:
    for wrong in _WRONG.get(shape.type_name, _WRONG["string"]):
        yield f" is {type(wrong).__name__}", wrong
    yield from _out_of_bounds(shape)
    if depth > 2:
        return
    if shape.type_name == "structure":
        whole = minimal(shape)
        for name in shape.required_members:
            yield f".{name} missing", {k: v for k, v in whole.items() if k != name}
        for name, member in shape.members.items():
            for path, value in _broken(member, depth + 1):
                yield f".{name}{path}", {**whole, name: value}
    elif shape.type_name == "list":
        for path, value in _broken(shape.member, depth + 1):
            yield f"[]{path}", [value]


def _out_of_bounds(shape: Shape) -> Iterator[tuple[str, Any]]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "string":
            for text in ODD_TEXTS:
                yield f" is {text[:12]!r}", text
            if isinstance(high, int) and high < 100_000:
                yield " too long", "a" * (high + 1)
            if getattr(shape, "enum", None):
                yield " no choice", "NO_SUCH_CHOICE"
        case "integer" | "long" | "float" | "double":
            for number in (-1, 0, 2**31 - 1):
                yield f" is {number}", number
            if low is not None:
                yield " too small", int(low) - 1
            if high is not None:
                yield " too large", int(high) + 1
        case "list":
            yield " empty", []
            if isinstance(high, int) and high < 1000:
                yield " too many", [minimal(shape.member)] * (high + 1)
        case "map":
            yield " empty", {}


BODIES = (
    b"", b" ", b"{", b"[]", b'"x"', b"null", b"1", b"\xff\xfe", b'{"a": NaN}', b'{"a":' * 5000, b"[" * 200_000,
    b'{"a": "\\ud800"}', b'{"clusterName": "\\ud800"}', b'{"a": 1e999}', b"{} trailing", b"\x00" * 100,
    b"Action=&&&===", b"{'single': 1}", b'{"a":1,"a":2}',
)  # fmt: skip
