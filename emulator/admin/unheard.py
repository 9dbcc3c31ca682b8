"""Of tasks that run: port mappings that this host cannot reach, because nothing listens or security groups let none in.

Told so that nobody has to wonder.
"""

from __future__ import annotations

from emulator.control.plane import ControlPlane
from emulator.control.tasks.definitions import DefinitionMissing
from emulator.domain.networks.address_plan import gateway_of
from emulator.domain.networks.host_ports import fixed_bindings
from emulator.domain.networks.listening import unheard
from emulator.domain.networks.packet_filter import lets_in
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.engine.process_sockets import sockets_of
from emulator.store.database import Reader
from emulator.store.ecs_tables import ADDRESSES, VPC_RANGES


def unheard_ports(reader: Reader, plane: ControlPlane, task: Task) -> list[str]:
    """As of now; empty where it cannot be known, and in network mode host, where the namespace is this host's."""
    one = plane.engines.named(task.engine)
    if one is None or task.last_status != "RUNNING" or task.network_mode not in ("awsvpc", "bridge"):
        return []
    try:
        effective = plane.definitions.of(reader, task)
    except DefinitionMissing:
        return []
    found = _filtered(reader, plane, task, effective)
    for definition in effective.containers:
        container = task.container(definition["name"])
        if not definition.get("portMappings") or container.last_status != "RUNNING" or not container.runtime_id:
            continue
        sockets = sockets_of(one.watch.state(container.runtime_id))
        found += unheard(container.name, definition["portMappings"], sockets) if sockets is not None else []
    return found


def _filtered(reader: Reader, plane: ControlPlane, task: Task, effective: EffectiveTask) -> list[str]:
    """Whom the task's security groups, where they are enforced, do not let in: this host, which comes from the address
    of its bridge."""
    applied = plane.guards.applied(task.pause_id) if task.pause_id else None
    networks = [row.network for row in reader.find(ADDRESSES, task_arn=task.arn)] if applied is not None else []
    ranges = [found for network in networks if (found := reader.get(VPC_RANGES, network)) is not None]
    if applied is None or not ranges:
        return []
    host = gateway_of(ranges[0].cidr)
    closed = [
        f"{binding.container_port}/{binding.protocol}"
        for binding in fixed_bindings(effective.containers, "")
        if not any(lets_in(applied, binding.protocol, inside, host) for inside, _ in binding.ports)
    ]
    return [f"its security groups do not let this host ({host}) in on port {', '.join(closed)}"] if closed else []
