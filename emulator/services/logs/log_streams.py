"""Log streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.errors import InvalidParameterException
from emulator.domain.logs import log_errors
from emulator.domain.logs.log_group import LogGroup, LogStream
from emulator.services.logs.lookup import group_arn, group_named, group_of_request, now_ms, stream_named
from emulator.store.database import AlreadyExists, Database
from emulator.store.log_events import LogEvents
from emulator.store.log_rows import StreamFacts
from emulator.store.logs_tables import LOG_STREAMS
from emulator.wire.call import Call, slow


def create_log_stream(call: Call, request: Mapping[str, Any]) -> None:
    group = group_named(call, call.tx, request["logGroupName"])
    stream = LogStream(
        call.account, call.region, group.name, request["logStreamName"], call.ids.hex(), group.id, now_ms(call)
    )
    try:
        call.tx.insert(LOG_STREAMS, stream)
    except AlreadyExists as error:
        raise log_errors.stream_exists() from error


@slow  # its events are deleted after the record's commit, and in a store of their own
def delete_log_stream(call: Call, request: Mapping[str, Any]) -> None:
    with call.parts.get(Database).write() as tx:
        group = group_named(call, tx, request["logGroupName"])
        stream = stream_named(tx, group, request["logStreamName"])
        if group.deletion_protection:
            raise log_errors.deletion_protected(group.name)
        tx.delete(LOG_STREAMS, group.account, group.region, group.name, stream.name)
    call.parts.get(LogEvents).delete_stream(group.id, stream.id)


def describe_log_streams(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    group = group_of_request(call, call.reader, request)
    prefix, by_time = request.get("logStreamNamePrefix"), request.get("orderBy") == "LastEventTime"
    if by_time and prefix is not None:
        raise InvalidParameterException("Cannot order by LastEventTime with a logStreamNamePrefix.")
    streams = call.reader.find(LOG_STREAMS, account=group.account, region=group.region, group_name=group.name)
    facts = call.parts.get(LogEvents).facts(group.id)

    def key(stream: LogStream) -> str:
        known = facts.get(stream.id)
        return f"{known.last_event_ms if known and by_time else 0:020d} {stream.name}"

    chosen = sorted((s for s in streams if s.name.startswith(prefix or "")), key=key)
    page, next_token = _cut(call, request, [(key(s), s) for s in chosen])
    return {
        "logStreams": [_shape(call, group, stream, facts.get(stream.id)) for stream in page],
        "nextToken": next_token,
    }


def _cut(
    call: Call, request: Mapping[str, Any], keyed: list[tuple[str, LogStream]]
) -> tuple[list[LogStream], str | None]:
    """One page, in either direction; the token remembers the last position shown."""
    assert call.paging is not None
    after, size, descending = call.after(request), call.paging.size(request), request.get("descending", False)
    if descending:
        keyed = keyed[::-1]
    rest = [(k, s) for k, s in keyed if after is None or (k < after if descending else k > after)]
    token = call.paging.encode(call.paging.operation, rest[size - 1][0]) if len(rest) > size else None
    return [stream for _, stream in rest[:size]], token


def _shape(call: Call, group: LogGroup, stream: LogStream, facts: StreamFacts | None) -> dict[str, Any]:
    shape = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "arn": f"{group_arn(call, group)}:log-stream:{stream.name}",
        "storedBytes": 0,  # always, since 2019 (CloudWatch Logs API model)
        "uploadSequenceToken": f"49{int(stream.id, 16) % 10**54:054d}",
    }
    if facts is not None:
        shape |= {
            "firstEventTimestamp": facts.first_event_ms,
            "lastEventTimestamp": facts.last_event_ms,
            "lastIngestionTime": facts.last_ingestion_ms,
        }
    return shape
