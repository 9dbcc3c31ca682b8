"""Volumes of a task definition and the mount points that refer to them.

It decides which declarations ECS registers and how it echoes them. It does not know how a volume is made.
Source: ECS API model (Volume and its configurations), AWS developer guide "Storage options for Amazon ECS tasks".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import refused

Container = Mapping[str, Any]
Volume = Mapping[str, Any]

EFS: Final = "efsVolumeConfiguration"
DOCKER: Final = "dockerVolumeConfiguration"
S3_FILES: Final = "s3filesVolumeConfiguration"
FSX: Final = "fsxWindowsFileServerVolumeConfiguration"
KINDS: Final = ("host", DOCKER, EFS, S3_FILES, FSX)
MAX_PORT: Final = 65535

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


def check_volumes(volumes: Sequence[Volume], containers: Sequence[Container]) -> None:
    """Raise ClientException for a bad or repeated volume, and for a mount point without volume or path."""
    names: set[str] = set()
    for volume in volumes:
        name = volume.get("name")
        if not name or not _NAME.fullmatch(name):
            raise refused(text.VOLUME_NAME_INVALID, volume=name)
        if name in names:
            raise refused(text.VOLUME_NAME_TWICE, volume=name)
        names.add(name)
        _check_volume(volume, name)
    if sum(bool(volume.get("configuredAtLaunch")) for volume in volumes) > 1:
        raise refused(text.VOLUMES_AT_LAUNCH)
    for container in containers:
        for mount in container.get("mountPoints") or ():
            if mount.get("sourceVolume") not in names:
                raise refused(text.VOLUME_UNKNOWN, volume=mount.get("sourceVolume"))
            if not mount.get("containerPath"):
                raise refused(text.MOUNT_PATH_EMPTY)


def echoed_volume(volume: Volume) -> dict[str, Any]:
    """The volume as ECS answers it: an unconfigured one is a host volume, EFS and Docker defaults are filled."""
    echo = dict(volume)
    if not any(volume.get(kind) is not None for kind in KINDS) and not volume.get("configuredAtLaunch"):
        echo["host"] = {}
    if volume.get(EFS) is not None:
        echo[EFS] = {"rootDirectory": "/", **volume[EFS]}
    if volume.get(DOCKER) is not None:
        echo[DOCKER] = {"scope": "task", "driver": "local", **volume[DOCKER]}
    return echo


def _check_volume(volume: Volume, name: str) -> None:
    configured = [kind for kind in KINDS if volume.get(kind) is not None]
    if len(configured) + bool(volume.get("configuredAtLaunch")) > 1:
        raise refused(text.VOLUME_KINDS, volume=name)
    host = volume.get("host") or {}
    if host.get("sourcePath") is not None and not host["sourcePath"].strip():
        raise refused(text.SOURCE_PATH_BLANK)
    docker = volume.get(DOCKER) or {}
    if docker.get("autoprovision") and docker.get("scope", "task") != "shared":
        raise refused(text.DOCKER_VOLUME_AUTOPROVISION, volume=name)
    if volume.get(EFS) is not None:
        _check_efs(volume[EFS], name)
    if volume.get(S3_FILES) is not None:
        _check_s3_files(volume[S3_FILES], name)


def _check_efs(efs: Mapping[str, Any], name: str) -> None:
    authorization = efs.get("authorizationConfig") or {}
    access_point = authorization.get("accessPointId")
    if not efs.get("fileSystemId"):
        raise refused(text.VOLUME_FIELD_INVALID, member="fileSystemId", volume=name)
    if (access_point or authorization.get("iam") == "ENABLED") and efs.get("transitEncryption") != "ENABLED":
        raise refused(text.EFS_NEEDS_ENCRYPTION, volume=name)
    if access_point and efs.get("rootDirectory") not in (None, "", "/"):
        raise refused(text.EFS_ROOT_WITH_ACCESS_POINT)
    _check_port(efs.get("transitEncryptionPort"), name)


def _check_s3_files(configuration: Mapping[str, Any], name: str) -> None:
    if not str(configuration.get("fileSystemArn")).startswith("arn:"):
        raise refused(text.VOLUME_FIELD_INVALID, member="fileSystemArn", volume=name)
    if configuration.get("accessPointArn") and configuration.get("rootDirectory") not in (None, "", "/"):
        raise refused(text.S3_ROOT_WITH_ACCESS_POINT)
    _check_port(configuration.get("transitEncryptionPort"), name)


def _check_port(port: int | None, volume: str) -> None:
    if port is not None and not 1 <= port <= MAX_PORT:
        raise refused(text.VOLUME_FIELD_INVALID, member="transitEncryptionPort", volume=volume)
