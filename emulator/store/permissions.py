"""Everything that IAM has to say about a principal, found by its ARN and key; and the decision on what it asks for.

Used by the wire, the registry and control alike. It reads IAM's and STS's tables and has the domain evaluate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.domain.iam.identity import Role, TemporaryCredentials, User, role_name
from emulator.domain.iam.managed_policies import is_aws_managed, managed_policy
from emulator.domain.iam.policy_conditions import Context
from emulator.domain.iam.policy_evaluation import Access, Decision, Policies, evaluate
from emulator.domain.iam.policy_matching import Requester
from emulator.store.database import Reader
from emulator.store.iam_tables import ATTACHMENTS, INLINE_POLICIES, POLICIES, ROLES, USERS
from emulator.store.principals import credentials_of


@dataclass(frozen=True, slots=True)
class Standing:
    """Who somebody is to IAM: its policies, and the condition keys that describe it."""

    who: Requester
    policies: Policies
    context: Context


def decide(standing: Standing, access: Access, context: Context) -> Decision:
    """`context` describes the request; the keys of the principal and of the resource's owner are added."""
    owner = access.account or standing.who.account
    known = {**standing.context, **context, "aws:resourceaccount": (owner,)}
    return evaluate(standing.who, standing.policies, access, known)


def standing_of(reader: Reader, arn: str, account: str, access_key: str = "") -> Standing:
    """Of a caller: the root user, a user or a session of a role. Who no longer exists may nothing.

    `access_key` leads to what belongs to temporary credentials alone: session policies, tags, their age.
    """
    session = credentials_of(reader, access_key) if access_key.startswith("ASIA") else None
    if arn.endswith(":root"):
        return Standing(
            Requester("root", arn, account), Policies(), _describe(arn, account, "Account", account, session)
        )
    if ":assumed-role/" in arn:
        return _of_session(reader, arn, account, session)
    return _of_user(reader, arn, account, session)


def role_standing(reader: Reader, role_reference: str, account: str, partition: str, session: str) -> Standing:
    """Of a service that has assumed a role, given by name or ARN, in a session of that name."""
    named = role_name(role_reference)
    owner, name = (named.account, named.name) if named else (account, role_reference)
    arn = f"arn:{named.partition if named else partition}:sts::{owner}:assumed-role/{name}/{session}"
    return _of_session(reader, arn, owner, None)


def _of_session(reader: Reader, arn: str, account: str, session: TemporaryCredentials | None) -> Standing:
    name = arn.rpartition(":assumed-role/")[2].partition("/")[0]
    role = reader.get(ROLES, account, name)
    if role is not None and session is not None and not _is_of(session, role):
        role = None  # another role has the name now
    given = role.arn if role else session.role_arn if session else None
    role_arn = given or f"arn:{arn.split(':')[1]}:iam::{account}:role/{name}"
    user_id = session.user_id if session else f"{role.id}:{arn.rpartition('/')[2]}" if role else ""
    context = _describe(role_arn, account, "AssumedRole", user_id, session)
    context |= _tags("aws:principaltag/", {**(role.tags if role else {}), **(session.tags if session else {})})
    policies = Policies(
        _identity_policies(reader, "role", role) if role else (),
        _boundary(reader, role),
        _session_policies(reader, session),
    )
    return Standing(Requester("role", arn, account, role_arn), policies, context)


def _is_of(session: TemporaryCredentials, role: Role) -> bool:
    return session.role_arn == role.arn and session.user_id.startswith(f"{role.id}:")


def _of_user(reader: Reader, arn: str, account: str, session: TemporaryCredentials | None) -> Standing:
    user = reader.get(USERS, account, arn.rpartition("/")[2])
    context = _describe(arn, account, "User", user.id if user else "", session)
    if user is not None:
        context |= {"aws:username": (user.name,), **_tags("aws:principaltag/", user.tags)}
    identity = _identity_policies(reader, "user", user) if user else ()
    return Standing(Requester("user", arn, account), Policies(identity, _boundary(reader, user)), context)


def _describe(
    arn: str, account: str, kind: str, user_id: str, session: TemporaryCredentials | None
) -> dict[str, tuple[str, ...]]:
    """The keys of every principal ("AWS global condition context keys"). Nobody has an MFA device here."""
    keys: dict[str, tuple[str, ...]] = {
        "aws:principalarn": (arn,),
        "aws:principalaccount": (account,),
        "aws:principaltype": (kind,),
        "aws:userid": (user_id,),
        "aws:principalisawsservice": ("false",),
    }
    if session is not None:
        issued = datetime.fromtimestamp(session.issued_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys |= {"aws:tokenissuetime": (issued,), "aws:multifactorauthpresent": ("false",)}
        if session.source_identity:
            keys["aws:sourceidentity"] = (session.source_identity,)
    return keys


def _tags(prefix: str, tags: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {f"{prefix}{key}".lower(): (value,) for key, value in tags.items()}


def _identity_policies(reader: Reader, kind: str, holder: Role | User) -> tuple[str, ...]:
    account, name = holder.account, holder.name
    inline = [policy.document for policy in reader.find(INLINE_POLICIES, account=account, kind=kind, name=name)]
    attached = reader.column(ATTACHMENTS, "policy_arn", account=account, kind=kind, name=name)
    return (*inline, *_managed(reader, account, attached))


def _managed(reader: Reader, account: str, arns: Iterable[str]) -> tuple[str, ...]:
    """The documents in force. One that is not known (an AWS managed policy that Homeport lacks) allows nothing."""
    found = (_document(reader, account, arn) for arn in arns)
    return tuple(document for document in found if document is not None)


def _document(reader: Reader, account: str, arn: str) -> str | None:
    if is_aws_managed(arn):
        known = managed_policy(arn)
        return None if known is None else known.document
    policy = reader.get(POLICIES, account, arn)
    version = None if policy is None else policy.version(policy.default_version)
    return None if version is None else version.document


def unknown_managed_policies(reader: Reader) -> list[str]:
    """AWS managed policies that are attached by their name only: enforced, they allow nothing."""
    arns = {attachment.policy_arn for attachment in reader.find(ATTACHMENTS)}
    return sorted(arn for arn in arns if is_aws_managed(arn) and managed_policy(arn) is None)


def _boundary(reader: Reader, holder: Role | User | None) -> tuple[str, ...] | None:
    if holder is None or holder.boundary is None:
        return None
    return _managed(reader, holder.account, [holder.boundary])


def _session_policies(reader: Reader, session: TemporaryCredentials | None) -> tuple[str, ...] | None:
    if session is None or not (session.session_policy or session.session_policy_arns):
        return None
    own = (session.session_policy,) if session.session_policy else ()
    return (*own, *_managed(reader, session.account, session.session_policy_arns))
