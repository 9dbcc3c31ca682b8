"""The cluster query language: what expressions select, what is refused, and that no pattern takes long."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.capacity.query_language import parse_query
from emulator.domain.errors import InvalidParameterException
from emulator.domain.logs.linear_pattern import BadPattern, compile_pattern


@dataclass
class Host:
    attributes: Mapping[str, str | None] = field(
        default_factory=lambda: {
            "ecs.instance-type": "t2.medium",
            "ecs.availability-zone": "us-east-1a",
            "stack": "prod",
            "slots": "5",
            "bare": None,
        }
    )
    groups: Collection[str] = ("family:db", "service:web")
    agent_connected: bool = True
    agent_version: str = "1.86.3"
    ec2_instance_id: str | None = "i-0123"
    registered_at: float = 1_600_000_000.0  # 2020-09-13T12:26:40Z
    running_tasks: int = 2


SELECTS = [
    "attribute:ecs.instance-type == t2.medium",
    "attribute:ecs.instance-type equals t2.medium",
    "attribute:ecs.instance-type =~ t2.* and attribute:ecs.availability-zone != us-east-1d",
    "attribute:ecs.availability-zone in [us-east-1a, us-east-1b]",
    'attribute:ecs.availability-zone in ["us-east-1a", \'us-east-1b\']',
    "attribute:ecs.availability-zone not_in [us-east-1c]",
    "attribute:ecs.availability-zone !in [us-east-1c,us-east-1d]",
    "attribute:ecs.instance-type matches (t2|t3)\\.(medium|large)",
    "(attribute:ecs.instance-type =~ t[23]\\..+)",
    "attribute:ecs.instance-type !~ m5.*",
    "attribute:ecs.instance-type not_matches m5.*",
    'attribute:stack == "prod"',
    "attribute:stack==prod&&attribute:slots==5",
    "attribute:stack == test || attribute:stack == prod",
    "attribute:stack == test or attribute:slots > 4",
    "attribute:slots >= 5 and attribute:slots <= 5.0 and attribute:slots < 10",
    "attribute:stack exists",
    "attribute:bare exists",
    "attribute:gone !exists",
    "attribute:gone not_exists",
    "not attribute:gone exists",
    "!(attribute:gone == a)",
    "not(not(attribute:stack == prod))",
    "agentConnected == true",
    "agentConnected != false",
    "agentVersion > 1.9.0 and agentVersion < 1.100 and agentVersion == 1.86.3",
    "agentVersion >= 1.86 and agentVersion != 1.86",
    "ec2InstanceId in [i-0123]",
    "ec2InstanceId =~ i-0.*",
    "registeredAt > 2018-06-18T22:28:28+00:00",
    "registeredAt > 2018-06-18T22:28:28Z",
    "registeredAt > 2018-06-18T22:28:28",
    "registeredAt >= 2020-09-13 and registeredAt < 2020-09-14",
    "registeredAt <= 2020-09-13T13:26:40+01:00",
    "runningTasksCount == 2",
    "runningTasksCount greater_than 1 and runningTasksCount less_than_equal 2",
    "task:group == service:web",
    "task:group in [service:web, service:api]",
    "task:group =~ service:.*",
    "task:group != service:api",
    "not(task:group == database)",
]  # fmt: skip
SELECTS_NOT = [
    "attribute:gone == a",
    "attribute:gone != a",
    "attribute:gone !in [a]",
    "attribute:ecs.instance-type =~ t2",
    "attribute:stack !exists",
    "attribute:slots > 10",
    "attribute:stack == PROD",
    "attribute:stack == test and attribute:slots == 5 or attribute:stack == x",
    "task:group != service:web",
    "task:group !~ family:.*",
    "runningTasksCount < 2",
    "agentVersion < 1.9",
    "registeredAt < 2020-09-13",
    "ec2InstanceId != i-0123",
]


@pytest.mark.parametrize("text", SELECTS)
def test_selects(text: str) -> None:
    assert parse_query(text).selects(Host())


@pytest.mark.parametrize("text", SELECTS_NOT)
def test_selects_not(text: str) -> None:
    assert not parse_query(text).selects(Host())


def test_an_instance_outside_ec2_has_no_ec2_instance_id() -> None:
    assert not parse_query("ec2InstanceId != i-1").selects(Host(ec2_instance_id=None))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a subject was expected at position 1."),
        ("memory > 1", "'memory' is not a supported subject at position 1."),
        ("attribute:x", "an operator was expected at position 12."),
        ("attribute:x is y", "'is' is not a supported operator at position 13."),
        ("attribute:x ==", "an argument was expected at position 15."),
        ("(attribute:x == y", "a closing parenthesis was expected at position 18."),
        ("attribute:x == y z", "an operator `and` or `or` was expected at position 18."),
        ("attribute:x == y and", "a subject was expected at position 21."),
        ("runningTasksCount =~ 3", "operator '=~' is not supported for runningTasksCount at position 21."),
        ("runningTasksCount > many", "'many' is not a number at position 21."),
        ("agentVersion exists", "operator 'exists' is not supported for agentVersion at position 20."),
        ("agentVersion > new", "'new' is not a version at position 16."),
        ("registeredAt > 2018-13-01", "'2018-13-01' is not a date at position 16."),
        ("registeredAt > yesterday", "'yesterday' is not a date at position 16."),
        ("attribute:x in y", "a list in brackets was expected at position 16."),
        ("attribute:x in [y", "a closing bracket was expected at position 18."),
        (
            "attribute:x =~ (y",
            "'(y' is not a supported regular expression (unclosed group near index 0) at position 16.",
        ),
        ("attribute:x =~", "a regular expression was expected at position 15."),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidParameterException) as caught:
        parse_query(text)
    assert caught.value.message == f"Invalid expression '{text}': {why}"


def test_long_and_deep_expressions_are_refused() -> None:
    with pytest.raises(InvalidParameterException, match="at most 2000 characters"):
        parse_query("attribute:x == " + "y" * 2000)
    with pytest.raises(InvalidParameterException, match="are nested"):
        parse_query("(" * 1500)


def test_knows_whether_a_placement_can_change_it() -> None:
    assert parse_query("not(task:group == x)").asks_groups
    assert not parse_query("runningTasksCount < 3 and attribute:x exists").asks_groups


@given(st.text("abc:[]()!=<>~&|'\" attribute:taskgroupinexistsnotandor.*0123456789-", max_size=60))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    with contextlib.suppress(InvalidParameterException):
        parse_query(text).selects(Host())


_LETTERS = ["a", "b", ".", "[ab]", "[^a-c]", "\\d", "\\.", "^", "$"]
PIECES = st.sampled_from([*_LETTERS, "*", "+", "?", "(", ")", "(?:", "|", "{2}", "{0,2}", "{1,}"])


@given(st.lists(PIECES, max_size=8).map("".join), st.lists(st.text("ab1.", max_size=6), max_size=5))
def test_patterns_match_as_regular_expressions_do(pattern: str, texts: list[str]) -> None:
    try:
        ours, theirs = compile_pattern(pattern), re.compile(pattern)
    except (BadPattern, re.error):
        return
    for text in texts:
        assert ours.matches(text) == bool(theirs.fullmatch(text))


@pytest.mark.parametrize(
    "pattern", ["(a", "a)", "*a", "a{3,2}", "a{x}", "[a", "[b-a]", "\\b", "(?=a)", "a++", "\\1", "a^b", "(" * 60]
)
def test_patterns_that_are_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


def test_no_pattern_takes_long() -> None:
    began = process_time()
    assert not compile_pattern("(a+)+$").matches("a" * 127 + "b")
    assert not compile_pattern("(a|a)*(a|a)*(a|a)*b").matches("a" * 128)
    with pytest.raises(BadPattern, match="too large"):
        compile_pattern("((a{99}){99}){99}")
    assert process_time() - began < 1
