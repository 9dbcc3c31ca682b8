"""Tags that travel as `[{"Key": ..., "Value": ...}]`: merging, removing and listing them.

Kept in records as a dict in the order they were given. Each service has its own limit and its own words for
passing it, so those are not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TAG_LIMIT = 50
"""User tags on one resource, the same in Secrets Manager, Systems Manager, IAM and STS."""


def tags_of(given: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """The tags of a request; the last of several values for one key wins."""
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in given or ()}


def repeated_keys(given: Iterable[Mapping[str, Any]], *, fold_case: bool) -> list[str]:
    """Keys that stand more than once in a request."""
    seen: set[str] = set()
    repeated = []
    for tag in given:
        key = str(tag["Key"])
        folded = key.casefold() if fold_case else key
        if folded in seen:
            repeated.append(key)
        seen.add(folded)
    return repeated


def without(tags: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    gone = set(keys)
    return {key: value for key, value in tags.items() if key not in gone}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
