"""Brings one container of a task up: secrets, spec, creation, output, start. And its output, to the last line."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from emulator.control.observe import ContainerWatch
from emulator.control.tasks.definitions import container_definition
from emulator.control.tasks.environment_files import environment_of
from emulator.control.tasks.execution_role import RoleChecks
from emulator.control.tasks.log_delivery import LogDelivery
from emulator.control.tasks.log_drivers import LogDrivers, LogSetup, RouterUnreachable
from emulator.control.tasks.secrets import LEAD, SecretResolver, SecretsUnavailable, nobody_refused
from emulator.control.tasks.task_limits import TaskLimiter
from emulator.control.tasks.task_volumes import VolumeMaker
from emulator.domain.capacity.virtual_host import is_counted
from emulator.domain.iam.policy_evaluation import Access
from emulator.domain.logs.log_delivery import Destination, destination
from emulator.domain.task_definitions.firelens import InvalidFirelensOption
from emulator.domain.tasks.task import Container, Task, endpoint_id
from emulator.domain.tasks.task_outcomes import Done, Failed, Outcome
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.engine import labels
from emulator.engine.base import (
    Engine,
    EngineError,
    EngineInfo,
    EngineNotResponding,
    EngineUnavailable,
    ImageFacts,
    RegistryCredentials,
)
from emulator.engine.container_spec import Surroundings, container_spec
from emulator.store.database import Database, Reader
from emulator.store.ecs_queries import account_default
from emulator.store.sealing import Sealer

_log = logging.getLogger("homeport.control")

OUTPUT_DRAIN_S = 5.0

OPEN_FILES_REFUSED = (
    "Fargate gives a container 65535 open files; this engine may not give that many, so the engine's own limit applies"
)
COUNTED_ONLY = "its container instance has GPUs that are counted only: its containers have no device of them"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose containers these are (D14)."""

    instance: str
    boot: str
    ephemeral_lock: str = ""  # where the lock of an --ephemeral run lies

    def labels(self, task: Task, kind: labels.Kind, container: str) -> dict[str, str]:
        """Ours, and the ECS agent's own, which tools look for."""
        revision = int(task.definition_arn.rpartition(":")[2])
        ours = labels.container_labels(
            labels.owned_labels(kind, self.instance, self.boot, ephemeral_lock=self.ephemeral_lock),
            cluster=task.cluster_arn,
            task=task.arn,
            container=container,
            family=task.family,
            revision=revision,
            service=task.service or "",
        )
        return {
            **ours,
            "com.amazonaws.ecs.cluster": task.cluster_arn,
            "com.amazonaws.ecs.container-name": container,
            "com.amazonaws.ecs.task-arn": task.arn,
            "com.amazonaws.ecs.task-definition-family": task.family,
            "com.amazonaws.ecs.task-definition-version": str(revision),
        }


def container_name(task: Task, container: str) -> str:
    """The engine's name: the ECS agent's form, ended by the task's id so that it is the same when made again."""
    revision = task.definition_arn.rpartition(":")[2]
    return f"ecs-{task.family[:80]}-{revision}-{container[:80]}-{task.id[:12]}"


