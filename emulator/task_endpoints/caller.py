"""Whose task asks: by the name that its pause program gave the relay's socket, or by the task's own address.

On Fargate a task meets only its own endpoint; here one listener serves all tasks, so each request is held against the
task it comes from. None where that cannot be known (a relay over TCP whose address something translates): then the
unguessable ids alone keep tasks apart, as they do for the tasks of one EC2 instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulator.engine.pause import RELAY_ADDRESS, caller_of
from emulator.store.database import Database
from emulator.store.ecs_tables import ADDRESSES

RELAY_LISTENER: Final = "relay"
"""The name of the listener that stands on the relay's unix socket."""


@dataclass(frozen=True, slots=True)
class Callers:
    """`over_tcp`: tasks reach us by the address that every client uses; the Host header tells them apart."""

    database: Database
    over_tcp: bool = False

    def came_through_relay(self, environ: Mapping[str, Any]) -> bool:
        """Whether the request came from inside a task."""
        if getattr(environ.get("homeport.listener"), "name", "") == RELAY_LISTENER:
            return True
        return self.over_tcp and environ.get("HTTP_HOST", "").partition(":")[0] == RELAY_ADDRESS

    def task_id(self, environ: Mapping[str, Any]) -> str | None:
        """The id of the task that a request of the relay is from."""
        if self.over_tcp:
            return self._at(environ.get("REMOTE_ADDR", ""))
        sock = environ.get("homeport.socket")
        try:
            return caller_of(sock.getpeername()) if sock is not None else None
        except OSError:  # it has hung up already
            return None

    def _at(self, address: str) -> str | None:
        with self.database.read() as reader:
            allocated = reader.find(ADDRESSES, address=address)
        return allocated[0].task_arn.rpartition("/")[2] if allocated else None
