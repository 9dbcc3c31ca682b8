"""Statistics of an engine's containers: out of the kernel's files where it is on this host, else as it tells them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from emulator.engine.base import ContainerState
from emulator.engine.cgroup_files import CgroupFiles
from emulator.engine.docker.statistics_streams import StatisticsStreams
from emulator.engine.statistics import Reading


class DockerStatistics:
    """`local` tells whether the engine's processes are this host's; `streams` serve where they are not, and where this
    host has no such files."""

    def __init__(self, now: Callable[[], float], streams: StatisticsStreams, *, local: bool) -> None:
        self._files = CgroupFiles(now)
        self._local = local and self._files.readable()
        self._streams = streams
        self._closed = False
        self._lock = threading.Lock()

    def sample(self, running: Sequence[ContainerState]) -> Mapping[str, Reading]:
        with self._lock:
            if self._closed:
                return {}
            if not self._local:
                return self._streams.sample(state.id for state in running)
            self._files.forget_all_but({state.pid for state in running})
            system = self._files.system_cpu()
            found = {state.id: self._files.read(state.pid, system) for state in running}
        return {container_id: reading for container_id, reading in found.items() if reading is not None}

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._files.close()
            self._streams.close()
