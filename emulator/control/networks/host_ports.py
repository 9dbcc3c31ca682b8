"""Ports of this host for containers in bridge mode: chosen in the database, so that no two tasks ever get the same.

A virtual host (a container instance) has all ports of its own. They are published on one address of this host; a fixed
port that another virtual host's task holds there is published on a loopback address of the task's own instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulator.control.networks.networks import Networks
from emulator.domain.networks.host_ports import EVERYWHERE, HostPort, NetworkBinding, bindings, fixed_bindings
from emulator.domain.tasks.task import Task
from emulator.store.database import AlreadyExists, Database, Reader, Transaction
from emulator.store.ecs_tables import HOST_PORTS

_STRANGER: Final = "stranger/"


class PortTaken(Exception):
    """Another task has the port; the text is the engine's, or says who."""


class HostPorts:
    """`bind_ip` is the address that ports are published on: loopback, unless Homeport itself serves more."""

    def __init__(self, database: Database, networks: Networks, bind_ip: str) -> None:
        self._database = database
        self._networks = networks
        self.bind_ip = bind_ip

    def take(self, task: Task, containers: Sequence[Mapping[str, Any]]) -> dict[str, list[NetworkBinding]]:
        """The ports of each container by name. PortTaken, NoPortFree; what was taken before is given back first."""
        with self._database.read() as reader:
            crowded = self._is_crowded(reader, task, containers)
        apart = self._networks.provide_public(task) if crowded else ""
        with self._database.write() as tx:
            for row in tx.find(HOST_PORTS, task_arn=task.arn):
                if row.host == task.host:
                    tx.delete(HOST_PORTS, row.engine, row.bind_ip, row.protocol, row.port)
            return {c["name"]: self._of_container(tx, task, c, apart) for c in containers}

    def take_of_host(self, task: Task, containers: Sequence[Mapping[str, Any]]) -> dict[str, list[NetworkBinding]]:
        """The ports of each container by name in network mode host: this host's own, whichever virtual host the task is
        on. PortTaken; what was taken before is given back first."""
        made = {c["name"]: fixed_bindings([c], EVERYWHERE) for c in containers}
        claims = {claim for each in made.values() for binding in each for claim in binding.claims}
        with self._database.write() as tx:
            release_ports(tx, task)
            for kind, port in sorted(claims):
                for row in tx.find(HOST_PORTS, engine=task.engine, protocol=kind, port=port):
                    if not row.host.startswith(_STRANGER):
                        raise PortTaken(_held(row))
                tx.insert(HOST_PORTS, HostPort(task.engine, EVERYWHERE, kind, port, task.host, task.arn))
        return made

    def skip(self, task: Task, claims: Sequence[tuple[str, int]]) -> None:
        """A stranger on this host has these ports: they are not chosen again until the task has ended."""
        with self._database.write() as tx:
            for kind, port in claims:
                row = HostPort(task.engine, self.bind_ip, kind, port, f"{_STRANGER}{task.id}", task.arn)
                tx.put(HOST_PORTS, row)

    def _is_crowded(self, reader: Reader, task: Task, containers: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a fixed port is held on our address by a task of another virtual host."""
        for container in containers:
            for mapping in container.get("portMappings") or ():
                if not mapping.get("hostPort"):
                    continue
                [binding] = bindings([mapping], self.bind_ip, ())
                for kind, port in binding.claims:
                    holder = reader.get(HOST_PORTS, task.engine, self.bind_ip, kind, port)
                    if holder is not None and holder.host != task.host and holder.task_arn != task.arn:
                        return True
        return False

    def _of_container(
        self, tx: Transaction, task: Task, container: Mapping[str, Any], apart: str
    ) -> list[NetworkBinding]:
        mappings = container.get("portMappings") or ()
        if not mappings:
            return []
        address = apart or self.bind_ip
        rows = tx.find(HOST_PORTS, engine=task.engine)
        taken = {(r.protocol, r.port) for r in rows if r.bind_ip in (address, EVERYWHERE) or r.host == task.host}
        made = bindings(mappings, address, taken)
        for binding in made:
            for kind, port in binding.claims:
                everywhere = tx.get(HOST_PORTS, task.engine, EVERYWHERE, kind, port)
                if everywhere is not None and everywhere.host != task.host:
                    raise PortTaken(_held(everywhere))
                self._claim(tx, HostPort(task.engine, address, kind, port, task.host, task.arn), container["name"])
        return made

    @staticmethod
    def _claim(tx: Transaction, row: HostPort, container: str) -> None:
        try:
            tx.insert(HOST_PORTS, row)
        except AlreadyExists as error:
            raise PortTaken(
                f"driver failed programming external connectivity on endpoint {container}: "
                f"Bind for {row.bind_ip}:{row.port} failed: port is already allocated"
            ) from error


def _held(row: HostPort) -> str:
    return (
        f"port {row.port}/{row.protocol} of this host is in use by task {row.task_arn.rpartition('/')[2]} on another "
        "container instance; all container instances of an engine share its host's network"
    )


def release_ports(tx: Transaction, task: Task) -> None:
    """The task's ports are free again."""
    for row in tx.find(HOST_PORTS, task_arn=task.arn):
        tx.delete(HOST_PORTS, row.engine, row.bind_ip, row.protocol, row.port)
