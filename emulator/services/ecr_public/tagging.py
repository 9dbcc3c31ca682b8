"""What ECR Public takes as tags of a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.domain.errors import AwsError

_MAXIMUM = 50


class InvalidTagParameterException(AwsError):
    """A key or value that is not taken."""


class TooManyTagsException(AwsError):
    """More than 50 on one repository."""


def checked_tags(present: Mapping[str, str], given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """`present` with `given` over it. Raises InvalidTagParameterException, TooManyTagsException."""
    merged = dict(present)
    for tag in given:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise InvalidTagParameterException(
                "A tag key has 1 to 128 characters and does not begin with aws:, a value has at most 256"
            )
        merged[key] = value
    if len(merged) > _MAXIMUM:
        raise TooManyTagsException(f"A repository can have at most {_MAXIMUM} tags")
    return merged
