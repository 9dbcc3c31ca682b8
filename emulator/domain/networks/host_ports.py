"""Which ports of the host a container gets: fixed ones as asked, dynamic ones chosen among those that are free. Pure.

It decides numbers; that no two containers hold one is a row's UNIQUE constraint, and the engine has the last word.
Sources: ECS API model (PortMapping, NetworkBinding); Amazon ECS developer guide, "Bridge network mode": dynamic ports
come from the ephemeral range 49153-65535.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from emulator.domain.task_definitions.container_ports import port_range, protocol

FIRST_DYNAMIC: Final = 49153
LAST_DYNAMIC: Final = 65535
EVERYWHERE: Final = "0.0.0.0"

Protocol = Literal["tcp", "udp"]
Claim = tuple[str, int]
"""A protocol and a port of the host."""


class NoPortFree(Exception):
    """The dynamic range holds no run of ports that is long enough; the text says so."""


@dataclass(frozen=True, slots=True)
class NetworkBinding:
    """What of a container is reachable where: one port, or a range of them (then `last_*` differ)."""

    bind_ip: str
    protocol: Protocol
    container_port: int
    host_port: int
    last_container_port: int = 0  # of a range; 0: a single port
    last_host_port: int = 0

    @property
    def ports(self) -> Iterator[tuple[int, int]]:
        """Container port and host port, each."""
        for offset in range(max(self.last_container_port - self.container_port, 0) + 1):
            yield self.container_port + offset, self.host_port + offset

    @property
    def claims(self) -> list[Claim]:
        return [(self.protocol, host) for _, host in self.ports]

    def moved(self, bind_ip: str) -> NetworkBinding:
        """The same ports on another address."""
        last = (self.last_container_port, self.last_host_port)
        return NetworkBinding(bind_ip, self.protocol, self.container_port, self.host_port, *last)


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port in use. Unique on its address, and on its virtual host: each is a host with all ports of its own (D3).

    `host` is the container instance's ARN, or the engine's name for tasks without one.
    """

    engine: str
    bind_ip: str
    protocol: str
    port: int
    host: str
    task_arn: str


def fixed_bindings(containers: Iterable[Mapping[str, Any]], bind_ip: str) -> list[NetworkBinding]:
    """Every mapped port as it is inside: what host mode has, and what a public address publishes."""
    return [_unchanged(m, bind_ip) for container in containers for m in container.get("portMappings") or ()]


def bindings(mappings: Sequence[Mapping[str, Any]], bind_ip: str, taken: Collection[Claim]) -> list[NetworkBinding]:
    """Of one container in bridge mode. Ports that were asked for are given whether they are taken or not.

    `taken` are claims of that address. Raises NoPortFree.
    """
    used = set(taken)
    used.update((protocol(m), int(m["hostPort"])) for m in mappings if m.get("hostPort"))
    made = []
    for mapping in mappings:
        binding = _unchanged(mapping, bind_ip)
        if mapping.get("hostPort"):
            binding = NetworkBinding(bind_ip, binding.protocol, binding.container_port, int(mapping["hostPort"]))
        else:
            binding = _dynamic(binding, used)
        used.update(binding.claims)
        made.append(binding)
    return made


def _unchanged(mapping: Mapping[str, Any], bind_ip: str) -> NetworkBinding:
    kind: Protocol = "udp" if protocol(mapping) == "udp" else "tcp"
    if mapping.get("containerPortRange"):
        first, last = port_range(mapping) or (0, 0)
        return NetworkBinding(bind_ip, kind, first, first, last, last)
    return NetworkBinding(bind_ip, kind, int(mapping["containerPort"]), int(mapping["containerPort"]))


def _dynamic(wanted: NetworkBinding, used: Collection[Claim]) -> NetworkBinding:
    """The lowest run of free ports that is long enough."""
    length = len(list(wanted.ports))
    free = 0
    for port in range(FIRST_DYNAMIC, LAST_DYNAMIC + 1):
        free = 0 if (wanted.protocol, port) in used else free + 1
        if free == length:
            first = port - length + 1
            last_host = port if length > 1 else 0
            last_inside = wanted.last_container_port
            return NetworkBinding(wanted.bind_ip, wanted.protocol, wanted.container_port, first, last_inside, last_host)
    raise NoPortFree(f"no {length} dynamic {wanted.protocol} ports are free on {wanted.bind_ip}")


def shown(binding: NetworkBinding) -> dict[str, Any]:
    """As DescribeTasks shows it (NetworkBinding)."""
    members: dict[str, Any] = {"bindIP": binding.bind_ip, "protocol": binding.protocol}
    if binding.last_container_port:
        members["containerPortRange"] = f"{binding.container_port}-{binding.last_container_port}"
        members["hostPortRange"] = f"{binding.host_port}-{binding.last_host_port}"
    else:
        members |= {"containerPort": binding.container_port, "hostPort": binding.host_port}
    return members


def linked(link: str) -> tuple[str, str]:
    """`name` or `name:alias` of a container's `links`: the container and what it is called."""
    name, _, alias = link.partition(":")
    return name, alias or name


def link_order(containers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that are linked to before those that link; links that lead in a circle stay in the order written."""
    ordered: list[Mapping[str, Any]] = []
    waiting = list(containers)
    while waiting:
        names = {c["name"] for c in waiting}
        ready = [c for c in waiting if not any(linked(text)[0] in names - {c["name"]} for text in c.get("links") or ())]
        ordered += ready or waiting
        waiting = [c for c in waiting if ready and c not in ready]
    return ordered
