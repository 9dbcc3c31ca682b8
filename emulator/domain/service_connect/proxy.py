"""What the proxy in a task's network namespace knows of one client alias. Pure; how it is told is the engine's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AppProtocol = Literal["http", "http2", "grpc", "tcp"]


@dataclass(frozen=True, slots=True)
class ProxiedAlias:
    """Connections to (`address`, `port`) in the task go to one of `targets`, each (address, port), in turn.

    `idle_s`: seconds without a byte after which a connection is ended; 0: never.
    """

    name: str
    address: str
    port: int
    protocol: AppProtocol
    idle_s: int
    targets: tuple[tuple[str, int], ...] = ()
