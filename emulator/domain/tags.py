"""Tags as ECS checks and merges them; other services that share these rules use it too.

It decides whether a list of tags is allowed and what a resource carries after TagResource. It does not know what
is tagged. Source of the rules: "Tag restrictions" of the AWS developer guides and the ECS API model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import invalid_parameter

MAX_TAGS: Final = 50
MAX_KEY_LENGTH: Final = 128
MAX_VALUE_LENGTH: Final = 256
RESERVED_PREFIX: Final = "aws:"
_PUNCTUATION: Final = frozenset("_.:/=+-@")


def validate_tags(tags: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Check user-supplied tags and return them as `[{"key": ..., "value": ...}]`, order kept.

    A tag without a value is echoed with an empty one. Raises InvalidParameterException for more than 50 tags,
    a repeated key, a key or value with the prefix `aws:` (any case), a bad length or a bad character.
    """
    checked: list[dict[str, str]] = []
    for tag in tags:
        key, value = str(tag.get("key") or ""), str(tag.get("value") or "")
        if is_reserved(key) or is_reserved(value):
            raise invalid_parameter(text.TAG_RESERVED)
        if not 1 <= len(key) <= MAX_KEY_LENGTH or not _allowed(key):
            raise invalid_parameter(text.TAG_KEY_INVALID)
        if len(value) > MAX_VALUE_LENGTH or not _allowed(value):
            raise invalid_parameter(text.TAG_VALUE_INVALID)
        checked.append({"key": key, "value": value})
    if len({tag["key"] for tag in checked}) != len(checked):
        raise invalid_parameter(text.TAG_TWICE)
    _check_count(checked)
    return checked


def merge_tags(current: Sequence[Mapping[str, Any]], added: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What a resource carries after TagResource: `added` replaces by key and appends, then the limit is checked.

    `current` may hold `aws:` tags, which AWS itself sets and which do not count against the limit of 50.
    """
    merged = {str(tag["key"]): str(tag.get("value") or "") for tag in current}
    for tag in validate_tags(added):
        merged[tag["key"]] = tag["value"]
    result = [{"key": key, "value": value} for key, value in merged.items()]
    _check_count(result)
    return result


def remove_tags(current: Sequence[Mapping[str, Any]], keys: Iterable[str]) -> list[dict[str, str]]:
    """What a resource carries after UntagResource; unknown keys are no error, `aws:` keys are refused."""
    gone = set(keys)
    if any(is_reserved(key) for key in gone):
        raise invalid_parameter(text.TAG_RESERVED)
    return [{"key": str(tag["key"]), "value": str(tag.get("value") or "")} for tag in current if tag["key"] not in gone]


def is_reserved(word: str) -> bool:
    """Whether a key or value begins with `aws:`, which only AWS may set."""
    return word[: len(RESERVED_PREFIX)].lower() == RESERVED_PREFIX


def _check_count(tags: Sequence[Mapping[str, str]]) -> None:
    if sum(not is_reserved(tag["key"]) for tag in tags) > MAX_TAGS:
        raise invalid_parameter(text.TAG_COUNT, limit=MAX_TAGS)


def _allowed(word: str) -> bool:
    # The model's pattern is [\p{L}\p{Z}\p{N}_.:/=+\-@]*; the standard library's `re` has no \p{...}.
    return all(letter in _PUNCTUATION or unicodedata.category(letter)[0] in "LZN" for letter in word)
