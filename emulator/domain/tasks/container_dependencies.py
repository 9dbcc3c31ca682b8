"""How containers of one task refer to each other: dependsOn, links and volumesFrom.

It refuses unknown names, impossible conditions and cycles. It does not know when a container starts.
Source: ECS API model (ContainerDependency), AWS developer guide "Container dependencies".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import refused

Container = Mapping[str, Any]


def check_dependencies(containers: Sequence[Container]) -> None:
    """Raise ClientException for the first reference between containers that cannot be honoured."""
    by_name = {str(container.get("name")): container for container in containers}
    edges: dict[str, list[str]] = {}
    for name, container in by_name.items():
        edges[name] = [
            *_depends_on(container, by_name),
            *_links(container, by_name),
            *_volumes_from(container, by_name),
        ]
    cycle = _cycle(edges)
    if cycle:
        raise refused(text.DEPENDENCY_CYCLE, cycle=" -> ".join(cycle))


def _depends_on(container: Container, by_name: Mapping[str, Container]) -> list[str]:
    found = []
    for dependency in container.get("dependsOn") or ():
        target = by_name.get(str(dependency.get("containerName")))
        if target is None:
            raise refused(text.DEPENDENCY_UNKNOWN, container=dependency.get("containerName"))
        condition = dependency.get("condition")
        if condition in ("COMPLETE", "SUCCESS") and target.get("essential", True):
            raise refused(text.DEPENDENCY_ESSENTIAL)
        if condition == "HEALTHY" and not target.get("healthCheck"):
            raise refused(text.DEPENDENCY_WITHOUT_HEALTH)
        found.append(str(dependency["containerName"]))
    return found


def _links(container: Container, by_name: Mapping[str, Container]) -> list[str]:
    names = [link.partition(":")[0] for link in container.get("links") or ()]
    for name in names:
        if name not in by_name:
            raise refused(text.LINK_UNKNOWN, container=name)
    return names


def _volumes_from(container: Container, by_name: Mapping[str, Container]) -> list[str]:
    names = [source.get("sourceContainer") for source in container.get("volumesFrom") or ()]
    for name in names:
        if name not in by_name:
            raise refused(text.VOLUMES_FROM_UNKNOWN, container=name)
    return [str(name) for name in names]


def _cycle(edges: Mapping[str, Sequence[str]]) -> list[str]:
    """The names along one cycle, first name repeated at the end; empty when there is none."""
    finished: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in finished:
            return []
        for target in edges[name]:
            found = visit(target, [*path, name])
            if found:
                return found
        finished.add(name)
        return []

    for name in edges:
        found = visit(name, [])
        if found:
            return found
    return []
