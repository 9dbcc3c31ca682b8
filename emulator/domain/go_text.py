"""JSON values as text in the way Go's fmt prints them with %v, which is how ECS's agent fills environment variables.

Source: documentation of Go's packages fmt and encoding/json (every JSON number is a float64).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def go_text(value: Any) -> str:
    """Strings as they are, `true`, `5432`, `1e+21`, `<nil>`, `[a b]`, `map[a:1 b:2]`."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(float(value))
        case list():
            return f"[{' '.join(go_text(item) for item in value)}]"
        case dict():
            return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    return str(value)


def _number(value: float) -> str:
    """The shortest digits that read back the same; with an exponent below 1e-4 and from 1e21."""
    shortest = Decimal(repr(value))
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        text = f"{shortest:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits = "".join(str(digit) for digit in shortest.as_tuple().digits).rstrip("0")
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    exponent = shortest.adjusted()
    return f"{'-' if value < 0 else ''}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
