"""What a caller of IAM needs (Service Authorization Reference, AWS Identity and Access Management).

Messages name an entity that is there, or should be, as `role web`; what is to be created is named by its ARN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from emulator.domain.iam.identity import InstanceProfile, Role, User
from emulator.domain.iam.linked_roles import LINKED_ROLES
from emulator.domain.iam.policy_conditions import Context, resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.services.access import pass_role, request_tags, tag_keys
from emulator.store.iam_tables import INSTANCE_PROFILES, POLICIES, ROLES, USERS
from emulator.store.tables import Table
from emulator.wire.authorize import Authorization, Needs
from emulator.wire.call import Call

Request = Mapping[str, Any]

_EC2: Final = "ec2.amazonaws.com"
_NAMES: Final[Mapping[str, tuple[str, Table[Any]]]] = {
    "role": ("RoleName", ROLES),
    "user": ("UserName", USERS),
    "instance-profile": ("InstanceProfileName", INSTANCE_PROFILES),
}


def _list(resource: str, shown: str | None = None) -> Needs:
    def needs(call: Call, request: Request) -> Iterable[Access]:
        yield Access(f"iam:{call.operation}", _arn(call, resource), shown=shown)

    return needs


def _entity(kind: str, keys: Callable[[Request], Context] | None = None) -> Needs:
    """A role, user or instance profile that is there; of users the caller, when none is named."""

    def needs(call: Call, request: Request) -> Iterable[Access]:
        yield _on(call, kind, request, keys(request) if keys else {})

    return needs


def _new(kind: str) -> Needs:
    member, _ = _NAMES[kind]

    def needs(call: Call, request: Request) -> Iterable[Access]:
        arn = _arn(call, f"{kind}{request.get('Path') or '/'}{request[member]}")
        tags = _tags(request)
        boundary = _boundary(request)
        yield Access(f"iam:{call.operation}", arn, {**boundary, **(request_tags(tags) if tags else {})})
        if tags:
            word = {"role": "TagRole", "user": "TagUser", "instance-profile": "TagInstanceProfile"}[kind]
            yield Access(f"iam:{word}", arn, request_tags(tags))

    return needs


def _new_policy(call: Call, request: Request) -> Iterable[Access]:
    arn = _arn(call, f"policy{request.get('Path') or '/'}{request['PolicyName']}")
    tags = _tags(request)
    yield Access("iam:CreatePolicy", arn, request_tags(tags) if tags else {}, shown=f"policy {request['PolicyName']}")
    if tags:
        yield Access("iam:TagPolicy", arn, request_tags(tags))


def _policy(call: Call, request: Request) -> Iterable[Access]:
    arn = request["PolicyArn"]
    policy = call.reader.get(POLICIES, call.account, arn)
    context = resource_tags("iam", policy.tags) if policy else {}
    yield Access(f"iam:{call.operation}", arn, {**context, **_tag_change(request)}, shown=f"policy {arn}")


def _linked_role(call: Call, request: Request) -> Iterable[Access]:
    service = request["AWSServiceName"]
    known = LINKED_ROLES.get(service)
    arn = _arn(call, f"role/aws-service-role/{service}/{known.name if known else '*'}")
    yield Access("iam:CreateServiceLinkedRole", arn, {"iam:awsservicename": (service,)})


def _deletion_task(call: Call, request: Request) -> Iterable[Access]:
    """`task/aws-service-role/<service>/<role>/<id>` names the role."""
    role = request["DeletionTaskId"].removeprefix("task/").rpartition("/")[0]
    yield Access(f"iam:{call.operation}", _arn(call, f"role/{role}"))


def _anything(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"iam:{call.operation}")


def _source(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"iam:{call.operation}", request["PolicySourceArn"])


def _into_profile(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, "instance-profile", request, {})
    yield pass_role(call, request["RoleName"], _EC2)


def _on(call: Call, kind: str, request: Request, context: Context) -> Access:
    member, table = _NAMES[kind]
    name = request.get(member) or call.caller.arn.rpartition("/")[2]
    found: Role | User | InstanceProfile | None = call.reader.get(table, call.account, name)
    arn = found.arn if found else _arn(call, f"{kind}/{name}")
    keys = resource_tags("iam", found.tags) if found else {}
    if isinstance(found, Role | User) and found.boundary:
        keys = {**keys, "iam:permissionsboundary": (found.boundary,)}
    shown = f"{kind.replace('-', ' ')} {name}"
    return Access(f"iam:{call.operation}", arn, {**keys, **_tag_change(request), **context}, shown=shown)


def _policy_key(request: Request) -> Context:
    return {"iam:policyarn": (request["PolicyArn"],)}


def _boundary(request: Request) -> Context:
    boundary = request.get("PermissionsBoundary")
    return {"iam:permissionsboundary": (boundary,)} if boundary else {}


def _tag_change(request: Request) -> Context:
    if request.get("TagKeys"):
        return tag_keys(request["TagKeys"])
    tags = _tags(request)
    return request_tags(tags) if tags else {}


def _tags(request: Request) -> dict[str, str]:
    return {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request.get("Tags") or ()}


def _arn(call: Call, resource: str) -> str:
    return f"arn:{call.partition}:iam::{call.account}:{resource}"


AUTHORIZATION: Authorization = {
    "ListInstanceProfiles": _list("instance-profile/"),
    "ListPolicies": _list("policy/", "policy path /"),
    "ListRoles": _list("role/"),
    "ListUsers": _list("user/"),
    **dict.fromkeys(
        (
            "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DeleteServiceLinkedRole", "GetRole",
            "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListRolePolicies",
            "ListRoleTags", "PutRolePolicy", "TagRole", "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole",
            "UpdateRoleDescription",
        ),
        _entity("role"),
    ),
    **dict.fromkeys(("AttachRolePolicy", "DetachRolePolicy"), _entity("role", _policy_key)),
    "PutRolePermissionsBoundary": _entity("role", _boundary),
    **dict.fromkeys(
        (
            "CreateAccessKey", "DeleteAccessKey", "DeleteUser", "DeleteUserPolicy", "GetUser", "GetUserPolicy",
            "ListAccessKeys", "ListAttachedUserPolicies", "ListUserPolicies", "ListUserTags", "PutUserPolicy",
            "TagUser", "UntagUser", "UpdateAccessKey",
        ),
        _entity("user"),
    ),
    **dict.fromkeys(("AttachUserPolicy", "DetachUserPolicy"), _entity("user", _policy_key)),
    **dict.fromkeys(
        (
            "DeleteInstanceProfile", "GetInstanceProfile", "ListInstanceProfileTags", "RemoveRoleFromInstanceProfile",
            "TagInstanceProfile", "UntagInstanceProfile",
        ),
        _entity("instance-profile"),
    ),
    **dict.fromkeys(
        (
            "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy", "GetPolicyVersion",
            "ListEntitiesForPolicy", "ListPolicyTags", "ListPolicyVersions", "SetDefaultPolicyVersion", "TagPolicy",
            "UntagPolicy",
        ),
        _policy,
    ),
    **dict.fromkeys(("GetContextKeysForCustomPolicy", "SimulateCustomPolicy"), _anything),
    **dict.fromkeys(("GetContextKeysForPrincipalPolicy", "SimulatePrincipalPolicy"), _source),
    "AddRoleToInstanceProfile": _into_profile,
    "CreateInstanceProfile": _new("instance-profile"),
    "CreatePolicy": _new_policy,
    "CreateRole": _new("role"),
    "CreateServiceLinkedRole": _linked_role,
    "CreateUser": _new("user"),
    "GetServiceLinkedRoleDeletionStatus": _deletion_task,
}  # fmt: skip
