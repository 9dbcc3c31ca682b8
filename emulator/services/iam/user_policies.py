"""Permission policies of users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.iam import holding
from emulator.services.iam.finding import user_named
from emulator.services.iam.holding import PolicyHolder
from emulator.wire.call import Call


def attach_user_policy(call: Call, request: Mapping[str, Any]) -> None:
    holding.attach(call, _holder(call, request), request["PolicyArn"])


def detach_user_policy(call: Call, request: Mapping[str, Any]) -> None:
    holding.detach(call, _holder(call, request), request["PolicyArn"])


def list_attached_user_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return holding.attached(call, _holder(call, request), request)


def put_user_policy(call: Call, request: Mapping[str, Any]) -> None:
    holding.put_inline(call, _holder(call, request), request)


def get_user_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    holder = _holder(call, request)
    return {"UserName": holder.name, **holding.get_inline(call, holder, request["PolicyName"])}


def delete_user_policy(call: Call, request: Mapping[str, Any]) -> None:
    holding.delete_inline(call, _holder(call, request), request["PolicyName"])


def list_user_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return holding.list_inline(call, _holder(call, request), request)


def _holder(call: Call, request: Mapping[str, Any]) -> PolicyHolder:
    return PolicyHolder("user", user_named(call, request["UserName"]).name)
