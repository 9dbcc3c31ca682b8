"""What the control plane is made of. Made in the composition root, named here; it does not know how any of it works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.clock import Clock
from emulator.control.faults import Faults
from emulator.control.housekeeping import Chore
from emulator.control.tasks.container_launch import Identity
from emulator.control.tasks.images import ImageFinder
from emulator.control.tasks.log_delivery import LogDelivery
from emulator.engine.base import Engine
from emulator.engine.pause import SocketRelay, TcpRelay
from emulator.ids import Ids
from emulator.registry.image_scanner import Scanner
from emulator.registry.image_signer import ImageSigner
from emulator.store.database import Database
from emulator.store.image_users import Naming
from emulator.store.sealing import Sealer


@dataclass(frozen=True, slots=True)
class FurtherEngine:
    """An engine beside Homeport's own. `allow_host_paths`: none for one whose host is another."""

    engine: Engine
    relay: SocketRelay | TcpRelay | None
    allow_host_paths: tuple[str, ...] = ()


@dataclass(slots=True)
class ControlParts:
    """What the plane is made of, made elsewhere."""

    clock: Clock
    ids: Ids
    database: Database
    engine: Engine
    images: ImageFinder
    sealer: Sealer
    delivery: LogDelivery
    identity: Identity
    faults: Faults
    vpc_cidr: str | None = None
    bind_ip: str = "127.0.0.1"  # where the ports of containers in bridge mode are published
    allow_privileged: bool = False
    allow_host_paths: tuple[str, ...] = ()
    s3_folder: Path | None = None
    relay: SocketRelay | TcpRelay | None = None
    endpoint_in_task: str | None = None
    endpoint_on_host: str | None = None
    roles_must_exist: bool = False
    enforce_iam: bool = False
    read_statistics: bool = True
    enforce_security_groups: bool = False
    further: Mapping[str, FurtherEngine] = field(default_factory=dict)  # by name
    redeploy_on_push: Naming | None = None
    scanner: Scanner | None = None
    signer: ImageSigner | None = None
    chores: Mapping[str, Chore] = field(default_factory=dict)
