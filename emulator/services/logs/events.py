"""Log events: putting, reading one stream, searching a group."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from emulator.domain.errors import InvalidParameterException
from emulator.domain.logs import log_errors
from emulator.domain.logs.filter_expression import InvalidPattern
from emulator.domain.logs.filter_pattern import Matcher, compile_pattern
from emulator.domain.logs.log_batch import accept
from emulator.domain.logs.log_group import LogGroup, Position, stream_key
from emulator.services.logs.lookup import group_named, group_of_request, now_ms, stream_named
from emulator.store.database import Database
from emulator.store.log_events import LogEvents
from emulator.store.log_queue import LogStoreClosed, LogStoreFailed, StreamDeleted
from emulator.store.log_rows import StoredEvent, Window
from emulator.store.logs_tables import LOG_STREAMS
from emulator.wire.call import Call, slow

_PAGE_BYTES = 1024 * 1024
_PAGE_EVENTS = 10_000
_SEARCHED_PER_CALL = 100_000
"""A call that searches with a pattern stops after so many events and gives a token, as AWS does with big groups."""

_EARLIEST_BACKWARD_MS = 1_704_067_200_000  # 2024-01-01, from which startFromHead can be false (API model)
_TOKEN = re.compile(r"([fb])/(\d{56})/s")


@slow  # waits for the log store's commit and must not hold the main database's writer meanwhile
def put_log_events(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    with call.parts.get(Database).read() as reader:
        group = group_named(call, reader, request["logGroupName"])
        stream = stream_named(reader, group, request["logStreamName"])
    request.get("sequenceToken")  # ignored since 2023 (API model)
    events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
    batch = accept(events, now_ms(call), group.oldest_kept_ms(now_ms(call)))
    try:
        call.parts.get(LogEvents).append_durably(stream_key(stream), batch.kept)
    except StreamDeleted as error:
        raise log_errors.no_such_stream() from error
    except (LogStoreFailed, LogStoreClosed) as error:
        raise log_errors.ServiceUnavailableException(f"The log events were not written: {error}") from error
    rejected = {
        "tooNewLogEventStartIndex": batch.too_new_start,
        "tooOldLogEventEndIndex": batch.too_old_end,
        "expiredLogEventEndIndex": batch.expired_end,
    }
    return {
        "nextSequenceToken": f"49{call.ids.decimal(54)}",
        "rejectedLogEventsInfo": rejected if any(index is not None for index in rejected.values()) else None,
    }


def get_log_events(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Pages from a token in the token's direction, else from the end that startFromHead names."""
    group = group_of_request(call, call.reader, request)
    stream = stream_named(call.reader, group, request["logStreamName"])
    request.get("unmask")  # there is no masking without a data protection policy
    token = request.get("nextToken")
    forward, at = (bool(request.get("startFromHead", False)), None) if token is None else _read_token(token)
    window = Window(
        group.id,
        [stream.id],
        start_ms=_start(call, group, request),
        end_ms=request.get("endTime"),
        after=Position.of_number(at) if at is not None and forward else None,
        before=Position.of_number(at) if at is not None and not forward else None,
        newest_first=not forward,
    )
    with closing(call.parts.get(LogEvents).scan(window)) as events:
        page = _one_page(events, request.get("limit", _PAGE_EVENTS))
    if not forward:
        page.reverse()
    forth, back = _tokens(page, forward, at)
    return {
        "events": [{"timestamp": e.timestamp_ms, "message": e.message, "ingestionTime": e.ingestion_ms} for e in page],
        "nextForwardToken": f"f/{forth:056d}/s",
        "nextBackwardToken": f"b/{back:056d}/s",
    }


