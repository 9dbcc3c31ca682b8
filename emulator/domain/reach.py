"""How a task is reached from the host that its engine is on: addresses and ports, in words and as data. Pure.

It tells what was published and given out; whether a program listens there is the program's affair.
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.domain.host_ports import EVERYWHERE, NetworkBinding
from emulator.domain.task import Task


def addresses(task: Task) -> list[str]:
    """`127.70.0.4:80`, `udp 127.0.0.1:49153`, `172.31.48.4` (all its ports, from a Linux host); public ones first."""
    if task.eni is not None:
        private = [task.eni.private_ip] if task.eni.private_ip else []
        return [*_of(task.eni.public_ports), *private]
    return [each for container in task.containers for each in _of(container.network_bindings)]


def sentences(task: Task) -> list[str]:
    """For `homeport explain`; empty while there is nothing to reach."""
    if task.stopped:
        return []
    found = []
    if task.eni is not None and task.eni.public_ip:
        where = ", ".join(_of(task.eni.public_ports)) or f"{task.eni.public_ip}, on no port"
        found.append(f"Its public address is on this host alone: {where}.")
    if task.eni is not None and task.eni.private_ip:
        found.append(f"Its private address is {task.eni.private_ip}, reachable from this host if that runs Linux.")
    for container in task.containers:
        for text in _of(container.network_bindings):
            found.append(f"Container {container.name} is reached at {text}.")
    return found


def _of(bindings: Iterable[NetworkBinding]) -> list[str]:
    return [
        f"{'udp ' if binding.protocol == 'udp' else ''}{_local(binding.bind_ip)}:{binding.host_port}"
        f"{f'-{binding.last_host_port}' if binding.last_host_port else ''}"
        for binding in bindings
    ]


def _local(bind_ip: str) -> str:
    """Every address of the host includes its own."""
    return "127.0.0.1" if bind_ip == EVERYWHERE else bind_ip
