"""Systems Manager's rules for tags on parameters."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.domain.errors import AwsError
from emulator.domain.key_value_tags import TAG_LIMIT
from emulator.domain.secrets.parameter import ValidationException


class TooManyTagsError(AwsError):
    """More than 50 tags on one parameter."""


def checked_tags(current: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The tags after `given` were added. TooManyTagsError, ValidationException for the reserved prefix."""
    if any(key.lower().startswith("aws:") for key in given):
        raise ValidationException("Tag keys prefixed with aws: are reserved for AWS.")
    merged = {**current, **given}
    if len(merged) > TAG_LIMIT:
        raise TooManyTagsError(f"The parameter can have a maximum of {TAG_LIMIT} tags.")
    return merged
