"""The awslogs log driver: from a container's logConfiguration to a destination, from its output to log events.

Rules: Amazon ECS developer guide ("Send Amazon ECS logs to CloudWatch") and Docker's documentation of the awslogs
driver. What the driver does with output, and so do we:

- a line without a pattern is an event; an empty line is none;
- with `awslogs-multiline-pattern` or `awslogs-datetime-format`, a matching line begins an event, others continue
  it, each with its newline; an event begun is given out when the next begins, or 5 seconds later;
- an event never passes 262,118 bytes (256 KiB less 26); a longer one becomes several;
- each byte that is not UTF-8 becomes U+FFFD;
- an event's time is the arrival of its first line; a date in the text is only a pattern.

Patterns are Go's regular expressions there and Python's here: what Python cannot read is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EVENT_BYTES = 262_144 - 26
FORCE_FLUSH_MS = 5_000
DEFAULT_BUFFER_BYTES = 10 * 1024 * 1024

_KNOWN_OPTIONS = frozenset(
    {
        "awslogs-group",
        "awslogs-region",
        "awslogs-stream-prefix",
        "awslogs-create-group",
        "awslogs-datetime-format",
        "awslogs-multiline-pattern",
        "mode",
        "max-buffer-size",
    }
)

_DATE_PARTS = {
    "%a": "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
    "%A": "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day",
    "%w": "[0-6]",
    "%d": r"(?:0[1-9]|[12]\d|3[01])",
    "%b": "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
    "%B": "(?:January|February|March|April|May|June|July|August|September|October|November|December)",
    "%m": r"(?:0[1-9]|1[0-2])",
    "%Y": r"\d{4}",
    "%y": r"\d{2}",
    "%H": r"(?:[01]\d|2[0-3])",
    "%I": r"(?:0\d|1[0-2])",
    "%p": "[AP]M",
    "%M": r"[0-5]\d",
    "%S": r"[0-5]\d",
    "%L": r"\.\d{3}",
    "%f": r"\d{6}",
    "%z": r"[+-]\d{4}",
    "%Z": "[A-Z]{1,4}T",
    "%j": r"(?:[0-2]\d\d|3[0-5]\d|36[0-6])",
}

_POSIX_CLASSES = {
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:alnum:]": "0-9A-Za-z",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:space:]": r"\s",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:word:]": r"\w",
}

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


class InvalidLogOption(ValueError):
    """The driver would not start with these options; the text is fit for a stopped task's reason."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a container's output goes. `begins_event` is a regular expression or None (every line is an event)."""

    region: str
    group: str
    stream: str
    create_group: bool = False
    begins_event: str | None = None
    blocking: bool = False
    max_buffer_bytes: int = DEFAULT_BUFFER_BYTES


def destination(
    log_configuration: Mapping[str, Any] | None,
    *,
    container_name: str,
    task_id: str,
    task_region: str,
    engine_container_id: str | None = None,
    default_mode: str = "non-blocking",
) -> Destination | None:
    """None when the container does not use awslogs. Raises InvalidLogOption.

    Without a stream prefix the stream is named by the engine's container id. `default_mode` is the account setting
    defaultLogDriverMode.
    """
    if log_configuration is None or log_configuration.get("logDriver") != "awslogs":
        return None
    options: Mapping[str, str] = log_configuration.get("options") or {}
    for name in options:
        if name not in _KNOWN_OPTIONS:
            raise InvalidLogOption(f"unknown log opt '{name}' for awslogs log driver")
    group = options.get("awslogs-group")
    if not group:
        raise InvalidLogOption("must specify a value for log opt 'awslogs-group'")
    mode = options.get("mode", default_mode)
    if mode not in ("blocking", "non-blocking"):
        raise InvalidLogOption(f"logger: logging mode not supported: {mode}")
    return Destination(
        region=options.get("awslogs-region") or task_region,
        group=group,
        stream=_stream(options.get("awslogs-stream-prefix"), container_name, task_id, engine_container_id),
        create_group=_boolean("awslogs-create-group", options.get("awslogs-create-group", "false")),
        begins_event=_begins_event(options),
        blocking=mode == "blocking",
        max_buffer_bytes=_size(options.get("max-buffer-size", "10m")),
    )


class EventAssembler:
    """Turns one container's lines into events. Holds the event that was begun, if events can have several lines."""

    def __init__(self, begins_event: str | None) -> None:
        self._begins = None if begins_event is None else re.compile(begins_event)
        self._text = ""
        self._bytes = 0
        self._begun_ms: int | None = None

    def feed(self, lines: Iterable[tuple[int, bytes]]) -> list[tuple[int, str]]:
        """Takes (arrival in ms, line without its newline); gives the events that are complete."""
        events: list[tuple[int, str]] = []
        if self._begins is None:
            for at, line in lines:
                if len(line) <= EVENT_BYTES // 3:  # cannot grow past the limit, even if every byte is replaced
                    if line:
                        events.append((at, text_of(line)))
                else:
                    events += [(at, part) for part in split(text_of(line))]
            return events
        for at, line in lines:
            self._continue(at, text_of(line), events)
        return events

    def flush(self, begun_before_ms: int | None = None) -> list[tuple[int, str]]:
        """Gives out the event that was begun; if a time is given, only when it began at that time or earlier."""
        if self._begun_ms is None or (begun_before_ms is not None and self._begun_ms > begun_before_ms):
            return []
        events = [(self._begun_ms, part) for part in split(self._text)]
        self._text, self._bytes, self._begun_ms = "", 0, None
        return events

    @property
    def begun_ms(self) -> int | None:
        return self._begun_ms

    def _continue(self, at: int, line: str, events: list[tuple[int, str]]) -> None:
        assert self._begins is not None
        size = len(line.encode())
        if self._begins.search(line) or self._bytes + size > EVENT_BYTES:
            events += self.flush()
        if self._begun_ms is None:
            self._begun_ms = at
        ended = line + "\n" if size < EVENT_BYTES else line
        self._text += ended
        self._bytes += len(ended) - len(line) + size


