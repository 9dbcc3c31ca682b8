"""The grammar of ECR's lifecycle policies: a text becomes rules, or the reason why it is none. Pure.

Acting on the rules is another matter. Texts follow AWS's JSON-schema validator where it was observed; the checks
across rules are AWS's (ECR user guide, lifecycle policies), their words ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MAXIMUM_RULES: Final = 50
MAXIMUM_WILDCARDS: Final = 4
MINIMUM_ARCHIVED_DAYS: Final = 90

_RULE = {"rulePriority", "description", "selection", "action"}
_SELECTION = {"tagStatus", "tagPrefixList", "tagPatternList", "storageClass", "countType", "countUnit", "countNumber"}
_ACTION = {"type", "targetStorageClass"}
_TAG_STATUS = ("any", "tagged", "untagged")
_COUNT_TYPES = ("imageCountMoreThan", "sinceImagePulled", "sinceImagePushed", "sinceImageTransitioned")
_STORAGE = ("archive", "standard")
_NO_ALTERNATIVE = "instance failed to match exactly one schema (matched 0 out of 2)"


class InvalidPolicy(ValueError):
    """The text says what is wrong, as AWS's validator does."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`prefixes` and `patterns` are empty unless `tag_status` is tagged; `count_number` counts images or days."""

    priority: int
    tag_status: str
    count_type: str
    count_number: int
    action: str  # expire | transition
    prefixes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    storage_class: str = "standard"
    description: str = ""


def parse_policy(text: str) -> tuple[Rule, ...]:
    """The rules, lowest priority number first. Raises InvalidPolicy."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPolicy("Could not map policyString into LifecyclePolicy.") from error
    if not isinstance(document, dict):
        raise InvalidPolicy("Could not map policyString into LifecyclePolicy.")
    _members(document, {"rules"}, {"rules"})
    rules = _typed(document["rules"], list, "array")
    if not 1 <= len(rules) <= MAXIMUM_RULES:
        bound = f"(minimum: 1, maximum: {MAXIMUM_RULES}, found: {len(rules)})"
        raise InvalidPolicy(f"array has a number of elements that is not allowed {bound}")
    parsed = sorted((_rule(rule) for rule in rules), key=lambda r: r.priority)
    _check_together(parsed)
    return tuple(parsed)


def _rule(value: object) -> Rule:
    rule = _typed(value, dict, "object")
    _members(rule, _RULE, {"rulePriority", "selection", "action"})
    priority = _number(rule["rulePriority"])
    description = _typed(rule.get("description", ""), str, "string")
    selection = _typed(rule["selection"], dict, "object")
    _members(selection, _SELECTION, {"tagStatus", "countType", "countNumber"})
    action = _action(rule["action"])
    return _selected(selection, priority, description, action)


def _action(value: object) -> str:
    action = _typed(value, dict, "object")
    _members(action, _ACTION, {"type"})
    kind = _choice(action["type"], ("expire", "transition"))
    if "targetStorageClass" in action:
        _choice(action["targetStorageClass"], ("archive",))
    if (kind == "transition") != ("targetStorageClass" in action):
        raise InvalidPolicy(_NO_ALTERNATIVE)
    return kind


def _selected(selection: Mapping[str, Any], priority: int, description: str, action: str) -> Rule:
    status = _choice(selection["tagStatus"], _TAG_STATUS)
    count_type = _choice(selection["countType"], _COUNT_TYPES)
    storage = _choice(selection.get("storageClass", "standard"), _STORAGE)
    number = _number(selection["countNumber"])
    if "countUnit" in selection:
        _choice(selection["countUnit"], ("days",))
    by_days = count_type != "imageCountMoreThan"
    prefixes, patterns = _texts(selection, "tagPrefixList"), _texts(selection, "tagPatternList")
    lists = len({"tagPrefixList", "tagPatternList"} & selection.keys())
    in_archive = count_type == "sinceImageTransitioned"
    alternatives = (
        ("countUnit" in selection) == by_days,
        lists == 1 and bool(prefixes or patterns) if status == "tagged" else lists == 0,
        (storage == "archive") == in_archive,
        not in_archive or (action == "expire" and number >= MINIMUM_ARCHIVED_DAYS),
        count_type != "sinceImagePulled" or action == "transition",
        all(pattern.count("*") <= MAXIMUM_WILDCARDS for pattern in patterns),
    )
    if not all(alternatives):
        raise InvalidPolicy(_NO_ALTERNATIVE)
    return Rule(priority, status, count_type, number, action, prefixes, patterns, storage, description)


def _check_together(rules: Sequence[Rule]) -> None:
    """What rules may not be beside each other, per storage class."""
    priorities = [rule.priority for rule in rules]
    if len(set(priorities)) != len(priorities):
        raise InvalidPolicy("Every rule must have a unique rulePriority")
    for storage in _STORAGE:
        of_class = [rule for rule in rules if rule.storage_class == storage]
        anys = [rule for rule in of_class if rule.tag_status == "any"]
        if anys and (len(anys) > 1 or anys[0] is not of_class[-1]):
            raise InvalidPolicy("Only one rule can have tagStatus any, and it must have the highest rulePriority")
        if sum(rule.tag_status == "untagged" for rule in of_class) > 1:
            raise InvalidPolicy("Only one rule can select untagged images")
        prefixes = [prefix for rule in of_class for prefix in rule.prefixes]
        if len(set(prefixes)) != len(prefixes):
            raise InvalidPolicy("A tag prefix can only be used in one rule")


def _members(value: Mapping[str, Any], allowed: set[str], required: set[str]) -> None:
    unknown = sorted(value.keys() - allowed)
    if unknown:
        raise InvalidPolicy(f"object instance has properties which are not allowed by the schema: ({_list(unknown)})")
    missing = sorted(required - value.keys())
    if missing:
        raise InvalidPolicy(f"object has missing required properties ({_list(missing)})")


def _texts(selection: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if name not in selection:
        return ()
    return tuple(_typed(item, str, "string") for item in _typed(selection[name], list, "array"))


def _typed(value: object, kind: type, word: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidPolicy(
            f"instance type ({_type_word(value)}) does not match any allowed primitive type (allowed: {_list([word])})"
        )
    return value


def _number(value: object) -> int:
    number: int = _typed(value, int, "integer")
    if number < 1:
        raise InvalidPolicy(f"numeric instance is lower than the required minimum (minimum: 1, found: {number})")
    return number


def _choice(value: object, choices: tuple[str, ...]) -> str:
    text: str = _typed(value, str, "string")
    if text not in choices:
        raise InvalidPolicy(
            f"instance value ({json.dumps(text)}) not found in enum (possible values: {_list(choices)})"
        )
    return text


def _type_word(value: object) -> str:
    if value is None:
        return "null"
    words = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return words.get(type(value), "object")


def _list(words: Sequence[str]) -> str:
    return json.dumps(list(words), separators=(",", ":"))
