"""What the Docker API answers, read into the Engine's value types. Pure."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, cast

from emulator.domain.engines import SwarmMembership
from emulator.engine.base import ContainerState, EngineInfo, ImageFacts, PortPublish, SeenMount
from emulator.engine.nvidia import gpus_of
from emulator.engine.statistics import StorageUse

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_IN_BRACKETS = re.compile(r"\(([^)]*)\)")
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_Status = Literal["created", "running", "exited", "paused", "restarting", "removing", "dead"]
_HEALTH = {"starting", "healthy", "unhealthy"}


def epoch_seconds(text: str | None) -> float:
    """Docker's RFC 3339 time with up to nine digits of a second; 0.0 for "0001-01-01...", which means never."""
    match = _TIME.fullmatch(text or "")
    if match is None or match[1].startswith("0001"):
        return 0.0
    zone = "+00:00" if match[3] == "Z" else match[3]
    return datetime.fromisoformat(match[1] + zone).timestamp() + float(match[2] or 0)


def container_state(answer: Mapping[str, Any], offset_s: float = 0.0) -> ContainerState:
    """Of `GET /containers/ID/json`. `offset_s` moves the engine's times into the emulator's.

    What ends at once may have finished a little before it started (measured on Docker 20.10): then both are one moment.
    """
    state, config, settings = answer["State"], answer["Config"], answer.get("NetworkSettings") or {}
    status = cast("_Status", state.get("Status") or ("running" if state.get("Running") else "created"))
    started_at = _moved(state.get("StartedAt"), offset_s)
    ended = status in ("exited", "dead", "removing")
    health = state.get("Health") or {}
    last_probe = (health.get("Log") or [{}])[-1]
    networks = {name: ends for name, ends in (settings.get("Networks") or {}).items() if ends.get("IPAddress")}
    return ContainerState(
        id=answer["Id"],
        name=answer["Name"].lstrip("/"),
        image=config.get("Image") or "",
        labels=config.get("Labels") or {},
        status=status,
        exit_code=state.get("ExitCode") if ended or state.get("Error") else None,
        oom_killed=bool(state.get("OOMKilled")),
        error=state.get("Error") or "",
        pid=state.get("Pid") or 0,
        started_at=started_at,
        finished_at=max(started_at, _moved(state.get("FinishedAt"), offset_s)) if ended else 0.0,
        health=_health(health.get("Status")),
        health_output=last_probe.get("Output") or "",
        health_exit_code=last_probe.get("ExitCode"),
        ip_addresses={name: ends["IPAddress"] for name, ends in networks.items()},
        mac_addresses={name: ends.get("MacAddress") or "" for name, ends in networks.items()},
        ports=published_ports(settings.get("Ports") or {}),
        created_at=_moved(answer.get("Created"), offset_s),
        mounts=tuple(
            SeenMount(mount.get("Name") or "", mount.get("Source") or "", mount.get("Destination") or "")
            for mount in answer.get("Mounts") or ()
        ),
    )


def listed_turn(summary: Mapping[str, Any]) -> tuple[str, str]:
    """State, and exit code or health, of one entry of `GET /containers/json`: a look tells more when these change.

    `Up 3 minutes (healthy)` gives `healthy`, `Exited (137) 2 hours ago` gives `137`.
    """
    found = _IN_BRACKETS.search(str(summary.get("Status") or ""))
    return str(summary.get("State") or ""), found[1] if found else ""


def storage_use(summary: Mapping[str, Any]) -> StorageUse:
    """Of `GET /containers/json?size=1`; a container that wrote nothing has no SizeRw."""
    written = int(summary.get("SizeRw") or 0)
    return StorageUse(max(0, int(summary.get("SizeRootFs") or 0) - written), written)


def published_ports(ports: Mapping[str, Any]) -> tuple[PortPublish, ...]:
    """Of NetworkSettings.Ports; a port that is exposed but not published has no bindings."""
    found = []
    for key, bindings in ports.items():
        number, _, protocol = key.partition("/")
        for binding in bindings or ():
            kind = cast('Literal["tcp", "udp"]', protocol or "tcp")
            found.append(PortPublish(int(number), kind, binding.get("HostIp") or "", int(binding["HostPort"])))
    return tuple(found)


def image_facts(answer: Mapping[str, Any]) -> ImageFacts:
    """Of `GET /images/NAME/json`."""
    config = answer.get("Config") or {}
    identity = answer["Id"]
    return ImageFacts(
        id=identity if identity.startswith("sha256:") else f"sha256:{identity}",
        tags=tuple(answer.get("RepoTags") or ()),
        digests=tuple(answer.get("RepoDigests") or ()),
        size_bytes=answer.get("Size") or 0,
        architecture=architecture(answer.get("Architecture") or ""),
        entry_point=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        environment=tuple(config.get("Env") or ()),
        user=config.get("User") or "",
        working_directory=config.get("WorkingDir") or "",
        stop_signal=config.get("StopSignal") or "",
        labels=config.get("Labels") or {},
    )


def engine_info(info: Mapping[str, Any], *, local: bool = False) -> EngineInfo:
    """Of `GET /info`. `local`: whether the engine answers on a socket of this host. Docker Desktop does, from a virtual
    machine of its own."""
    version = str(info.get("ServerVersion") or "")
    system = str(info.get("OperatingSystem") or "")
    return EngineInfo(
        kind="docker",
        version=version,
        architecture=architecture(str(info.get("Architecture") or "")),
        cpus=int(info.get("NCPU") or 0),
        memory_mib=int(info.get("MemTotal") or 0) // (1024 * 1024),
        cgroup_version=int(str(info.get("CgroupVersion") or "1").lstrip("v")),
        cgroup_driver=str(info.get("CgroupDriver") or ""),
        on_this_host=local and sys.platform == "linux" and system != "Docker Desktop",
        gpus=gpus_of(info, on_this_host=local and sys.platform == "linux"),
        swarm=swarm_membership(info.get("Swarm") or {}),
        detail=f"Docker Engine {version} on {system}, storage {info.get('Driver') or '?'}",
    )


def swarm_membership(swarm: Mapping[str, Any]) -> SwarmMembership:
    """Of the member Swarm of `GET /info`. Workers do not tell the swarm's own id, but who its managers are."""
    if swarm.get("LocalNodeState") != "active":
        return SwarmMembership()
    managers = tuple(str(each.get("NodeID") or "") for each in swarm.get("RemoteManagers") or ())
    return SwarmMembership(str(swarm.get("NodeID") or ""), bool(swarm.get("ControlAvailable")), managers)


def architecture(name: str) -> str:
    """In the words of uname: x86_64, aarch64."""
    return _ARCHITECTURES.get(name, name)


def _health(status: str | None) -> Literal["none", "starting", "healthy", "unhealthy"]:
    return cast('Literal["none", "starting", "healthy", "unhealthy"]', status) if status in _HEALTH else "none"


def _moved(text: str | None, offset_s: float) -> float:
    at = epoch_seconds(text)
    return at + offset_s if at else 0.0
