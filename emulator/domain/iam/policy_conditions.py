"""Whether the Condition of a statement holds for a request: operators, their qualifiers, absent keys.

It knows no key by name and no time of its own: all values stand in the request's context. Source: IAM user guide,
"IAM JSON policy elements: Condition operators" and "Set operators for multivalued context keys".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.iam.policy_matching import Variables, covers, covers_arn, resolved

Context = Mapping[str, tuple[str, ...]]
"""Condition keys in lower case, each with its values: none is absent, several only for keys that may have several."""

Test = Callable[[str, str, Variables], bool]
"""(the request's value, the policy's value, variables)"""

_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?", re.IGNORECASE)


class UnknownOperator(ValueError):
    """No operator of IAM's; policies are checked when they are written, so none should come here."""


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context, variables: Variables) -> bool:
    """All operators and all their keys must hold."""
    return all(
        _holds(operator, context.get(key.lower(), ()), _values(wanted), variables)
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def request_keys(region: str, now: float, address: str = "") -> dict[str, tuple[str, ...]]:
    """The global keys that describe a request; one that came through a unix socket has no `address`.

    Homeport itself is spoken to over plain HTTP on this host. Policies see what they would see at AWS, so
    aws:SecureTransport is true.
    """
    keys: dict[str, tuple[str, ...]] = {
        "aws:requestedregion": (region,),
        "aws:currenttime": (datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(now)),),
        "aws:securetransport": ("true",),
        "aws:viaawsservice": ("false",),
    }
    with suppress(ValueError):
        keys["aws:sourceip"] = (str(ipaddress.ip_address(address)),)
    return keys


def resource_tags(service: str, tags: Mapping[str, str]) -> Context:
    """aws:ResourceTag/key, and the service's own older name for it."""
    return {
        f"{prefix}:resourcetag/{key}".lower(): (value,) for key, value in tags.items() for prefix in ("aws", service)
    }


def _values(wanted: Any) -> list[str]:
    listed = wanted if isinstance(wanted, list) else [wanted]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]


def _holds(operator: str, actual: Sequence[str], wanted: Sequence[str], variables: Variables) -> bool:
    found = _OPERATOR.fullmatch(operator)
    if found is None:
        raise UnknownOperator(operator)
    quantifier, name, if_exists = (found[1] or "").lower(), found[2].lower(), found[3] is not None
    if name == "null":
        return any((value.lower() == "true") == (not actual) for value in wanted)
    negated = name in _NEGATED
    test = _TESTS.get(_NEGATED.get(name, name))
    if test is None:
        raise UnknownOperator(operator)
    if not actual:
        return quantifier == "forallvalues" or if_exists or (negated and not quantifier)

    def one(value: str) -> bool:
        return any(test(value, pattern, variables) for pattern in wanted) != negated

    # A negated operator without a set operator must hold for every value the key has.
    every = quantifier == "forallvalues" or (negated and not quantifier)
    return all(map(one, actual)) if every else any(map(one, actual))


def _equal(actual: str, wanted: str, variables: Variables) -> bool:
    return actual == resolved(wanted, variables)


def _equal_ignoring_case(actual: str, wanted: str, variables: Variables) -> bool:
    text = resolved(wanted, variables)
    return text is not None and actual.casefold() == text.casefold()


def _bool(actual: str, wanted: str, variables: Variables) -> bool:
    return actual.lower() == (resolved(wanted, variables) or "").lower()


def _binary(actual: str, wanted: str, variables: Variables) -> bool:
    try:
        return base64.b64decode(actual, validate=True) == base64.b64decode(wanted, validate=True)
    except (binascii.Error, ValueError):
        return False


def _ip(actual: str, wanted: str, variables: Variables) -> bool:
    """An address in a range of CIDR form; an address alone is a range of one."""
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(resolved(wanted, variables) or "", strict=False)
    except ValueError:
        return False


def _numeric(compare: Callable[[float, float], bool]) -> Test:
    return _ordered(float, compare)


def _date(compare: Callable[[float, float], bool]) -> Test:
    return _ordered(_seconds, compare)


def _ordered(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> Test:
    def test(actual: str, wanted: str, variables: Variables) -> bool:
        try:
            return compare(read(actual), read(resolved(wanted, variables) or ""))
        except ValueError:
            return False

    return test


def _seconds(text: str) -> float:
    """A time in ISO 8601, or in seconds since the epoch."""
    try:
        return float(text)
    except ValueError:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


_TESTS: Final[Mapping[str, Test]] = {
    "stringequals": _equal,
    "stringequalsignorecase": _equal_ignoring_case,
    "stringlike": lambda actual, wanted, variables: covers(wanted, actual, variables),
    "arnequals": lambda actual, wanted, variables: covers_arn(wanted, actual, variables),
    "arnlike": lambda actual, wanted, variables: covers_arn(wanted, actual, variables),
    "bool": _bool,
    "binaryequals": _binary,
    "ipaddress": _ip,
    "numericequals": _numeric(lambda a, b: a == b),
    "numericlessthan": _numeric(lambda a, b: a < b),
    "numericlessthanequals": _numeric(lambda a, b: a <= b),
    "numericgreaterthan": _numeric(lambda a, b: a > b),
    "numericgreaterthanequals": _numeric(lambda a, b: a >= b),
    "dateequals": _date(lambda a, b: a == b),
    "datelessthan": _date(lambda a, b: a < b),
    "datelessthanequals": _date(lambda a, b: a <= b),
    "dategreaterthan": _date(lambda a, b: a > b),
    "dategreaterthanequals": _date(lambda a, b: a >= b),
}
_NEGATED: Final[Mapping[str, str]] = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
