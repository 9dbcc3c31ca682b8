"""Roles and their trust policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import LimitExceededException
from emulator.domain.iam.identity import Role
from emulator.domain.iam.identity_errors import (
    DeleteConflictException,
    EntityAlreadyExistsException,
    InvalidInputException,
)
from emulator.domain.iam.policy_document import check_policy
from emulator.domain.key_value_tags import as_list, without
from emulator.services.iam.finding import (
    check_boundary,
    check_free,
    inline_policies,
    new_id,
    role_named,
    role_to_change,
    tags_with,
)
from emulator.services.iam.shown import paged, role_created, role_detailed, role_listed
from emulator.store.iam_tables import ATTACHMENTS, INSTANCE_PROFILES, ROLES
from emulator.wire.call import Call

_TRUST_SIZE = 2048


def create_role(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, path = request["RoleName"], request.get("Path", "/")
    if path.startswith("/aws-service-role/"):
        raise InvalidInputException("Path /aws-service-role/ is reserved for service-linked roles.")
    if not check_free(call, ROLES, name):
        raise EntityAlreadyExistsException(f"Role with name {name} already exists.")
    role = Role(
        account=call.account,
        name=name,
        arn=f"arn:{call.partition}:iam::{call.account}:role{path}{name}",
        id=new_id(call, "AROA"),
        path=path,
        trust=_checked_trust(request["AssumeRolePolicyDocument"]),
        created_at=call.now,
        description=request.get("Description"),
        max_session_s=request.get("MaxSessionDuration", 3600),
        boundary=check_boundary(call, request.get("PermissionsBoundary")),
        tags=tags_with({}, request.get("Tags", ())),
    )
    call.tx.insert(ROLES, role)
    return {"Role": role_created(role)}


def _checked_trust(document: str) -> str:
    check_policy(document, "trust")
    if len("".join(document.split())) > _TRUST_SIZE:
        raise LimitExceededException(f"Cannot exceed quota for ACLSizePerRole: {_TRUST_SIZE}")
    return document


def get_role(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"Role": role_detailed(role_named(call, request["RoleName"]))}


def list_roles(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    roles = [role for role in call.reader.find(ROLES, account=call.account) if role.path.startswith(prefix)]
    page = call.page(request, roles, key=lambda role: role.name)
    return paged(page, "Roles", [role_listed(role) for role in page.items])


def update_role(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    role = role_to_change(call, request["RoleName"])
    changed = replace(
        role,
        description=request.get("Description", role.description),
        max_session_s=request.get("MaxSessionDuration", role.max_session_s),
    )
    call.tx.put(ROLES, changed)
    return {}


def update_role_description(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    role = replace(role_to_change(call, request["RoleName"]), description=request["Description"])
    call.tx.put(ROLES, role)
    return {"Role": role_detailed(role)}


def update_assume_role_policy(call: Call, request: Mapping[str, Any]) -> None:
    role = role_to_change(call, request["RoleName"])
    call.tx.put(ROLES, replace(role, trust=_checked_trust(request["PolicyDocument"])))


def delete_role(call: Call, request: Mapping[str, Any]) -> None:
    role = role_to_change(call, request["RoleName"])
    if call.reader.count(INSTANCE_PROFILES, account=call.account, role=role.name):
        raise DeleteConflictException("Cannot delete entity, must remove roles from instance profile first.")
    if call.reader.count(ATTACHMENTS, account=call.account, kind="role", name=role.name):
        raise DeleteConflictException("Cannot delete entity, must detach all policies first.")
    if inline_policies(call, "role", role.name):
        raise DeleteConflictException("Cannot delete entity, must delete policies first.")
    call.tx.delete(ROLES, call.account, role.name)


def tag_role(call: Call, request: Mapping[str, Any]) -> None:
    role = role_named(call, request["RoleName"])
    call.tx.put(ROLES, replace(role, tags=tags_with(role.tags, request["Tags"])))


def untag_role(call: Call, request: Mapping[str, Any]) -> None:
    role = role_named(call, request["RoleName"])
    call.tx.put(ROLES, replace(role, tags=without(role.tags, request["TagKeys"])))


def list_role_tags(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    tags = sorted(as_list(role_named(call, request["RoleName"]).tags), key=lambda tag: tag["Key"])
    page = call.page(request, tags, key=lambda tag: str(tag["Key"]))
    return paged(page, "Tags", page.items)


def put_role_permissions_boundary(call: Call, request: Mapping[str, Any]) -> None:
    role = role_to_change(call, request["RoleName"])
    call.tx.put(ROLES, replace(role, boundary=check_boundary(call, request["PermissionsBoundary"])))


def delete_role_permissions_boundary(call: Call, request: Mapping[str, Any]) -> None:
    call.tx.put(ROLES, replace(role_to_change(call, request["RoleName"]), boundary=None))
