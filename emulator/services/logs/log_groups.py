"""Log groups."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.domain.errors import InvalidParameterException, NotEmulatedYet
from emulator.domain.logs import log_errors
from emulator.domain.logs.log_group import LogGroup
from emulator.services.logs.lookup import group_arn, group_identified, group_named, now_ms
from emulator.store.database import AlreadyExists, Database, Transaction
from emulator.store.log_events import LogEvents
from emulator.store.logs_tables import LOG_GROUPS, LOG_STREAMS
from emulator.wire.call import Call, slow


def create_log_group(call: Call, request: Mapping[str, Any]) -> None:
    name = request["logGroupName"]
    if name.lower().startswith("aws/"):
        raise InvalidParameterException("Log groups starting with AWS/ are reserved for AWS.")
    group = LogGroup(
        call.account,
        call.region,
        name,
        call.ids.hex(),
        now_ms(call),
        log_group_class=request.get("logGroupClass", "STANDARD"),
        kms_key_id=request.get("kmsKeyId"),
        deletion_protection=request.get("deletionProtectionEnabled", False),
        tags=dict(request.get("tags", {})),
    )
    if group.kms_key_id is not None:
        call.warn("kmsKeyId is kept, but log events are not encrypted")
    if group.log_group_class != "STANDARD":
        call.warn(f"log class {group.log_group_class} is kept, but behaves as STANDARD")
    try:
        call.tx.insert(LOG_GROUPS, group)
    except AlreadyExists as error:
        raise log_errors.group_exists() from error


@slow  # its events are deleted after the records' commit, and in a store of their own
def delete_log_group(call: Call, request: Mapping[str, Any]) -> None:
    with call.parts.get(Database).write() as tx:
        group = group_named(call, tx, request["logGroupName"])
        if group.deletion_protection:
            raise log_errors.deletion_protected(group.name)
        _delete_records(tx, group)
    call.parts.get(LogEvents).delete_group(group.id)


def describe_log_groups(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    prefix, pattern = request.get("logGroupNamePrefix"), request.get("logGroupNamePattern")
    if prefix is not None and pattern is not None:
        raise InvalidParameterException(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    _without_linked_accounts(call, request)
    identifiers = request.get("logGroupIdentifiers")
    if identifiers is not None and (prefix is not None or pattern is not None or "logGroupClass" in request):
        raise InvalidParameterException("logGroupIdentifiers can be combined with includeLinkedAccounts only.")
    groups = [
        group
        for group in _all_groups(call)
        if group.name.startswith(prefix or "")
        and (pattern or "") in group.name
        and (identifiers is None or group.name in identifiers or group_arn(call, group) in identifiers)
        and _is_of_class(group, request.get("logGroupClass"))
    ]
    page = call.page(request, groups, key=lambda group: group.name)
    show = _brief if pattern else _whole
    return {"logGroups": [show(call, group) for group in page.items], "nextToken": page.next_token}


def list_log_groups(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    for member in ("dataSources", "fieldIndexNames", "logGroupTags"):
        if request.get(member):
            raise NotEmulatedYet(f"Homeport does not emulate {member} of ListLogGroups yet.")
    _without_linked_accounts(call, request)
    pattern = re.compile(re.sub(r"\.", r"\\.", request.get("logGroupNamePattern", "")))
    groups = [
        group
        for group in _all_groups(call)
        if pattern.search(group.name) and _is_of_class(group, request.get("logGroupClass"))
    ]
    page = call.page(request, groups, key=lambda group: group.name)
    summaries = [
        {"logGroupName": g.name, "logGroupArn": group_arn(call, g), "logGroupClass": g.log_group_class}
        for g in page.items
    ]
    return {"logGroups": summaries, "nextToken": page.next_token}


def put_log_group_deletion_protection(call: Call, request: Mapping[str, Any]) -> None:
    group = group_identified(call, call.reader, request["logGroupIdentifier"])
    call.tx.put(LOG_GROUPS, replace(group, deletion_protection=request["deletionProtectionEnabled"]))


def _all_groups(call: Call) -> Sequence[LogGroup]:
    return call.reader.find(LOG_GROUPS, account=call.account, region=call.region)


def _without_linked_accounts(call: Call, request: Mapping[str, Any]) -> None:
    if request.get("includeLinkedAccounts") or request.get("accountIdentifiers"):
        call.warn("no accounts are linked: only this account's log groups are listed")


def _is_of_class(group: LogGroup, wanted: str | None) -> bool:
    if wanted in ("INFREQUENT_ACCESS", "ESSENTIALS"):
        return group.log_group_class in ("INFREQUENT_ACCESS", "ESSENTIALS")
    return wanted is None or group.log_group_class == wanted


def _brief(call: Call, group: LogGroup) -> dict[str, Any]:
    return {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "arn": f"{group_arn(call, group)}:*",
    }


def _whole(call: Call, group: LogGroup) -> dict[str, Any]:
    return {
        **_brief(call, group),
        "logGroupArn": group_arn(call, group),
        "retentionInDays": group.retention_days,
        "metricFilterCount": 0,
        "storedBytes": call.parts.get(LogEvents).stored_bytes(group.id),
        "kmsKeyId": group.kms_key_id,
        "logGroupClass": group.log_group_class,
        "deletionProtectionEnabled": group.deletion_protection,
    }


def _delete_records(tx: Transaction, group: LogGroup) -> None:
    where = (group.account, group.region, group.name)
    for name in tx.column(LOG_STREAMS, "name", account=group.account, region=group.region, group_name=group.name):
        tx.delete(LOG_STREAMS, *where, name)
    tx.delete(LOG_GROUPS, *where)
