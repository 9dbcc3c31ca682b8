"""Which task definition a caller means: `family`, `family:revision`, or an ARN with or without revision.

It decides the form only; whether the revision exists is the caller's to find out. Source: ECS API model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import invalid_parameter, refused

_FAMILY: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_REVISION: Final = re.compile(r"[0-9]{1,9}")
_ARN: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):ecs:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):task-definition/(?P<rest>.*)"
)


@dataclass(frozen=True, slots=True)
class TaskDefinitionReference:
    """A task definition as named; `revision` None means the latest ACTIVE one.

    `partition`, `region` and `account` are set only when an ARN was given, so that a caller can see that an ARN
    of another account or region was meant.
    """

    family: str
    revision: int | None = None
    partition: str | None = None
    region: str | None = None
    account: str | None = None


def parse_reference(reference: str) -> TaskDefinitionReference:
    """Parse a `taskDefinition` argument.

    Raises ClientException for an empty or malformed family or ARN, InvalidParameterException for a revision that
    is not a positive number.
    """
    if not reference:
        raise refused(text.REFERENCE_EMPTY)
    if not reference.startswith("arn:"):
        return TaskDefinitionReference(*_family_and_revision(reference))
    match = _ARN.fullmatch(reference)
    if match is None:
        raise refused(text.ARN_SYNTAX)
    family, revision = _family_and_revision(match["rest"])
    return TaskDefinitionReference(family, revision, match["partition"], match["region"], match["account"])


def _family_and_revision(name: str) -> tuple[str, int | None]:
    family, colon, number = name.partition(":")
    if not _FAMILY.fullmatch(family):
        raise refused(text.FAMILY_CHARACTERS)
    if not colon:
        return family, None
    if not _REVISION.fullmatch(number) or int(number) < 1:
        raise invalid_parameter(text.REVISION_INVALID, number=number)
    return family, int(number)
