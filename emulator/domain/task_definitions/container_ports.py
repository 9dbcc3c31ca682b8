"""Port mappings of a task definition: what each network mode allows, and the numbers that ECS echoes.

It decides ports as registered; which host port a bridge task really gets is decided at run time.
Source: ECS API model (PortMapping), AWS developer guide "Port mappings".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import refused

Container = Mapping[str, Any]
PortMapping = Mapping[str, Any]

MAX_PORT: Final = 65535
MAX_RANGES: Final = 100
# The task's own network namespace or the host's: a container port *is* the port outside.
SAME_PORT_MODES: Final = ("awsvpc", "host")
DYNAMIC_PORT: Final = 0

_NAME: Final = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
_RANGE: Final = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")


def check_ports(containers: Iterable[Container], mode: str) -> None:
    """Raise ClientException for the first mapping that `mode` does not allow or that clashes with another."""
    names: set[str] = set()
    host_ports: set[tuple[str, int]] = set()
    for container in containers:
        mappings = container.get("portMappings") or []
        if mappings and mode == "none":
            raise refused(text.PORTS_WITH_NONE)
        for mapping in mappings:
            _check_mapping(mapping, mode, str(container.get("name")))
            _claim_name(mapping, names, str(container.get("name")))
            _claim_host_port(mapping, mode, host_ports)
        _check_ranges(mappings, str(container.get("name")))


def host_port(mapping: PortMapping, mode: str) -> int | None:
    """The hostPort that ECS echoes: the container port in awsvpc and host mode, 0 (dynamic) in bridge mode.

    None for a port range, whose host ports are never part of the definition.
    """
    if mapping.get("containerPortRange"):
        return None
    if mode in SAME_PORT_MODES:
        return int(mapping["containerPort"])
    return int(mapping.get("hostPort") or DYNAMIC_PORT)


def protocol(mapping: PortMapping) -> str:
    """`udp` when said so, else `tcp`: ECS treats every other value as tcp."""
    return "udp" if mapping.get("protocol") == "udp" else "tcp"


def port_range(mapping: PortMapping) -> tuple[int, int] | None:
    """First and last port of a containerPortRange; None when it is malformed or not ascending."""
    match = _RANGE.fullmatch(str(mapping.get("containerPortRange")))
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    return (first, last) if 1 <= first < last <= MAX_PORT else None


def _check_mapping(mapping: PortMapping, mode: str, container: str) -> None:
    inside, outside = mapping.get("containerPort"), mapping.get("hostPort")
    if mapping.get("containerPortRange") is not None:
        wrong_mode = mode not in ("awsvpc", "bridge")
        if wrong_mode or inside is not None or outside is not None or port_range(mapping) is None:
            raise refused(text.PORT_RANGE_INVALID, container=container)
        return
    if inside is None or not 1 <= inside <= MAX_PORT:
        raise refused(text.CONTAINER_PORT_INVALID, container=container)
    if outside is not None and not 0 <= outside <= MAX_PORT:
        raise refused(text.HOST_PORT_INVALID, container=container)
    if mode in SAME_PORT_MODES and outside not in (None, DYNAMIC_PORT, inside):
        raise refused(text.PORTS_MUST_MATCH, mode=mode)


def _claim_name(mapping: PortMapping, names: set[str], container: str) -> None:
    name = mapping.get("name")
    if name is None:
        return
    if not _NAME.fullmatch(name):
        raise refused(text.PORT_NAME_INVALID, name=name, container=container)
    if name in names:
        raise refused(text.PORT_NAME_TWICE, name=name)
    names.add(name)


def _claim_host_port(mapping: PortMapping, mode: str, taken: set[tuple[str, int]]) -> None:
    # One container port for tcp and udp: the API reference says that is an error, yet AWS registers 53/tcp with
    # 53/udp (public reports of DNS servers on Fargate). We accept what AWS accepts.
    port = host_port(mapping, mode)
    if not port:
        return
    claim = (protocol(mapping), port)
    if claim in taken:
        raise refused(text.HOST_PORT_TWICE, protocol=claim[0].upper(), port=port)
    taken.add(claim)


def _check_ranges(mappings: list[PortMapping], container: str) -> None:
    ranged = [mapping for mapping in mappings if mapping.get("containerPortRange") is not None]
    if len(ranged) > MAX_RANGES:
        raise refused(text.PORT_RANGE_COUNT, container=container)
    for index, mapping in enumerate(mappings):
        for other in ranged:
            if other is not mapping and protocol(other) == protocol(mapping) and _overlap(mapping, other):
                raise refused(text.PORT_RANGE_OVERLAP, container=container)
        if mapping in ranged and mapping in mappings[index + 1 :]:
            raise refused(text.PORT_RANGE_OVERLAP, container=container)


def _overlap(one: PortMapping, other: PortMapping) -> bool:
    first, last = _span(one)
    other_first, other_last = _span(other)
    return first <= other_last and other_first <= last


def _span(mapping: PortMapping) -> tuple[int, int]:
    port = mapping.get("containerPort")
    return (port, port) if port is not None else (port_range(mapping) or (0, 0))
