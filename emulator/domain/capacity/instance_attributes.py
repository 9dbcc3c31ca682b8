"""Attributes that users set on container instances: what they may be called and hold, and how many there may be. Pure.

Source: ECS API model (Attribute, PutAttributes). The wordings are unconfirmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.capacity.container_instance import (
    MAX_CUSTOM_ATTRIBUTES,
    ContainerInstance,
    InstanceAttribute,
    is_custom,
    with_attributes,
)
from emulator.domain.ecs_errors import AttributeLimitExceededException
from emulator.domain.errors import InvalidParameterException

MAX_IN_ONE_CALL: Final = 10
_NAME: Final = re.compile(r"[A-Za-z0-9_/\\.-]{1,128}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_.@/\\:-](?:[A-Za-z0-9_.@/\\: -]{0,126}[A-Za-z0-9_.@/\\:-])?")


def check_attributes(attributes: Iterable[Mapping[str, Any]]) -> list[InstanceAttribute]:
    """As domain values. InvalidParameterException for a name or a value that ECS does not take."""
    return [check_attribute(attribute) for attribute in attributes]


def check_attribute(attribute: Mapping[str, Any]) -> InstanceAttribute:
    name, value = str(attribute["name"]), attribute.get("value")
    if not _NAME.fullmatch(name):
        raise InvalidParameterException(
            f"Attribute name must be 1 to 128 letters, numbers, -, _, /, \\ or ., but was {name[:512]}"
        )
    if value is not None and not _VALUE.fullmatch(value):
        raise InvalidParameterException(
            "Attribute value must be 1 to 128 letters, numbers, -, _, ., @, /, \\, : or inner spaces, but was "
            f"{value[:512]}"
        )
    return InstanceAttribute(name, value)


def check_own(name: str) -> None:
    """Users set and delete only attributes of their own."""
    if not is_custom(name):
        raise InvalidParameterException(f"The attribute {name} is reserved for Amazon ECS.")


def with_custom(instance: ContainerInstance, added: Sequence[InstanceAttribute]) -> list[InstanceAttribute]:
    """The instance's attributes after PutAttributes. AttributeLimitExceededException for more than ten custom ones."""
    merged = with_attributes(instance.attributes, added)
    if sum(is_custom(attribute.name) for attribute in merged) > MAX_CUSTOM_ATTRIBUTES:
        raise AttributeLimitExceededException(
            f"At most {MAX_CUSTOM_ATTRIBUTES} custom attributes can be applied to {instance.arn}."
        )
    return merged
