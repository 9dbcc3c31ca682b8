"""The conditions inside JSON and space-delimited filter patterns: comparisons joined by && and ||, with parentheses.

Syntax: CloudWatch Logs user guide, "Filter pattern syntax". Knows nothing of how a subject's values are found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Scalar = Any
Find = Callable[[str], Sequence[Scalar]]
"""The values a subject has in a message: none, one, or several when its selector has a wildcard."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<sign>\|\||&&|[()]|<=|>=|!=|=|<|>)
      | (?P<quoted>"(?:\\.|[^"\\])*")
      | (?P<regex>%[^%]+%)
      | (?P<word>\$?(?:\[(?:\d+|\*|'[^']*'|"[^"]*")\]|[^\s()&|=<>!,"%\[])+|\$)
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_REGEX = re.compile(r"[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+.]+")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False}


class InvalidPattern(ValueError):
    """Not a filter pattern; the text is fit for InvalidParameterException."""


@dataclass(frozen=True, slots=True)
class Expression:
    """`subjects` are the selectors or field names it compares."""

    holds: Callable[[Find], bool]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def parse_expression(text: str) -> Expression:
    """Raises InvalidPattern."""
    parser = _Parser(_tokens(text))
    holds = parser.any_of()
    if parser.next is not None:
        raise InvalidPattern(f"Invalid filter pattern: unexpected '{parser.next.text}'")
    return Expression(holds, tuple(dict.fromkeys(parser.subjects)))


def compile_regex(text: str) -> re.Pattern[str]:
    """The subset the user guide lists: no parentheses, so nothing nested. Raises InvalidPattern."""
    if not _REGEX.fullmatch(text):
        raise InvalidPattern(f"Invalid character(s) in term '%{text}%'")
    try:
        return re.compile(text, re.ASCII)
    except (re.error, OverflowError) as error:
        raise InvalidPattern(f"Invalid filter pattern: '%{text}%': {error}") from error


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self.subjects: list[str] = []

    @property
    def next(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def any_of(self) -> Callable[[Find], bool]:
        parts = [self._all_of()]
        while self._skip("||"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda find: any(part(find) for part in parts)

    def _all_of(self) -> Callable[[Find], bool]:
        parts = [self._one()]
        while self._skip("&&"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda find: all(part(find) for part in parts)

    def _one(self) -> Callable[[Find], bool]:
        if self._skip("("):
            self._depth += 1
            if self._depth > 50:
                raise InvalidPattern("Invalid filter pattern: nested too deeply")
            inner = self.any_of()
            self._depth -= 1
            if not self._skip(")"):
                raise InvalidPattern("Invalid filter pattern: ')' expected")
            return inner
        return self._comparison()

    def _comparison(self) -> Callable[[Find], bool]:
        subject = self._take("word").text
        self.subjects.append(subject)
        operator = self._take("sign", "word").text
        if operator == "EXISTS":
            return lambda find: bool(find(subject))
        if operator == "NOT":
            self._expect_word("EXISTS")
            return lambda find: not find(subject)
        if operator == "IS":
            word = self._take("word").text
            if word not in _CONSTANTS:
                raise InvalidPattern(f"Invalid filter pattern: 'IS {word}'")
            constant = _CONSTANTS[word]
            return lambda find: any(value is constant for value in find(subject))
        return _compare(subject, operator, self._take("quoted", "regex", "word"))

    def _take(self, *kinds: str) -> _Token:
        token = self.next
        if token is None or token.kind not in kinds:
            found = "its end" if token is None else f"'{token.text}'"
            raise InvalidPattern(f"Invalid filter pattern: unexpected {found}")
        self._at += 1
        return token

    def _expect_word(self, word: str) -> None:
        if self._take("word").text != word:
            raise InvalidPattern(f"Invalid filter pattern: '{word}' expected")

    def _skip(self, sign: str) -> bool:
        token = self.next
        if token is None or token.kind != "sign" or token.text != sign:
            return False
        self._at += 1
        return True


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    text, end = text.rstrip(), 0
    while end < len(text):
        found = _TOKEN.match(text, end)
        if found is None or found.lastgroup is None:
            raise InvalidPattern(f"Invalid character(s) in term '{text[end:].split()[0]}'")
        tokens.append(_Token(found.lastgroup, found.group(found.lastgroup)))
        end = found.end()
    return tokens


def _compare(subject: str, operator: str, token: _Token) -> Callable[[Find], bool]:
    number = float(token.text) if token.kind == "word" and _NUMBER.fullmatch(token.text) else None
    if operator in _COMPARE:
        if number is None:
            raise InvalidPattern(f"Invalid filter pattern: '{operator}' compares numbers only")
        compare, bound = _COMPARE[operator], number
        return lambda find: any((n := _number(value)) is not None and compare(n, bound) for value in find(subject))
    if operator not in ("=", "!="):
        raise InvalidPattern(f"Invalid filter pattern: unexpected '{operator}'")
    equals, wanted = _equals(token, number), operator == "="
    return lambda find: any(_is_scalar(value) and equals(value) is wanted for value in find(subject))


def _equals(token: _Token, number: float | None) -> Callable[[Scalar], bool]:
    if token.kind == "regex":
        expression = compile_regex(token.text[1:-1])
        return lambda value: expression.search(str(value)) is not None
    text = re.sub(r"\\(.)", r"\1", token.text[1:-1]) if token.kind == "quoted" else token.text
    parts = text.split("*")

    def equals(value: Scalar) -> bool:
        if number is not None and (found := _number(value)) is not None:
            return found == number
        return _fits(parts, str(value))

    return equals


def _fits(parts: list[str], value: str) -> bool:
    """Whether the value consists of the parts with anything between them; each is sought once, from the left."""
    if len(parts) == 1:
        return value == parts[0]
    first, *middle, last = parts
    if not value.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = value.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(value) - at >= len(last) and value.endswith(last)


def _number(value: Scalar) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e308 else None
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _is_scalar(value: Scalar) -> bool:
    """Conditions look at strings and numbers; an object, an array, a boolean or null satisfies neither = nor !=."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)
