"""Managed policies: the account's own, and AWS's, which exist without being created."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.iam.identity import Attachment, Policy, PolicyVersion
from emulator.domain.iam.identity_errors import DeleteConflictException, EntityAlreadyExistsException
from emulator.domain.iam.managed_policies import managed_policies
from emulator.domain.key_value_tags import as_list, without
from emulator.services.iam.finding import (
    check_free,
    check_managed_document,
    find_policy,
    new_id,
    own_policy,
    policy_with,
    role_named,
    tags_with,
    user_named,
)
from emulator.services.iam.shown import paged, policy_detailed, policy_listed
from emulator.store.iam_tables import ATTACHMENTS, POLICIES, ROLES, USERS
from emulator.wire.call import Call


def create_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, path, document = request["PolicyName"], request.get("Path", "/"), request["PolicyDocument"]
    check_managed_document(document)
    if not check_free(call, POLICIES, name):
        raise EntityAlreadyExistsException(f"A policy called {name} already exists. Duplicate names are not allowed.")
    policy = Policy(
        account=call.account,
        arn=f"arn:{call.partition}:iam::{call.account}:policy{path}{name}",
        name=name,
        id=new_id(call, "ANPA"),
        path=path,
        versions=(PolicyVersion("v1", document, call.now),),
        default_version="v1",
        created_at=call.now,
        updated_at=call.now,
        description=request.get("Description"),
        tags=tags_with({}, request.get("Tags", ())),
    )
    call.tx.insert(POLICIES, policy)
    return {"Policy": {**policy_listed(call, policy, {}), "Tags": as_list(policy.tags) or None}}


def get_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = policy_with(call, request["PolicyArn"])
    return {"Policy": policy_detailed(call, policy, _boundaries(call))}


def list_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    scope, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
    boundaries = _boundaries(call)
    found = [policy for policy in _in_scope(call, scope) if policy.path.startswith(prefix)]
    usage = request.get("PolicyUsageFilter")
    if request.get("OnlyAttached") or usage == "PermissionsPolicy":
        attached = set(call.reader.column(ATTACHMENTS, "policy_arn", account=call.account))
        found = [policy for policy in found if policy.arn in attached]
    if usage == "PermissionsBoundary":
        found = [policy for policy in found if policy.arn in boundaries]
    page = call.page(request, sorted(found, key=lambda policy: policy.arn), key=lambda policy: policy.arn)
    return paged(page, "Policies", [policy_listed(call, policy, boundaries) for policy in page.items])


def _in_scope(call: Call, scope: str) -> list[Policy]:
    own = [] if scope == "AWS" else call.reader.find(POLICIES, account=call.account)
    if scope == "Local":
        return own
    theirs = (find_policy(call, policy.arn(call.partition)) for policy in managed_policies().values())
    return [*own, *(policy for policy in theirs if policy is not None)]


def _boundaries(call: Call) -> Counter[str]:
    """How often each policy is a boundary."""
    roles = [role.boundary for role in call.reader.find(ROLES, account=call.account)]
    users = [user.boundary for user in call.reader.find(USERS, account=call.account)]
    return Counter(arn for arn in (*roles, *users) if arn is not None)


def delete_policy(call: Call, request: Mapping[str, Any]) -> None:
    policy = own_policy(call, request["PolicyArn"])
    if call.reader.count(ATTACHMENTS, account=call.account, policy_arn=policy.arn) or _boundaries(call)[policy.arn]:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflictException(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    call.tx.delete(POLICIES, call.account, policy.arn)


def list_entities_for_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Roles and users, in one sequence of pages. There are no groups here."""
    arn = policy_with(call, request["PolicyArn"]).arn
    wanted = request.get("EntityFilter")
    found: list[Attachment] = []
    if request.get("PolicyUsageFilter", "PermissionsPolicy") == "PermissionsPolicy":
        found += call.reader.find(ATTACHMENTS, account=call.account, policy_arn=arn)
    if request.get("PolicyUsageFilter", "PermissionsBoundary") == "PermissionsBoundary":
        found += _bounded(call, arn)
    kept = [entity for entity in dict.fromkeys(found) if wanted is None or wanted.lower() == entity.kind]
    page = call.page(request, sorted(kept, key=_entity_key), key=_entity_key)
    prefix = request.get("PathPrefix", "/")
    roles = [role_named(call, entity.name) for entity in page.items if entity.kind == "role"]
    users = [user_named(call, entity.name) for entity in page.items if entity.kind == "user"]
    return {
        "PolicyGroups": [],
        "PolicyRoles": [{"RoleName": r.name, "RoleId": r.id} for r in roles if r.path.startswith(prefix)],
        "PolicyUsers": [{"UserName": u.name, "UserId": u.id} for u in users if u.path.startswith(prefix)],
        "IsTruncated": page.next_token is not None,
        "Marker": page.next_token,
    }


def _bounded(call: Call, arn: str) -> list[Attachment]:
    """Those whose permissions boundary the policy is."""
    roles = [role.name for role in call.reader.find(ROLES, account=call.account) if role.boundary == arn]
    users = [user.name for user in call.reader.find(USERS, account=call.account) if user.boundary == arn]
    return [Attachment(call.account, kind, name, arn) for kind, n in (("role", roles), ("user", users)) for name in n]


def _entity_key(entity: Attachment) -> str:
    return f"{entity.kind}/{entity.name}"


def tag_policy(call: Call, request: Mapping[str, Any]) -> None:
    policy = own_policy(call, request["PolicyArn"])
    call.tx.put(POLICIES, replace(policy, tags=tags_with(policy.tags, request["Tags"])))


def untag_policy(call: Call, request: Mapping[str, Any]) -> None:
    policy = own_policy(call, request["PolicyArn"])
    call.tx.put(POLICIES, replace(policy, tags=without(policy.tags, request["TagKeys"])))


def list_policy_tags(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    tags = sorted(as_list(policy_with(call, request["PolicyArn"]).tags), key=lambda tag: tag["Key"])
    page = call.page(request, tags, key=lambda tag: str(tag["Key"]))
    return paged(page, "Tags", page.items)