@dataclass(slots=True)
class ContainerLauncher:
    """`endpoint_in_task` is where a task finds our APIs, None when it gets no endpoint; `endpoint_on_host` is where
    those in host mode find them."""

    engine: Engine
    database: Database
    delivery: LogDelivery
    watch: ContainerWatch
    identity: Identity
    sealer: Sealer
    now: Callable[[], float]
    volumes: VolumeMaker
    limits: TaskLimiter
    s3_folder: Path | None = None
    endpoint_in_task: str | None = None
    endpoint_on_host: str | None = None
    roles: RoleChecks | None = None
    _info: EngineInfo | None = None
    _ended: dict[str, threading.Event] = field(default_factory=dict)
    _open_files: bool = True

    def launch(self, task: Task, effective: EffectiveTask, container: Container) -> Outcome:
        """Creates, attaches, starts. What exists already under the container's name is taken as it is."""
        image = self.engine.find_image(container.image_id or container.image)
        if image is None:
            return Failed(f"CannotCreateContainerError: the image of {container.name} was removed from the engine")
        lacking = {gpu for gpu in container.gpu_ids if not is_counted(gpu)} - set(self._engine_info().gpus)
        if lacking:
            return Failed(f"CannotCreateContainerError: engine {task.engine} has no GPU {', '.join(sorted(lacking))}")
        definition = container_definition(effective, container.name)
        try:
            secrets = self.secrets(task, definition)
            logs = self.log_drivers.setup(task, effective, definition)
        except (SecretsUnavailable, InvalidFirelensOption, RouterUnreachable) as error:
            return Failed(str(error))
        with_open_files = self._open_files and task.launch_type == "FARGATE"
        outcome = self._create_and_start(task, effective, definition, image, secrets, logs)
        if not (with_open_files and _refuses_open_files(definition, outcome)):
            return outcome
        self._open_files = False
        assert isinstance(outcome, Failed)
        if outcome.runtime_id is not None:
            self.engine.remove_container(outcome.runtime_id)
        return self._create_and_start(task, effective, definition, image, secrets, logs)

    def restart(self, task: Task, effective: EffectiveTask, container: Container) -> Outcome:
        """Starts the same container again; its output goes where it went. One that runs already is left alone."""
        assert container.runtime_id is not None
        state = self.engine.inspect_container(container.runtime_id)
        if state is None:
            return Failed("CannotStartContainerError: the container was removed from the engine by someone else")
        if state.status != "running":
            self.limits.renew(task, effective)
            self.drain_output(container.runtime_id)
            self._attach(task, effective, container_definition(effective, container.name), container.runtime_id)
            with self.watch.in_hand(container.runtime_id):
                self.engine.start_container(container.runtime_id)
                self.watch.remember(container.runtime_id)
        else:
            self.watch.remember(container.runtime_id)
        return Done(runtime_id=container.runtime_id)

    def secrets(
        self, task: Task, container: Mapping[str, Any], ask: Callable[[Reader, Access], str | None] | None = None
    ) -> tuple[tuple[str, str], ...]:
        """The values of the container's `secrets`, read anew each time; those of the log driver are only checked.

        `ask` tells what the execution role is refused; the values are asked for once, before the task starts.
        """
        options = (container.get("logConfiguration") or {}).get("secretOptions") or ()
        with self.database.read() as reader:
            resolver = self._resolver(task, reader, partial(ask, reader) if ask else nobody_refused)
            resolver.resolve(options)
            return tuple(resolver.resolve(container.get("secrets") or ()).items())

    def registry_credentials(self, task: Task, effective: EffectiveTask, name: str) -> RegistryCredentials | None:
        """Of the container's private registry, out of Secrets Manager. SecretsUnavailable when they cannot be had."""
        parameter = (container_definition(effective, name).get("repositoryCredentials") or {}).get(
            "credentialsParameter"
        )
        if not parameter:
            return None
        ask = partial(self._refusal, task, effective.execution_role_arn)
        value = self._values(task, [{"name": "credentials", "valueFrom": parameter}], ask)["credentials"]
        try:
            told = json.loads(value)
            return RegistryCredentials(str(told["username"]), str(told["password"]))
        except (ValueError, KeyError, TypeError) as error:
            text = "unable to parse the secret: it needs the keys username and password"
            raise SecretsUnavailable(f"{LEAD}{text}") from error

    @property
    def log_drivers(self) -> LogDrivers:
        return LogDrivers(self.engine, self._values)

    def _values(
        self,
        task: Task,
        secrets: Iterable[Mapping[str, Any]],
        ask: Callable[[Reader, Access], str | None] = lambda _, __: None,
    ) -> dict[str, str]:
        with self.database.read() as reader:
            return self._resolver(task, reader, partial(ask, reader)).resolve(secrets)

    def _refusal(self, task: Task, role: str | None, reader: Reader, access: Access) -> str | None:
        return None if self.roles is None else self.roles.refusal(reader, task, role, access)

    def _resolver(
        self, task: Task, reader: Reader, refusal: Callable[[Access], str | None] = nobody_refused
    ) -> SecretResolver:
        partition = task.arn.split(":", 2)[1]
        return SecretResolver(reader, self.sealer, task.account, task.region, partition, self.now(), refusal)

    def destination(self, task: Task, definition: Mapping[str, Any]) -> Destination | None:
        """Where the container's output goes, in the log driver mode of the account. Raises InvalidLogOption."""
        with self.database.read() as reader:
            mode = account_default(reader, task.account, task.region, "defaultLogDriverMode", "non-blocking")
        return destination(
            definition.get("logConfiguration"),
            container_name=definition["name"],
            task_id=task.id,
            task_region=task.region,
            default_mode=mode,
        )

    def resume_output(self, task: Task, effective: EffectiveTask, container: Container) -> None:
        """After a restart of ours or of the engine: what a running container wrote meanwhile, and all that follows."""
        if container.runtime_id is None or self._is_read(container.runtime_id):
            return
        where = self.destination(task, container_definition(effective, container.name))
        if where is None:
            return
        with self.database.read() as reader:
            stream = self.delivery.find_destination(reader, task.account, where)
            if self.roles and self.roles.log_warning(reader, task, effective.execution_role_arn, where):
                return
        if stream is None:
            return
        since = self.delivery.resume(container.runtime_id, where, stream)
        ender = self._ender(container.runtime_id)
        self.engine.replay_output(container.runtime_id, since, self.delivery.lines, ender)

    def _is_read(self, container_id: str) -> bool:
        """Whether its output is being read already: a second reader would give each line twice."""
        ended = self._ended.get(container_id)
        return ended is not None and not ended.is_set()

    def drain_output(self, container_id: str) -> None:
        """Waits until the last line of an ended container has been delivered."""
        ended = self._ended.pop(container_id, None)
        if ended is not None and not ended.wait(OUTPUT_DRAIN_S):
            _log.warning("the output of %s did not end within %g s", container_id[:12], OUTPUT_DRAIN_S)

    def _create_and_start(
        self,
        task: Task,
        effective: EffectiveTask,
        definition: Mapping[str, Any],
        image: ImageFacts,
        secrets: tuple[tuple[str, str], ...],
        logs: LogSetup,
    ) -> Outcome:
        around = Surroundings(
            name=container_name(task, definition["name"]),
            image=image.id,
            image_environment=image.environment,
            labels=self.identity.labels(task, "app", definition["name"]),
            pause_id=task.pause_id if task.eni else task.container(definition["name"]).pause_id,
            network_mode=_network_mode(task),
            task_cpu_units=int(effective.cpu or 0),
            task_memory_mib=int(effective.memory or 0),
            host_cpus=self._engine_info().cpus,
            on_fargate=task.launch_type == "FARGATE",
            open_files_of_fargate=self._open_files,
            cgroup_parent=task.cgroup_parent,
            volume_mounts=self.volumes.mounts(task, effective.definition, definition),
            volumes_from=self.volumes.from_others(task, definition),
            environment_files=environment_of(definition, self.s3_folder),
            pid_mode=_shared(effective.definition.get("pidMode"), task),
            ipc_mode=_shared(effective.definition.get("ipcMode"), task),
            gpu_ids=tuple(gpu for gpu in task.container(definition["name"]).gpu_ids if not is_counted(gpu)),
            secrets=(*secrets, *logs.environment),
            injected=self._injected(task, definition["name"]),
            log_driver=logs.driver,
            log_options=logs.options,
            log_mounts=logs.mounts,
        )
        container_id = self.engine.create_container(container_spec(definition, around))
        for path, content in logs.files:
            self.engine.put_file(container_id, path, content)
        return self._start(task, effective, definition, container_id)

    def _start(self, task: Task, effective: EffectiveTask, definition: Mapping[str, Any], container_id: str) -> Outcome:
        try:
            state = self.engine.inspect_container(container_id)
        except (EngineNotResponding, EngineUnavailable):
            raise
        except EngineError as error:
            self.watch.remember(container_id)
            return Failed(f"CannotInspectContainerError: {error}", runtime_id=container_id)
        if state is not None and state.status == "created":
            self.watch.keep(state)
            self._attach(task, effective, definition, container_id)
            with self.watch.in_hand(container_id):
                try:
                    self.engine.start_container(container_id)
                except (EngineNotResponding, EngineUnavailable):
                    raise
                except EngineError as error:
                    self.watch.remember(container_id)
                    return Failed(f"CannotStartContainerError: {error}", runtime_id=container_id)
                self.watch.remember(container_id)
        else:
            self.watch.remember(container_id)
        fewer = task.launch_type == "FARGATE" and not self._open_files and not _asks_open_files(definition)
        counted = any(is_counted(gpu) for gpu in task.container(definition["name"]).gpu_ids)
        notes = [*([OPEN_FILES_REFUSED] if fewer else []), *([COUNTED_ONLY] if counted else [])]
        return Done(runtime_id=container_id, warnings=tuple(notes))

    def _attach(self, task: Task, effective: EffectiveTask, definition: Mapping[str, Any], container_id: str) -> None:
        where = self.destination(task, definition)
        if where is None:
            return
        with self.database.read() as reader:
            stream = self.delivery.find_destination(reader, task.account, where)
            if self.roles and self.roles.log_warning(reader, task, effective.execution_role_arn, where):
                return  # the driver may not put events; the task was given a warning when it was initialized
        if stream is None:
            return  # somebody deleted the stream since; the awslogs driver would drop the output, too
        self.delivery.open(container_id, where, stream)
        self.engine.attach_output(container_id, self.delivery.lines, self._ender(container_id))

    def _ender(self, container_id: str) -> Callable[[str], None]:
        ended = self._ended[container_id] = threading.Event()

        def end(ended_id: str) -> None:
            self.delivery.ended(ended_id)
            ended.set()

        return end

    def _injected(self, task: Task, container: str) -> tuple[tuple[str, str], ...]:
        """What ECS puts into a container's environment; its endpoints stand behind 169.254.170.2."""
        execution = "AWS_ECS_FARGATE" if task.launch_type == "FARGATE" else "AWS_ECS_EC2"
        values = [
            ("AWS_EXECUTION_ENV", execution),
            ("AWS_REGION", task.region),
            ("AWS_DEFAULT_REGION", task.region),
        ]
        endpoint = self._endpoint(task)
        if endpoint is not None:
            values.append(("AWS_ENDPOINT_URL", endpoint))
            values.append(("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"))  # there is no data-169.254.170.2
            values.extend(_task_endpoints(task, container, endpoint))
        return tuple(values)

    def _endpoint(self, task: Task) -> str | None:
        match task.network_mode:
            case "host":
                return self.endpoint_on_host
            case "none":
                return None
        return self.endpoint_in_task

    def _engine_info(self) -> EngineInfo:
        if self._info is None:
            self._info = self.engine.info()
        return self._info


