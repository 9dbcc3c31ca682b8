"""Tags of log groups, by ARN and by the older operations that name the group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import ResourceNotFoundException
from emulator.domain.logs.log_errors import TooManyTagsException
from emulator.domain.logs.log_group import LogGroup
from emulator.services.logs.lookup import group_arn, group_named, name_in_arn
from emulator.store.logs_tables import LOG_GROUPS
from emulator.wire.call import Call

_MOST_TAGS = 50


def tag_resource(call: Call, request: Mapping[str, Any]) -> None:
    _tag(call, _tagged(call, request["resourceArn"]), request["tags"])


def untag_resource(call: Call, request: Mapping[str, Any]) -> None:
    _untag(call, _tagged(call, request["resourceArn"]), request["tagKeys"])


def list_tags_for_resource(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"tags": _tagged(call, request["resourceArn"]).tags}


def tag_log_group(call: Call, request: Mapping[str, Any]) -> None:
    _tag(call, group_named(call, call.tx, request["logGroupName"]), request["tags"])


def untag_log_group(call: Call, request: Mapping[str, Any]) -> None:
    _untag(call, group_named(call, call.tx, request["logGroupName"]), request["tags"])


def list_tags_log_group(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"tags": group_named(call, call.reader, request["logGroupName"]).tags}


def _tagged(call: Call, arn: str) -> LogGroup:
    name = name_in_arn(call, arn)
    group = None if name is None else call.reader.get(LOG_GROUPS, call.account, call.region, name)
    if group is None:
        raise ResourceNotFoundException("The specified resource does not exist.")
    return group


def _tag(call: Call, group: LogGroup, added: Mapping[str, str]) -> None:
    tags = {**group.tags, **added}
    if len(tags) > _MOST_TAGS:
        raise TooManyTagsException(
            f"A resource can have no more than {_MOST_TAGS} tags.", {"resourceName": group_arn(call, group)}
        )
    call.tx.put(LOG_GROUPS, replace(group, tags=tags))


def _untag(call: Call, group: LogGroup, keys: Iterable[str]) -> None:
    gone = set(keys)
    call.tx.put(LOG_GROUPS, replace(group, tags={k: v for k, v in group.tags.items() if k not in gone}))
