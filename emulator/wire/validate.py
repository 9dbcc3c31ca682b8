"""Reads a request by its input shape: types, then every constraint that the model states.

A wrong *type* cannot be read at all and raises Mistyped at once, as AWS's deserialiser does. A broken *constraint*
is collected, so that one answer can name them all. Compiled once per shape into closures: this runs for every call.
"""

from __future__ import annotations

import base64
import binascii
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import regex

if TYPE_CHECKING:
    from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

Path = tuple[str, ...]


class Mistyped(Exception):
    """A value of a type that the member cannot hold; the text is the deserialiser's."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken constraint. `kind`: required, min_length, max_length, min, max, enum or pattern."""

    kind: str
    path: Path
    value: Any
    bound: Any
    sensitive: bool = False  # then no answer may show the value


@dataclass(slots=True)
class Findings:
    violations: list[Violation] = field(default_factory=list)
    unknown: list[Path] = field(default_factory=list)


Read = Callable[[Any, Path, Findings], Any]

_JSON_TOKENS = {str: "STRING_VALUE", bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}


def _refuse(value: Any, wanted: str) -> Mistyped:
    if isinstance(value, dict):
        return Mistyped("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return Mistyped("Start of list found where not expected.")
    token = "FALSE_VALUE" if value is False else _JSON_TOKENS.get(type(value), "VALUE")
    return Mistyped(f"{token} can not be converted to {wanted}")


class Compiler:
    """Turns shapes into readers; one per service model, so that recursive shapes meet themselves."""

    def __init__(self) -> None:
        self._readers: dict[str, Read] = {}
        self._lock = threading.RLock()

    def reader(self, shape: Shape) -> Read:
        """One thread compiles at a time: what stands in for a shape under way is for its own members alone."""
        with self._lock:
            known = self._readers.get(shape.name)
            if known is None:
                self._readers[shape.name] = lambda value, path, found: self._readers[shape.name](value, path, found)
                known = self._readers[shape.name] = self._compile(shape)
            return known

    def _compile(self, shape: Shape) -> Read:
        match shape.type_name:
            case "structure":
                return self._structure(shape)
            case "list":
                return self._list(shape)
            case "map":
                return self._map(shape)
            case "string" | "character":
                return _string(shape)
            case "integer" | "long":
                return _integer(shape, 31 if shape.type_name == "integer" else 63)
            case "float" | "double":
                return _float(shape)
            case "boolean":
                return _boolean
            case "timestamp":
                return _timestamp
            case "blob":
                return _blob(shape)
        raise NotImplementedError(f"shape type {shape.type_name}")

    def _structure(self, shape: StructureShape) -> Read:
        if shape.metadata.get("document"):
            return lambda value, path, found: value
        readers = {name: self.reader(member) for name, member in shape.members.items()}
        required = tuple(shape.required_members)

        def read(value: Any, path: Path, found: Findings) -> Any:
            if type(value) is not dict:
                raise (
                    Mistyped("Start of structure or map expected.")
                    if not isinstance(value, list)
                    else _refuse(value, "")
                )
            result = {}
            for name, item in value.items():
                if item is None:
                    continue
                reader = readers.get(name)
                if reader is None:
                    found.unknown.append((*path, name))
                else:
                    result[name] = reader(item, (*path, name), found)
            for name in required:
                if name not in result:
                    found.violations.append(Violation("required", (*path, name), None, None))
            return result

        return read

    def _list(self, shape: ListShape) -> Read:
        member = self.reader(shape.member)
        check = _length_check(shape)

        def read(value: Any, path: Path, found: Findings) -> Any:
            if type(value) is not list:
                raise _refuse(value, "a List") if not isinstance(value, dict) else _refuse(value, "")
            if check is not None:
                check(value, path, found)
            return [
                member(item, (*path, f"{number}", "member"), found)
                for number, item in enumerate(value, 1)
                if item is not None
            ]

        return read

    def _map(self, shape: MapShape) -> Read:
        key, member, check = self.reader(shape.key), self.reader(shape.value), _length_check(shape)

        def read(value: Any, path: Path, found: Findings) -> Any:
            if type(value) is not dict:
                raise _refuse(value, "a Map")
            if check is not None:
                check(value, path, found)
            return {
                key(name, (*path, "key"), found): member(item, (*path, name, "member"), found)
                for name, item in value.items()
                if item is not None
            }

        return read


def _length_check(shape: Shape) -> Callable[[Any, Path, Findings], None] | None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    secret = bool(shape.metadata.get("sensitive"))
    if low is None and high is None:
        return None

    def check(value: Any, path: Path, found: Findings) -> None:
        size = len(value)
        if low is not None and size < low:
            found.violations.append(Violation("min_length", path, value, low, secret))
        if high is not None and size > high:
            found.violations.append(Violation("max_length", path, value, high, secret))

    return check


def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """A model's pattern (Java's dialect) as Python's `regex` reads it; it must match the whole value.

    V1 knows Java's nested sets and intersections; the few patterns that only V0 reads fall back to it. Java writes a
    character beyond the first 65,536 as two halves.
    """
    pattern = _HALVES.sub(_whole, pattern)
    try:
        return regex.compile(rf"(?:{pattern})", regex.V1)
    except regex.error:
        return regex.compile(rf"(?:{pattern})", regex.V0)


_HALVES = regex.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def _whole(halves: regex.Match[str]) -> str:
    high, low = (int(half, 16) for half in halves.groups())
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"


def _string(shape: StringShape) -> Read:
    lengths = _length_check(shape)
    allowed = frozenset(shape.enum) if getattr(shape, "enum", None) else None
    choices = list(shape.enum) if allowed else []
    secret = bool(shape.metadata.get("sensitive"))
    text = shape.metadata.get("pattern")
    pattern = compile_pattern(text) if text else None

    def read(value: Any, path: Path, found: Findings) -> Any:
        if type(value) is not str:
            raise _refuse(value, "a String")
        if lengths is not None:
            lengths(value, path, found)
        if allowed is not None and value not in allowed:
            found.violations.append(Violation("enum", path, value, choices, secret))
        if pattern is not None and pattern.fullmatch(value, timeout=1.0) is None:
            found.violations.append(Violation("pattern", path, value, text, secret))
        return value

    return read


def _bounds(shape: Shape) -> Callable[[Any, Path, Findings], None]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")

    def check(value: Any, path: Path, found: Findings) -> None:
        if low is not None and value < low:
            found.violations.append(Violation("min", path, value, low))
        if high is not None and value > high:
            found.violations.append(Violation("max", path, value, high))

    return check


def _integer(shape: Shape, bits: int) -> Read:
    check = _bounds(shape)
    wanted = "an Integer" if bits == 31 else "a Long"

    def read(value: Any, path: Path, found: Findings) -> Any:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise _refuse(value, wanted)
        if not -(1 << bits) <= value < (1 << bits):
            raise Mistyped(f"Numeric value ({value}) out of range of {'int' if bits == 31 else 'long'}")
        check(value, path, found)
        return value

    return read


def _float(shape: Shape) -> Read:
    check = _bounds(shape)

    def read(value: Any, path: Path, found: Findings) -> Any:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise _refuse(value, "a Double")
        check(value, path, found)
        return float(value)

    return read


def _boolean(value: Any, path: Path, found: Findings) -> Any:
    if type(value) is not bool:
        raise _refuse(value, "a Boolean")
    return value


def _timestamp(value: Any, path: Path, found: Findings) -> Any:
    """Seconds since the epoch; a date in ISO 8601 is read too, as AWS does."""
    if type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e14:
        return float(value)
    if type(value) is str:
        try:
            when = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as error:
            raise Mistyped(f"Unable to parse date: {value[:64]}") from error
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    raise _refuse(value, "a Timestamp")


def _blob(shape: Shape) -> Read:
    check = _length_check(shape)

    def read(value: Any, path: Path, found: Findings) -> Any:
        if type(value) is bytes:
            data = value
        elif type(value) is str:
            try:
                data = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError) as error:
                raise Mistyped("Invalid base64 data") from error
        else:
            raise _refuse(value, "a Blob")
        if check is not None:
            check(data, path, found)
        return data

    return read