def _network_mode(task: Task) -> Literal["none", "host"] | None:
    match task.network_mode:
        case "host":
            return "host"
        case "none":
            return "none"
    return None


def _shared(mode: str | None, task: Task) -> str | None:
    """The namespace that a task's containers share is that of its pause container."""
    return f"container:{task.pause_id}" if mode == "task" and task.pause_id else mode if mode == "none" else None


def _task_endpoints(task: Task, container: str, host: str) -> list[tuple[str, str]]:
    """Amazon ECS developer guide, "Task metadata endpoint" and "Task IAM role"; tasks of old databases have none."""
    if not task.endpoint_id:
        return []
    own = endpoint_id(task, task.container(container))
    values = [
        ("ECS_CONTAINER_METADATA_URI_V4", f"{host}/v4/{own}"),
        ("ECS_CONTAINER_METADATA_URI", f"{host}/v3/{own}"),
        ("ECS_AGENT_URI", f"{host}/api/{own}"),
    ]
    path = f"/v2/credentials/{task.credentials_id}"
    if task.credentials_id is not None and task.network_mode == "host":
        values.append(("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{host}{path}"))  # SDKs follow it to loopback
    elif task.credentials_id is not None:
        values.append(("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", path))
    return values


def _refuses_open_files(definition: Mapping[str, Any], outcome: Outcome) -> bool:
    """Whether the start failed of the limit that we added, which the definition did not ask for."""
    return not _asks_open_files(definition) and isinstance(outcome, Failed) and "setting rlimit" in outcome.reason


def _asks_open_files(definition: Mapping[str, Any]) -> bool:
    return any(limit.get("name") == "nofile" for limit in definition.get("ulimits") or ())
