"""The task metadata endpoint, v4 and v3: who asks, and which document it gets. The documents are task_metadata's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from emulator.domain.task import Container, Task
from emulator.domain.task_metadata import container_document, task_document
from emulator.task_endpoints.room import Asked, Route, Told
from emulator.task_endpoints.views import TaskViews

Statistics = Callable[[str], Mapping[str, Any] | None]
"""The latest statistics of a running container by the engine's id, in the shape of Docker's own answer."""


def routes(views: TaskViews, statistics: Statistics) -> list[Route]:
    metadata = _Metadata(views, statistics)
    found = []
    for version in (4, 3):
        root = rf"/v{version}/(?P<id>[^/]+)"
        for path, handler in (
            ("/?", metadata.container),
            ("/task/?", metadata.task),
            ("/taskWithTags/?", metadata.task_with_tags),
            ("/stats/?", metadata.stats),
            ("/task/stats/?", metadata.task_stats),
            ("/associations/(?P<kind>[^/]+)/?", metadata.associations),
            ("/associations/(?P<kind>[^/]+)/(?P<name>[^/]+)", metadata.association),
        ):
            found.append(Route("GET", re.compile(root + path), partial(handler, version)))
    return found


class _Metadata:
    def __init__(self, views: TaskViews, statistics: Statistics) -> None:
        self._views = views
        self._statistics = statistics

    def container(self, version: int, asked: Asked) -> Told:
        found = self._find(asked)
        if found is None:
            return _unknown(version, "container metadata", "container ID", "docker ID", asked)
        view = self._views.view(found[0])
        return Told(200, container_document(view, view.task.container(found[1].name), version=version))

    def task(self, version: int, asked: Asked) -> Told:
        return self._task(version, asked, tags=False)

    def task_with_tags(self, version: int, asked: Asked) -> Told:
        return self._task(version, asked, tags=True)

    def _task(self, version: int, asked: Asked, *, tags: bool) -> Told:
        found = self._find(asked)
        if found is None:
            return _unknown(version, "task metadata", "task arn", "task Arn", asked)
        return Told(200, task_document(self._views.view(found[0]), version=version, tags=tags))

    def stats(self, version: int, asked: Asked) -> Told:
        found = self._find(asked)
        if found is None:
            return _unknown(version, "container stats", "container ID", "docker ID", asked)
        container = found[1]
        latest = self._latest(container)
        if latest is None:
            name = container.runtime_id or container.name
            return Told(500, f"V{version} container stats handler: unable to get stats for container: {name}")
        return Told(200, latest)

    def task_stats(self, version: int, asked: Asked) -> Told:
        found = self._find(asked)
        if found is None:
            return _unknown(version, "task stats", "task arn", "task Arn", asked)
        task = found[0]
        return Told(200, {c.runtime_id: self._latest(c) for c in task.containers if c.runtime_id is not None})

    def associations(self, version: int, asked: Asked) -> Told:
        """No task has any: Elastic Inference, their only kind, has ended."""
        if self._find(asked) is None:
            return _unknown(version, "associations", "task arn", "task Arn", asked)
        return Told(200, {"Associations": []})

    def association(self, version: int, asked: Asked) -> Told:
        name = asked.parts["name"]
        return Told(404, f"V{version} association handler: unable to get association value of {name}")

    def _find(self, asked: Asked) -> tuple[Task, Container] | None:
        return self._views.find(asked.parts["id"])

    def _latest(self, container: Container) -> Mapping[str, Any] | None:
        if container.runtime_id is None or container.last_status != "RUNNING":
            return None
        return self._statistics(container.runtime_id)


def _unknown(version: int, handler: str, wanted: str, missing: str, asked: Asked) -> Told:
    """The agent's words; it calls the ids of v4, too, those of v3."""
    own = asked.parts["id"][:128]
    text = (
        f"V{version} {handler} handler: unable to get {wanted} from request: "
        f"unable to get {missing} from v3 endpoint ID: {own}"
    )
    return Told(404, text)
