"""How a task is reached from this host: addresses and ports, in words and as data. Pure.

It tells what was published and given out, and on which host; whether a program listens there is the program's affair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from emulator.domain.networks.host_ports import EVERYWHERE, NetworkBinding
from emulator.domain.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Vantage:
    """From where the task is looked at. `engine_host`: the host of its engine, where that is another one; empty: this
    one. `overlay`: whether its interface is on a network of several engines, on which no host is."""

    engine_host: str = ""
    overlay: bool = False


HERE: Final = Vantage()


def addresses(task: Task, seen: Vantage = HERE) -> list[str]:
    """`127.70.0.4:80`, `udp 127.0.0.1:49153`, `172.31.48.4` (all its ports, from a Linux host); public ones first.

    What answers elsewhere alone says where: `127.0.0.1:49153 on east's host`, `172.31.48.4 for tasks`."""
    if task.eni is not None:
        private = [f"{task.eni.private_ip}{_private_for(seen)}"] if task.eni.private_ip else []
        return [*_of(task.eni.public_ports, task, seen), *private]
    return [each for container in task.containers for each in _of(container.network_bindings, task, seen)]


def sentences(task: Task, seen: Vantage = HERE) -> list[str]:
    """For `homeport explain`; empty while there is nothing to reach."""
    if task.stopped:
        return []
    found = []
    if task.eni is not None and task.eni.public_ip:
        where = ", ".join(_of(task.eni.public_ports, task, seen)) or f"{task.eni.public_ip}, on no port"
        found.append(f"Its public address is on {_whose(task, seen) or 'this host'} alone: {where}.")
    if task.eni is not None and task.eni.private_ip:
        found.append(f"Its private address is {task.eni.private_ip}, reachable {_private_words(seen)}.")
    for container in task.containers:
        for text in _of(container.network_bindings, task, seen):
            found.append(f"Container {container.name} is reached at {text}.")
    return found


def _private_for(seen: Vantage) -> str:
    if seen.overlay:
        return " for tasks"
    return " on its engine's host" if seen.engine_host else ""


def _private_words(seen: Vantage) -> str:
    if seen.overlay:
        return "for tasks of the VPC on every engine, not from a host: their network is an overlay"
    return f"from {seen.engine_host} alone" if seen.engine_host else "from this host if that runs Linux"


def _of(bindings: Iterable[NetworkBinding], task: Task, seen: Vantage) -> list[str]:
    return [
        f"{'udp ' if binding.protocol == 'udp' else ''}{_address(binding.bind_ip, seen)}:{binding.host_port}"
        f"{f'-{binding.last_host_port}' if binding.last_host_port else ''}{_only_there(binding.bind_ip, task, seen)}"
        for binding in bindings
    ]


def _address(bind_ip: str, seen: Vantage) -> str:
    """Every address of a host includes its own, and the one by which its engine is spoken to."""
    return (seen.engine_host or "127.0.0.1") if bind_ip == EVERYWHERE else bind_ip


def _only_there(bind_ip: str, task: Task, seen: Vantage) -> str:
    whose = _whose(task, seen)
    return f" on {whose}" if whose and bind_ip != EVERYWHERE else ""


def _whose(task: Task, seen: Vantage) -> str:
    return f"{task.engine}'s host" if seen.engine_host else ""
