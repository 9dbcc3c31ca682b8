"""Permission policies of roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.iam import holding
from emulator.services.iam.finding import role_named, role_to_change
from emulator.services.iam.holding import PolicyHolder
from emulator.wire.call import Call


def attach_role_policy(call: Call, request: Mapping[str, Any]) -> None:
    holding.attach(call, _changing(call, request), request["PolicyArn"])


def detach_role_policy(call: Call, request: Mapping[str, Any]) -> None:
    holding.detach(call, _changing(call, request), request["PolicyArn"])


def list_attached_role_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return holding.attached(call, _reading(call, request), request)


def put_role_policy(call: Call, request: Mapping[str, Any]) -> None:
    holding.put_inline(call, _changing(call, request), request)


def get_role_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    holder = _reading(call, request)
    return {"RoleName": holder.name, **holding.get_inline(call, holder, request["PolicyName"])}


def delete_role_policy(call: Call, request: Mapping[str, Any]) -> None:
    holding.delete_inline(call, _changing(call, request), request["PolicyName"])


def list_role_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return holding.list_inline(call, _reading(call, request), request)


def _changing(call: Call, request: Mapping[str, Any]) -> PolicyHolder:
    return PolicyHolder("role", role_to_change(call, request["RoleName"]).name)


def _reading(call: Call, request: Mapping[str, Any]) -> PolicyHolder:
    return PolicyHolder("role", role_named(call, request["RoleName"]).name)
