"""From an id in a path to the task it belongs to, with everything that its documents are made from."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from emulator.control.definitions import DefinitionMissing, Definitions
from emulator.domain.address_plan import gateway_of
from emulator.domain.task import Container, Task, endpoint_id
from emulator.domain.task_metadata import SeenContainer, TaskNetwork, TaskView
from emulator.engine import labels
from emulator.engine.base import ContainerState
from emulator.store.database import Database, Reader
from emulator.store.ecs_tables import ADDRESSES, SUBNET_SLICES, TASKS, VPC_RANGES

DOCKER_NAME_SERVER = "127.0.0.11"
"""What a container's resolv.conf names on a bridge of ours (Docker Engine, "Embedded DNS server")."""


@dataclass(slots=True)
class TaskViews:
    """`states` is what control last saw of all containers."""

    database: Database
    definitions: Definitions
    states: Callable[[], Iterable[ContainerState]]

    def find(self, own_id: str) -> tuple[Task, Container] | None:
        """By a container's endpoint id; None for an id that nobody has, and for tasks that have stopped."""
        shared = own_id.partition("-")[0]
        if not shared:
            return None
        with self.database.read() as reader:
            for task in reader.find(TASKS, endpoint_id=shared):
                for container in task.containers:
                    if endpoint_id(task, container) == own_id and not task.stopped:
                        return task, container
        return None

    def view(self, task: Task) -> TaskView:
        """A container may ask before its start is recorded; the engine shows it already."""
        with self.database.read() as reader:
            try:
                containers = self.definitions.of(reader, task).containers
            except DefinitionMissing:
                containers = ()
            network = _network(reader, task)
        states = {s.labels.get(labels.CONTAINER, ""): s for s in self.states() if s.labels.get(labels.TASK) == task.arn}
        for container in task.containers:
            if container.runtime_id is None and container.name in states:
                task = task.with_container(replace(container, runtime_id=states[container.name].id))
        seen = {name: _seen(state) for name, state in states.items()}
        return TaskView(task, {c["name"]: c for c in containers}, seen, network)


def _seen(state: ContainerState) -> SeenContainer:
    volumes = tuple((mount.name, mount.source, mount.destination) for mount in state.mounts)
    return SeenContainer(state.name, state.labels, state.created_at, state.health_output, volumes)


def _network(reader: Reader, task: Task) -> TaskNetwork:
    """Of a task with an interface: its subnet's slice and the bridge that the slice is of."""
    allocated = reader.find(ADDRESSES, task_arn=task.arn)
    if task.eni is None or not allocated:
        return TaskNetwork()
    network = allocated[0].network
    slice_, whole = reader.get(SUBNET_SLICES, network, task.eni.subnet_id), reader.get(VPC_RANGES, network)
    if whole is None:
        return TaskNetwork()
    subnet = slice_.cidr if slice_ else str(ipaddress.ip_network(whole.cidr))
    return TaskNetwork(subnet, whole.cidr, gateway_of(whole.cidr), (DOCKER_NAME_SERVER,))
