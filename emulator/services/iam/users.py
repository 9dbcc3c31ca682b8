"""Users. Groups, passwords and MFA devices are not emulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.iam.identity import User
from emulator.domain.iam.identity_errors import DeleteConflictException, EntityAlreadyExistsException
from emulator.domain.key_value_tags import as_list, without
from emulator.services.iam.callers import caller_without_user, user_meant
from emulator.services.iam.finding import check_boundary, check_free, inline_policies, new_id, tags_with, user_named
from emulator.services.iam.shown import paged, user_detailed, user_listed
from emulator.store.iam_tables import ACCESS_KEYS, ATTACHMENTS, USERS
from emulator.wire.call import Call


def create_user(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, path = request["UserName"], request.get("Path", "/")
    if not check_free(call, USERS, name):
        raise EntityAlreadyExistsException(f"User with name {name} already exists.")
    user = User(
        account=call.account,
        name=name,
        arn=f"arn:{call.partition}:iam::{call.account}:user{path}{name}",
        id=new_id(call, "AIDA"),
        path=path,
        created_at=call.now,
        boundary=check_boundary(call, request.get("PermissionsBoundary")),
        tags=tags_with({}, request.get("Tags", ())),
    )
    call.tx.insert(USERS, user)
    return {"User": user_detailed(user)}


def get_user(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Without a name: whoever calls, which may be the account itself."""
    if "UserName" not in request and caller_without_user(call):
        return {"User": {"UserId": call.account, "Arn": call.caller.arn}}
    return {"User": user_detailed(user_meant(call, request))}


def list_users(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    users = [user for user in call.reader.find(USERS, account=call.account) if user.path.startswith(prefix)]
    page = call.page(request, users, key=lambda user: user.name)
    return paged(page, "Users", [user_listed(user) for user in page.items])


def delete_user(call: Call, request: Mapping[str, Any]) -> None:
    user = user_named(call, request["UserName"])
    if call.reader.count(ACCESS_KEYS, account=call.account, user=user.name):
        raise DeleteConflictException("Cannot delete entity, must delete access keys first.")
    if call.reader.count(ATTACHMENTS, account=call.account, kind="user", name=user.name):
        raise DeleteConflictException("Cannot delete entity, must detach all policies first.")
    if inline_policies(call, "user", user.name):
        raise DeleteConflictException("Cannot delete entity, must delete policies first.")
    call.tx.delete(USERS, call.account, user.name)


def tag_user(call: Call, request: Mapping[str, Any]) -> None:
    user = user_named(call, request["UserName"])
    call.tx.put(USERS, replace(user, tags=tags_with(user.tags, request["Tags"])))


def untag_user(call: Call, request: Mapping[str, Any]) -> None:
    user = user_named(call, request["UserName"])
    call.tx.put(USERS, replace(user, tags=without(user.tags, request["TagKeys"])))


def list_user_tags(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    tags = sorted(as_list(user_named(call, request["UserName"]).tags), key=lambda tag: tag["Key"])
    page = call.page(request, tags, key=lambda tag: str(tag["Key"]))
    return paged(page, "Tags", page.items)
