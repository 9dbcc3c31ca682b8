"""Whether somebody listens where a task's containers say that they do: the kernel's tables of sockets, in words. Pure.

Source: the kernel's documentation, `Documentation/networking/proc_net_tcp.rst`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulator.domain.task_definitions.container_ports import port_range, protocol

_LISTENING: Final = {"tcp": "0A", "udp": "07"}
"""The state of a socket that waits for whoever comes."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket of a network namespace. `address` is an IP address; the unspecified one is every address."""

    protocol: str  # tcp or udp
    address: str
    port: int

    @property
    def within(self) -> bool:
        """Whether only processes of the same namespace reach it."""
        return ipaddress.ip_address(self.address).is_loopback


def listeners(table: str, kind: str) -> list[Listener]:
    """Of the text of /proc/<pid>/net/tcp, tcp6, udp or udp6; `kind` is tcp or udp. Lines without sense are left out."""
    found = []
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) < 4 or words[3] != _LISTENING[kind]:
            continue
        address, _, port = words[1].partition(":")
        try:
            found.append(Listener(kind, _address(address), int(port, 16)))
        except ValueError:
            continue
    return found


def _address(digits: str) -> str:
    """The kernel writes each 32 bits in the machine's byte order, which is little-endian on all that we know."""
    raw = bytes.fromhex(digits)
    address = ipaddress.ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def unheard(container: str, mappings: Iterable[Mapping[str, Any]], heard: Iterable[Listener]) -> list[str]:
    """What of a container's port mappings nobody reaches, though the task runs: a sentence each, no full stop."""
    sockets = list(heard)
    return [text for mapping in mappings if (text := _of(container, mapping, sockets))]


def _of(container: str, mapping: Mapping[str, Any], sockets: list[Listener]) -> str:
    kind = protocol(mapping)
    first, last = _ports(mapping)
    here = [s for s in sockets if s.protocol == kind and first <= s.port <= last]
    if any(not s.within for s in here):
        return ""
    ports = f"port {first}/{kind}" if first == last else f"ports {first}-{last}/{kind}"
    if here:
        alone = ", ".join(sorted({s.address for s in here}))
        return f"{ports} of container {container} cannot be reached: it listens there on {alone} alone"
    others = sorted({s.port for s in sockets if s.protocol == kind and not s.within and s.port not in _OURS})
    besides = f"; what listens in the task is on {', '.join(str(port) for port in others[:5])}" if others else ""
    return f"nothing listens on {ports} of container {container}{besides}"


_OURS: Final = (51679,)
"""Of the pause program: the task's endpoints."""


def _ports(mapping: Mapping[str, Any]) -> tuple[int, int]:
    if mapping.get("containerPortRange"):
        return port_range(mapping) or (0, 0)
    return int(mapping["containerPort"]), int(mapping["containerPort"])
