"""Whether somebody may do something: IAM's evaluation of every policy that has a say, in AWS's order.

One pure function, `evaluate`. It reads no store: policies come as documents, the request's facts as condition keys.
Source: IAM user guide, "Policy evaluation logic" (an explicit deny wins; then the resource's policy, the identity's
policies, the permissions boundary, the session's policies; within and across accounts) and "Troubleshoot access denied
error messages" (the texts). Organizations' policies do not exist here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

from emulator.domain.iam.policy_conditions import Context, holds
from emulator.domain.iam.policy_matching import (
    Naming,
    Requester,
    Variables,
    acts_on,
    is_about,
    naming,
    no_variables,
)

Layer = Literal["identity-based policy", "resource-based policy", "permissions boundary", "session policy"]

_ARTICLES: Final[Mapping[Layer, str]] = {
    "identity-based policy": "an",
    "resource-based policy": "a",
    "permissions boundary": "a",
    "session policy": "a",
}

ALLOW_EVERYTHING: Final = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that must be allowed. `resource` is an ARN, or `*` for actions that have none.

    `policy` is the resource's own policy, `further` one that counts as if it were part of that (its registry's),
    and `account` its owner (None: the caller's). `trust`: nobody gets in unless
    that policy says so, as with roles. `shown` names the resource to people where that is not its ARN (empty: it is not
    named); `text` is what is answered in place of IAM's words; `reasoned`: whether they end with the reason, which STS
    leaves out.
    """

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)
    policy: str | None = None
    account: str | None = None
    trust: bool = False
    shown: str | None = None
    text: str | None = None
    reasoned: bool = True
    further: str | None = None


@dataclass(frozen=True, slots=True)
class Policies:
    """What limits or lets a principal, as documents. No boundary or session policy at all is None."""

    identity: tuple[str, ...] = ()
    boundary: tuple[str, ...] | None = None
    session: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`layer` is what denied, `explicit` whether it did so by a Deny statement; None when allowed."""

    layer: Layer | None = None
    explicit: bool = False

    @property
    def allowed(self) -> bool:
        return self.layer is None

    def reason(self, action: str) -> str:
        """The end of AWS's message."""
        if self.layer is None:
            return ""
        if self.explicit:
            return f"with an explicit deny in {_ARTICLES[self.layer]} {self.layer}"
        return f"because no {self.layer} allows the {action} action"


ALLOWED: Final = Decision()


def denial_text(who: str, access: Access, decision: Decision) -> str:
    """What AWS answers to the principal `who`."""
    if access.text is not None:
        return access.text
    shown = access.resource if access.shown is None else access.shown
    text = f"User: {who} is not authorized to perform: {access.action}{f' on resource: {shown}' if shown else ''}"
    return f"{text} {decision.reason(access.action)}" if access.reasoned else text


def evaluate(who: Requester, policies: Policies, access: Access, context: Context) -> Decision:
    """`context` holds the condition keys of the caller and the request; those of `access` are added to it."""
    question = _Question(access, {**context, **access.context})
    named = _namings((access.policy, access.further), who, question)
    denied = _denying(policies, named, question)
    if denied is not None:
        return Decision(denied, explicit=True)
    if who.kind == "service":
        return ALLOWED if named.allows else Decision("resource-based policy")
    if access.account is not None and access.account != who.account:
        return _across_accounts(who, policies, named, question)
    return _within_account(who, policies, named, question)


@dataclass(frozen=True, slots=True)
class _Question:
    access: Access
    context: Context

    def variable(self, key: str) -> str | None:
        values = self.context.get(key.lower(), ())
        return values[0] if len(values) == 1 else None

    def concerns(self, statement: Mapping[str, Any], version: str) -> bool:
        variables: Variables = self.variable if version == "2012-10-17" else no_variables
        return (
            acts_on(statement, self.access.action)
            and is_about(statement, self.access.resource, variables)
            and holds(statement.get("Condition") or {}, self.context, variables)
        )

    def effects(self, documents: Iterable[str]) -> set[str]:
        """`Allow`, `Deny`, both or none: what the statements that concern this say."""
        return {
            statement["Effect"]
            for document in documents
            for version, statement in _statements(document)
            if self.concerns(statement, version)
        }


@dataclass(frozen=True, slots=True)
class _Named:
    """How the resource's policy names the requester in statements that concern the request."""

    allows: frozenset[Naming]
    denies: bool


def _namings(policies: Iterable[str | None], who: Requester, question: _Question) -> _Named:
    allows: set[Naming] = set()
    denies = False
    found = (one for policy in policies if policy is not None for one in _statements(policy))
    for version, statement in found:
        how = naming(statement, who)
        if how is None or not question.concerns(statement, version):
            continue
        if statement["Effect"] == "Deny":
            denies = True
        else:
            allows.add(how)
    return _Named(frozenset(allows), denies)


def _denying(policies: Policies, named: _Named, question: _Question) -> Layer | None:
    if "Deny" in question.effects(policies.identity):
        return "identity-based policy"
    if named.denies:
        return "resource-based policy"
    if "Deny" in question.effects(policies.boundary or ()):
        return "permissions boundary"
    if "Deny" in question.effects(policies.session or ()):
        return "session policy"
    return None


def _within_account(who: Requester, policies: Policies, named: _Named, question: _Question) -> Decision:
    """A policy that names the user or session itself, or everybody, is enough; one that names the role is bounded by
    the boundary and the session's policies; one that names the account leaves it to the identity's policies."""
    if who.kind == "root":
        return ALLOWED
    if question.access.trust and not named.allows:
        return Decision("resource-based policy")
    if named.allows & {"itself", "anyone"}:
        return ALLOWED
    return _by_own_policies(policies, question, identity="role" not in named.allows)


def _across_accounts(who: Requester, policies: Policies, named: _Named, question: _Question) -> Decision:
    """Both sides must allow."""
    own = ALLOWED if who.kind == "root" else _by_own_policies(policies, question, identity=True)
    if not own.allowed:
        return own
    return ALLOWED if named.allows else Decision("resource-based policy")


def _by_own_policies(policies: Policies, question: _Question, *, identity: bool) -> Decision:
    if identity and "Allow" not in question.effects(policies.identity):
        return Decision("identity-based policy")
    if policies.boundary is not None and "Allow" not in question.effects(policies.boundary):
        return Decision("permissions boundary")
    if policies.session is not None and "Allow" not in question.effects(policies.session):
        return Decision("session policy")
    return ALLOWED


@lru_cache(maxsize=1024)
def _statements(document: str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The statements of a document that was checked when it was written, each with the document's version."""
    policy = json.loads(document)
    listed = policy["Statement"]
    version = str(policy.get("Version", "2008-10-17"))
    return tuple((version, statement) for statement in ([listed] if isinstance(listed, dict) else listed))
