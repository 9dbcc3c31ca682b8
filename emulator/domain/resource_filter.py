"""The filters of EC2's Describe operations: a name, values with wildcards; any value of each filter must match. Pure.

Source: Amazon EC2 user guide, "List and filter your resources": `*` is any text, `?` one character, a backslash makes
them plain; matching knows upper from lower case.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

Values = Callable[[T], Iterable[str]]
"""What one filter compares: the values that a resource has under that name."""


class UnknownFilter(ValueError):
    """The operation has no filter of that name; the text is AWS's."""


def matching(
    items: Sequence[T],
    filters: Sequence[Mapping[str, Any]],
    known: Mapping[str, Values[T]],
    tags: Callable[[T], Mapping[str, str]],
) -> list[T]:
    """Those that every filter lets through. `tag:<key>`, `tag-key` and `tag-value` are known everywhere."""
    chosen = list(items)
    for given in filters:
        name, patterns = str(given.get("Name", "")), [_pattern(str(v)) for v in given.get("Values", ())]
        values = _values(name, known, tags)
        chosen = [item for item in chosen if any(p.fullmatch(v) for v in values(item) for p in patterns)]
    return chosen


def _values(name: str, known: Mapping[str, Values[T]], tags: Callable[[T], Mapping[str, str]]) -> Values[T]:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda item: [tags(item)[key]] if key in tags(item) else []
    if name == "tag-key":
        return lambda item: tags(item).keys()
    if name == "tag-value":
        return lambda item: tags(item).values()
    if name not in known:
        raise UnknownFilter(f"The filter '{name[:128]}' is invalid")
    return known[name]


@functools.lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    out, escaped = [], False
    for letter in text:
        if escaped or letter not in "*?\\":
            out.append(re.escape(letter))
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            out.append(".*" if letter == "*" else ".")
    return re.compile("".join(out), re.DOTALL)


def flag(value: bool) -> list[str]:
    """A boolean as filters write it."""
    return ["true" if value else "false"]
