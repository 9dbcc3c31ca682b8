"""Threads of the control plane. All are daemons: what an engine holds up never holds up the end of the process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from emulator.store.database import DatabaseClosed
from emulator.store.log_queue import LogStoreClosed


def begin(name: str, run: Callable[[], None]) -> threading.Thread:
    """A thread that runs `run`. It may outlive the stores, when it waited for an engine too long, and ends then."""

    def quietly() -> None:
        # Once Homeport has ended; what it would have written is found out at the next start.
        with contextlib.suppress(DatabaseClosed, LogStoreClosed):
            run()

    thread = threading.Thread(target=quietly, name=name, daemon=True)
    thread.start()
    return thread
