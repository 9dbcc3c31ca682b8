"""Which volumes of the engine a task's volumes are, and what of them a container sees. Pure.

A bind to the host is only ever a path that the user allowed. An EFS file system is a volume that outlives its tasks:
every task that names it, and the same access point, sees the same files; its rootDirectory is a directory of that
volume. Source: ECS API model (Volume, MountPoint); Amazon ECS developer guide, "Storage options for Amazon ECS tasks";
Docker's documentation of the volume driver `local`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.domain.tasks.task import Task

Definition = Mapping[str, Any]

WITHOUT_HOST_PATH: Final = ("tmpfs", "nfs", "nfs4", "cifs")
"""What the driver `local` mounts of its own, or from another machine."""

EFS: Final = "efsVolumeConfiguration"
DOCKER: Final = "dockerVolumeConfiguration"


@dataclass(frozen=True, slots=True)
class TaskVolume:
    """`source` is the engine's volume, or for `host` a path. `of_task`: it goes with the task."""

    name: str
    source: str
    host: bool = False
    of_task: bool = True
    created: bool = True  # whether we may make it; else it must be there
    driver: str = "local"
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    subpath: str = ""
    host_paths: tuple[str, ...] = ()  # of this host, that its driver would mount


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """One mount point of a container."""

    volume: TaskVolume
    path: str
    read_only: bool = False


def task_volumes(definition: Definition, task: Task, instance: str) -> dict[str, TaskVolume]:
    """By the names that mount points use. `instance` keeps what outlives a task apart from another emulator's."""
    return {volume["name"]: _volume(volume, task, instance) for volume in definition.get("volumes") or ()}


def _volume(volume: Definition, task: Task, instance: str) -> TaskVolume:
    name = volume["name"]
    path = (volume.get("host") or {}).get("sourcePath")
    if path:
        return TaskVolume(name, path, host=True, of_task=False, host_paths=(path,))
    revision = task.definition_arn.rpartition(":")[2]
    own = f"ecs-{task.family[:80]}-{revision}-{name[:80]}-{task.id[:12]}"
    if volume.get(EFS) is not None:
        directory = posixpath.normpath(f"/{volume[EFS].get('rootDirectory') or ''}").lstrip("/")
        return TaskVolume(name, _efs_name(volume[EFS], task, instance), of_task=False, subpath=directory)
    docker = volume.get(DOCKER)
    if docker is None:
        return TaskVolume(name, own)
    shared = docker.get("scope", "task") == "shared"
    return TaskVolume(
        name,
        name if shared else own,
        of_task=not shared,
        created=not shared or bool(docker.get("autoprovision")),
        driver=docker.get("driver") or "local",
        options=dict(docker.get("driverOpts") or {}),
        labels=dict(docker.get("labels") or {}),
        host_paths=tuple(host_paths(volume)),
    )


def host_paths(volume: Definition) -> list[str]:
    """Of the engine's host, that mounting this volume would show a container; `/` for what may show any."""
    path = (volume.get("host") or {}).get("sourcePath")
    if path:
        return [path]
    docker = volume.get(DOCKER) or {}
    options = {str(name): str(value) for name, value in (docker.get("driverOpts") or {}).items()}
    if (docker.get("driver") or "local") != "local":
        return [value for value in options.values() if value.startswith("/")]
    flags = options.get("o", "").split(",")
    bound = any(flag in ("bind", "rbind", "move", "remount") for flag in flags)
    if not options or (options.get("type") in WITHOUT_HOST_PATH and not bound):
        return []
    device = options.get("device", "")
    return [device] if device.startswith("/") and "bind" in " ".join(flags) else ["/"]


def _efs_name(efs: Definition, task: Task, instance: str) -> str:
    point = (efs.get("authorizationConfig") or {}).get("accessPointId")
    parts = ["homeport", instance[:8], task.account, task.region, efs["fileSystemId"], *([point] if point else [])]
    return "-".join(parts)


def mounts(container: Definition, volumes: Mapping[str, TaskVolume]) -> list[VolumeMount]:
    """A container's mount points, in the order written."""
    return [
        VolumeMount(volumes[point["sourceVolume"]], point["containerPath"], bool(point.get("readOnly")))
        for point in container.get("mountPoints") or ()
    ]


def volumes_from(container: Definition) -> list[tuple[str, bool]]:
    """Containers whose mounts it has, too, and whether it may only read there."""
    return [(source["sourceContainer"], bool(source.get("readOnly"))) for source in container.get("volumesFrom") or ()]


def is_allowed(path: str, allowed: Sequence[str]) -> bool:
    """Whether a host path lies in one of the directories that the user named; `..` leads nowhere else."""
    plain = posixpath.normpath(path)
    return plain.startswith("/") and any(
        plain == root or plain.startswith(root.rstrip("/") + "/") for root in (posixpath.normpath(a) for a in allowed)
    )
