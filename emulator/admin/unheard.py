"""Of tasks that run: port mappings at which nothing listens, so that nobody wonders why they cannot be reached."""

from __future__ import annotations

from emulator.control.definitions import DefinitionMissing
from emulator.control.plane import ControlPlane
from emulator.domain.listening import unheard
from emulator.domain.task import Task
from emulator.engine.process_sockets import sockets_of
from emulator.store.database import Reader


def unheard_ports(reader: Reader, plane: ControlPlane, task: Task) -> list[str]:
    """As of now; empty where it cannot be known, and in network mode host, where the namespace is this host's."""
    one = plane.engines.named(task.engine)
    if one is None or task.last_status != "RUNNING" or task.network_mode not in ("awsvpc", "bridge"):
        return []
    try:
        effective = plane.definitions.of(reader, task)
    except DefinitionMissing:
        return []
    found: list[str] = []
    for definition in effective.containers:
        container = task.container(definition["name"])
        if not definition.get("portMappings") or container.last_status != "RUNNING" or not container.runtime_id:
            continue
        sockets = sockets_of(one.watch.state(container.runtime_id))
        found += unheard(container.name, definition["portMappings"], sockets) if sockets is not None else []
    return found