def text_of(line: bytes) -> str:
    """UTF-8, each byte that is none replaced by U+FFFD."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return re.sub("[\udc80-\udcff]", "\ufffd", line.decode(errors="surrogateescape"))


def split(text: str) -> list[str]:
    """Parts of at most EVENT_BYTES in UTF-8, cut between characters; none for an empty text."""
    if len(text) * 4 <= EVENT_BYTES or len(text.encode()) <= EVENT_BYTES:
        return [text] if text else []
    data, parts = text.encode(), []
    while data:
        end = min(EVENT_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(data[:end].decode())
        data = data[end:]
    return parts


def _stream(prefix: str | None, container_name: str, task_id: str, engine_container_id: str | None) -> str:
    if prefix:
        return f"{prefix}/{container_name}/{task_id}"
    if engine_container_id:
        return engine_container_id
    raise InvalidLogOption("awslogs-stream-prefix is required")


def _begins_event(options: Mapping[str, str]) -> str | None:
    pattern, date = options.get("awslogs-multiline-pattern"), options.get("awslogs-datetime-format")
    if pattern is not None and date is not None:
        raise InvalidLogOption(
            "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same time"
        )
    if date is not None:
        return _compiled("awslogs-datetime-format", date, re.sub("%.", _date_part, date))
    if pattern is not None:
        return _compiled("awslogs-multiline-pattern", pattern, _from_go(pattern))
    return None


def _date_part(found: re.Match[str]) -> str:
    part = _DATE_PARTS.get(found.group())
    if part is None:
        raise InvalidLogOption(f"awslogs-datetime-format does not know {found.group()!r}")
    return part


def _from_go(pattern: str) -> str:
    for name, members in _POSIX_CLASSES.items():
        pattern = pattern.replace(name, members)
    return pattern.replace(r"\z", r"\Z")


def _compiled(option: str, written: str, pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidLogOption(f'awslogs could not parse {option} "{written}": {error}') from error
    return pattern


def _boolean(option: str, value: str) -> bool:
    if value in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if value in ("0", "f", "F", "FALSE", "false", "False", ""):
        return False
    raise InvalidLogOption(f"must specify valid value for log opt '{option}': \"{value}\" is no boolean")


def _size(value: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt]?)i?b?", value.strip().lower())
    if found is None:
        raise InvalidLogOption(f"invalid size: '{value}'")
    return int(float(found.group(1)) * _UNITS[found.group(2)])
