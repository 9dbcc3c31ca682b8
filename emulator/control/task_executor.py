"""Does one action of one task on the engine, and says how it ended. It decides nothing and writes no task.

Every action can be done again: what is already there is found by its name and labels and taken as it is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.control.definitions import container_definition
from emulator.control.images import CannotPull, ImageFinder
from emulator.control.log_delivery import DestinationUnavailable, LogDelivery
from emulator.control.networks import Networks
from emulator.control.observe import ContainerWatch
from emulator.control.secrets import SecretResolver, SecretsUnavailable
from emulator.domain.address_plan import RangeExhausted
from emulator.domain.log_delivery import Destination, InvalidLogOption, destination
from emulator.domain.task import Container, Task
from emulator.domain.task_actions import (
    FindImage,
    InitializeResources,
    KillContainer,
    LaunchContainer,
    ProvideNetwork,
    RemoveContainer,
    RemoveNetwork,
    SignalContainer,
    TaskAction,
)
from emulator.domain.task_outcomes import Done, Failed, Outcome
from emulator.domain.task_overrides import EffectiveTask
from emulator.engine import labels
from emulator.engine.base import (
    ContainerCreateFailed,
    ContainerStartFailed,
    Engine,
    EngineError,
    EngineInfo,
    EngineNotResponding,
    EngineUnavailable,
    NetworkAttachment,
    NetworkConflict,
    NotFound,
)
from emulator.engine.container_spec import Surroundings, container_spec
from emulator.engine.pause import SocketRelay, TcpRelay, pause_spec
from emulator.ids import Ids
from emulator.store.database import Database
from emulator.store.sealing import Sealer

_log = logging.getLogger("homeport.control")

OUTPUT_DRAIN_S = 5.0
ADDRESS_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose containers these are (D14)."""

    instance: str
    boot: str
    ephemeral: bool = False