def filter_log_events(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    group = group_of_request(call, call.reader, request)
    matches = _matcher(request.get("filterPattern", ""))
    forward, at = _place(call, request)
    end = request.get("endTime")
    window = Window(
        group.id,
        _streams(call, group, request),
        start_ms=_start(call, group, request),
        end_ms=None if end is None else end + 1,  # here, and not in GetLogEvents, it is inclusive
        after=at if forward else None,
        before=None if forward else at,
        newest_first=not forward,
    )
    for ignored in ("interleaved", "unmask"):  # always interleaved since 2019; nothing is masked
        request.get(ignored)
    assert call.paging is not None
    with closing(call.parts.get(LogEvents).scan(window)) as events:
        page, reached = _search(events, matches, call.paging.size(request))
    token = None if reached is None else f"{'f' if forward else 'b'}{reached.number}"
    return {
        "events": [_filtered(event) for event in page],
        "searchedLogStreams": [],
        "nextToken": None if token is None else call.paging.encode(call.paging.operation, token),
    }


def _one_page(events: Iterable[StoredEvent], limit: int) -> list[StoredEvent]:
    page: list[StoredEvent] = []
    size = 0
    for event in events:
        size += event.size_bytes
        if page and size > _PAGE_BYTES:
            break
        page.append(event)
        if len(page) >= limit:
            break
    return page


def _search(events: Iterable[StoredEvent], matches: Matcher, limit: int) -> tuple[list[StoredEvent], Position | None]:
    """A page, and where the next one continues; None when everything was searched."""
    page: list[StoredEvent] = []
    size, seen, reached = 0, 0, None
    for event in events:
        if matches(event.message):
            size += event.size_bytes
            if len(page) >= limit or (page and size > _PAGE_BYTES):
                return page, reached
            page.append(event)
        reached, seen = event.position, seen + 1
        if seen >= _SEARCHED_PER_CALL:
            return page, reached
    return page, None


def _tokens(page: list[StoredEvent], forward: bool, at: int | None) -> tuple[int, int]:
    """Forward: after that event; backward: before it. An empty page gives back the token that was passed,
    and one in the other direction that leads to the event at this place."""
    if page:
        return page[-1].position.number, page[0].position.number
    if at is None:
        return 0, 0
    return (at, at + 1) if forward else (max(at - 1, 0), at)


def _read_token(token: str) -> tuple[bool, int]:
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise log_errors.invalid_token()
    return found.group(1) == "f", int(found.group(2))


def _place(call: Call, request: Mapping[str, Any]) -> tuple[bool, Position | None]:
    """The direction, and where the last page ended; the token's direction holds."""
    forward, start = bool(request.get("startFromHead", True)), request.get("startTime", 0)
    token = call.after(request)
    if token is not None:
        return token[0] == "f", Position.of_number(int(token[1:]))
    if not forward and start < _EARLIEST_BACKWARD_MS:
        raise InvalidParameterException(
            "startFromHead can be false only when startTime is on or after 2024-01-01T00:00:00Z."
        )
    return forward, None


def _matcher(pattern: str) -> Matcher:
    try:
        return compile_pattern(pattern)
    except InvalidPattern as error:
        raise InvalidParameterException(str(error)) from error


def _streams(call: Call, group: LogGroup, request: Mapping[str, Any]) -> list[str] | None:
    """Ids of the streams to search; None for all."""
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        raise InvalidParameterException("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
    if names is not None:
        return [stream_named(call.reader, group, name).id for name in names]
    if prefix is None:
        return None
    streams = call.reader.find(LOG_STREAMS, account=group.account, region=group.region, group_name=group.name)
    return [stream.id for stream in streams if stream.name.startswith(prefix)]


def _start(call: Call, group: LogGroup, request: Mapping[str, Any]) -> int:
    """Expired events are not shown, whether or not they are deleted yet."""
    return max(int(request.get("startTime", 0)), group.oldest_kept_ms(now_ms(call)))


def _filtered(event: StoredEvent) -> dict[str, Any]:
    return {
        "logStreamName": event.stream_name,
        "timestamp": event.timestamp_ms,
        "message": event.message,
        "ingestionTime": event.ingestion_ms,
        "eventId": event.position.event_id,
    }
