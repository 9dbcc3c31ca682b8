"""IAM's entities as it answers them. Documents travel percent-encoded (RFC 3986)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from emulator.domain.iam.identity import InstanceProfile, Policy, PolicyVersion, Role, User
from emulator.domain.iam.managed_policies import OWNER
from emulator.domain.key_value_tags import as_list
from emulator.store.iam_tables import ATTACHMENTS, ROLES
from emulator.wire.call import Call, Page


def encoded(document: str) -> str:
    return quote(document, safe="")


def role_listed(role: Role) -> dict[str, Any]:
    """As ListRoles shows a role: without tags, boundary and last use."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": encoded(role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.max_session_s,
    }


def role_created(role: Role) -> dict[str, Any]:
    listed = {**role_listed(role), "PermissionsBoundary": boundary(role.boundary), "Tags": as_list(role.tags) or None}
    del listed["MaxSessionDuration"]
    return listed


def role_detailed(role: Role) -> dict[str, Any]:
    last = {} if role.last_used_at is None else {"LastUsedDate": role.last_used_at, "Region": role.last_used_region}
    return {
        **role_listed(role),
        "PermissionsBoundary": boundary(role.boundary),
        "Tags": as_list(role.tags) or None,
        "RoleLastUsed": last,
    }


def boundary(arn: str | None) -> dict[str, str] | None:
    if arn is None:
        return None
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}


def policy_listed(call: Call, policy: Policy, boundaries: Mapping[str, int]) -> dict[str, Any]:
    """As ListPolicies shows it. Of AWS's own policies neither id nor dates are known here, so they are left out."""
    theirs = policy.account == OWNER
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id or None,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": call.reader.count(ATTACHMENTS, account=call.account, policy_arn=policy.arn),
        "PermissionsBoundaryUsageCount": boundaries.get(policy.arn, 0),
        "IsAttachable": True,
        "CreateDate": None if theirs else policy.created_at,
        "UpdateDate": None if theirs else policy.updated_at,
    }


def policy_detailed(call: Call, policy: Policy, boundaries: Mapping[str, int]) -> dict[str, Any]:
    return {
        **policy_listed(call, policy, boundaries),
        "Description": policy.description,
        "Tags": as_list(policy.tags),
    }


def version_listed(policy: Policy, version: PolicyVersion) -> dict[str, Any]:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default_version,
        "CreateDate": None if policy.account == OWNER else version.created_at,
    }


def user_listed(user: User) -> dict[str, Any]:
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created_at,
    }


def user_detailed(user: User) -> dict[str, Any]:
    return {
        **user_listed(user),
        "PermissionsBoundary": boundary(user.boundary),
        "Tags": as_list(user.tags) or None,
    }


def profile_shown(call: Call, profile: InstanceProfile) -> dict[str, Any]:
    role = call.reader.get(ROLES, call.account, profile.role) if profile.role else None
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created_at,
        "Roles": [role_listed(role)] if role else [],
        "Tags": as_list(profile.tags) or None,
    }


def paged(page: Page, member: str, items: list[Any]) -> dict[str, Any]:
    return {member: items, "IsTruncated": page.next_token is not None, "Marker": page.next_token}
