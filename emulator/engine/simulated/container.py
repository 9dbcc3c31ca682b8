"""One container of the simulated engine: its record, and how it looks from outside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from emulator.engine.base import (
    ContainerSpec,
    ContainerState,
    Mount,
    OutputEnd,
    OutputLine,
    OutputSink,
    PortPublish,
    SeenMount,
)
from emulator.engine.line_splitter import LineSplitter
from emulator.engine.simulated.behaviour import Behaviour
from emulator.engine.simulated.network import mac_of


@dataclass(slots=True)
class SimulatedContainer:
    """`life` counts starts and ends: what was scheduled for an earlier life no longer happens."""

    volumes_root: ClassVar[str] = "/var/lib/docker/volumes"
    id: str
    spec: ContainerSpec
    behaviour: Behaviour
    stop_signal: str
    status: Literal["created", "running", "exited"] = "created"
    life: int = 0
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    created_at: float = 0.0
    started_at: float = 0.0
    finished_at: float = 0.0
    health: Literal["none", "starting", "healthy", "unhealthy"] = "none"
    health_output: str = ""
    health_exit_code: int | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    ports: tuple[PortPublish, ...] = ()
    listeners: list[tuple[OutputSink, OutputEnd]] = field(default_factory=list)
    written: list[OutputLine] = field(default_factory=list)
    splitters: dict[str, LineSplitter] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    packet_filter: bytes | None = None
    aliases: str | None = None

    @property
    def has_health_check(self) -> bool:
        check = self.spec.health_check
        return check is not None and check.test[:1] != ("NONE",)

    def state(self) -> ContainerState:
        return ContainerState(
            id=self.id,
            name=self.spec.name,
            image=self.spec.image,
            labels=self.spec.labels,
            status=self.status,
            exit_code=self.exit_code,
            oom_killed=self.oom_killed,
            error=self.error,
            pid=int(self.id[:6], 16) + 2 if self.status == "running" else 0,
            started_at=self.started_at,
            finished_at=self.finished_at,
            health=self.health,
            health_output=self.health_output,
            health_exit_code=self.health_exit_code,
            ip_addresses=dict(self.addresses),
            mac_addresses={name: self._mac(address) for name, address in self.addresses.items()},
            ports=self.ports,
            created_at=self.created_at,
            mounts=tuple(self._seen(mount) for mount in self.spec.mounts if mount.kind != "tmpfs"),
        )

    def _seen(self, mount: Mount) -> SeenMount:
        """A volume without a name has one of its own, and each its directory on the engine's host."""
        if mount.kind == "bind":
            return SeenMount("", mount.source, mount.target)
        name = mount.source or hashlib.sha256(f"{self.id} {mount.target}".encode()).hexdigest()
        return SeenMount(name, f"{self.volumes_root}/{name}/_data", mount.target)

    def _mac(self, address: str) -> str:
        wanted = self.spec.network.mac_address if self.spec.network else None
        return wanted or mac_of(address)
