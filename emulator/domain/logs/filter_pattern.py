"""CloudWatch Logs filter patterns: which messages one selects.

Syntax: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log
events, and Live Tail". Case-sensitive. Four kinds:

- terms: all must occur (as part of a word, too); `"..."` an exact phrase; `-` must not occur; `?` any of these
  must occur, and is ignored beside other terms;
- `{ $.selector = value ... }`: properties of a message that is a JSON object;
- `[name, name = value, ...]`: the fields of a space-delimited message;
- `%...%`: a regular expression of the small subset that the guide lists.

What this cannot read is refused by InvalidPattern, never taken to match nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from emulator.domain.logs.filter_expression import Expression, InvalidPattern, Scalar, compile_regex, parse_expression

Matcher = Callable[[str], bool]

_TERM = re.compile(r'\s*([-?]?)(?:"((?:\\.|[^"\\])*)"|(\w+))(?=\s|$)')
_STEP = re.compile(r"""\.?\[(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\]|\.([^\s.\[\]()=<>!&|"]+)""")
_FIELD_NAME = re.compile(r"[A-Za-z_$][\w$-]*")
_FIELD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')

_Step = str | int | None
"""A property's name, an element's index, or None for every element."""


def compile_pattern(pattern: str) -> Matcher:
    """A function that tells whether a message is selected. Raises InvalidPattern."""
    text = pattern.strip()
    if not text:
        return lambda message: True
    for opening, closing, make in (("{", "}", _json), ("[", "]", _fields)):
        if text.startswith(opening):
            if not text.endswith(closing):
                raise InvalidPattern(f"If a filter pattern starts with '{opening}' it must end with '{closing}'")
            return make(text[1:-1])
    if len(text) > 2 and text.startswith("%") and text.endswith("%"):
        expression = compile_regex(text[1:-1])
        return lambda message: expression.search(message) is not None
    return _terms(text)


def _terms(text: str) -> Matcher:
    required: list[str] = []
    excluded: list[str] = []
    optional: list[str] = []
    end = 0
    while end < len(text.rstrip()):
        found = _TERM.match(text, end)
        if found is None:
            raise InvalidPattern(f"Invalid character(s) in term '{text[end:].split()[0]}'")
        sign, phrase, word = found.groups()
        term = word if phrase is None else re.sub(r"\\(.)", r"\1", phrase)
        {"": required, "-": excluded, "?": optional}[sign].append(term)
        end = found.end()
    if required or excluded:
        optional = []

    def matches(message: str) -> bool:
        return (
            all(term in message for term in required)
            and not any(term in message for term in excluded)
            and (not optional or any(term in message for term in optional))
        )

    return matches


def _json(text: str) -> Matcher:
    expression = parse_expression(text)
    paths = {subject: _path(subject) for subject in expression.subjects}

    def matches(message: str) -> bool:
        if not message.lstrip().startswith("{"):
            return False
        try:
            document = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return expression.holds(lambda subject: list(_follow(document, paths[subject])))

    return matches


def _path(selector: str) -> list[_Step]:
    if not selector.startswith("$"):
        raise InvalidPattern(f"Invalid filter pattern: '{selector}' is no property selector")
    steps: list[_Step] = []
    end = 1
    while end < len(selector):
        found = _STEP.match(selector, end)
        if found is None:
            raise InvalidPattern(f"Invalid filter pattern: '{selector}' is no property selector")
        index, every, single, double, name = found.groups()
        if name == "*":
            raise InvalidPattern(f"Homeport does not emulate the wildcard of '{selector}' in filter patterns yet.")
        steps.append(
            None if every else int(index) if index else next(s for s in (single, double, name) if s is not None)
        )
        end = found.end()
    return steps


def _follow(value: Any, steps: Sequence[_Step]) -> Iterator[Scalar]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        for element in value if isinstance(value, list) else ():
            yield from _follow(element, rest)
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield from _follow(value[step], rest)
    elif isinstance(value, dict) and step in value:
        yield from _follow(value[step], rest)


def _fields(text: str) -> Matcher:
    columns = [_column(part.strip()) for part in _split_columns(text)]
    if columns.count("...") > 1:
        raise InvalidPattern("Invalid filter pattern: only one '...' is allowed")

    def matches(message: str) -> bool:
        values = [next(part for part in found.groups() if part is not None) for found in _FIELD.finditer(message)]
        if "..." in columns:
            gap, missing = columns.index("..."), len(values) - (len(columns) - 1)
            if missing < 0:
                return False
            wanted = [*columns[:gap], *([None] * missing), *columns[gap + 1 :]]
        else:
            wanted = list(columns)
        if len(wanted) != len(values):
            return False
        return all(_fits(column, value) for column, value in zip(wanted, values, strict=True))

    return matches


def _fits(column: Expression | str | None, value: str) -> bool:
    return not isinstance(column, Expression) or column.holds(lambda _: [value])


def _split_columns(text: str) -> list[str]:
    """At commas outside quotes and regular expressions."""
    parts, current, inside = [], "", ""
    for character in text:
        if character in '"%' and inside in ("", character):
            inside = "" if inside else character
        if character == "," and not inside:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current]


def _column(text: str) -> Expression | str | None:
    """`...`, a condition, or None for any value."""
    if text in ("...", "…"):
        return "..."
    if not text or _FIELD_NAME.fullmatch(text):
        return None
    expression = parse_expression(text)
    if len(expression.subjects) > 1:
        raise InvalidPattern(f"Invalid filter pattern: '{text}' compares more than one field")
    return expression
