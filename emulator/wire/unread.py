"""Members that a request carried and no code read: said once per operation and member, never silently dropped."""

from __future__ import annotations

import logging
import threading
from typing import Any

from emulator.wire.call import Call

_log = logging.getLogger("homeport.wire")


class Tracked(dict[str, Any]):
    """A request that remembers which of its members were asked for. Handing it on whole counts as reading all."""

    __slots__ = ("all_read", "read")

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        self.read: set[str] = set()
        self.all_read = False

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def items(self) -> Any:
        self.all_read = True
        return super().items()

    def keys(self) -> Any:
        self.all_read = True
        return super().keys()

    def __iter__(self) -> Any:
        self.all_read = True
        return super().__iter__()

    def unread(self) -> list[str]:
        return [] if self.all_read else [name for name in dict.keys(self) if name not in self.read]


class UnreadMembers:
    """Keeps what was reported already."""

    def __init__(self) -> None:
        self._reported: set[tuple[str, str, str]] = set()
        self._lock = threading.Lock()

    def track(self, members: dict[str, Any]) -> Tracked:
        return Tracked(members)

    def report(
        self, service: str, operation: str, request: dict[str, Any], unknown: list[tuple[str, ...]], call: Call
    ) -> None:
        """In the log once, and in a header of this answer each time."""
        unread = request.unread() if isinstance(request, Tracked) else []
        for name in unread:
            call.warn(f"{name} was not read: {service}:{operation} does not act on it")
        for path in unknown:
            call.warn(f"{'.'.join(path)} is not a member of {service}:{operation} and was ignored")
        for name in (*unread, *(".".join(path) for path in unknown)):
            key = (service, operation, name)
            if key in self._reported:
                continue
            with self._lock:
                self._reported.add(key)
            _log.warning("%s:%s: member %s was not read", service, operation, name)
