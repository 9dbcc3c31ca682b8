"""What a caller of STS needs. Who one is may be asked by anybody, and one's own temporary keys had by any user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.iam.identity import role_name
from emulator.domain.iam.policy_conditions import Context, resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.services.access import nothing, request_tags
from emulator.store.iam_tables import ROLES
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

Request = Mapping[str, Any]


def _key_info(call: Call, request: Request) -> Iterable[Access]:
    yield Access("sts:GetAccessKeyInfo")


def _assume(call: Call, request: Request) -> Iterable[Access]:
    """The role's trust policy and, unless that names the caller itself, the caller's own policies."""
    wanted = role_name(request["RoleArn"])
    role = call.reader.get(ROLES, wanted.account, wanted.name) if wanted else None
    if role is None or role.arn != request["RoleArn"]:
        return  # refused by the operation itself
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request.get("Tags") or ()}
    context = {**assume_keys(request), **resource_tags("iam", role.tags), **(request_tags(tags) if tags else {})}
    further = ("sts:TagSession",) if tags else ()
    for action in ("sts:AssumeRole", *further, *(("sts:SetSourceIdentity",) if request.get("SourceIdentity") else ())):
        yield Access(action, role.arn, context, role.trust, role.account, trust=True, reasoned=False)


def assume_keys(request: Request) -> Context:
    """The keys by which trust policies know a request of AssumeRole."""
    given = {
        "sts:externalid": request.get("ExternalId"),
        "sts:rolesessionname": request["RoleSessionName"],
        "sts:sourceidentity": request.get("SourceIdentity"),
    }
    keys = {key: (str(value),) for key, value in given.items() if value}
    if request.get("TransitiveTagKeys"):
        keys["sts:transitivetagkeys"] = tuple(request["TransitiveTagKeys"])
    return keys


AUTHORIZATION: Authorization = {
    "AssumeRole": _assume,
    "GetAccessKeyInfo": _key_info,
    "GetCallerIdentity": nothing,
    "GetSessionToken": nothing,
}
