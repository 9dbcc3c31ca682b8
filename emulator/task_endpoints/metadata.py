"""The task metadata endpoint, v4, v3 and v2: who asks, and which document it gets. The documents are task_metadata's.

Versions 4 and 3 know who asks by the id in the path, version 2 by where the request comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from emulator.domain.tasks.task import Container, Task, runtime_id
from emulator.domain.tasks.task_metadata import container_document, shown_name, task_document
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
    for path, handler in (
        ("/v2/metadata/?", metadata.own_task),
        ("/v2/metadataWithTags/?", metadata.own_task_with_tags),
        ("/v2/metadata(?:WithTags)?/(?P<container>[^/]+)", metadata.own_container),
        ("/v2/stats/?", metadata.own_task_stats),
        ("/v2/stats/(?P<container>[^/]+)", metadata.own_container_stats),
    ):
        found.append(Route("GET", re.compile(path), partial(handler, 2)))
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
        return self._told_of(found[0], version, tags=tags)

    def _told_of(self, task: Task, version: int, *, tags: bool) -> Told:
        told = self._views.tags(task) if tags else None
        return Told(200, task_document(self._views.whole(task), version=version, tags=told))

    def stats(self, version: int, asked: Asked) -> Told:
        found = self._find(asked)
        if found is None:
            return _unknown(version, "container stats", "container ID", "docker ID", asked)
        return self._stats_of(*found, version)

    def _stats_of(self, task: Task, container: Container, version: int) -> Told:
        latest = self._latest(task, container)
        if latest is None:
            name = runtime_id(task, container) or container.name
            return Told(500, f"V{version} container stats handler: unable to get stats for container: {name}")
        return Told(200, latest)

    def task_stats(self, version: int, asked: Asked) -> Told:
        found = self._find(asked)
        if found is None:
            return _unknown(version, "task stats", "task arn", "task Arn", asked)
        return self._all_stats(found[0])

    def _all_stats(self, task: Task) -> Told:
        return Told(200, {own: self._latest(task, c) for c in task.containers if (own := runtime_id(task, c))})

    def associations(self, version: int, asked: Asked) -> Told:
        """No task has any: Elastic Inference, their only kind, has ended."""
        if self._find(asked) is None:
            return _unknown(version, "associations", "task arn", "task Arn", asked)
        return Told(200, {"Associations": []})

    def association(self, version: int, asked: Asked) -> Told:
        name = asked.parts["name"]
        return Told(404, f"V{version} association handler: unable to get association value of {name}")

    # -- version 2

    def own_task(self, version: int, asked: Asked) -> Told:
        task = self._views.calling(asked)
        return _unassociated("metadata") if task is None else self._told_of(task, version, tags=False)

    def own_task_with_tags(self, version: int, asked: Asked) -> Told:
        task = self._views.calling(asked)
        return _unassociated("metadata") if task is None else self._told_of(task, version, tags=True)

    def own_task_stats(self, version: int, asked: Asked) -> Told:
        task = self._views.calling(asked)
        return _unassociated("stats") if task is None else self._all_stats(task)

    def own_container(self, version: int, asked: Asked) -> Told:
        found = self._own(asked)
        if found is None:
            return _no_such_container("metadata", asked)
        return Told(200, container_document(self._views.view(found[0]), found[1], version=version))

    def own_container_stats(self, version: int, asked: Asked) -> Told:
        found = self._own(asked)
        return _no_such_container("stats", asked) if found is None else self._stats_of(*found, version)

    def _own(self, asked: Asked) -> tuple[Task, Container] | None:
        """The container of the calling task that the DockerId in the path names."""
        task = self._views.calling(asked)
        if task is None:
            return None
        named = (c for c in task.containers if runtime_id(task, c) == asked.parts["container"])
        container = next(named, None)
        return None if container is None else (task, container)

    def _find(self, asked: Asked) -> tuple[Task, Container] | None:
        return self._views.find(asked)

    def _latest(self, task: Task, container: Container) -> Mapping[str, Any] | None:
        """The engine's answer under the id and name that the task's other documents show."""
        if container.runtime_id is None or container.last_status != "RUNNING":
            return None
        told = self._statistics(container.runtime_id)
        if told is None:
            return None
        name = shown_name(task, container, str(told.get("name", "")).removeprefix("/"))
        return {
            **told,
            "id": runtime_id(task, container),
            "name": f"/{name}" if task.launch_type != "FARGATE" else name,
        }


def _unassociated(what: str) -> Told:
    """The caller is no task, or not known to be one (the wording is unconfirmed)."""
    return Told(404, f"V2 task {what} handler: unable to get task arn from request: unable to associate it with a task")


def _no_such_container(what: str, asked: Asked) -> Told:
    wanted = asked.parts["container"][:128]
    return Told(
        404, f"V2 container {what} handler: unable to get container ID from request: {wanted} is not of the task"
    )


def _unknown(version: int, handler: str, wanted: str, missing: str, asked: Asked) -> Told:
    """The agent's words; it calls the ids of v4, too, those of v3."""
    own = asked.parts["id"][:128]
    text = (
        f"V{version} {handler} handler: unable to get {wanted} from request: "
        f"unable to get {missing} from v3 endpoint ID: {own}"
    )
    return Told(404, text)
