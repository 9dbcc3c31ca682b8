"""What the patterns of a policy cover: actions, resources, principals, and variables such as `${aws:username}`.

It decides single elements; which statement wins is for policy_evaluation.py. Source: IAM user guide, "IAM JSON policy
elements reference" and "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from emulator.domain.iam.policy_document import texts_of

Variables = Callable[[str], str | None]
"""The one value of a condition key, or None when the request does not have exactly one."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_COLON = re.compile(r":(?![^{}]*\})")
_LITERALS = frozenset({"*", "?", "$"})

Naming = Literal["anyone", "account", "role", "itself"]
"""How a statement names the principal: as everybody, by its account, by its role, or by its own ARN (or service)."""


def no_variables(key: str) -> str | None:
    """For documents older than 2012-10-17, which know no variables."""
    raise AssertionError(f"{key} is literal text here")


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks. A `role` is a session: `arn` is the session's, `role_arn` its role's. A `service` has no account."""

    kind: Literal["root", "user", "role", "service"]
    arn: str
    account: str = ""
    role_arn: str | None = None

    @property
    def account_arn(self) -> str:
        return f"arn:{self.arn.split(':')[1]}:iam::{self.account}:root"


def resolved(text: str, variables: Variables) -> str | None:
    """The text with its variables filled in; None when one has no value and no default."""
    parts = _parts(text, variables)
    return None if parts is None else "".join(part for part, _ in parts)


def covers(pattern: str, value: str, variables: Variables = no_variables, *, fold_case: bool = False) -> bool:
    """`*` stands for any characters, `?` for one. What a variable stands for is literal. False when one is not set."""
    parts = [(pattern, False)] if variables is no_variables else _parts(pattern, variables)
    if parts is None:
        return False
    text = "".join(re.escape(part) if literal else _wildcards(part) for part, literal in parts)
    return _compiled(text, fold_case).fullmatch(value) is not None


def covers_arn(pattern: str, arn: str, variables: Variables = no_variables) -> bool:
    """Each of the first five fields of an ARN is compared by itself; the sixth is all that follows."""
    if not pattern.startswith("arn:"):
        return covers(pattern, arn, variables)
    wanted, actual = _COLON.split(pattern, 5), arn.split(":", 5)
    if len(wanted) != len(actual):
        return len(wanted) < len(actual) and wanted[-1] == "*" and covers(pattern, arn, variables)
    return all(covers(field, value, variables) for field, value in zip(wanted, actual, strict=True))


def acts_on(statement: Mapping[str, Any], action: str) -> bool:
    """Whether Action or NotAction takes the action in; letters' case is the same."""
    if "NotAction" in statement:
        return not any(covers(pattern, action, fold_case=True) for pattern in texts_of(statement, "NotAction"))
    return any(covers(pattern, action, fold_case=True) for pattern in texts_of(statement, "Action"))


def is_about(statement: Mapping[str, Any], resource: str, variables: Variables) -> bool:
    """Whether Resource or NotResource takes the resource in. A statement with neither (a trust policy's, a
    repository policy's) is about the resource that it is attached to."""
    if "NotResource" in statement:
        return not any(covers_arn(pattern, resource, variables) for pattern in texts_of(statement, "NotResource"))
    if "Resource" not in statement:
        return True
    return any(covers_arn(pattern, resource, variables) for pattern in texts_of(statement, "Resource"))


def naming(statement: Mapping[str, Any], who: Requester) -> Naming | None:
    """How the statement of a resource policy names the requester, the most particular way first; None: not at all."""
    if "NotPrincipal" in statement:
        return None if _is_excepted(statement["NotPrincipal"], who) else "anyone"
    principal = statement.get("Principal")
    if principal == "*":
        return "anyone"
    if not isinstance(principal, Mapping):
        return None
    if who.kind == "service":
        return "itself" if who.arn in texts_of(principal, "Service") else None
    return _named_in(texts_of(principal, "AWS"), who)


def _named_in(names: Iterable[str], who: Requester) -> Naming | None:
    listed = set(names)
    if who.arn in listed:
        return "itself"
    if who.role_arn is not None and who.role_arn in listed:
        return "role"
    if "*" in listed:
        return "anyone"
    return "account" if listed & {who.account, who.account_arn} else None


def _is_excepted(principal: Any, who: Requester) -> bool:
    """A session is excepted when it, its role and its account are all listed; a user, when it and its account are."""
    if principal == "*":
        return True
    if who.kind == "service":
        return who.arn in texts_of(principal, "Service")
    listed = set(texts_of(principal, "AWS"))
    own = {who.arn, *([who.role_arn] if who.role_arn else [])}
    return "*" in listed or (own <= listed and bool(listed & {who.account, who.account_arn}))


def _parts(text: str, variables: Variables) -> list[tuple[str, bool]] | None:
    """Pieces of a text and whether each is literal (came from a variable)."""
    if variables is no_variables or "${" not in text:
        return [(text, False)]
    found: list[tuple[str, bool]] = []
    end = 0
    for variable in _VARIABLE.finditer(text):
        found.append((text[end : variable.start()], False))
        value = _value(variable[1], variables)
        if value is None:
            return None
        found.append((value, True))
        end = variable.end()
    return [*found, (text[end:], False)]


def _value(inside: str, variables: Variables) -> str | None:
    """`aws:username`, `aws:PrincipalTag/team, 'none'` (with a default), or an escaped `*`, `?`, `$`."""
    if inside in _LITERALS:
        return inside
    key, comma, default = inside.partition(",")
    value = variables(key.strip())
    return default.strip().strip("'") if value is None and comma else value


def _wildcards(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


@lru_cache(maxsize=4096)
def _compiled(text: str, fold_case: bool) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL | (re.IGNORECASE if fold_case else 0))
