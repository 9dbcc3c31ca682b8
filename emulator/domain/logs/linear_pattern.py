"""Regular expressions that are matched in linear time: no text can make a match take long.

Java's syntax as far as it needs no backtracking: characters, `.`, classes, groups, `|`, `*`, `+`, `?`, `{m,n}`, `^`,
`$`. Back-references, look-around, possessive quantifiers and word boundaries are refused. The whole text has to
match, as `String.matches` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

Accepts = Callable[[str], bool]

MAX_STATES: Final = 2000
MAX_DEPTH: Final = 50
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SETS: Final = {"d": frozenset("0123456789"), "w": _WORD, "s": frozenset(" \t\n\x0b\f\r")}
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class BadPattern(ValueError):
    """The text says what is wrong, and where."""


@dataclass(slots=True)
class _State:
    """`accepts` takes one character to the `after` states; None: they are entered at once."""

    accepts: Accepts | None = None
    after: list[_State] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pattern:
    text: str
    start: _State = field(repr=False, compare=False)
    end: _State = field(repr=False, compare=False)

    def matches(self, value: str) -> bool:
        """Whether the whole value matches."""
        current = _entered([self.start])
        for letter in value:
            step = [s for state in current.values() if state.accepts and state.accepts(letter) for s in state.after]
            current = _entered(step)
            if not current:
                return False
        return id(self.end) in current


def _entered(states: list[_State]) -> dict[int, _State]:
    found: dict[int, _State] = {}
    todo = states
    while todo:
        state = todo.pop()
        if id(state) not in found:
            found[id(state)] = state
            if state.accepts is None:
                todo.extend(state.after)
    return found


def compile_pattern(text: str) -> Pattern:
    """Raises BadPattern for what cannot be matched so."""
    reader = _Reader(text)
    start, end = reader.alternatives(0)
    if reader.at < len(text):
        raise BadPattern(f"unmatched ')' near index {reader.at}")
    return Pattern(text, start, end)


Fragment = tuple[_State, _State]


class _Reader:
    """Reads a pattern once, from left to right; a fragment has one way in and one way out."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.states = 0

    def alternatives(self, depth: int) -> Fragment:
        if depth > MAX_DEPTH:
            raise BadPattern(f"groups nested more than {MAX_DEPTH} deep near index {self.at}")
        branches = [self._sequence(depth)]
        while self._next() == "|":
            self.at += 1
            branches.append(self._sequence(depth))
        if len(branches) == 1:
            return branches[0]
        start, end = self._state(), self._state()
        for first, last in branches:
            start.after.append(first)
            last.after.append(end)
        return start, end

    def _sequence(self, depth: int) -> Fragment:
        start = end = self._state()
        while self._next() not in ("", "|", ")"):
            first, last = self._repeated(depth)
            end.after.append(first)
            end = last
        return start, end

    def _repeated(self, depth: int) -> Fragment:
        begin = self.at
        fragment = self._one(depth)
        after = self.at
        low, high = self._times()
        if (low, high) == (1, 1):
            return fragment
        copies = [fragment]
        for _ in range(max(low, high or 0, 1) - 1):
            self.at = begin
            copies.append(self._one(depth))
        self.at = after
        self._times()
        return self._joined(copies, low, high)

    def _joined(self, copies: list[Fragment], low: int, high: int | None) -> Fragment:
        start, end = self._state(), self._state()
        at = start
        if high == 0:
            start.after.append(end)
            return start, end
        for number, (first, last) in enumerate(copies):
            if number >= low:
                at.after.append(end)
            at.after.append(first)
            at = last
        if high is None:
            at.after.append(copies[-1][0])
            if low == 0:
                start.after.append(end)
        at.after.append(end)
        return start, end

    def _times(self) -> tuple[int, int | None]:
        """How often what was just read may stand; lazy quantifiers match the same whole texts."""
        match self._next():
            case "*":
                found: tuple[int, int | None] = (0, None)
                self.at += 1
            case "+":
                found = (1, None)
                self.at += 1
            case "?":
                found = (0, 1)
                self.at += 1
            case "{":
                found = self._counted()
            case _:
                return 1, 1
        if self._next() == "?":
            self.at += 1
        if self._next() in ("*", "+", "{") or (self._next() == "?" and self.text[self.at - 1] == "?"):
            raise BadPattern(f"possessive or repeated quantifiers are not supported, near index {self.at}")
        return found

    def _counted(self) -> tuple[int, int | None]:
        close = self.text.find("}", self.at)
        low, comma, high = self.text[self.at + 1 : close].partition(",") if close > 0 else ("", "", "")
        if not low.isdecimal() or (high and not high.isdecimal()) or len(low) > 4 or len(high) > 4:
            raise BadPattern(f"illegal repetition near index {self.at}")
        least, most = int(low), (int(high) if high else None) if comma else int(low)
        if most is not None and most < least:
            raise BadPattern(f"illegal repetition range near index {self.at}")
        self.at = close + 1
        return least, most

    def _one(self, depth: int) -> Fragment:
        letter = self._next()
        self.at += 1
        match letter:
            case "(":
                return self._group(depth)
            case "[":
                return self._takes(self._class())
            case ".":
                return self._takes(lambda c: c not in "\n\r")
            case "\\":
                return self._takes(self._escape())
            case "^" | "$":
                return self._anchor(letter, depth)
            case "*" | "+" | "?" | "{":
                raise BadPattern(f"dangling meta character '{letter}' near index {self.at - 1}")
        return self._takes(letter.__eq__)

    def _group(self, depth: int) -> Fragment:
        opened = self.at - 1
        if self._next() == "?":
            if not self.text.startswith("?:", self.at):
                raise BadPattern(f"only (...) and (?:...) are supported, near index {opened}")
            self.at += 2
        fragment = self.alternatives(depth + 1)
        if self._next() != ")":
            raise BadPattern(f"unclosed group near index {opened}")
        self.at += 1
        return fragment

    def _anchor(self, letter: str, depth: int) -> Fragment:
        """The whole text has to match anyway, so that they can stand only where they are true."""
        beside = self.text[self.at - 2 : self.at - 1] if letter == "^" and self.at > 1 else ""
        if letter == "$":
            beside = self._next()
        if depth > 0 or beside not in ("", "|"):
            raise BadPattern(f"'{letter}' is supported only at the edge of a pattern, near index {self.at - 1}")
        state = self._state()
        return state, state

    def _class(self) -> Accepts:
        opened = self.at - 1
        negated = self._next() == "^"
        self.at += negated
        parts: list[Accepts] = []
        while self._next() != "]" or not parts:
            if self._next() in ("", "["):
                raise BadPattern(f"unclosed character class near index {opened}")
            parts.append(self._class_part())
        self.at += 1
        return lambda c: any(part(c) for part in parts) != negated

    def _class_part(self) -> Accepts:
        low = self._next()
        self.at += 1
        if low == "\\":
            return self._escape()
        if self._next() == "-" and self.text[self.at + 1 : self.at + 2] not in ("", "]"):
            high = self.text[self.at + 1]
            self.at += 2
            if high < low:
                raise BadPattern(f"illegal character range near index {self.at - 1}")
            return lambda c: low <= c <= high
        return low.__eq__

    def _escape(self) -> Accepts:
        letter = self._next()
        self.at += 1
        if letter.lower() in _SETS:
            members, inside = _SETS[letter.lower()], letter.islower()
            return lambda c: (c in members) == inside
        if letter in _CONTROLS:
            return _CONTROLS[letter].__eq__
        if not letter or letter.isalnum():
            raise BadPattern(f"unsupported escape sequence near index {self.at - 1}")
        return letter.__eq__

    def _takes(self, accepts: Accepts) -> Fragment:
        start, end = self._state(), self._state()
        start.accepts = accepts
        start.after.append(end)
        return start, end

    def _state(self) -> _State:
        self.states += 1
        if self.states > MAX_STATES:
            raise BadPattern("the pattern is too large")
        return _State()

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]
