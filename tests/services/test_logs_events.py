"""Putting, reading and searching log events, by boto3."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.test_logs_groups import NO_GROUP, NO_STREAM, NOW, refused

DAY = 86_400_000


@pytest.fixture
def logs(aws: Aws) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="g")
    for name in ("web/1", "web/2", "db"):
        client.create_log_stream(logGroupName="g", logStreamName=name)
    return client


def put(logs: Any, stream: str, *events: tuple[int, str]) -> Any:
    shaped = [{"timestamp": NOW + at, "message": message} for at, message in events]
    return logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=shaped)


def read(logs: Any, **request: Any) -> tuple[list[str], str, str]:
    page = logs.get_log_events(logGroupName="g", logStreamName="web/1", **request)
    return [e["message"] for e in page["events"]], page["nextForwardToken"], page["nextBackwardToken"]


def search(logs: Any, **request: Any) -> list[str]:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="g", **request)
    return [event["message"] for page in pages for event in page["events"]]


def test_what_was_put_is_read(logs: Any) -> None:
    answer = put(logs, "web/1", (-1000, "hé"), (0, "b"))
    assert answer["nextSequenceToken"].isdigit()
    assert "rejectedLogEventsInfo" not in answer
    page = logs.get_log_events(logGroupName="g", logStreamName="web/1")
    assert page["events"] == [
        {"timestamp": NOW - 1000, "message": "hé", "ingestionTime": NOW},
        {"timestamp": NOW, "message": "b", "ingestionTime": NOW},
    ]


def test_a_wrong_sequence_token_is_ignored(logs: Any) -> None:
    event = {"timestamp": NOW, "message": "x"}
    logs.put_log_events(logGroupName="g", logStreamName="db", logEvents=[event], sequenceToken="wrong")


def test_where_nothing_can_be_put(logs: Any) -> None:
    event = {"timestamp": NOW, "message": "x"}
    assert refused(logs.put_log_events, logGroupName="x", logStreamName="s", logEvents=[event]) == NO_GROUP
    assert refused(logs.put_log_events, logGroupName="g", logStreamName="s", logEvents=[event]) == NO_STREAM
    code, _ = refused(logs.put_log_events, logGroupName="g", logStreamName="db", logEvents=[])
    assert code == "InvalidParameterException"
    code, _ = refused(
        logs.put_log_events, logGroupName="g", logStreamName="db", logEvents=[{"timestamp": NOW, "message": ""}]
    )
    assert code == "InvalidParameterException"
    disordered = [{"timestamp": NOW, "message": "x"}, {"timestamp": NOW - 1, "message": "y"}]
    assert refused(logs.put_log_events, logGroupName="g", logStreamName="db", logEvents=disordered) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
    )


def test_events_too_old_too_new_or_expired_are_reported_and_dropped(logs: Any) -> None:
    logs.put_retention_policy(logGroupName="g", retentionInDays=3)
    answer = put(logs, "web/1", (-15 * DAY, "old"), (-4 * DAY, "expired"), (0, "fine"), (7_200_001, "new"))
    assert answer["rejectedLogEventsInfo"] == {
        "tooOldLogEventEndIndex": 1,
        "expiredLogEventEndIndex": 2,
        "tooNewLogEventStartIndex": 3,
    }
    assert read(logs)[0] == ["fine"]
    assert put(logs, "db", (-15 * DAY, "old"))["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}


def test_reading_forward_to_the_end_and_on(logs: Any) -> None:
    put(logs, "web/1", *((n, f"e{n}") for n in range(5)))
    first, forth, back = read(logs, startFromHead=True, limit=2)
    assert first == ["e0", "e1"]
    second, forth, _ = read(logs, startFromHead=True, limit=2, nextToken=forth)
    assert second == ["e2", "e3"]
    third, forth, _ = read(logs, startFromHead=True, limit=2, nextToken=forth)
    assert third == ["e4"]
    none, again, turn = read(logs, startFromHead=True, limit=2, nextToken=forth)
    assert (none, again) == ([], forth)
    assert read(logs, nextToken=turn, limit=2)[0] == ["e3", "e4"]
    put(logs, "web/1", (9, "e9"))
    assert read(logs, startFromHead=True, nextToken=again)[0] == ["e9"]
    none, _, same = read(logs, nextToken=back)
    assert (none, same) == ([], back)


def test_reading_backward_from_the_end(logs: Any) -> None:
    put(logs, "web/1", *((0, f"e{n}") for n in range(5)))
    last, _, back = read(logs, limit=2)
    assert last == ["e3", "e4"]
    before, _, back = read(logs, limit=2, nextToken=back)
    assert before == ["e1", "e2"]
    start, forth, back = read(logs, limit=2, nextToken=back)
    assert start == ["e0"]
    assert read(logs, nextToken=forth)[0] == ["e1", "e2", "e3", "e4"]
    none, turn, same = read(logs, limit=2, nextToken=back)
    assert (none, same) == ([], back)
    assert read(logs, nextToken=turn, limit=1)[0] == ["e0"]


def test_an_empty_stream_has_tokens_that_find_what_comes(logs: Any) -> None:
    none, forth, back = read(logs)
    assert none == []
    assert read(logs, nextToken=forth) == ([], forth, read(logs, nextToken=forth)[2])
    assert read(logs, nextToken=back)[2] == back
    put(logs, "web/1", (0, "first"))
    assert read(logs, nextToken=forth)[0] == ["first"]
    assert refused(logs.get_log_events, logGroupName="g", logStreamName="web/1", nextToken="f/1/s") == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


def test_time_bounds_the_end_exclusive_here_and_inclusive_there(logs: Any) -> None:
    put(logs, "web/1", *((n, f"e{n}") for n in range(4)))
    assert read(logs, startTime=NOW + 1, endTime=NOW + 3)[0] == ["e1", "e2"]
    assert search(logs, startTime=NOW + 1, endTime=NOW + 3) == ["e1", "e2", "e3"]


def test_a_page_holds_at_most_a_mebibyte(logs: Any) -> None:
    for n in range(3):
        put(logs, "web/1", (n, str(n) + "x" * 500_000))
    assert [text[0] for text in read(logs)[0]] == ["1", "2"]
    assert [text[0] for text in read(logs, startFromHead=True)[0]] == ["0", "1"]
    first = logs.filter_log_events(logGroupName="g")
    assert len(first["events"]) == 2
    assert [text[0] for text in search(logs)] == ["0", "1", "2"]


def test_limits_are_the_models(logs: Any) -> None:
    assert refused(logs.get_log_events, logGroupName="g", logStreamName="db", limit=10_001) == (
        "InvalidParameterException",
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 10000",
    )


def test_a_search_interleaves_streams_and_pages(logs: Any) -> None:
    put(logs, "web/1", (1, "a"), (4, "d"))
    put(logs, "web/2", (2, "b"), (4, "e"))
    put(logs, "db", (3, "c"))
    assert search(logs) == ["a", "b", "c", "d", "e"]
    assert search(logs, PaginationConfig={"PageSize": 2}) == ["a", "b", "c", "d", "e"]
    assert search(logs, logStreamNamePrefix="web") == ["a", "b", "d", "e"]
    assert search(logs, logStreamNames=["db", "web/2"], interleaved=True) == ["b", "c", "e"]
    assert search(logs, logStreamNamePrefix="nothing") == []
    answer = logs.filter_log_events(logGroupIdentifier="arn:aws:logs:us-east-1:123456789012:log-group:g", limit=1)
    (event,) = answer["events"]
    assert (event["logStreamName"], event["timestamp"], event["ingestionTime"]) == ("web/1", NOW + 1, NOW)
    assert len(event["eventId"]) == 56
    assert answer["searchedLogStreams"] == []
    assert "nextToken" not in logs.filter_log_events(logGroupName="g", limit=5)


def test_a_search_from_the_newest(logs: Any, clock: VirtualClock) -> None:
    clock.advance(90 * 86_400)
    later = 90 * DAY
    put(logs, "web/1", *((later + n, f"e{n}") for n in range(4)))
    since = NOW + later
    assert search(logs, startFromHead=False, startTime=since, PaginationConfig={"PageSize": 3}) == [
        "e3",
        "e2",
        "e1",
        "e0",
    ]
    assert refused(logs.filter_log_events, logGroupName="g", startFromHead=False)[0] == "InvalidParameterException"


def test_a_search_with_a_pattern(logs: Any) -> None:
    put(logs, "web/1", (1, "ERROR one"), (2, '{"level": "error", "ms": 12}'), (3, "WARN two"), (4, "a ERROR two"))
    assert search(logs, filterPattern="ERROR") == ["ERROR one", "a ERROR two"]
    assert search(logs, filterPattern="?one ?WARN") == ["ERROR one", "WARN two"]
    assert search(logs, filterPattern="ERROR -one") == ["a ERROR two"]
    assert search(logs, filterPattern='{ $.level = "error" && $.ms > 10 }') == ['{"level": "error", "ms": 12}']
    assert search(logs, filterPattern="[level = WARN, rest]") == ["WARN two"]
    assert search(logs, filterPattern="two", PaginationConfig={"PageSize": 1}) == ["WARN two", "a ERROR two"]
    assert refused(logs.filter_log_events, logGroupName="g", filterPattern="{ $.a") == (
        "InvalidParameterException",
        "If a filter pattern starts with '{' it must end with '}'",
    )
    assert refused(logs.filter_log_events, logGroupName="g", filterPattern="a:b") == (
        "InvalidParameterException",
        "Invalid character(s) in term 'a:b'",
    )


def test_what_cannot_be_searched(logs: Any) -> None:
    assert refused(logs.filter_log_events, logGroupName="x") == NO_GROUP
    assert refused(logs.filter_log_events, logGroupName="g", logStreamNames=["x"]) == NO_STREAM
    assert refused(logs.get_log_events, logGroupName="g", logStreamName="x") == NO_STREAM
    both = {"logStreamNames": ["db"], "logStreamNamePrefix": "d"}
    assert refused(logs.filter_log_events, logGroupName="g", **both)[0] == "InvalidParameterException"
    assert refused(logs.filter_log_events, logGroupName="g", nextToken="forged") == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


def test_polling_as_aws_logs_tail_does_sees_each_event_once(logs: Any) -> None:
    put(logs, "web/1", (1, "a"), (2, "b"))
    seen: dict[str, str] = {}
    since = NOW - 600_000
    for new in ("c", "d"):
        for event in logs.filter_log_events(logGroupName="g", startTime=since, interleaved=True)["events"]:
            seen.setdefault(event["eventId"], event["message"])
            since = event["timestamp"]
        put(logs, "web/2", (2, new))
    for event in logs.filter_log_events(logGroupName="g", startTime=since, interleaved=True)["events"]:
        seen.setdefault(event["eventId"], event["message"])
    assert list(seen.values()) == ["a", "b", "c", "d"]


def test_expired_events_are_not_shown(logs: Any, clock: VirtualClock) -> None:
    put(logs, "web/1", (0, "old"))
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    clock.advance(86_400)
    assert search(logs) == ["old"]
    clock.advance(1)
    assert search(logs) == []
    assert read(logs)[0] == []


def test_a_stream_made_anew_shows_nothing_of_the_old_one(logs: Any) -> None:
    put(logs, "web/1", (0, "old"))
    logs.delete_log_stream(logGroupName="g", logStreamName="web/1")
    assert search(logs) == []
    logs.create_log_stream(logGroupName="g", logStreamName="web/1")
    assert read(logs)[0] == []
    put(logs, "web/1", (0, "new"))
    assert search(logs) == ["new"]
    logs.delete_log_group(logGroupName="g")
    logs.create_log_group(logGroupName="g")
    assert logs.describe_log_streams(logGroupName="g")["logStreams"] == []
    assert search(logs) == []
