"""The awslogs rules: where output goes, and how lines become events."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.domain.logs.log_delivery import (
    EVENT_BYTES,
    Destination,
    EventAssembler,
    InvalidLogOption,
    destination,
    split,
)


def resolve(options: dict[str, str], **more: Any) -> Destination | None:
    configuration = {"logDriver": "awslogs", "options": options}
    return destination(configuration, container_name="web", task_id="abc", task_region="us-east-1", **more)


GROUP = {"awslogs-group": "/ecs/web", "awslogs-stream-prefix": "ecs"}


def test_prefix_container_and_task_name_the_stream() -> None:
    assert resolve(GROUP) == Destination("us-east-1", "/ecs/web", "ecs/web/abc")


def test_the_options_are_read() -> None:
    found = resolve(
        GROUP
        | {"awslogs-region": "eu-west-1", "awslogs-create-group": "true", "mode": "blocking", "max-buffer-size": "25m"}
    )
    assert found == Destination("eu-west-1", "/ecs/web", "ecs/web/abc", True, None, True, 25 * 1024 * 1024)


def test_without_a_prefix_the_engine_names_the_stream() -> None:
    found = resolve({"awslogs-group": "g"}, engine_container_id="f00")
    assert found is not None
    assert found.stream == "f00"


@pytest.mark.parametrize("configuration", [None, {"logDriver": "json-file"}, {"logDriver": "none"}])
def test_other_drivers_have_no_destination(configuration: dict[str, Any] | None) -> None:
    assert destination(configuration, container_name="web", task_id="a", task_region="us-east-1") is None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"awslogs-stream-prefix": "x"}, "must specify a value for log opt 'awslogs-group'"),
        ({"awslogs-group": "g"}, "awslogs-stream-prefix is required"),
        (GROUP | {"awslogs-color": "red"}, "unknown log opt 'awslogs-color' for awslogs log driver"),
        (GROUP | {"mode": "maybe"}, "logger: logging mode not supported: maybe"),
        (GROUP | {"max-buffer-size": "lots"}, "invalid size: 'lots'"),
        (GROUP | {"awslogs-create-group": "yes"}, "no boolean"),
        (GROUP | {"awslogs-multiline-pattern": "(", "awslogs-datetime-format": "%Y"}, "at the same time"),
        (GROUP | {"awslogs-multiline-pattern": "("}, "could not parse awslogs-multiline-pattern"),
        (GROUP | {"awslogs-datetime-format": "%Q"}, "does not know '%Q'"),
    ],
)
def test_options_the_driver_would_not_start_with(options: dict[str, str], text: str) -> None:
    with pytest.raises(InvalidLogOption, match=text.replace("(", r"\(")):
        resolve(options)


def test_each_line_is_an_event_and_an_empty_line_is_none() -> None:
    assembler = EventAssembler(None)
    assert assembler.feed([(1, b"one"), (2, b""), (3, b"t\xffwo\xe2\x82")]) == [
        (1, "one"),
        (3, "t\ufffdwo\ufffd\ufffd"),
    ]
    assert assembler.flush() == []


def test_a_pattern_gathers_lines_until_the_next_event_begins() -> None:
    assembler = EventAssembler("^INFO")
    assert assembler.feed([(1, b"INFO a"), (2, b"  at x"), (3, b"")]) == []
    assert assembler.feed([(9, b"INFO b")]) == [(1, "INFO a\n  at x\n\n")]
    assert assembler.flush(begun_before_ms=8) == []
    assert assembler.flush(begun_before_ms=9) == [(9, "INFO b\n")]
    assert assembler.flush() == []


@pytest.mark.parametrize(
    ("written", "begins", "continues"),
    [
        (r"\[%b %d, %Y %H:%M:%S\]", b"[May 01, 2017 19:00:01] A message", b"[Mai 01, 2017] no"),
        ("%Y-%m-%d %H:%M:%S%L", b"2026-07-09 01:02:03.456 x", b"2026-13-09 01:02:03.456"),
        ("%A %d %B %y %I%p %f %z %Z %j %w %a", b"Monday 02 March 26 01PM 123456 +0200 CEST 061 1 Mon", b"Monday"),
    ],
)
def test_a_date_format_begins_an_event(written: str, begins: bytes, continues: bytes) -> None:
    found = resolve(GROUP | {"awslogs-datetime-format": written})
    assert found is not None
    assembler = EventAssembler(found.begins_event)
    assert assembler.feed([(1, begins), (2, continues)]) == []
    assert assembler.feed([(3, begins)]) == [(1, f"{begins.decode()}\n{continues.decode()}\n")]


def test_go_classes_are_understood() -> None:
    found = resolve(GROUP | {"awslogs-multiline-pattern": "^[[:upper:]]+:"})
    assert found is not None
    assert EventAssembler(found.begins_event).feed([(1, b"INFO: a"), (2, b"info: b"), (3, b"WARN: c")]) == [
        (1, "INFO: a\ninfo: b\n")
    ]


def test_long_lines_become_several_events_cut_between_characters() -> None:
    line = "é" * EVENT_BYTES
    events = EventAssembler(None).feed([(7, line.encode())])
    assert "".join(text for _, text in events) == line
    assert [len(text.encode()) for _, text in events] == [EVENT_BYTES, EVENT_BYTES]
    assert {at for at, _ in events} == {7}
    odd = "a" + "€" * EVENT_BYTES
    assert "".join(split(odd)) == odd
    assert max(len(part.encode()) for part in split(odd)) <= EVENT_BYTES


def test_gathered_lines_end_an_event_before_it_grows_too_large() -> None:
    assembler = EventAssembler("^never")
    line = b"x" * 100_000
    assert [len(text) for _, text in assembler.feed([(1, line), (2, line), (3, line)])] == [200_002]


def test_bytes_that_are_no_utf8_count_as_their_replacement() -> None:
    events = EventAssembler(None).feed([(1, b"\xff" * EVENT_BYTES)])
    assert max(len(text.encode()) for _, text in events) <= EVENT_BYTES
    assert "".join(text for _, text in events) == "\ufffd" * EVENT_BYTES
