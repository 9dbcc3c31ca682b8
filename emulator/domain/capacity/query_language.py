"""The cluster query language: which container instances an expression selects.

`subject operator [argument]`, joined by `and`, `or`, `not` and parentheses. What an instance is, and where expressions
come from, is not known here. Source: AWS developer guide "Create expressions to define container instances"; a
comparison with an attribute that an instance does not have is false, `!=` too (observed on AWS). The errors' wordings
are unconfirmed. `=~` takes Java's regular expressions as far as linear_pattern.py does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import Any, Final, Protocol

from emulator.domain.errors import InvalidParameterException
from emulator.domain.logs.linear_pattern import BadPattern, compile_pattern

MAX_LENGTH: Final = 2000
MAX_DEPTH: Final = 100

_WORDS: Final = {
    "equals": "==", "not_equals": "!=", "greater_than": ">", "greater_than_equal": ">=", "less_than": "<",
    "less_than_equal": "<=", "in": "in", "not_in": "!in", "exists": "exists", "not_exists": "!exists",
    "matches": "=~", "not_matches": "!~",
}  # fmt: skip
_EQUALITY: Final = ("==", "!=")
_ORDER: Final = (*_EQUALITY, ">", ">=", "<", "<=")
_TEXT: Final = (*_EQUALITY, "in", "!in", "=~", "!~")
_OPERATORS: Final[Mapping[str, Collection[str]]] = {
    "agentConnected": _TEXT,
    "agentVersion": _ORDER,
    "ec2InstanceId": _TEXT,
    "registeredAt": _ORDER,
    "runningTasksCount": _ORDER,
    "task:group": _TEXT,
    "attribute:": (*_ORDER, *_TEXT, "exists", "!exists"),
}
_COMPARE: Final = {"==": eq, "!=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}  # who compares denies != as a whole
_SPACE: Final = re.compile(r"\s*")
_SUBJECT: Final = re.compile(r"attribute:[A-Za-z0-9_/\\.-]+|task:group|[A-Za-z0-9]+")
_OPERATOR: Final = re.compile(r"(==|!=|>=|<=|=~|!~|>|<)|(!\s*)?(exists|in)(?![A-Za-z0-9_])|([a-z]+(?:_[a-z]+)+|[a-z]+)")
_AND: Final = re.compile(r"&&|and(?![A-Za-z0-9_:.])")
_OR: Final = re.compile(r"\|\||or(?![A-Za-z0-9_:.])")
_NOT: Final = re.compile(r"!|not(?![A-Za-z0-9_:.])")
_BARE: Final = re.compile(r"[^\s()\[\],\"'&|]+")
_QUOTED: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?)?")
_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")
_VERSION: Final = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,3})(?:[-+].*)?")


class Facts(Protocol):
    """What an expression may ask of an instance. `groups`: the task groups that have a task on it."""

    @property
    def attributes(self) -> Mapping[str, str | None]: ...
    @property
    def groups(self) -> Collection[str]: ...
    @property
    def agent_connected(self) -> bool: ...
    @property
    def agent_version(self) -> str: ...
    @property
    def ec2_instance_id(self) -> str | None: ...
    @property
    def registered_at(self) -> float: ...
    @property
    def running_tasks(self) -> int: ...


Test = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """`asks_groups`: whether placing a task can change what it selects."""

    text: str
    selects: Test
    asks_groups: bool


@lru_cache(maxsize=256)
def parse_query(text: str) -> Query:
    """InvalidParameterException for what is no expression, naming the place (counted from 1)."""
    if len(text) > MAX_LENGTH:
        raise InvalidParameterException(f"An expression can have at most {MAX_LENGTH} characters.")
    reader = _Reader(text)
    test = reader.either(0)
    if reader.skip() < len(text):
        raise reader.refused("an operator `and` or `or` was expected")
    return Query(text, test, reader.asks_groups)


class _Reader:
    """Reads an expression once, from left to right, making the test as it goes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.asks_groups = False

    def refused(self, why: str) -> InvalidParameterException:
        return InvalidParameterException(f"Invalid expression '{self.text}': {why} at position {self.at + 1}.")

    def skip(self) -> int:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What stands next, without the space before it."""
        found = pattern.match(self.text, self.skip())
        if found is not None:
            self.at = found.end()
        return found

    def either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self.take(_OR):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda facts: any(test(facts) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self.take(_AND):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda facts: all(test(facts) for test in tests)

    def _one(self, depth: int) -> Test:
        if depth > MAX_DEPTH:
            raise self.refused(f"more than {MAX_DEPTH} parentheses or negations are nested")
        if self.take(_NOT):
            test = self._one(depth + 1)
            return lambda facts: not test(facts)
        if not self.text.startswith("(", self.skip()):
            return self._condition()
        self.at += 1
        test = self.either(depth + 1)
        if not self.text.startswith(")", self.skip()):
            raise self.refused("a closing parenthesis was expected")
        self.at += 1
        return test

    def _condition(self) -> Test:
        found = self.take(_SUBJECT)
        if found is None:
            raise self.refused("a subject was expected")
        subject = found[0]
        kind = "attribute:" if subject.startswith("attribute:") else subject
        allowed = _OPERATORS.get(kind)
        if allowed is None:
            self.at = found.start()
            raise self.refused(f"'{subject}' is not a supported subject")
        operator = self._operator()
        if operator not in allowed:
            raise self.refused(f"operator '{operator}' is not supported for {subject}")
        self.asks_groups = self.asks_groups or kind == "task:group"
        values = _values_of(subject)
        if operator in ("exists", "!exists"):
            wanted = operator == "exists"
            name = subject.partition(":")[2]
            return lambda facts: (name in facts.attributes) == wanted
        holds = self._holds(kind, operator)
        # A condition holds when one of the values does; denials are denials of the whole (task:group has many values).
        if operator in ("!=", "!in", "!~"):
            if kind == "task:group":
                return lambda facts: not any(holds(value) for value in values(facts))
            return lambda facts: any(not holds(value) for value in values(facts))
        return lambda facts: any(holds(value) for value in values(facts))

    def _operator(self) -> str:
        begin = self.skip()
        found = self.take(_OPERATOR)
        if found is None:
            raise self.refused("an operator was expected")
        if found[1]:
            return found[1]
        if found[3]:
            return f"{'!' if found[2] else ''}{found[3]}"
        operator = _WORDS.get(found[4])
        if operator is None:
            self.at = begin
            raise self.refused(f"'{found[4]}' is not a supported operator")
        return operator

    def _holds(self, kind: str, operator: str) -> Callable[[str], bool]:
        """The test of one value, for an operator or its denial."""
        if operator in ("in", "!in"):
            members = frozenset(self._list())
            return members.__contains__
        if operator in ("=~", "!~"):
            return self._pattern()
        begin = self.skip()
        argument = self._argument(_BARE)
        if operator in _EQUALITY and kind in ("attribute:", "ec2InstanceId", "task:group", "agentConnected"):
            return argument.__eq__
        ordered = self._ordered(kind, argument, begin)
        return lambda value: _compared(operator, *ordered(value))

    def _ordered(self, kind: str, argument: str, begin: int) -> Callable[[str], tuple[object, object]]:
        """Both sides of a comparison in a form that can be ordered: numbers, versions, times, else text."""
        forms: dict[str, tuple[re.Pattern[str], Callable[[str], object], str]] = {
            "agentVersion": (_VERSION, _version, "a version"),
            "registeredAt": (_DATE, _time, "a date"),
            "runningTasksCount": (_NUMBER, float, "a number"),
        }
        if kind not in forms:
            if not _NUMBER.fullmatch(argument):
                return lambda value: (value, argument)
            number = float(argument)
            return lambda value: (float(value), number) if _NUMBER.fullmatch(value) else (value, argument)
        pattern, form, noun = forms[kind]
        try:
            if not pattern.fullmatch(argument):
                raise ValueError
            wanted = form(argument)
        except ValueError:
            self.at = begin
            raise self.refused(f"'{argument}' is not {noun}") from None
        if kind == "registeredAt":
            return lambda value: (float(value), wanted)
        return lambda value: (form(value), wanted)

    def _argument(self, bare: re.Pattern[str]) -> str:
        quoted = self.take(_QUOTED)
        if quoted is not None:
            return quoted[1] if quoted[1] is not None else quoted[2]
        found = self.take(bare)
        if found is None:
            raise self.refused("an argument was expected")
        return found[0]

    def _list(self) -> list[str]:
        if not self.text.startswith("[", self.skip()):
            raise self.refused("a list in brackets was expected")
        self.at += 1
        members = [self._argument(_BARE)]
        while self.text.startswith(",", self.skip()):
            self.at += 1
            members.append(self._argument(_BARE))
        if not self.text.startswith("]", self.skip()):
            raise self.refused("a closing bracket was expected")
        self.at += 1
        return members

    def _pattern(self) -> Callable[[str], bool]:
        """An unquoted regular expression ends at a space, or at a parenthesis that it did not open."""
        begin = self.skip()
        quoted = self.take(_QUOTED)
        if quoted is not None:
            text = quoted[1] if quoted[1] is not None else quoted[2]
        else:
            open_, end = 0, begin
            while end < len(self.text) and not self.text[end].isspace() and (open_ or self.text[end] != ")"):
                open_ += {"(": 1, ")": -1}.get(self.text[end], 0)
                end += 2 if self.text[end] == "\\" else 1
            text, self.at = self.text[begin:end], min(end, len(self.text))
        if not text:
            raise self.refused("a regular expression was expected")
        try:
            return lru_cache(maxsize=1024)(compile_pattern(text).matches)
        except BadPattern as error:
            self.at = begin
            raise self.refused(f"'{text}' is not a supported regular expression ({error})") from error


def _values_of(subject: str) -> Callable[[Facts], Collection[str]]:
    """What an instance has for a subject; nothing for an attribute that it lacks."""
    match subject:
        case "agentConnected":
            return lambda facts: ("true" if facts.agent_connected else "false",)
        case "agentVersion":
            return lambda facts: (facts.agent_version,) if facts.agent_version else ()
        case "ec2InstanceId":
            return lambda facts: (facts.ec2_instance_id,) if facts.ec2_instance_id else ()
        case "registeredAt":
            return lambda facts: (str(facts.registered_at),)
        case "runningTasksCount":
            return lambda facts: (str(facts.running_tasks),)
        case "task:group":
            return lambda facts: facts.groups
    name = subject.partition(":")[2]
    return lambda facts: (facts.attributes[name] or "",) if name in facts.attributes else ()


def _compared(operator: str, left: Any, right: Any) -> bool:
    return bool(_COMPARE[operator](left, right))


def _version(text: str) -> tuple[int, ...]:
    """`1.86.3` as numbers, without trailing zeros, so that 1.0 equals 1.0.0; what is no version comes first."""
    found = _VERSION.fullmatch(text)
    numbers = [int(part) for part in found[1].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _time(text: str) -> float:
    """Seconds since the epoch; a time without a zone is UTC. ValueError for a day that there is not."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
