"""Whether a role's trust policy lets a principal assume it. Used where the emulator is strict about identities.

Only sts:AssumeRole by AWS principals and services, and conditions on what the request itself says, are decided here;
a condition on anything else is refused as not emulated, never guessed. Source: IAM user guide, "AWS JSON policy
elements: Principal" and "IAM policy evaluation logic" (an explicit Deny wins).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.policy_document import statements, texts_of

_ACTION = "sts:AssumeRole"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who wants the role. `arns` are all names of the principal (a session's, and its role's); `context` holds the
    condition keys that the request fills, in lower case."""

    account: str
    arns: tuple[str, ...] = ()
    service: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)


def trusts(document: str, asking: Asking) -> bool:
    """NotEmulatedYet when the answer hangs on a condition that is not known here."""
    allowed = False
    for statement in statements(document):
        if not _names(statement, asking) or not _acts(statement) or not _conditions_hold(statement, asking):
            continue
        if statement["Effect"] == "Deny":
            return False
        allowed = True
    return allowed


def _acts(statement: Mapping[str, Any]) -> bool:
    def covers(pattern: str) -> bool:
        return fnmatch.fnmatchcase(_ACTION.lower(), pattern.lower().replace("[", "[[]"))

    if "NotAction" in statement:
        return not any(covers(pattern) for pattern in texts_of(statement, "NotAction"))
    return any(covers(pattern) for pattern in texts_of(statement, "Action"))


def _names(statement: Mapping[str, Any], asking: Asking) -> bool:
    if "NotPrincipal" in statement:
        return not _is_one_of(statement["NotPrincipal"], asking)
    return _is_one_of(statement["Principal"], asking)


def _is_one_of(principal: Any, asking: Asking) -> bool:
    if principal == "*":
        return True
    if asking.service is not None:
        return asking.service in texts_of(principal, "Service")
    return any(_is_aws(name, asking) for name in texts_of(principal, "AWS"))


def _is_aws(name: str, asking: Asking) -> bool:
    whole_account = name == asking.account or name.endswith(f":iam::{asking.account}:root")
    return name == "*" or whole_account or name in asking.arns


def _conditions_hold(statement: Mapping[str, Any], asking: Asking) -> bool:
    for operator, keys in statement.get("Condition", {}).items():
        for key, wanted in keys.items():
            values = [wanted] if isinstance(wanted, str) else list(wanted)
            if not _holds(operator, asking.context.get(key.lower()), [str(value) for value in values], key):
                return False
    return True


def _holds(operator: str, actual: str | None, wanted: list[str], key: str) -> bool:
    known = ("sts:externalid", "sts:rolesessionname", "sts:sourceidentity", "aws:sourceaccount", "aws:sourcearn")
    if key.lower() not in known:
        raise NotEmulatedYet(f"Trust policy conditions on {key} are not emulated yet.")
    match operator:
        case "StringEquals" | "ArnEquals" | "ArnLike" | "StringLike":
            like = operator != "StringEquals"
            return actual is not None and any(_same(actual, value, like=like) for value in wanted)
        case "StringNotEquals":
            return actual is None or actual not in wanted
    raise NotEmulatedYet(f"Trust policy conditions with {operator} are not emulated yet.")


def _same(actual: str, wanted: str, *, like: bool) -> bool:
    return fnmatch.fnmatchcase(actual, wanted.replace("[", "[[]")) if like else actual == wanted
