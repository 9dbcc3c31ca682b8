"""Whether memory ran out for a container that ended with SIGKILL, where the engine's own mark is missing.

Docker 20.10 hears of it from containerd in a notice of its own, beside that of the end. When the end comes first,
State.OOMKilled stays false for good and an `oom` event follows; when the control group has gone before containerd's
shim looked, there is no event either. Measured on two busy cores: 3 to 4 of 100 ends, and 1 of 100. So the kernel is
asked, which has written it down before the process was gone; where its log cannot be read, the engine's events are,
and one that is still to come is waited for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from emulator.clock import monotonic
from emulator.engine.base import EngineNotResponding
from emulator.engine.docker.calls import ApiRefusal
from emulator.engine.docker.state import epoch_seconds
from emulator.engine.docker.stream import Deadline, DockerStream
from emulator.engine.kernel_log import KernelLog

TOLD_WITHIN_S: Final = 1.0
"""After the end, by the engine's clock. The latest seen under load came 0.1 s after it."""
_CLOCKS_DIFFER_S: Final = 10.0  # the kernel's count of seconds drifts from the machine's clock
_ANSWERED_WITHIN_S: Final = 5.0  # who follows events waits for it
_SIGKILL: Final = ("9", "KILL", "SIGKILL")


class MemoryEnds:
    """`events` opens the engine's `/events` with a query; `now` is the machine's time, without what `clock advance` has
    added; `same_kernel` says whether the engine's containers run on the kernel below us. Threads may share it."""

    def __init__(
        self,
        events: Callable[[Mapping[str, str]], DockerStream],
        now: Callable[[], float],
        same_kernel: Callable[[], bool],
        log: KernelLog | None = None,
    ) -> None:
        self._events = events
        self._now = now
        self._same_kernel = same_kernel
        self._log = log or KernelLog()
        self._known: dict[str, tuple[str, bool]] = {}  # container: when it ended, and whether of that

    def ran_out(self, answer: Mapping[str, Any]) -> bool:
        """Of `GET /containers/ID/json` of one that has exited with 137. Raises EngineError."""
        container, ended = str(answer["Id"]), str(answer["State"]["FinishedAt"])
        known = self._known.get(container)
        if known is None or known[0] != ended:
            known = self._known[container] = (ended, self._find_out(container, answer))
        return known[1]

    def forget(self, container_id: str) -> None:
        self._known.pop(container_id, None)

    def _find_out(self, container: str, answer: Mapping[str, Any]) -> bool:
        ended = epoch_seconds(answer["State"]["FinishedAt"])
        said = self._kernel_says(container, ended) if self._same_kernel() else None
        if said is not None:
            return said
        limits = answer["HostConfig"]
        limited = bool(limits.get("Memory") or limits.get("CgroupParent"))
        began = min(epoch_seconds(answer["State"]["StartedAt"]), ended)
        return self._engine_tells(container, began - 1.0, ended + (TOLD_WITHIN_S if limited else 0.0))

    def _kernel_says(self, container: str, ended: float) -> bool | None:
        """None: it does not say."""
        kills = self._log.kills(ended - _CLOCKS_DIFFER_S - (self._now() - monotonic()))
        if kills is None:
            return None
        if any(container in kill.group for kill in kills):
            return True
        return None if any(not kill.group for kill in kills) else False

    def _engine_tells(self, container: str, since: float, until: float) -> bool:
        """By its events between these moments, as the engine counts time, which ends the answer. Who was killed on
        request did not run out of memory."""
        wanted = {"type": ["container"], "container": [container], "event": ["oom", "kill"]}
        query = {"filters": json.dumps(wanted), "since": f"{since:.9f}", "until": f"{until:.9f}"}
        try:
            with self._events(query) as stream:
                for message in stream.json_lines(Deadline(TOLD_WITHIN_S + _ANSWERED_WITHIN_S)):
                    if message.get("Action") == "oom":
                        return True
                    attributes = (message.get("Actor") or {}).get("Attributes") or {}
                    if attributes.get("signal") in _SIGKILL:
                        return False
        except (ApiRefusal, EngineNotResponding):
            pass
        return False
