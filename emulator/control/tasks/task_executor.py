"""Does one action of one task on the engine, and says how it ended. It decides nothing and writes no task.

Every action can be done again: what is already there is found by its name and labels and taken as it is.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from emulator.control.faults import Faults
from emulator.control.networks.task_network import TaskNetworks
from emulator.control.observe import ContainerWatch
from emulator.control.service_scheduler.image_pins import ImagePins, pins
from emulator.control.tasks.container_launch import ContainerLauncher, Identity
from emulator.control.tasks.environment_files import EnvironmentFileUnavailable, environment_of
from emulator.control.tasks.execution_role import CannotAssumeRole, RoleChecks
from emulator.control.tasks.images import CannotPull, ImageFinder
from emulator.control.tasks.log_delivery import DestinationUnavailable, LogDelivery
from emulator.control.tasks.secrets import SecretsUnavailable
from emulator.control.tasks.task_limits import TaskLimiter
from emulator.control.tasks.task_volumes import CannotCreateVolume, VolumeMaker
from emulator.domain.logs.log_delivery import InvalidLogOption
from emulator.domain.task_definitions.firelens import InvalidFirelensOption
from emulator.domain.tasks.task import Container, Task
from emulator.domain.tasks.task_actions import (
    FindImage,
    InitializeResources,
    KillContainer,
    LaunchContainer,
    ProvideNetwork,
    RemoveContainer,
    RemoveControlGroup,
    RemoveNetwork,
    RemoveVolumes,
    RestartContainer,
    SignalContainer,
    TaskAction,
)
from emulator.domain.tasks.task_outcomes import Done, Failed, Outcome
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.engine.base import (
    Engine,
    EngineError,
    EngineNotResponding,
    EngineUnavailable,
)
from emulator.ids import Ids
from emulator.store.database import Database

_log = logging.getLogger("homeport.control")

DISK_NOT_LIMITED = "ephemeralStorage of {gib} GiB is reported, not enforced: containers share the disk of the engine"


@dataclass(slots=True)
class TaskExecutor:
    """`s3_folder` stands in for Amazon S3."""

    engine: Engine
    database: Database
    networks: TaskNetworks
    images: ImageFinder
    pins: ImagePins
    launcher: ContainerLauncher
    delivery: LogDelivery
    watch: ContainerWatch
    identity: Identity
    ids: Ids
    roles: RoleChecks
    volumes: VolumeMaker
    limits: TaskLimiter
    faults: Faults
    s3_folder: Path | None = None

    def perform(self, task: Task, effective: EffectiveTask, action: TaskAction) -> Outcome:
        """Never raises."""
        try:
            return self.faults.strike(task, action) or self._act(task, effective, action)
        except (SecretsUnavailable, CannotCreateVolume, EnvironmentFileUnavailable) as error:
            return Failed(str(error))
        except CannotPull as error:
            return Failed(str(error), error.passing)
        except EngineUnavailable as error:
            reason = f"ResourceInitializationError: no container engine answers: {error}"
            return Failed(reason, fault=self.faults.outage_of(task))
        except EngineNotResponding as error:
            return Failed(_timeout(action, error), passing=True)
        except EngineError as error:
            return Failed(f"{_error_name(action)}: {error}")
        except Exception as error:  # noqa: BLE001 - a bug must not leave the task hanging without a word
            _log.exception("%s of %s failed", action, task.arn)
            return Failed(f"InternalError: {type(error).__name__}: {error}")

    def _act(self, task: Task, effective: EffectiveTask, action: TaskAction) -> Outcome:
        match action:
            case ProvideNetwork():
                return self.networks.provide(task, effective)
            case InitializeResources():
                return self._initialize(task, effective)
            case FindImage(name):
                return self._find_image(task, effective, name)
            case LaunchContainer(name):
                return self.launcher.launch(task, effective, task.container(name))
            case RestartContainer(name):
                return self.launcher.restart(task, effective, task.container(name))
            case SignalContainer(name):
                return self._signal(task.container(name), None)
            case KillContainer(name):
                return self._signal(task.container(name), "SIGKILL")
            case RemoveContainer(name):
                return self._remove(task.container(name))
            case RemoveVolumes():
                self.volumes.remove(task)
                return Done()
            case RemoveControlGroup():
                self.limits.remove(task)
                return Done()
            case RemoveNetwork():
                return self._remove_network(task)

    # -- up

    def _initialize(self, task: Task, effective: EffectiveTask) -> Outcome:
        """Secrets first, then log streams, as Fargate does; nothing of a secret's value is kept."""
        streams: list[tuple[str, str]] = []
        warnings: list[str] = []
        role = effective.execution_role_arn
        try:
            self.launcher.log_drivers.check(task, effective)
            self.roles.check_assumable(task, effective)
            self.roles.check_registry_token(task, effective)
            self.volumes.create(task, effective.definition)
            for container in effective.containers:
                self.roles.check_environment_files(task, role, container)
                environment_of(container, self.s3_folder)
                self.launcher.secrets(
                    task, container, lambda reader, access: self.roles.refusal(reader, task, role, access)
                )
            self._open_log_streams(task, effective, streams, warnings)
        except (
            CannotAssumeRole,
            CannotCreateVolume,
            DestinationUnavailable,
            EnvironmentFileUnavailable,
            SecretsUnavailable,
        ) as error:
            return Failed(str(error))
        except InvalidFirelensOption as error:
            return Failed(f"ResourceInitializationError: unable to generate firelens config: {error}")
        except InvalidLogOption as error:
            return Failed(f"ResourceInitializationError: failed to validate logger args: {error}")
        if "ephemeralStorage" in effective.definition:
            warnings.append(DISK_NOT_LIMITED.format(gib=effective.ephemeral_storage_gib))
        limits = self.limits.provide(task, effective)
        if limits.cgroup_parent is None and len(effective.containers) > 1:
            warnings.append(limits.words)
        return Done(
            log_streams=tuple(streams),
            warnings=tuple(warnings),
            cgroup_parent=limits.cgroup_parent,
            limits=limits.words,
        )

    def _open_log_streams(
        self, task: Task, effective: EffectiveTask, streams: list[tuple[str, str]], warnings: list[str]
    ) -> None:
        """Of the containers whose output goes to one; what is to be said of them goes to `warnings`."""
        role = effective.execution_role_arn
        found = [(container["name"], self.launcher.destination(task, container)) for container in effective.containers]
        wanted = [(name, where) for name, where in found if where is not None]
        if not wanted:
            return
        with self.database.write() as tx:
            for name, where in wanted:
                self.roles.check_log_stream(tx, task, role, where)
                self.delivery.ensure_destination(tx, task.account, where, self.ids)
                streams.append((name, where.stream))
                if warning := self.roles.log_warning(tx, task, role, where):
                    warnings.append(f"{name}: {warning}")

    def _find_image(self, task: Task, effective: EffectiveTask, name: str) -> Outcome:
        container = task.container(name)
        self.roles.check_pull(task, effective.execution_role_arn, container.image)
        credentials = self.launcher.registry_credentials(task, effective, name)
        definition = next(c for c in effective.containers if c["name"] == name)
        if task.service is None or not pins(definition):
            found = self.images.find(container.image, container.image_digest, credentials)
            return Done(image_id=found.facts.id, image_digest=found.digest)
        wanted = container.image_digest or self.pins.pinned(task, name)
        found = self.images.find(container.image, wanted, credentials)
        if wanted is None and found.digest is not None:
            wanted = self.pins.pin(task, name, found.digest)
            if wanted != found.digest:  # the tag moved, and another task was first
                found = self.images.find(container.image, wanted, credentials)
        return Done(image_id=found.facts.id, image_digest=found.digest)

    # -- down

    def _signal(self, container: Container, signal: str | None) -> Outcome:
        if container.runtime_id is None:
            return Done()
        if signal is None:
            image = self.engine.find_image(container.image_id) if container.image_id else None
            signal = image.stop_signal if image is not None and image.stop_signal else "SIGTERM"
        try:
            self.engine.kill_container(container.runtime_id, signal)
        except EngineUnavailable:
            raise
        except EngineNotResponding:
            raise
        except EngineError as error:
            state = self.engine.inspect_container(container.runtime_id)
            if state is not None and state.status == "running":
                return Failed(f"CannotStopContainerError: {error}")
            _log.debug("%s had ended before %s: %s", container.name, signal, error)
        self.watch.remember(container.runtime_id)
        return Done()

    def _remove(self, container: Container) -> Outcome:
        if container.runtime_id is not None:
            self.launcher.drain_output(container.runtime_id)
            self.engine.remove_container(container.runtime_id)
            self.watch.forget(container.runtime_id)
        return Done()

    def _remove_network(self, task: Task) -> Outcome:
        self.networks.remove(task)
        return Done()


def _timeout(action: TaskAction, error: EngineNotResponding) -> str:
    """AWS's text, the engine's own after it (Amazon ECS developer guide, stopped task error messages)."""
    match action:
        case ProvideNetwork():
            return f"Timeout waiting for network interface provisioning to complete. {error}"
        case InitializeResources() | FindImage():
            state = "created"
        case LaunchContainer() | RestartContainer():
            state = "running"
        case _:
            state = "stopped"
    return f"ContainerRuntimeTimeoutError: Could not transition to {state}; timed out: {error}"


def _error_name(action: TaskAction) -> str:
    match action:
        case ProvideNetwork() | InitializeResources():
            return "ResourceInitializationError"
        case FindImage():
            return "CannotPullContainerError"
        case LaunchContainer():
            return "CannotCreateContainerError"
        case RestartContainer():
            return "CannotStartContainerError"
        case SignalContainer() | KillContainer():
            return "CannotStopContainerError"
    return "ContainerRuntimeError"
