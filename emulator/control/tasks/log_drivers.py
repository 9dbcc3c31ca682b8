"""Which log driver of the engine a container gets, and what FireLens adds to the containers of its task.

It prepares and reads, and starts nothing. Output for awslogs is read by us (control/tasks/log_delivery.py); every other
driver is the engine's own, as on an EC2 instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulator.domain.task_definitions import firelens
from emulator.domain.task_definitions.container_logging import log_driver
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.engine.base import Engine, Mount

# Only for recovery after a restart of ours; the live output comes through attach.
_OURS: Final = (("max-size", "10m"), ("max-file", "3"))

Resolve = Callable[[Task, Iterable[Mapping[str, Any]]], Mapping[str, str]]
"""Values of `secrets` or `secretOptions` by name. Raises SecretsUnavailable."""


class RouterUnreachable(Exception):
    """A container that logs through a router cannot be created; the text is its reason."""


@dataclass(frozen=True, slots=True)
class LogSetup:
    """`environment` goes over the definition's own. `files` are written before the start."""

    driver: str = "json-file"
    options: tuple[tuple[str, str], ...] = _OURS
    environment: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class LogDrivers:
    """`resolve` reads secrets."""

    engine: Engine
    resolve: Resolve

    def check(self, task: Task, effective: EffectiveTask) -> None:
        """Before anything is pulled. Raises InvalidFirelensOption."""
        router = firelens.router_of(effective.containers)
        if router is not None:
            firelens.configuration(router, effective.containers, _origin(task))

    def setup(self, task: Task, effective: EffectiveTask, definition: Mapping[str, Any]) -> LogSetup:
        """For one container. Raises SecretsUnavailable, InvalidFirelensOption, RouterUnreachable."""
        router = firelens.router_of(effective.containers)
        driver, options = self._driver(task, definition, router)
        if router is None:
            return LogSetup(driver, options)
        environment = firelens.environment(definition, router, task.network_mode)
        if definition["name"] != router.name:
            return LogSetup(driver, options, environment)
        secrets = self.resolve(task, firelens.router_secrets(effective.containers))
        directory, _, _ = router.config_file.rpartition("/")
        text = firelens.configuration(router, effective.containers, _origin(task))
        return LogSetup(
            driver,
            options,
            (*environment, *secrets.items()),
            # Volumes of the container's own, since the engine that shall write to the socket may be on another machine.
            mounts=(
                Mount("volume", firelens.SOCKET_DIRECTORY, options=("nocopy",)),
                Mount("volume", directory),
            ),
            files=((router.config_file, text.encode()),),
        )

    def _driver(
        self, task: Task, definition: Mapping[str, Any], router: firelens.Router | None
    ) -> tuple[str, tuple[tuple[str, str], ...]]:
        driver = log_driver(definition)
        if driver is None or driver == "awslogs":
            return "json-file", _OURS
        if driver == firelens.DRIVER:
            assert router is not None  # checked at registration
            return "fluentd", firelens.driver_options(definition, task.id, self._socket(task, router))
        configuration = definition["logConfiguration"]
        secrets = self.resolve(task, configuration.get("secretOptions") or ())
        return driver, tuple({**(configuration.get("options") or {}), **secrets}.items())

    def _socket(self, task: Task, router: firelens.Router) -> str:
        """The router's socket as the engine finds it: in the volume that the engine made for it."""
        runtime_id = task.container(router.name).runtime_id
        state = self.engine.inspect_container(runtime_id) if runtime_id else None
        mounts = () if state is None else state.mounts
        found = [mount.source for mount in mounts if mount.destination == firelens.SOCKET_DIRECTORY]
        if not found:
            raise RouterUnreachable(
                f"CannotCreateContainerError: the log router {router.name} was removed from the engine by someone else"
            )
        socket = f"{found[0]}/{firelens.SOCKET_NAME}"
        if len(socket.encode()) > firelens.LONGEST_SOCKET_PATH:
            raise RouterUnreachable(
                f"CannotCreateContainerError: the log router's socket would be {socket}, which is longer than the "
                f"{firelens.LONGEST_SOCKET_PATH} bytes that a Unix socket's path can have: give the engine a shorter "
                "data root"
            )
        return socket


def _origin(task: Task) -> firelens.Origin:
    definition = task.definition_arn.rpartition("/")[2]
    return firelens.Origin(task.cluster, task.arn, definition, task.network_mode)
