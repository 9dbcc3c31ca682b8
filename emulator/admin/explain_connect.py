"""Service Connect in words: whom a service's tasks reach under which name, and who answers there now. Only reads."""

from __future__ import annotations

from typing import Any

from emulator.admin.unheard import unheard_ports
from emulator.control.plane import ControlPlane
from emulator.domain.service_connect.answering import Behind, BehindAll
from emulator.domain.service_connect.endpoint import ClientAlias, client_aliases
from emulator.domain.service_scheduler.service import Service
from emulator.domain.tasks.task import Task
from emulator.store.connect_queries import behind_in, offers_in, tasks_in
from emulator.store.database import Reader
from emulator.store.ecs_tables import SERVICES


def connections(reader: Reader, plane: ControlPlane, service: Service) -> list[dict[str, Any]]:
    """The aliases that tasks of its PRIMARY deployment know: name, port, whose endpoint, who answers (address:port),
    and what is wrong with that in words."""
    if service.namespace is None or service.primary.connect is None:
        return []
    there = behind_in(reader, service.account, service.region, service.namespace)
    return [_alias(reader, plane, service, alias, there) for alias in service.primary.connect.aliases]


def sentences(reader: Reader, plane: ControlPlane, service: Service) -> list[str]:
    """The same as sentences, and which names came too late for it."""
    known = connections(reader, plane, service)
    words = []
    for each in known:
        who = f"service/{each['service']} ({', '.join(each['answering'])})" if each["answering"] else "nobody"
        words.append(f"Its tasks reach {who} at {each['name']}:{each['port']}.")
        words += [f"But {text}." for text in each["problems"]]
    late = [f"{alias.name}:{alias.port}" for alias in _late(reader, service)]
    if late:
        words.append(f"Its tasks do not know {', '.join(late)}: that came after its deployment began; begin another.")
    return words


def _alias(
    reader: Reader, plane: ControlPlane, service: Service, alias: ClientAlias, there: BehindAll
) -> dict[str, Any]:
    known = there.get((*alias.owner, alias.discovery_name))
    return {
        "name": alias.name,
        "port": alias.port,
        "service": alias.service,
        "answering": [f"{answer.address}:{answer.port}" for answer in known.answers] if known else [],
        "problems": _problems(reader, plane, service, alias, known),
    }


def _problems(
    reader: Reader, plane: ControlPlane, service: Service, alias: ClientAlias, known: Behind | None
) -> list[str]:
    """Why nobody answers, or why one who should is not reached."""
    if known is None:
        return [f"service/{alias.service} does not offer {alias.discovery_name} any more"]
    if not known.answers:
        owner = reader.get(SERVICES, service.account, service.region, *alias.owner)
        tasks = tasks_in(reader, owner) if owner is not None else []
        states = [f"task {task.id[:8]} is {_state(task)}" for task in tasks[:5]]
        return [f"{alias.name}:{alias.port} has no healthy endpoint: {'; '.join(states) or 'its service has no task'}"]
    return [
        f"{answer.address}:{answer.port} may not answer: {text}"
        for answer in known.answers
        for text in unheard_ports(reader, plane, answer.task)
    ]


def _state(task: Task) -> str:
    if task.desired_status == "STOPPED":
        return "on its way out"
    return f"RUNNING and {task.health_status}" if task.last_status == "RUNNING" else task.last_status


def _late(reader: Reader, service: Service) -> list[ClientAlias]:
    connected = service.primary.connect if service.namespace is not None else None
    if connected is None:
        return []
    known = {(alias.name, alias.port) for alias in connected.aliases}
    offers = offers_in(reader, service.account, service.region, connected.namespace)
    return [alias for alias in client_aliases(offers) if (alias.name, alias.port) not in known]
