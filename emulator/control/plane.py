"""The control plane, assembled: loop, watch, controllers, executor; and moving the clock through it (D15)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.clock import Clock, monotonic
from emulator.control.alarms import AlarmController
from emulator.control.capacity import CapacityController
from emulator.control.container_launch import ContainerLauncher, Identity
from emulator.control.definitions import Definitions
from emulator.control.exec_logs import SessionLogs
from emulator.control.exec_sessions import ExecSessions
from emulator.control.execution_role import RoleChecks
from emulator.control.host_ports import HostPorts
from emulator.control.housekeeping import Chore, Housekeeping
from emulator.control.image_pins import ImagePins
from emulator.control.image_restores import ImageRestores
from emulator.control.image_scans import ImageScans
from emulator.control.images import ImageFinder
from emulator.control.lifecycle import LifecyclePolicies, LifecyclePreviews
from emulator.control.log_delivery import LogDelivery
from emulator.control.loop import Controller, ControlLoop
from emulator.control.networks import Networks
from emulator.control.observe import ContainerWatch
from emulator.control.recover import recover, remove_everything, sweep_dead_ephemeral, wake_everything
from emulator.control.registry_work import RegistryWork
from emulator.control.security_groups import CannotFilter, Guards, SecurityGroupController
from emulator.control.services import ServiceController
from emulator.control.statistics import Statistics
from emulator.control.task_executor import TaskExecutor
from emulator.control.task_limits import TaskLimiter
from emulator.control.task_network import TaskNetworks
from emulator.control.task_volumes import VolumeMaker
from emulator.control.tasks import TaskController
from emulator.control.vpcs import VpcController
from emulator.control.work import InlineWork, ThreadedWork, Work
from emulator.engine import labels
from emulator.engine.base import Engine, EngineError, EngineNotResponding, EngineUnavailable
from emulator.engine.pause import SocketRelay, TcpRelay
from emulator.ids import Ids
from emulator.registry.image_scanner import ImageScanner
from emulator.store.database import Database
from emulator.store.image_users import Naming
from emulator.store.sealing import Sealer

_log = logging.getLogger("homeport.control")

SETTLE_TIMEOUT_S = 60.0
RESET_TIMEOUT_S = 300.0
FLUSH_LOGS_EVERY_S = 1.0
ENGINE_LOOK_EVERY_S = 2.0


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
    vpc_cidr: str | None = None
    bind_ip: str = "127.0.0.1"  # where the ports of containers in bridge mode are published
    allow_host_paths: tuple[str, ...] = ()
    s3_folder: Path | None = None
    relay: SocketRelay | TcpRelay | None = None
    endpoint_in_task: str | None = None
    endpoint_on_host: str | None = None
    roles_must_exist: bool = False
    enforce_iam: bool = False
    read_statistics: bool = True
    enforce_security_groups: bool = False
    redeploy_on_push: Naming | None = None
    scanner: ImageScanner | None = None
    chores: Mapping[str, Chore] = field(default_factory=dict)


class ControlPlane:
    """`threaded=False` does everything in the caller's thread, in `settle()`: for tests on a standing clock."""

    def __init__(self, parts: ControlParts, *, threaded: bool) -> None:
        self._parts = parts
        self._threaded = threaded
        self._closing = threading.Event()
        self._is_dead: Callable[[str], bool] | None = None
        self.loop = ControlLoop(parts.clock)
        self.watch = ContainerWatch(parts.engine, parts.identity.instance, self.loop.wake)
        self.statistics = Statistics(parts.engine, self.watch.states)
        self._work: Work = ThreadedWork() if threaded else InlineWork()
        self.definitions = Definitions()
        self.networks = Networks(
            parts.database, parts.engine, parts.identity.instance, _owned(parts.identity), parts.vpc_cidr
        )
        self.limits = TaskLimiter(parts.engine, parts.identity.instance, _owned(parts.identity, "pause"))
        self.guards = Guards(parts.database, parts.engine, self.watch, enforced=parts.enforce_security_groups)
        self.launcher, self.executor = self._engine_work(parts)
        self.tasks = TaskController(
            parts.clock, parts.database, self.loop, self._work, self.watch, self.executor, self.definitions
        )
        self.services = ServiceController(parts.clock, parts.database, parts.ids)
        session_logs = SessionLogs(
            parts.database, parts.delivery, self.definitions, parts.clock, parts.ids, parts.enforce_iam
        )
        self.exec_sessions = ExecSessions(parts.clock, parts.database, parts.engine, parts.ids, session_logs)
        self._lifecycle = LifecyclePolicies(parts.clock, parts.database)
        self._previews = LifecyclePreviews(parts.clock, parts.database)
        self._restores = ImageRestores(parts.clock, parts.database)
        self._registry = RegistryWork(parts.clock, parts.database, parts.ids, parts.redeploy_on_push)
        self._scans = ImageScans(parts.clock, parts.database, self._work, parts.scanner)
        self._housekeeping = Housekeeping(parts.clock, parts.chores)
        controllers: dict[str, Controller] = {
            "task": self.tasks,
            "service": self.services,
            "alarm": AlarmController(parts.database, self.loop.wake),
            "capacity": CapacityController(parts.database, self.loop.wake),
            "housekeeping": self._housekeeping,
            "exec_session": self.exec_sessions,
            "lifecycle": self._lifecycle,
            "lifecycle_preview": self._previews,
            "security_groups": SecurityGroupController(parts.clock, parts.database, self.loop, self._work, self.guards),
            "vpc": VpcController(parts.clock, parts.database, self._work, self.networks),
            "image_restore": self._restores,
            "image_scan": self._scans,
            **self._registry.controllers,
        }
        self.loop.use(controllers)
        parts.database.listen(self.loop.wake)

    def _engine_work(self, parts: ControlParts) -> tuple[ContainerLauncher, TaskExecutor]:
        """Who makes containers, and who carries out a task's actions with it."""
        roles = self.roles = RoleChecks(
            parts.database, parts.images, parts.ids, parts.clock.now, parts.roles_must_exist, parts.enforce_iam
        )
        volumes = VolumeMaker(
            parts.engine, parts.identity.instance, _owned(parts.identity, "volume"), parts.allow_host_paths
        )
        launcher = ContainerLauncher(
            engine=parts.engine,
            database=parts.database,
            delivery=parts.delivery,
            watch=self.watch,
            identity=parts.identity,
            sealer=parts.sealer,
            now=parts.clock.now,
            volumes=volumes,
            limits=self.limits,
            s3_folder=parts.s3_folder,
            endpoint_in_task=parts.endpoint_in_task if parts.relay else None,
            endpoint_on_host=parts.endpoint_on_host,
            roles=roles,
        )
        executor = TaskExecutor(
            engine=parts.engine,
            database=parts.database,
            networks=TaskNetworks(
                parts.engine,
                self.networks,
                HostPorts(parts.database, self.networks, parts.bind_ip),
                self.watch,
                parts.identity,
                self.guards,
                parts.relay,
            ),
            images=parts.images,
            pins=ImagePins(parts.database),
            launcher=launcher,
            delivery=parts.delivery,
            watch=self.watch,
            identity=parts.identity,
            ids=parts.ids,
            volumes=volumes,
            limits=self.limits,
            s3_folder=parts.s3_folder,
            roles=roles,
        )
        return launcher, executor

    def start(self, is_dead: Callable[[str], bool] | None = None) -> None:
        """Adopts what runs and begins to work. Without an engine it works too: tasks then fail, saying so."""
        self._is_dead = is_dead
        self.exec_sessions.end_former()
        self.watch.before_first_look = self._recover
        self.watch.refresh()
        self.loop.wake(self._scans.keys)
        wake_everything(self._parts.database, self.loop.wake)
        self.loop.wake([*self._housekeeping.keys, *self._lifecycle.keys, *self._previews.keys, *self._restores.keys])
        self.loop.wake(self._registry.keys)
        if self._threaded:
            self.watch.start()
            if self._parts.read_statistics:
                self.statistics.start()
            threading.Thread(target=self.loop.run_forever, name="homeport-control", daemon=True).start()
            threading.Thread(target=self._flush_logs, name="homeport-log-flush", daemon=True).start()

    def check_packet_filter(self) -> str:
        """Why this machine cannot enforce security groups; empty when it can, or when no engine answers to tell."""
        try:
            self.guards.check(_owned(self._parts.identity, "pause"))
        except (EngineUnavailable, EngineNotResponding) as error:
            _log.warning("no engine tells whether it can filter packets: %s", error)
        except (CannotFilter, EngineError) as error:
            return str(error)
        return ""

    def settle(self, timeout_s: float = SETTLE_TIMEOUT_S) -> bool:
        """Until nothing is due and no engine work is under way; whether that came true in time."""
        if not self._threaded:
            for _ in range(10_000):
                self.watch.refresh()
                if self.loop.tick() == 0:
                    return True
            return False
        deadline = monotonic() + timeout_s
        pause = threading.Event()
        while monotonic() < deadline:
            if self._work.settle(max(0.0, deadline - monotonic())) and self.loop.idle():
                return True
            pause.wait(0.005)
        return False

    def advance(self, seconds: float, move: Callable[[float], None]) -> None:
        """Moves the clock timer by timer, and lets the engine settle between, so that not all fires at once."""
        target = self._parts.clock.now() + seconds
        while True:
            self.settle()
            now = self._parts.clock.now()
            due = self.loop.next_due()
            if due is None or due >= target:
                move(max(0.0, target - now))
                self.loop.kick()
                self.settle()
                return
            move(max(0.0, due - now))
            self.loop.kick()

    def remove_everything(self) -> None:
        """Containers, volumes, control groups and networks of this emulator, all of them."""
        remove_everything(self._parts.engine, self.networks, self.limits, self._parts.identity.instance)

    def reset(self, forget: Callable[[], None]) -> None:
        """Removes everything and has the records forgotten, while nothing else is decided or done."""
        done = threading.Event()
        failure: list[Exception] = []

        def work() -> None:
            try:
                self._work.settle(SETTLE_TIMEOUT_S)
                self.remove_everything()
                forget()
                self.tasks.forget_all()
                self.definitions.clear()
                self.watch.refresh()
            except Exception as error:  # noqa: BLE001 - handed to who asked
                failure.append(error)
            finally:
                done.set()

        self.loop.post(work)
        if not self._threaded:
            self.loop.tick()
        if not done.wait(RESET_TIMEOUT_S):
            raise TimeoutError("the reset did not end in time; the engine is slow")
        if failure:
            raise failure[0]

    def close(self) -> None:
        """Stops looking. Containers run on, and are adopted at the next start."""
        self._closing.set()
        self.watch.close()
        self.statistics.close()
        self.exec_sessions.close()
        self.loop.stop()
        self._work.close()

    def _recover(self) -> None:
        """Raises EngineError when no engine answers; then it is tried again at the next look."""
        parts, identity = self._parts, self._parts.identity
        if self._is_dead is not None:
            sweep_dead_ephemeral(parts.engine, self.limits, identity.instance, self._is_dead)
        self.exec_sessions.end_orphans()
        recover(
            parts.database,
            parts.engine,
            self.launcher,
            self.definitions,
            self.limits,
            identity.instance,
            parts.clock.now(),
        )

    def _flush_logs(self) -> None:
        while not self._closing.wait(FLUSH_LOGS_EVERY_S):
            self._parts.delivery.flush_aged()


def _owned(identity: Identity, kind: labels.Kind = "network") -> dict[str, str]:
    return labels.owned_labels(kind, identity.instance, identity.boot, ephemeral_lock=identity.ephemeral_lock)