@dataclass(slots=True)
class TaskExecutor:
    """`relay` is how a task's pause container reaches us; None when tasks get no endpoint."""

    engine: Engine
    database: Database
    networks: Networks
    images: ImageFinder
    sealer: Sealer
    now: Callable[[], float]
    delivery: LogDelivery
    watch: ContainerWatch
    identity: Identity
    ids: Ids
    relay: SocketRelay | TcpRelay | None = None
    endpoint_in_task: str | None = None
    host_paths_allowed: tuple[str, ...] = ()
    _info: EngineInfo | None = None
    _output_ended: dict[str, threading.Event] | None = None

    def perform(self, task: Task, effective: EffectiveTask, action: TaskAction) -> Outcome:
        """Never raises."""
        try:
            return self._act(task, effective, action)
        except CannotPull as error:
            return Failed(str(error), error.passing)
        except EngineUnavailable as error:
            return Failed(f"ResourceInitializationError: no container engine answers: {error}")
        except EngineNotResponding as error:
            return Failed(f"ContainerRuntimeTimeoutError: {error}", passing=True)
        except EngineError as error:
            return Failed(f"{_error_name(action)}: {error}")
        except Exception as error:  # noqa: BLE001 - a bug must not leave the task hanging without a word
            _log.exception("%s of %s failed", action, task.arn)
            return Failed(f"InternalError: {type(error).__name__}: {error}")

    def _act(self, task: Task, effective: EffectiveTask, action: TaskAction) -> Outcome:
        match action:
            case ProvideNetwork():
                return self._provide_network(task)
            case InitializeResources():
                return self._initialize(task, effective)
            case FindImage(name):
                return self._find_image(task, name)
            case LaunchContainer(name):
                return self._launch(task, effective, task.container(name))
            case SignalContainer(name):
                return self._signal(task.container(name), None)
            case KillContainer(name):
                return self._signal(task.container(name), "SIGKILL")
            case RemoveContainer(name):
                return self._remove(task.container(name))
            case RemoveNetwork():
                return self._remove_network(task)

    # -- network

    def _provide_network(self, task: Task) -> Outcome:
        eni = task.eni
        if eni is None:
            raise AssertionError("only awsvpc tasks ask for a network")
        for _ in range(ADDRESS_ATTEMPTS):
            try:
                network, address = self.networks.provide(task, eni)
                return self._start_pause(task, network, address)
            except NetworkConflict as error:
                return Failed(f"ResourceInitializationError: no range for the VPC is free on this host: {error}")
            except RangeExhausted as error:
                return Failed(f"ResourceInitializationError: {error}")
            except ContainerStartFailed as error:
                if "address already in use" not in str(error).lower():
                    raise
                self.networks.skip_address(task)
            except (NotFound, ContainerCreateFailed):
                # Somebody removed the bridge: make it anew, once more round.
                self.networks.forget_made()
        return Failed("ResourceInitializationError: the task's network interface could not be attached")

    def _start_pause(self, task: Task, network: str, address: str) -> Outcome:
        spec = pause_spec(
            name=f"ecs-{task.family[:80]}-pause-{task.id[:12]}",
            image=self.engine.ensure_pause_image(),
            labels=self._labels(task, "pause", "~internal~ecs~pause"),
            network=NetworkAttachment(network, ipv4_address=address),
            hostname=f"ip-{address.replace('.', '-')}",
            domain_name="ec2.internal" if task.region == "us-east-1" else f"{task.region}.compute.internal",
            relay=self.relay,
        )
        pause_id = self.engine.create_container(spec)
        try:
            self.engine.start_container(pause_id)
        except EngineError:
            self.engine.remove_container(pause_id)
            raise
        self.watch.remember(pause_id)
        state = self.watch.state(pause_id)
        if state is None:
            raise EngineNotResponding("the engine does not show the pause container it just started")
        return Done(
            runtime_id=pause_id,
            private_ip=state.ip_addresses.get(network) or address,
            mac_address=state.mac_addresses.get(network),
            network=network,
        )

    def _labels(self, task: Task, kind: labels.Kind, container: str) -> dict[str, str]:
        owned = labels.owned_labels(kind, self.identity.instance, self.identity.boot, ephemeral=self.identity.ephemeral)
        revision = int(task.definition_arn.rpartition(":")[2])
        ours = labels.container_labels(
            owned,
            cluster=task.cluster_arn,
            task=task.arn,
            container=container,
            family=task.family,
            revision=revision,
            service=task.service or "",
        )
        return {**ours, **_agent_labels(task, container, revision)}

    # -- up

    def _initialize(self, task: Task, effective: EffectiveTask) -> Outcome:
        """Secrets first, then log streams, as Fargate does; nothing of a secret's value is kept."""
        streams: list[tuple[str, str]] = []
        try:
            for container in effective.containers:
                self._secrets(task, container)
            with self.database.write() as tx:
                for container in effective.containers:
                    where = self._destination(task, container)
                    if where is not None:
                        self.delivery.ensure_destination(tx, task.account, where, self.ids)
                        streams.append((container["name"], where.stream))
        except (SecretsUnavailable, DestinationUnavailable) as error:
            return Failed(str(error))
        except InvalidLogOption as error:
            return Failed(f"ResourceInitializationError: failed to validate logger args: {error}")
        return Done(log_streams=tuple(streams))

    def _secrets(self, task: Task, container: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """The values of the container's `secrets`, read anew each time; those of the log driver are only checked."""
        partition = task.arn.split(":", 2)[1]
        options = (container.get("logConfiguration") or {}).get("secretOptions") or ()
        with self.database.read() as reader:
            resolver = SecretResolver(reader, self.sealer, task.account, task.region, partition, self.now())
            resolver.resolve(options)
            return tuple(resolver.resolve(container.get("secrets") or ()).items())

    def _destination(self, task: Task, definition: Mapping[str, Any]) -> Destination | None:
        return destination(
            definition.get("logConfiguration"),
            container_name=definition["name"],
            task_id=task.id,
            task_region=task.region,
        )

    def _find_image(self, task: Task, name: str) -> Outcome:
        container = task.container(name)
        found = self.images.find(container.image, container.image_digest)
        return Done(image_id=found.facts.id, image_digest=found.digest)

    def _launch(self, task: Task, effective: EffectiveTask, container: Container) -> Outcome:
        definition = container_definition(effective, container.name)
        image = self.engine.find_image(container.image_id or container.image)
        if image is None:
            return Failed(f"CannotCreateContainerError: the image of {container.name} was removed from the engine")
        try:
            secrets = self._secrets(task, definition)
        except SecretsUnavailable as error:
            return Failed(str(error))
        spec = container_spec(
            definition,
            Surroundings(
                name=f"ecs-{task.family[:80]}-{task.definition_arn.rpartition(':')[2]}-{container.name[:80]}-{task.id[:12]}",
                image=image.id,
                image_environment=image.environment,
                labels=self._labels(task, "app", container.name),
                pause_id=task.pause_id,
                task_cpu_units=int(effective.cpu or 0),
                task_memory_mib=int(effective.memory or 0),
                host_cpus=self._engine_info().cpus,
                on_fargate=task.launch_type == "FARGATE",
                secrets=secrets,
                injected=self._injected(task),
                host_paths_allowed=self.host_paths_allowed,
            ),
        )
        container_id = self.engine.create_container(spec)
        return self._start(task, definition, container_id)

    def _start(self, task: Task, definition: Mapping[str, Any], container_id: str) -> Outcome:
        state = self.engine.inspect_container(container_id)
        if state is not None and state.status == "created":
            self._attach(task, definition, container_id)
            try:
                self.engine.start_container(container_id)
            except EngineNotResponding:
                raise
            except EngineError as error:
                self.watch.remember(container_id)
                return Failed(f"CannotStartContainerError: {error}", runtime_id=container_id)
        self.watch.remember(container_id)
        return Done(runtime_id=container_id)

    def _attach(self, task: Task, definition: Mapping[str, Any], container_id: str) -> None:
        where = self._destination(task, definition)
        if where is None:
            return
        with self.database.read() as reader:
            stream = self.delivery.find_destination(reader, task.account, where)
        if stream is None:
            return  # somebody deleted the stream since; the awslogs driver would drop the output, too
        self.delivery.open(container_id, where, stream)
        self.engine.attach_output(container_id, self.delivery.lines, self._ender(container_id))

    def resume_output(self, task: Task, effective: EffectiveTask, container: Container) -> None:
        """After a restart of ours: what a running container wrote meanwhile, and all that follows."""
        where = self._destination(task, container_definition(effective, container.name))
        if where is None or container.runtime_id is None:
            return
        with self.database.read() as reader:
            stream = self.delivery.find_destination(reader, task.account, where)
        if stream is None:
            return
        since = self.delivery.resume(container.runtime_id, where, stream)
        ender = self._ender(container.runtime_id)
        self.engine.replay_output(container.runtime_id, since, self.delivery.lines, ender)

    def _ender(self, container_id: str) -> Callable[[str], None]:
        ended = threading.Event()
        self._ended_events()[container_id] = ended

        def end(ended_id: str) -> None:
            self.delivery.ended(ended_id)
            ended.set()

        return end

    def _ended_events(self) -> dict[str, threading.Event]:
        if self._output_ended is None:
            self._output_ended = {}
        return self._output_ended

    def _injected(self, task: Task) -> tuple[tuple[str, str], ...]:
        """What ECS puts into a container's environment, as far as something stands behind it."""
        execution = "AWS_ECS_FARGATE" if task.launch_type == "FARGATE" else "AWS_ECS_EC2"
        values = [
            ("AWS_EXECUTION_ENV", execution),
            ("AWS_REGION", task.region),
            ("AWS_DEFAULT_REGION", task.region),
        ]
        if self.endpoint_in_task is not None and self.relay is not None:
            values.append(("AWS_ENDPOINT_URL", self.endpoint_in_task))
        return tuple(values)

    def _engine_info(self) -> EngineInfo:
        if self._info is None:
            self._info = self.engine.info()
        return self._info

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
            _log.debug("%s had ended before %s: %s", container.name, signal, error)
        self.watch.remember(container.runtime_id)
        return Done()

    def _remove(self, container: Container) -> Outcome:
        if container.runtime_id is not None:
            ended = self._ended_events().get(container.runtime_id)
            if ended is not None and not ended.wait(OUTPUT_DRAIN_S):
                _log.warning("the output of %s did not end within %g s", container.name, OUTPUT_DRAIN_S)
            self.engine.remove_container(container.runtime_id)
            self.watch.forget(container.runtime_id)
            self._ended_events().pop(container.runtime_id, None)
        return Done()

    def _remove_network(self, task: Task) -> Outcome:
        if task.pause_id is not None:
            self.engine.remove_container(task.pause_id)
            self.watch.forget(task.pause_id)
        return Done()


def _agent_labels(task: Task, container: str, revision: int) -> dict[str, str]:
    """The ECS agent's own labels, which tools look for."""
    return {
        "com.amazonaws.ecs.cluster": task.cluster_arn,
        "com.amazonaws.ecs.container-name": container,
        "com.amazonaws.ecs.task-arn": task.arn,
        "com.amazonaws.ecs.task-definition-family": task.family,
        "com.amazonaws.ecs.task-definition-version": str(revision),
    }


def _error_name(action: TaskAction) -> str:
    match action:
        case ProvideNetwork() | InitializeResources():
            return "ResourceInitializationError"
        case FindImage():
            return "CannotPullContainerError"
        case LaunchContainer():
            return "CannotCreateContainerError"
        case SignalContainer() | KillContainer():
            return "CannotStopContainerError"
    return "ContainerRuntimeError"
