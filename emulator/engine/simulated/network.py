"""Addresses and ports of the simulated engine: handed out, kept apart and given back as Docker does."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from emulator.engine.base import (
    ContainerSpec,
    ContainerStartFailed,
    EngineError,
    NetworkAttachment,
    NetworkConflict,
    NetworkSpec,
    PortPublish,
)

_FIRST_CHOSEN_PORT, _LAST_PORT = 32768, 60999
_EVERYWHERE = "0.0.0.0"


@dataclass(slots=True)
class SimulatedNetwork:
    """One bridge. `used` maps an address to the id of the container that holds it."""

    spec: NetworkSpec
    used: dict[str, str] = field(default_factory=dict)
    last: int = 1

    def take(self, attachment: NetworkAttachment, container_id: str) -> str:
        """The address asked for, or the next free one; ContainerStartFailed in Docker's words."""
        wanted = attachment.ipv4_address
        if wanted is not None:
            if wanted in self.used or wanted == self.spec.gateway:
                raise ContainerStartFailed("Address already in use")
            if ipaddress.IPv4Address(wanted) not in ipaddress.IPv4Network(self.spec.subnet_cidr):
                raise ContainerStartFailed(
                    f"Invalid address {wanted}: It does not belong to any of this network's subnets"
                )
            self.used[wanted] = container_id
            return wanted
        hosts = ipaddress.IPv4Network(self.spec.subnet_cidr)
        for _ in range(hosts.num_addresses):
            self.last = self.last % (hosts.num_addresses - 2) + 1
            address = str(hosts[self.last])
            if address not in self.used and address != self.spec.gateway:
                self.used[address] = container_id
                return address
        raise ContainerStartFailed(f"no available IPv4 addresses on this network's address pools: {self.spec.name}")


@dataclass(slots=True)
class SimulatedSwarm:
    """What several simulated engines have in common: overlay networks. All its nodes are managers."""

    networks: dict[str, SimulatedNetwork] = field(default_factory=dict)


class SimulatedNetworks:
    """All networks and published ports of one simulated engine, with the overlays of its swarm if it is in one."""

    def __init__(self, swarm: SimulatedSwarm | None = None) -> None:
        self._bridges: dict[str, SimulatedNetwork] = {}
        self._overlays = None if swarm is None else swarm.networks
        self._ports: set[tuple[str, str, int]] = set()
        self._bridge = SimulatedNetwork(NetworkSpec("bridge", "172.17.0.0/16", "172.17.0.1", {}))
        self._next_port = _FIRST_CHOSEN_PORT

    def ensure(self, spec: NetworkSpec) -> None:
        existing = self._all.get(spec.name)
        if existing is not None:
            if existing.spec.subnet_cidr != spec.subnet_cidr:
                raise NetworkConflict(
                    f"network {spec.name} exists with range {[existing.spec.subnet_cidr]}, not {spec.subnet_cidr}"
                )
            return
        wanted = ipaddress.IPv4Network(spec.subnet_cidr)
        for other in self._all.values():
            if wanted.overlaps(ipaddress.IPv4Network(other.spec.subnet_cidr)):
                raise NetworkConflict(f"{spec.subnet_cidr} collides with {other.spec.subnet_cidr} of {other.spec.name}")
        made = self._overlays if spec.driver == "overlay" else self._bridges
        if made is None:
            raise EngineError("This node is not a swarm manager.", 503)
        made[spec.name] = SimulatedNetwork(spec)

    @property
    def _all(self) -> dict[str, SimulatedNetwork]:
        return {**(self._overlays or {}), **self._bridges}

    def remove(self, name: str) -> None:
        network = self._all.get(name)
        if network is not None and network.used:
            raise EngineError(f"error while removing network: network {name} has active endpoints", 403)
        for made in (self._bridges, self._overlays or {}):
            made.pop(name, None)

    def specs(self) -> list[NetworkSpec]:
        return [network.spec for network in self._all.values()]

    def connect(self, spec: ContainerSpec, container_id: str) -> tuple[dict[str, str], tuple[PortPublish, ...]]:
        """Addresses by network and ports as published, of a container that starts. ContainerStartFailed."""
        addresses: dict[str, str] = {}
        if spec.network is not None:
            network = self._all.get(spec.network.network)
            if network is None:
                raise ContainerStartFailed(f"network {spec.network.network} not found", 404)
            addresses[spec.network.network] = network.take(spec.network, container_id)
        if spec.network_mode == "bridge":
            addresses["bridge"] = self._bridge.take(NetworkAttachment("bridge"), container_id)
        ports: list[PortPublish] = []
        try:
            for port in spec.ports:
                ports.append(self._publish(port))
        except ContainerStartFailed:
            self.disconnect(addresses, ports)
            raise
        return addresses, tuple(ports)

    def disconnect(self, addresses: Mapping[str, str], ports: Iterable[PortPublish]) -> None:
        """Gives back what a container held."""
        for name, address in addresses.items():
            if name == "bridge":
                self._bridge.used.pop(address, None)
            elif name in self._all:
                self._all[name].used.pop(address, None)
        for port in ports:
            self._ports.discard((port.host_ip, port.protocol, port.host_port or 0))

    def _publish(self, port: PortPublish) -> PortPublish:
        number = port.host_port or self._free_port(port.protocol)
        if self._is_taken(port.host_ip, port.protocol, number):
            raise ContainerStartFailed(
                "driver failed programming external connectivity on endpoint: "
                f"Bind for {port.host_ip}:{number} failed: port is already allocated"
            )
        self._ports.add((port.host_ip, port.protocol, number))
        return replace(port, host_port=number)

    def _is_taken(self, host_ip: str, protocol: str, number: int) -> bool:
        """A port of every address is taken by that of one, and the other way round."""
        if host_ip in ("", _EVERYWHERE):
            return any(port[1:] == (protocol, number) for port in self._ports)
        return any((address, protocol, number) in self._ports for address in (host_ip, "", _EVERYWHERE))

    def _free_port(self, protocol: str) -> int:
        for _ in range(_LAST_PORT - _FIRST_CHOSEN_PORT + 1):
            number = self._next_port
            self._next_port = _FIRST_CHOSEN_PORT if number == _LAST_PORT else number + 1
            if not self._is_taken(_EVERYWHERE, protocol, number):
                return number
        raise ContainerStartFailed("no free port")


@functools.lru_cache(maxsize=65_536)
def mac_of(address: str) -> str:
    """The MAC address that Docker derives from an IPv4 address."""
    return "02:42:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed)
