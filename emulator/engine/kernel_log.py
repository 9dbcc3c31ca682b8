"""What the kernel of this host wrote of processes that it killed because memory ran out. Only reads; knows no engine.

Source: the kernel's documentation of /dev/kmsg (Documentation/ABI/testing/dev-kmsg) and what mm/oom_kill.c prints
since Linux 5.0: a line "oom-kill:...,task_memcg=<control group>,..." and then "Killed process <id>". Of more than ten
such in five seconds the first line is left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_GROUP: Final = re.compile(r"oom-kill:.*?task_memcg=([^,]*)")
_KILLED: Final = "Killed process "
_MOST_RECORD_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class MemoryKill:
    """`at` is seconds since the kernel began to count, `group` the control group of the process; "" where unsaid."""

    at: float
    group: str


@dataclass(frozen=True, slots=True)
class KernelLog:
    path: Path = Path("/dev/kmsg")

    def kills(self, since: float) -> list[MemoryKill] | None:
        """Those from that moment on, seconds since the kernel began to count.

        None: the log may not be read here (it takes CAP_SYSLOG), begins later, or is none.
        """
        try:
            return kills_in(self._records(), since)
        except (OSError, ValueError, IndexError):
            return None

    def _records(self) -> Iterator[str]:
        """What is in the kernel's memory now, oldest first."""
        log = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while True:
                try:
                    record = os.read(log, _MOST_RECORD_BYTES)
                except BrokenPipeError:  # overwritten meanwhile: the next read goes on with the oldest there is
                    continue
                except BlockingIOError:
                    return
                yield record.decode(errors="replace")
        finally:
            os.close(log)


def kills_in(records: Iterator[str], since: float) -> list[MemoryKill] | None:
    """Of records `priority,number,microseconds,flags;text`. The kernel kills one after the other, so that a group and
    the end that follows it are one's own."""
    found: list[MemoryKill] = []
    first, group = True, ""
    for record in records:
        head, _, text = record.partition(";")
        at = int(head.split(",")[2]) / 1e6
        if first and at > since:
            return None
        first = False
        if told := _GROUP.match(text):
            group = told[1]
        elif _KILLED in text:
            if at >= since:
                found.append(MemoryKill(at, group))
            group = ""
    return None if first else found
