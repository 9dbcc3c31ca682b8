"""Who listens in a container's network namespace, out of the kernel's files of its process.

Only of an engine whose processes are this host's: the process has to stand in a control group of the container's id,
or another machine's number is meant. Asks nothing of the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from emulator.domain.networks.listening import Listener, listeners
from emulator.engine.base import ContainerState

PROC: Final = Path("/proc")
_TABLES: Final = (("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp"))


def sockets_of(state: ContainerState | None, proc: Path = PROC) -> list[Listener] | None:
    """None where it cannot be known: it does not run, or not here, or we may not look."""
    if state is None or state.status != "running" or not state.pid:
        return None
    process = proc / str(state.pid)
    try:
        if state.id not in (process / "cgroup").read_text():
            return None
        found = listeners((process / "net" / "tcp").read_text(), "tcp")
    except (OSError, UnicodeDecodeError):
        return None
    for name, kind in _TABLES[1:]:
        try:
            found += listeners((process / "net" / name).read_text(), kind)
        except (OSError, UnicodeDecodeError):  # a kernel without IPv6
            continue
    return found
