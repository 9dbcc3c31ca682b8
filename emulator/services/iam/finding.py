"""Finding IAM's entities, and the checks that several of its operations share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.errors import LimitExceededException
from emulator.domain.iam.identity import (
    BASE32,
    UNIQUE_ID_LETTERS,
    InlinePolicy,
    InstanceProfile,
    Policy,
    PolicyVersion,
    Role,
    User,
)
from emulator.domain.iam.identity_errors import (
    AccessDenied,
    InvalidInputException,
    NoSuchEntityException,
    UnmodifiableEntityException,
)
from emulator.domain.iam.managed_policies import OWNER, is_aws_managed, managed_policy
from emulator.domain.iam.policy_document import check_policy
from emulator.domain.key_value_tags import TAG_LIMIT, repeated_keys, tags_of
from emulator.store.iam_tables import INLINE_POLICIES, INSTANCE_PROFILES, POLICIES, ROLES, USERS
from emulator.store.tables import Table
from emulator.wire.call import Call

_MANAGED_SIZE = 6144


def role_named(call: Call, name: str) -> Role:
    role = call.reader.get(ROLES, call.account, name)
    if role is None:
        raise NoSuchEntityException(f"The role with name {name} cannot be found.")
    return role


def role_to_change(call: Call, name: str) -> Role:
    """UnmodifiableEntity for a service-linked role."""
    role = role_named(call, name)
    if role.service is not None:
        raise UnmodifiableEntityException(
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        )
    return role


def user_named(call: Call, name: str) -> User:
    user = call.reader.get(USERS, call.account, name)
    if user is None:
        raise NoSuchEntityException(f"The user with name {name} cannot be found.")
    return user


def profile_named(call: Call, name: str) -> InstanceProfile:
    profile = call.reader.get(INSTANCE_PROFILES, call.account, name)
    if profile is None:
        raise NoSuchEntityException(f"Instance Profile {name} cannot be found.")
    return profile


def find_policy(call: Call, arn: str) -> Policy | None:
    """A customer's policy of this account, or one of AWS's."""
    if not is_aws_managed(arn):
        return call.reader.get(POLICIES, call.account, arn)
    known = managed_policy(arn)
    if known is None:
        return None
    version = PolicyVersion("v1", known.document, 0.0)
    return Policy(
        OWNER, arn, known.name, "", known.path, (version,), version.id, 0.0, 0.0, description=known.description
    )


def policy_with(call: Call, arn: str) -> Policy:
    policy = find_policy(call, arn)
    if policy is None:
        raise NoSuchEntityException(f"Policy {arn} was not found.")
    return policy


def check_free(call: Call, table: Table[Any], name: str) -> bool:
    """Whether no entity has the name: IAM's names differ by more than case."""
    return name.lower() not in {str(taken).lower() for taken in call.reader.column(table, "name", account=call.account)}


def new_id(call: Call, prefix: str) -> str:
    return prefix + call.ids.letters(UNIQUE_ID_LETTERS, BASE32)


def tags_with(current: Mapping[str, str], given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """InvalidInput for repeated or reserved keys, LimitExceeded past 50 tags."""
    if repeated_keys(given, fold_case=True):
        raise InvalidInputException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(tag["Key"].lower().startswith("aws:") for tag in given):
        raise InvalidInputException("Tag keys beginning with aws: are reserved for AWS use.")
    merged = {**current, **tags_of(given)}
    if len(merged) > TAG_LIMIT:
        raise LimitExceededException(f"The number of tags has reached the maximum limit: {TAG_LIMIT}")
    return merged


def check_boundary(call: Call, arn: str | None) -> str | None:
    """A permissions boundary must be a policy that exists."""
    if arn is not None and find_policy(call, arn) is None:
        raise NoSuchEntityException(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


def inline_policies(call: Call, kind: str, name: str) -> list[InlinePolicy]:
    return call.reader.find(INLINE_POLICIES, account=call.account, kind=kind, name=name)


def own_policy(call: Call, arn: str) -> Policy:
    """A policy that may be changed: AccessDenied for AWS's own."""
    policy = policy_with(call, arn)
    if policy.account == OWNER:
        raise AccessDenied(
            f"User: {call.caller.arn} is not authorized to perform: iam:{call.operation} on resource: policy "
            f"{arn.rpartition('/')[2]}"
        )
    return policy


def check_managed_document(document: str) -> None:
    """MalformedPolicyDocument, or LimitExceeded past 6144 characters without white space."""
    check_policy(document, "identity")
    if len("".join(document.split())) > _MANAGED_SIZE:
        raise LimitExceededException(f"Cannot exceed quota for PolicySize: {_MANAGED_SIZE}")
