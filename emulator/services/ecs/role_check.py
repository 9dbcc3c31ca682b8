"""The roles that tasks are to run with: whether they are there, and whether ECS may assume them.

A role that was never created is a placeholder of a document: adopted with a warning, refused where the emulator is
strict or enforces policies. Message as observed on AWS.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from emulator.domain.errors import ClientException
from emulator.domain.iam.identity import Role, role_name
from emulator.domain.iam.policy_conditions import Context
from emulator.domain.iam.role_trust import Asking, trusts
from emulator.store.iam_tables import ROLES
from emulator.wire.call import Call

_PRINCIPAL: Final = "ecs-tasks.amazonaws.com"


def check_roles(call: Call, roles: Iterable[str | None]) -> list[str]:
    """Warnings about roles, given by name or ARN, that were never created. Where roles must exist:
    ClientException instead, and also for a role whose trust policy does not name ECS tasks."""
    warnings = []
    for reference in dict.fromkeys(role for role in roles if role):
        role = _find(call, reference)
        if call.facts.roles_must_exist:
            asking = Asking(call.account, service=_PRINCIPAL, context=_on_behalf_of(call))
            if role is None or not trusts(role.trust, asking):
                raise ClientException(
                    f"ECS was unable to assume the role '{reference}' that was provided for this task. Please verify "
                    "that the role being passed has the proper trust relationship and permissions and that your IAM "
                    "user has permissions to pass this role."
                )
        elif role is None:
            warnings.append(f"never created, so taken as given: {reference}")
    for text in warnings:
        call.warn(text)
    return warnings


def _on_behalf_of(call: Call) -> Context:
    """What a trust policy sees of ECS, so that it can keep out the tasks of other accounts (Amazon ECS developer
    guide, "Amazon ECS task execution IAM role")."""
    return {"aws:sourceaccount": (call.account,), "aws:sourcearn": (call.arn("*"),), **call.conditions}


def _find(call: Call, reference: str) -> Role | None:
    if not reference.startswith("arn:"):
        return call.reader.get(ROLES, call.account, reference)
    named = role_name(reference)
    found = None if named is None else call.reader.get(ROLES, named.account, named.name)
    return found if found is not None and found.arn == reference else None
