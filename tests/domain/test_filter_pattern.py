"""Filter patterns against the examples of the CloudWatch Logs user guide."""

from __future__ import annotations

import pytest

from emulator.domain.logs.filter_expression import InvalidPattern
from emulator.domain.logs.filter_pattern import compile_pattern

USER = (
    '{"user": {"id": 1, "email": "John.Stiles@example.com"}, "users": [{"id": 2, "email": "John.Doe@example.com"}, '
    '{"id": 3, "email": "Jane.Doe@example.com"}], "actions": ["GET", "PUT", "DELETE"], '
    '"coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]}'
)
TRAIL = (
    '{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"], '
    '"objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true, '
    '"latency": 55.5, "cluster.name": "c"}'
)
ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("", "ABC"),
        ("ERROR", "AB"),
        ("ERROR WARN", "A"),
        ("?ERROR ?WARN", "ABC"),
        ("ERROR -WARN", "B"),
        ('"ERROR message"', "B"),
        ('-"ERROR message"', "AC"),
        ("error", ""),
        ("?ERROR message -WARN", "B"),
        ("%^WARN%", "C"),
        ("%WARN|ERROR.m%", "ABC"),
    ],
)
def test_terms(pattern: str, selected: str) -> None:
    messages = {"A": "ERROR WARN message", "B": "ERROR message", "C": "WARN message"}
    matches = compile_pattern(pattern)
    assert "".join(name for name, text in messages.items() if matches(text)) == selected


def test_a_term_is_found_inside_a_word_too() -> None:
    assert compile_pattern("ERROR")("Exiting with ERRORCODE: -1")
    assert compile_pattern("ERROR Exception")("[ERROR] Caught IllegalArgumentException")


@pytest.mark.parametrize(
    ("message", "pattern", "expected"),
    [
        (TRAIL, '{ $.eventType = "UpdateTrail" }', True),
        (TRAIL, "{ $.eventType = Update* }", True),
        (TRAIL, "{ $.eventType = *Event }", False),
        (TRAIL, "{ $.sourceIPAddress != 123.123.* }", True),
        (TRAIL, "{ $.sourceIPAddress != 111.* }", False),
        (TRAIL, "{ $.sourceIPAddress = %^111\\.[0-9]+% }", True),
        (TRAIL, '{ $.arrayKey[0] = "value" }', True),
        (TRAIL, "{ $.objectList[1].id = 2 }", True),
        (TRAIL, "{ $.objectList[*].id = 2 }", True),
        (TRAIL, "{ $.objectList[*].id = 7 }", False),
        (TRAIL, "{ $.SomeObject IS NULL }", True),
        (TRAIL, "{ $.eventType IS NULL }", False),
        (TRAIL, "{ $.SomeOtherObject NOT EXISTS }", True),
        (TRAIL, "{ $.SomeObject EXISTS }", True),
        (TRAIL, "{ $.ThisFlag IS TRUE }", True),
        (TRAIL, "{ $.ThisFlag IS FALSE }", False),
        (TRAIL, "{ $.latency >= 55.5 && $.latency < 1e2 }", True),
        (TRAIL, "{ $.latency > +1000 }", False),
        (TRAIL, "{ $.latency = * }", True),
        (TRAIL, "{ $.arrayKey = * }", False),
        (TRAIL, "{ $.['cluster.name'] = \"c\" }", True),
        (USER, '{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', True),
        (USER, '{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', False),
        (
            USER,
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }',
            True,
        ),
        (
            USER,
            '{ ($.user.email = "John.Stiles*" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }',
            False,
        ),
        (USER, "{ $.users = 1 }", False),
        (USER, "{ $.users != 1 }", False),
        (USER, "{ $.coordinates[0][1] = 1 }", True),
        ("no json", "{ $.a NOT EXISTS }", False),
    ],
)
def test_json(message: str, pattern: str, expected: bool) -> None:
    assert compile_pattern(pattern)(message) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ip, user, username, timestamp, request, status_code, bytes]", True),
        ("[ip, user, username]", False),
        ("[..., status_code, bytes]", True),
        ("[ip, user, ..., status_code = 4*, bytes]", True),
        ("[ip, user, ...]", True),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code = 4* && status_code != 404, bytes]", False),
        ("[ip, user, username, timestamp, request, status_code = 404 || status_code = 410, bytes > 1000]", True),
        ("[ip=%127\\.0\\.0\\.[1-9]%, user, username, timestamp, request, status_code, bytes]", True),
        ("[..., request=*.html*, status_code=4*,]", True),
        ('[ip, user, username, timestamp = "10/Oct/2000:13:25:15 -0700", ...]', True),
    ],
)
def test_space_delimited(pattern: str, expected: bool) -> None:
    assert compile_pattern(pattern)(ACCESS) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a = 1",
        "[a, b",
        "a:b",
        '"open',
        "{ a = 1 }",
        "{ $.a ~ 1 }",
        "{ $.a = }",
        "{ ($.a = 1 }",
        "{ $.a IS 3 }",
        "{ $.a < abc }",
        "{ $.a.* = 1 }",
        "%a(b)%",
        "%[%",
        "[a = 1 && b = 2]",
        "[..., a, ...]",
        "{ " + "(" * 60 + "$.a = 1" + ")" * 60 + " }",
        "{}",
    ],
)
def test_what_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern)
