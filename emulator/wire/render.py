"""Checks an answer against its output shape and turns it into what a protocol writes, member by member.

An unknown or mistyped member is a bug of ours: WrongAnswer. Compiled once per shape.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import Shape


class WrongAnswer(Exception):
    """A function's answer does not fit the operation's output shape."""


Write = Callable[[Any, str], Any]


class JsonWriter:
    """Output values for JSON protocols: timestamps in seconds with milliseconds, blobs in base64."""

    def __init__(self) -> None:
        self._writers: dict[str, Write] = {}
        self._lock = threading.RLock()

    def writer(self, shape: Shape) -> Write:
        """One thread compiles at a time: what stands in for a shape under way is for its own members alone."""
        with self._lock:
            known = self._writers.get(shape.name)
            if known is None:
                self._writers[shape.name] = lambda value, path: self._writers[shape.name](value, path)
                known = self._writers[shape.name] = self._compile(shape)
            return known

    def _compile(self, shape: Shape) -> Write:
        match shape.type_name:
            case "structure":
                return self._structure(shape)
            case "list":
                return self._list(shape)
            case "map":
                return self._map(shape)
            case "timestamp":
                return _timestamp
            case "blob":
                return _blob
            case "string" | "character":
                return _of(str)
            case "integer" | "long":
                return _of(int)
            case "boolean":
                return _of(bool)
        return _number

    def _structure(self, shape: Shape) -> Write:
        if shape.metadata.get("document"):
            return lambda value, path: value
        writers = {
            name: (member.serialization.get("name", name), self.writer(member))
            for name, member in shape.members.items()
        }

        def write(value: Any, path: str) -> Any:
            if not isinstance(value, dict):
                raise WrongAnswer(f"{path}: {type(value).__name__} is no {shape.name}")
            result = {}
            for name, item in value.items():
                if item is None:
                    continue
                found = writers.get(name)
                if found is None:
                    raise WrongAnswer(f"{path}: {shape.name} has no member {name}")
                result[found[0]] = found[1](item, name)
            return result

        return write

    def _list(self, shape: Shape) -> Write:
        member = self.writer(shape.member)

        def write(value: Any, path: str) -> Any:
            if not isinstance(value, (list, tuple)):
                raise WrongAnswer(f"{path}: {type(value).__name__} is no list")
            return [member(item, path) for item in value]

        return write

    def _map(self, shape: Shape) -> Write:
        member = self.writer(shape.value)

        def write(value: Any, path: str) -> Any:
            if not isinstance(value, dict):
                raise WrongAnswer(f"{path}: {type(value).__name__} is no map")
            return {str(key): member(item, f"{path}.{key}") for key, item in value.items()}

        return write


def _of(kind: type) -> Write:
    def write(value: Any, path: str) -> Any:
        if type(value) is not kind:
            raise WrongAnswer(f"{path}: {value!r} is no {kind.__name__}")
        return value

    return write


def _number(value: Any, path: str) -> Any:
    if type(value) not in (int, float):
        raise WrongAnswer(f"{path}: {value!r} is no number")
    return value


def _timestamp(value: Any, path: str) -> Any:
    if type(value) not in (int, float):
        raise WrongAnswer(f"{path}: {value!r} is no time in seconds")
    return round(value, 3)


def _blob(value: Any, path: str) -> Any:
    if type(value) is not bytes:
        raise WrongAnswer(f"{path}: {type(value).__name__} is no bytes")
    return base64.b64encode(value).decode()
