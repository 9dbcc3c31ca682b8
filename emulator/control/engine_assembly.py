"""All that acts on one engine, put together: who watches it, makes containers there, carries out a task's actions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from emulator.control.discovery.proxy_logs import ProxyLogs
from emulator.control.discovery.service_connect import Proxies
from emulator.control.engines import EngineControl
from emulator.control.networks.host_ports import HostPorts
from emulator.control.networks.networks import Networks
from emulator.control.networks.security_groups import Guards
from emulator.control.networks.task_network import TaskNetworks
from emulator.control.observe import ContainerWatch, Wake
from emulator.control.parts import ControlParts, FurtherEngine
from emulator.control.service_scheduler.image_pins import ImagePins
from emulator.control.tasks.container_launch import ContainerLauncher, Identity
from emulator.control.tasks.execution_role import RoleChecks
from emulator.control.tasks.images import ImageFinder
from emulator.control.tasks.statistics import Statistics
from emulator.control.tasks.task_executor import TaskExecutor
from emulator.control.tasks.task_limits import TaskLimiter
from emulator.control.tasks.task_volumes import VolumeMaker
from emulator.control.work import InlineWork, ThreadedWork, Work
from emulator.engine import labels


@dataclass(frozen=True)
class EngineAssembly:
    """What all engines share."""

    parts: ControlParts
    networks: Networks
    proxies: Proxies
    roles: RoleChecks
    wake: Wake
    threaded: bool
    probing: threading.Lock = field(default_factory=threading.Lock)  # engines of one host share its control groups

    def control(self, name: str, own: FurtherEngine, images: ImageFinder) -> tuple[EngineControl, Guards]:
        parts, engine, identity = self.parts, own.engine, self.parts.identity
        watch = ContainerWatch(engine, identity.instance, self.wake)
        limits = TaskLimiter(engine, identity.instance, owned_labels(identity, "pause"), _lock=self.probing)
        guards = Guards(parts.database, engine, watch, enforced=parts.enforce_security_groups, engine_name=name)
        volumes = VolumeMaker(engine, identity.instance, owned_labels(identity, "volume"), own.allow_host_paths)
        launcher = ContainerLauncher(
            engine=engine,
            database=parts.database,
            delivery=parts.delivery,
            watch=watch,
            identity=identity,
            sealer=parts.sealer,
            now=parts.clock.now,
            volumes=volumes,
            limits=limits,
            s3_folder=parts.s3_folder,
            endpoint_in_task=parts.endpoint_in_task if own.relay else None,
            endpoint_on_host=parts.endpoint_on_host,
            roles=self.roles,
        )
        proxy_logs = ProxyLogs(launcher, parts.ids)
        ports = HostPorts(parts.database, self.networks, parts.bind_ip)
        executor = TaskExecutor(
            engine=engine,
            database=parts.database,
            networks=TaskNetworks(
                engine, self.networks, ports, watch, identity, guards, self.proxies, proxy_logs, own.relay
            ),
            images=images,
            pins=ImagePins(parts.database),
            launcher=launcher,
            delivery=parts.delivery,
            watch=watch,
            identity=identity,
            ids=parts.ids,
            volumes=volumes,
            limits=limits,
            s3_folder=parts.s3_folder,
            roles=self.roles,
            faults=parts.faults,
        )
        work: Work = ThreadedWork() if self.threaded else InlineWork()
        statistics = Statistics(engine, watch.states)
        return EngineControl(name, engine, watch, statistics, work, limits, launcher, executor, proxy_logs), guards


def owned_labels(identity: Identity, kind: labels.Kind = "network") -> dict[str, str]:
    """Of what the emulator makes on an engine and no task has."""
    return labels.owned_labels(kind, identity.instance, identity.boot, ephemeral_lock=identity.ephemeral_lock)
