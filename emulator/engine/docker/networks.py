"""Networks in a Docker engine: one bridge or overlay per VPC, with the range it was asked for or not at all."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.engine.base import EngineError, NetworkConflict, NetworkSpec
from emulator.engine.docker.calls import ApiRefusal, DockerCalls

_ROUTES = Path("/proc/net/route")
_WIDEST_PREFIX = 8
"""Routes wider than a /8 are default routes (also a VPN's two halves): they cover everything and exclude nothing."""


class DockerNetworks:
    """The network half of DockerEngine."""

    def __init__(self, calls: DockerCalls) -> None:
        self._calls = calls

    def ensure(self, spec: NetworkSpec) -> None:
        if self._is_there(spec):
            return
        if self._calls.address.unix_path:
            refuse_routed(spec.subnet_cidr, _ROUTES.read_text() if _ROUTES.exists() else "")
        try:
            self._create(spec)
        except ApiRefusal as refusal:
            if refusal.code == 409 and self._is_there(spec):  # made by another thread in between
                return
            if "overlap" in str(refusal).lower():
                raise NetworkConflict(f"{spec.subnet_cidr} collides: {refusal}", refusal.code) from refusal
            raise

    def remove(self, name: str) -> None:
        try:
            with self._calls.endpoint_removal(), self._calls.client() as client:
                client.remove_network(name)
        except ApiRefusal as refusal:
            # A manager still shows an overlay for a moment after it was removed, and then refuses it with a 500.
            if refusal.code != 404 and not str(refusal).endswith("not found"):
                raise

    def names(self, labels: Mapping[str, str]) -> list[str]:
        with self._calls.client() as client:
            found = client.networks(filters={"label": [f"{name}={value}" for name, value in labels.items()]})
            # A worker of a swarm shows an overlay while a container of its own is in it; only managers remove it.
            if any(each.get("Scope") == "swarm" for each in found) and not _manages(client.info()):
                found = [each for each in found if each.get("Scope") != "swarm"]
        return [network["Name"] for network in found]

    def _create(self, spec: NetworkSpec) -> None:
        options = {"com.docker.network.driver.mtu": str(spec.mtu)} if spec.mtu else {}
        config = {"Subnet": spec.subnet_cidr, "Gateway": spec.gateway}
        if spec.engine_cidr is not None:
            config["IPRange"] = spec.engine_cidr
        overlay = spec.driver == "overlay"
        ranges = {"Driver": "default", "Config": [config]}
        with self._calls.client() as client:
            client.create_network(
                spec.name,
                driver=spec.driver,
                options=options,
                ipam=ranges,  # type: ignore[arg-type]  # the SDK's own class is a dict too
                labels=dict(spec.labels),
                check_duplicate=True,
                **({"attachable": True, "scope": "swarm"} if overlay else {}),  # type: ignore[arg-type]
            )

    def _is_there(self, spec: NetworkSpec) -> bool:
        with self._calls.client() as client:
            found = [each for each in client.networks(names=[spec.name]) if each["Name"] == spec.name]
        for network in found:
            ranges = [each.get("Subnet") for each in (network.get("IPAM") or {}).get("Config") or ()]
            if spec.subnet_cidr not in ranges:
                raise NetworkConflict(f"network {spec.name} exists with range {ranges}, not {spec.subnet_cidr}")
        return bool(found)


def _manages(info: Mapping[str, Any]) -> bool:
    return bool((info.get("Swarm") or {}).get("ControlAvailable"))


def refuse_routed(cidr: str, routes: str) -> None:
    """NetworkConflict when the host already routes a part of the range. `routes`: the text of /proc/net/route."""
    try:
        wanted = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        raise EngineError(str(error)) from error
    for interface, routed in _routed(routes):
        if routed.prefixlen >= _WIDEST_PREFIX and routed.overlaps(wanted):
            raise NetworkConflict(f"{cidr} collides with {routed}, which this host routes to {interface}")


def _routed(routes: str) -> Iterator[tuple[str, ipaddress.IPv4Network]]:
    for line in routes.splitlines()[1:]:
        fields = line.split()
        address, mask = (socket.inet_ntoa(struct.pack("<L", int(fields[column], 16))) for column in (1, 7))
        yield fields[0], ipaddress.IPv4Network(f"{address}/{mask}")
