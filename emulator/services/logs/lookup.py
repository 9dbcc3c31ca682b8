"""Finding the group and stream that a request names: by name, or by ARN where AWS takes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.errors import InvalidParameterException
from emulator.domain.logs import log_errors
from emulator.domain.logs.log_group import LogGroup, LogStream
from emulator.store.database import Reader
from emulator.store.logs_tables import LOG_GROUPS, LOG_STREAMS
from emulator.wire.call import Call


def now_ms(call: Call) -> int:
    return int(call.now * 1000)


def group_named(call: Call, reader: Reader, name: str) -> LogGroup:
    """ResourceNotFoundException when there is none."""
    group = reader.get(LOG_GROUPS, call.account, call.region, name)
    if group is None:
        raise log_errors.no_such_group()
    return group


def group_identified(call: Call, reader: Reader, identifier: str) -> LogGroup:
    """By name or ARN; one of another account or region does not exist here."""
    if not identifier.startswith("arn:"):
        return group_named(call, reader, identifier)
    name = name_in_arn(call, identifier)
    if name is None:
        raise log_errors.no_such_group()
    return group_named(call, reader, name)


def group_of_request(call: Call, reader: Reader, request: Mapping[str, Any]) -> LogGroup:
    """From logGroupName or logGroupIdentifier, of which exactly one must be there."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise InvalidParameterException("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if name is not None:
        return group_named(call, reader, name)
    if identifier is None:
        raise InvalidParameterException("Either LogGroup name or LogGroup ARN must be specified.")
    return group_identified(call, reader, identifier)


def stream_named(reader: Reader, group: LogGroup, name: str) -> LogStream:
    """ResourceNotFoundException when there is none."""
    stream = reader.get(LOG_STREAMS, group.account, group.region, group.name, name)
    if stream is None:
        raise log_errors.no_such_stream()
    return stream


def name_in_arn(call: Call, arn: str) -> str | None:
    """The group's name in `arn:aws:logs:region:account:log-group:name`, None when the ARN is of elsewhere.

    InvalidParameterException when it is no log group's ARN.
    """
    parts = arn.split(":")
    if len(parts) not in (7, 8) or parts[2] != "logs" or parts[5] != "log-group" or parts[7:] not in ([], ["*"]):
        raise InvalidParameterException(f"'{arn}' is not a log group ARN.")
    return parts[6] if (parts[3], parts[4]) == (call.region, call.account) else None


def group_arn(call: Call, group: LogGroup) -> str:
    return call.arn(f"log-group:{group.name}")
