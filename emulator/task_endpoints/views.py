"""From an id in a path to the task it belongs to, with everything that its documents are made from."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from emulator.clock import KernelClock
from emulator.control.tasks.definitions import DefinitionMissing, Definitions
from emulator.domain.networks.address_plan import PUBLIC, gateway_of
from emulator.domain.tasks.task import Container, Task, endpoint_id
from emulator.domain.tasks.task_metadata import ClockReading, SeenContainer, TagsUnavailable, TaskNetwork, TaskView
from emulator.engine import labels
from emulator.engine.base import ContainerState
from emulator.store.database import Database, Reader
from emulator.store.ecs_tables import ADDRESSES, SUBNET_SLICES, TASKS, VPC_RANGES
from emulator.store.instance_capacity import instance_named
from emulator.task_endpoints.room import Asked

DOCKER_NAME_SERVER = "127.0.0.11"
"""What a container's resolv.conf names on a bridge of ours (Docker Engine, "Embedded DNS server")."""


@dataclass(slots=True)
class TaskViews:
    """`states` is what control last saw of all containers, `storage_mib` what containers (their ids and their images')
    take of the disk, `kernel_clock` what the machine says of its clock."""

    database: Database
    definitions: Definitions
    states: Callable[[], Iterable[ContainerState]]
    storage_mib: Callable[[Iterable[tuple[str, str]]], int | None]
    kernel_clock: Callable[[], KernelClock | None]

    def find(self, asked: Asked) -> tuple[Task, Container] | None:
        """By a container's endpoint id; None for an id that nobody has or another task, and for tasks that have
        stopped."""
        own_id = asked.parts["id"]
        shared = own_id.partition("-")[0]
        if not shared:
            return None
        with self.database.read() as reader:
            for task in reader.find(TASKS, endpoint_id=shared):
                for container in task.containers:
                    if endpoint_id(task, container) == own_id and not task.stopped and asked.may_see(task):
                        return task, container
        return None

    def calling(self, asked: Asked) -> Task | None:
        """The task that asks, where it is known and has not stopped."""
        with self.database.read() as reader:
            for task in reader.find(TASKS, id=asked.caller) if asked.caller else ():
                if not task.stopped:
                    return task
        return None

    def tags(self, task: Task) -> dict[str, str] | TagsUnavailable:
        """As they are now; a task that was forgotten meanwhile has none to tell."""
        with self.database.read() as reader:
            found = reader.get(TASKS, task.account, task.region, task.cluster, task.id)
        if found is None:
            text = "The specified task does not exist. Specify a valid task and try again."
            return TagsUnavailable(task.arn, "InvalidParameterException", text, 400)
        return {tag["key"]: tag["value"] for tag in found.tags}

    def whole(self, task: Task) -> TaskView:
        """For the task's document: with what has to be measured first."""
        view = self.view(task)
        drift = self.kernel_clock()
        reading = None if drift is None else ClockReading(drift.at, drift.error_bound_ms, drift.synchronized)
        running = [
            (c.runtime_id, c.image_id or c.image) for c in view.task.containers if c.runtime_id and not c.removed
        ]
        return replace(view, storage_mib=self.storage_mib(running) if running else None, clock=reading)

    def view(self, task: Task) -> TaskView:
        """A container may ask before its start is recorded; the engine shows it already."""
        with self.database.read() as reader:
            try:
                containers = self.definitions.of(reader, task).containers
            except DefinitionMissing:
                containers = ()
            network = _network(reader, task)
            host = instance_named(reader, task.container_instance_arn) if task.container_instance_arn else None
        states = {s.labels.get(labels.CONTAINER, ""): s for s in self.states() if s.labels.get(labels.TASK) == task.arn}
        for container in task.containers:
            if container.runtime_id is None and container.name in states:
                task = task.with_container(replace(container, runtime_id=states[container.name].id))
        seen = {name: _seen(state) for name, state in states.items()}
        host_tags = {tag["key"]: tag["value"] for tag in host.tags} if host else {}
        return TaskView(task, {c["name"]: c for c in containers}, seen, network, host_tags=host_tags)


def _seen(state: ContainerState) -> SeenContainer:
    volumes = tuple((mount.name, mount.source, mount.destination) for mount in state.mounts)
    ports = tuple((port.container_port, port.protocol, port.host_ip, port.host_port or 0) for port in state.ports)
    addresses = tuple(state.ip_addresses.values())
    return SeenContainer(
        state.name,
        state.labels,
        state.created_at,
        state.health_output,
        state.health_exit_code,
        volumes,
        ports,
        addresses,
    )


def _network(reader: Reader, task: Task) -> TaskNetwork:
    """Of a task with an interface: its subnet's slice and the bridge that the slice is of."""
    allocated = [row for row in reader.find(ADDRESSES, task_arn=task.arn) if row.network != PUBLIC]
    if task.eni is None or not allocated:
        return TaskNetwork()
    network = allocated[0].network
    slice_, whole = reader.get(SUBNET_SLICES, network, task.eni.subnet_id), reader.get(VPC_RANGES, network)
    if whole is None:
        return TaskNetwork()
    subnet = slice_.cidr if slice_ else str(ipaddress.ip_network(whole.cidr))
    return TaskNetwork(subnet, whole.cidr, gateway_of(whole.cidr), (DOCKER_NAME_SERVER,))
