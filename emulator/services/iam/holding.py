"""Policies on a holder, which is a role or a user: attached managed ones, and inline ones that are its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.domain.errors import LimitExceededException, NotEmulatedYet
from emulator.domain.iam.identity import Attachment, InlinePolicy
from emulator.domain.iam.identity_errors import NoSuchEntityException
from emulator.domain.iam.managed_policies import is_aws_managed
from emulator.domain.iam.policy_document import check_policy
from emulator.services.iam.finding import find_policy, inline_policies
from emulator.services.iam.shown import encoded, paged
from emulator.store.iam_tables import ATTACHMENTS, INLINE_POLICIES
from emulator.wire.call import Call

_ATTACHED_LIMIT = 10
_INLINE_SIZE = {"role": 10_240, "user": 2_048}


@dataclass(frozen=True, slots=True)
class PolicyHolder:
    """`kind` is `role` or `user`; the entity is known to exist."""

    kind: str
    name: str


def attach(call: Call, holder: PolicyHolder, arn: str) -> None:
    """Idempotent. An AWS managed policy whose document Homeport lacks is attached by name, with a warning."""
    if find_policy(call, arn) is None:
        if call.facts.strict or not is_aws_managed(arn):
            raise NoSuchEntityException(f"Policy {arn} does not exist or is not attachable.")
        if call.facts.enforce_iam:
            raise NotEmulatedYet(f"Homeport has no document of {arn}, so it cannot enforce it.")
        call.warn(f"{arn} is not among the AWS managed policies that Homeport knows; it is attached by its name only.")
    attached = call.reader.column(ATTACHMENTS, "policy_arn", account=call.account, kind=holder.kind, name=holder.name)
    if arn in attached:
        return
    if len(attached) >= _ATTACHED_LIMIT:
        word = "PoliciesPerRole" if holder.kind == "role" else "PoliciesPerUser"
        raise LimitExceededException(f"Cannot exceed quota for {word}: {_ATTACHED_LIMIT}")
    call.tx.insert(ATTACHMENTS, Attachment(call.account, holder.kind, holder.name, arn))


def detach(call: Call, holder: PolicyHolder, arn: str) -> None:
    if not call.tx.delete(ATTACHMENTS, call.account, holder.kind, holder.name, arn):
        raise NoSuchEntityException(f"Policy {arn} was not found.")


def attached(call: Call, holder: PolicyHolder, request: Mapping[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    found = [
        {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
        for arn in call.reader.column(
            ATTACHMENTS, "policy_arn", account=call.account, kind=holder.kind, name=holder.name
        )
        if arn.partition(":policy")[2].startswith(prefix)
    ]
    page = call.page(request, found, key=lambda policy: str(policy["PolicyArn"]))
    return paged(page, "AttachedPolicies", page.items)


def put_inline(call: Call, holder: PolicyHolder, request: Mapping[str, Any]) -> None:
    document = request["PolicyDocument"]
    check_policy(document, "identity")
    policy = InlinePolicy(call.account, holder.kind, holder.name, request["PolicyName"], document)
    others = [
        other.document
        for other in inline_policies(call, holder.kind, holder.name)
        if other.policy_name != policy.policy_name
    ]
    limit = _INLINE_SIZE[holder.kind]
    if sum(len("".join(text.split())) for text in (*others, document)) > limit:
        raise LimitExceededException(f"Maximum policy size of {limit} bytes exceeded for {holder.kind} {holder.name}")
    call.tx.put(INLINE_POLICIES, policy)


def get_inline(call: Call, holder: PolicyHolder, policy_name: str) -> dict[str, Any]:
    policy = call.reader.get(INLINE_POLICIES, call.account, holder.kind, holder.name, policy_name)
    if policy is None:
        raise _no_inline(holder, policy_name)
    return {"PolicyName": policy.policy_name, "PolicyDocument": encoded(policy.document)}


def delete_inline(call: Call, holder: PolicyHolder, policy_name: str) -> None:
    if not call.tx.delete(INLINE_POLICIES, call.account, holder.kind, holder.name, policy_name):
        raise _no_inline(holder, policy_name)


def list_inline(call: Call, holder: PolicyHolder, request: Mapping[str, Any]) -> dict[str, Any]:
    names = [policy.policy_name for policy in inline_policies(call, holder.kind, holder.name)]
    page = call.page(request, names, key=lambda name: name)
    return paged(page, "PolicyNames", page.items)


def _no_inline(holder: PolicyHolder, policy_name: str) -> NoSuchEntityException:
    return NoSuchEntityException(f"The {holder.kind} policy with name {policy_name} cannot be found.")
