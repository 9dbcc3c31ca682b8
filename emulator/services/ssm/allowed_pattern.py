"""AllowedPattern: a regular expression that a parameter's value must match as a whole."""

from __future__ import annotations

import regex

from emulator.domain.secrets.parameter import InvalidAllowedPatternException, ParameterPatternMismatchException

_PATIENCE_S = 1.0


def check_value(value: str, pattern: str | None) -> None:
    """ParameterPatternMismatchException unless the value matches; a pattern that takes too long does not match."""
    if not pattern:
        return
    try:
        matched = regex.fullmatch(pattern, value, timeout=_PATIENCE_S)
    except regex.error as error:
        raise InvalidAllowedPatternException("The request doesn't meet the regular expression requirement.") from error
    except TimeoutError:
        matched = None
    if matched is None:
        raise ParameterPatternMismatchException(
            f"Parameter value, cannot be validated against allowedPattern: {pattern}"
        )
