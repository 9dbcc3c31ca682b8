"""What ECR takes as tags of a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.domain.errors import AwsError

MAXIMUM_TAGS = 50
_KEY_LENGTH, _VALUE_LENGTH = 128, 256


class InvalidTagParameterException(AwsError):
    """A key or value that ECR does not take."""


class TooManyTagsException(AwsError):
    """More than 50 on one repository."""


def checked_tags(present: Mapping[str, str], given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """`present` with `given` over it. Raises InvalidTagParameterException, TooManyTagsException."""
    merged = dict(present)
    for tag in given:
        key, value = tag["Key"], tag.get("Value", "")
        if not 1 <= len(key) <= _KEY_LENGTH or len(value) > _VALUE_LENGTH:
            raise InvalidTagParameterException(
                f"A tag key has 1 to {_KEY_LENGTH} characters, a value at most {_VALUE_LENGTH}"
            )
        if key.lower().startswith("aws:"):
            raise InvalidTagParameterException("Tag keys that begin with aws: are reserved")
        merged[key] = value
    if len(merged) > MAXIMUM_TAGS:
        raise TooManyTagsException(f"A repository can have at most {MAXIMUM_TAGS} tags")
    return merged
