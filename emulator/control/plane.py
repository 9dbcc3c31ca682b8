"""The control plane, assembled: loop, controllers, and for each engine watch and executor; and moving the clock through
it (D15)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from emulator.clock import monotonic
from emulator.control.background import begin
from emulator.control.capacity.auto_scaling_groups import AutoScalingGroupController
from emulator.control.capacity.capacity import CapacityController
from emulator.control.capacity.capacity_providers import CapacityProviderController
from emulator.control.capacity.ec2_instances import Ec2InstanceController
from emulator.control.discovery.cloud_map import discovery_controllers
from emulator.control.discovery.service_connect import Proxies, ServiceConnectController
from emulator.control.ecr.enhanced_scans import EnhancedScanning, FirstScans
from emulator.control.ecr.image_restores import ImageRestores
from emulator.control.ecr.image_scans import ImageScans
from emulator.control.ecr.lifecycle import LifecyclePolicies, LifecyclePreviews
from emulator.control.ecr.registry_work import RegistryWork
from emulator.control.engine_assembly import EngineAssembly, owned_labels
from emulator.control.engines import EngineControl, Engines, disconnect_strangers, tell_instances
from emulator.control.exec.exec_logs import SessionLogs
from emulator.control.exec.exec_sessions import ExecSessions
from emulator.control.faults import Faults
from emulator.control.housekeeping import Housekeeping
from emulator.control.loop import Controller, ControlLoop
from emulator.control.networks.networks import Networks
from emulator.control.networks.security_groups import CannotFilter, SecurityGroupController
from emulator.control.networks.swarm_networks import SwarmNetworks
from emulator.control.networks.vpcs import VpcController
from emulator.control.parts import ControlParts, FurtherEngine
from emulator.control.recover import (
    recover,
    remove_everything,
    remove_networks,
    sweep_dead_ephemeral,
    wake_everything,
)
from emulator.control.service_scheduler.alarms import AlarmController
from emulator.control.service_scheduler.services import ServiceController
from emulator.control.tasks.definitions import Definitions
from emulator.control.tasks.execution_role import RoleChecks
from emulator.control.tasks.tasks import TaskController
from emulator.control.turn import Turn, TurnController
from emulator.domain.engines import LOCAL
from emulator.engine.base import EngineError, EngineNotResponding, EngineUnavailable

_log = logging.getLogger("homeport.control")

SETTLE_TIMEOUT_S = 60.0
RESET_TIMEOUT_S = 300.0
RESET_SAYS_EVERY_S = 5.0
CLOSE_GRACE_S = 2.0
FLUSH_LOGS_EVERY_S = 1.0
ENGINE_LOOK_EVERY_S = 2.0


class ControlPlane:
    """`threaded=False` does everything in the caller's thread, in `settle()`: for tests on a standing clock."""

    def __init__(self, parts: ControlParts, *, threaded: bool) -> None:
        self._parts = parts
        self._threaded = threaded
        self._closing = threading.Event()
        self._deciding: threading.Thread | None = None
        self._is_dead: Callable[[str], bool] | None = None
        self.loop = ControlLoop(parts.clock)
        self.definitions = Definitions()
        self.roles = RoleChecks(
            parts.database, parts.images, parts.ids, parts.clock.now, parts.roles_must_exist, parts.enforce_iam
        )
        by_name = {LOCAL: parts.engine, **{name: each.engine for name, each in parts.further.items()}}
        self.swarm = SwarmNetworks(by_name) if parts.further else None
        self.networks = Networks(
            parts.database,
            self.swarm or parts.engine,
            parts.identity.instance,
            owned_labels(parts.identity),
            parts.vpc_cidr,
            overlay=self.swarm is not None,
        )
        self.proxies = Proxies(parts.database, by_name.get)
        assembly = EngineAssembly(parts, self.networks, self.proxies, self.roles, self.loop.wake, threaded=threaded)
        own = FurtherEngine(parts.engine, parts.relay, parts.allow_host_paths)
        local, self.guards = assembly.control(LOCAL, own, parts.images)
        others = [
            assembly.control(name, each, parts.images.beside(each.engine)) for name, each in parts.further.items()
        ]
        self.engines = Engines(local, [one for one, _ in others])
        self.watch, self.statistics, self.limits = local.watch, local.statistics, local.limits
        self.launcher, self.executor, self._work = local.launcher, local.executor, local.work
        self._security_groups = SecurityGroupController(
            parts.clock, parts.database, self.loop, self._work, [self.guards, *(guards for _, guards in others)]
        )
        self.tasks = TaskController(parts.clock, parts.database, self.loop, self.engines, self.definitions, self.faults)
        common = (parts.clock, parts.database, parts.ids)
        self.services = ServiceController(*common)
        self.capacity_providers = CapacityProviderController(*common, self.definitions, parts.allow_privileged)
        session_logs = SessionLogs(
            parts.database, parts.delivery, self.definitions, parts.clock, parts.ids, parts.enforce_iam
        )
        self.exec_sessions = ExecSessions(parts.clock, parts.database, by_name.get, parts.ids, session_logs)
        self._lifecycle = LifecyclePolicies(parts.clock, parts.database)
        self._previews = LifecyclePreviews(parts.clock, parts.database)
        self._restores = ImageRestores(parts.clock, parts.database)
        self._registry = RegistryWork(parts.clock, parts.database, parts.ids, parts.redeploy_on_push, parts.signer)
        scanning = (parts.clock, parts.database, self._work, parts.scanner)
        self._scans, self._first_scans, self._enhanced = (
            ImageScans(*scanning), FirstScans(*scanning), EnhancedScanning(*scanning),
        )  # fmt: skip
        self._housekeeping = Housekeeping(parts.clock, parts.chores)
        together: dict[str, TurnController] = {"task": self.tasks, "service": self.services}
        self.loop.use(self._controllers(parts), together, partial(Turn, parts.database))
        parts.database.listen(self.loop.wake)

    def _controllers(self, parts: ControlParts) -> dict[str, Controller]:
        """Who decides about the keys of each kind, tasks and services aside."""
        return {
            "alarm": AlarmController(parts.database, self.loop.wake),
            "capacity": CapacityController(parts.database, self.loop.wake),
            **self._capacity(parts),
            "housekeeping": self._housekeeping,
            "exec_session": self.exec_sessions,
            "lifecycle": self._lifecycle,
            "lifecycle_preview": self._previews,
            "security_groups": self._security_groups,
            "service_connect": ServiceConnectController(
                parts.clock, parts.database, self.loop, self._work, self.proxies
            ),
            "vpc": VpcController(parts.clock, parts.database, self._work, self.networks),
            "image_restore": self._restores,
            "image_scan": self._scans,
            "enhanced_scan": self._first_scans,
            "enhanced_scanning": self._enhanced,
            **self._registry.controllers,
            **discovery_controllers(parts.clock, parts.database, parts.ids),
            "fault": self.faults,
        }

    @property
    def faults(self) -> Faults:
        return self._parts.faults

    def _capacity(self, parts: ControlParts) -> dict[str, Controller]:
        """Who brings hosts, and tasks to them."""
        return {
            "capacity_provider": self.capacity_providers,
            "auto_scaling_group": AutoScalingGroupController(parts.clock, parts.database, parts.ids),
            "ec2_instance": Ec2InstanceController(
                parts.clock, parts.database, parts.ids, self._engine_version, parts.allow_privileged
            ),
        }

    def _engine_version(self) -> str:
        """Empty when no engine answers."""
        try:
            return self._parts.engine.info().version
        except EngineError:
            return ""

    def start(self, is_dead: Callable[[str], bool] | None = None) -> None:
        """Adopts what runs and begins to work. Without an engine it works too: tasks then fail, saying so."""
        self._is_dead = is_dead
        self.faults.engine_changed = self._engine_changed
        self.exec_sessions.end_former()
        disconnect_strangers(self._parts.database, self.engines.names, self._parts.clock.now())
        for one in self.engines.all:
            one.watch.before_first_look = partial(self._recover, one)
            if self._parts.further:
                one.watch.on_connection = partial(self._tell_instances, one.name)
        self.watch.refresh()
        wake_everything(self._parts.database, self.loop.wake)
        self.loop.wake([("fault", fault.id) for fault in self.faults.listed()])
        own = (self._housekeeping, self._lifecycle, self._previews, self._restores, self._registry)
        for each in (*own, self._scans, self._first_scans, self._enhanced):
            self.loop.wake(each.keys)
        for one in self.engines.all:
            if not self._threaded:
                one.watch.refresh()
                continue
            one.watch.start(look_first=one is not self.engines.local)
            if self._parts.read_statistics:
                one.statistics.start()
        if self._threaded:
            self._deciding = begin("homeport-control", self.loop.run_forever)
            begin("homeport-log-flush", self._flush_logs)
            begin("homeport-advisories", partial(self._enhanced.watch_advisories, self._closing, self.loop.wake))

    def check_packet_filter(self) -> str:
        """Why this machine cannot enforce security groups; empty when it can, or when no engine answers to tell."""
        try:
            self.guards.check(owned_labels(self._parts.identity, "pause"))
        except (EngineUnavailable, EngineNotResponding) as error:
            _log.warning("no engine tells whether it can filter packets: %s", error)
        except (CannotFilter, EngineError) as error:
            return str(error)
        return ""

    def settle(self, timeout_s: float = SETTLE_TIMEOUT_S) -> bool:
        """Until nothing is due and no engine work is under way, both at once; whether that came true in time."""
        if not self._threaded:
            for _ in range(10_000):
                for one in self.engines.all:
                    one.watch.refresh()
                if self.loop.tick() == 0:
                    return True
            return False
        deadline = monotonic() + timeout_s
        pause = threading.Event()
        while monotonic() < deadline:
            if self._settle_work(deadline) and self.loop.idle() and self._settle_work(0.0) and self.loop.idle():
                return True
            pause.wait(0.005)
        return False

    def _settle_work(self, deadline: float) -> bool:
        return all(one.work.settle(max(0.0, deadline - monotonic())) for one in self.engines.all)

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
        """Containers, volumes, control groups and networks of this emulator, all of them. What a further engine that
        does not answer has of them is removed once it answers again."""
        instance = self._parts.identity.instance
        away = False
        for one in self.engines.all:
            try:
                remove_everything(one.engine, one.limits, instance)
            except EngineError as error:
                if one is self.engines.local:
                    raise
                _log.warning("engine %s keeps what it has of ours until it answers: %s", one.name, error)
                away = True
        try:
            self.networks.remove_all()
            if self.swarm is not None:
                remove_networks(self._parts.engine, instance)  # bridges of times with one engine alone
        except EngineError as error:
            if not away:
                raise
            _log.warning("a network stays, since that engine's containers are in it: %s", error)

    def reset(self, forget: Callable[[], None]) -> None:
        """Removes everything and has the records forgotten, while nothing else is decided or done."""
        done = threading.Event()
        failure: list[Exception] = []

        def work() -> None:
            try:
                self.tasks.forget_all()
                self._settle_for_reset()
                self.remove_everything()
                forget()
                self.definitions.clear()
                for one in self.engines.all:
                    one.watch.refresh()
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

    def _settle_for_reset(self) -> None:
        """Waits for the engine calls that are in hand, saying so."""
        for _ in range(int(SETTLE_TIMEOUT_S / RESET_SAYS_EVERY_S)):
            if self._settle_work(monotonic() + RESET_SAYS_EVERY_S):
                return
            _log.warning("the reset waits for calls that the engine has in hand")

    def close(self) -> None:
        """Stops looking. Containers run on, and are adopted at the next start.

        What is in hand has two seconds to end; an engine call that takes longer is cut off with the process.
        """
        deadline = monotonic() + CLOSE_GRACE_S
        self._closing.set()
        for one in self.engines.all:
            one.watch.close()
            one.statistics.close()
        if self._parts.scanner is not None:
            self._parts.scanner.close()
        self.loop.stop()
        self.exec_sessions.close(deadline)
        if self._deciding is not None:
            self._deciding.join(max(0.0, deadline - monotonic()))
        # All are closed before one is waited for: no engine's jobs begin while another's end.
        ended = [one.work.close() for one in self.engines.all]
        if not all(ended) and not self._settle_work(deadline):
            _log.info("an engine has calls in hand, which are not waited for")

    def _engine_changed(self, answers: bool) -> None:
        """An outage on demand begins, or ends: for all engines alike."""
        for one in self.engines.all:
            if answers:
                one.work.submit("start", partial(_look_again, one))
            else:
                one.watch.lost()

    def _recover(self, one: EngineControl) -> None:
        """Raises EngineError when the engine does not answer; then it is tried again at the next look."""
        parts, instance = self._parts, self._parts.identity.instance
        if self._is_dead is not None:
            sweep_dead_ephemeral(one.engine, one.limits, instance, self._is_dead)
        self.exec_sessions.end_orphans(one.name, one.engine)
        recover(
            parts.database,
            one.engine,
            one.launcher,
            self.definitions,
            one.limits,
            instance,
            parts.identity.boot,
            parts.clock.now(),
            one.name,
        )
        one.proxy_logs.resume(one.name, self.definitions)

    def _tell_instances(self, engine: str, connected: bool) -> None:
        tell_instances(self._parts.database, engine, connected, self._parts.clock.now())

    def _flush_logs(self) -> None:
        while not self._closing.wait(FLUSH_LOGS_EVERY_S):
            self._parts.delivery.flush_aged()


def _look_again(one: EngineControl) -> None:
    one.watch.refresh()
