"""Service-linked roles: made for a service, changed by nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.iam.identity import Attachment, Role
from emulator.domain.iam.identity_errors import InvalidInputException, NoSuchEntityException
from emulator.domain.iam.linked_roles import LINKED_ROLES, LinkedRole
from emulator.services.iam.finding import new_id, role_named
from emulator.services.iam.shown import role_created
from emulator.store.iam_tables import ATTACHMENTS, ROLES
from emulator.wire.call import Call


def create_service_linked_role(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    service = request["AWSServiceName"]
    linked = LINKED_ROLES.get(service)
    if linked is None:
        raise NotEmulatedYet(f"The service-linked role of {service} is not emulated yet.")
    if "CustomSuffix" in request:
        raise InvalidInputException(f"Custom suffix is not allowed for {service}")
    if call.reader.get(ROLES, call.account, linked.name) is not None:
        raise InvalidInputException(
            f"Service role name {linked.name} has been taken in this account, please try a different suffix."
        )
    role = Role(
        account=call.account,
        name=linked.name,
        arn=f"arn:{call.partition}:iam::{call.account}:role{linked.path}{linked.name}",
        id=new_id(call, "AROA"),
        path=linked.path,
        trust=linked.trust,
        created_at=call.now,
        description=request.get("Description"),
        service=service,
    )
    call.tx.insert(ROLES, role)
    _attach(call, linked)
    return {"Role": role_created(role)}


def _attach(call: Call, linked: LinkedRole) -> None:
    if linked.policy is not None:
        arn = f"arn:{call.partition}:iam::aws:policy{linked.policy}"
        call.tx.insert(ATTACHMENTS, Attachment(call.account, "role", linked.name, arn))


def delete_service_linked_role(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """At once; AWS first looks whether the service still needs it."""
    role = role_named(call, request["RoleName"])
    if role.service is None:
        raise InvalidInputException(f"The role {role.name} is not a service-linked role.")
    for arn in call.reader.column(ATTACHMENTS, "policy_arn", account=call.account, kind="role", name=role.name):
        call.tx.delete(ATTACHMENTS, call.account, "role", role.name, arn)
    call.tx.delete(ROLES, call.account, role.name)
    return {"DeletionTaskId": f"task{role.path}{role.name}/{call.ids.uuid()}"}


def get_service_linked_role_deletion_status(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Deletions are done before they are answered, so every task that could exist has succeeded."""
    parts = request["DeletionTaskId"].split("/")
    if len(parts) != 5 or parts[:2] != ["task", "aws-service-role"] or parts[2] not in LINKED_ROLES:
        raise NoSuchEntityException(f"Deletion task {request['DeletionTaskId']} cannot be found.")
    return {"Status": "SUCCEEDED"}
