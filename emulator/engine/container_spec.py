"""From a task definition's container to the container the engine is asked for. Pure: every member is decided here.

Its limits are domain.task_limits'. Members that Fargate fixes (open files) are set as Fargate sets them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emulator.domain.tasks.task_limits import MIB, container_limits
from emulator.engine.base import ContainerSpec, Device, HealthCheck, Mount, Ulimit

FARGATE_OPEN_FILES = Ulimit("nofile", 65535, 65535)

Definition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a container's spec depends on beside its definition."""

    name: str  # the engine's name for it
    image: str  # an id or reference that the engine holds
    image_environment: tuple[str, ...]
    labels: Mapping[str, str]
    pause_id: str | None  # who holds its network namespace
    task_cpu_units: int
    task_memory_mib: int
    host_cpus: int
    on_fargate: bool
    open_files_of_fargate: bool = True
    cgroup_parent: str | None = None  # the task's own control group; without one each container is limited for itself
    secrets: tuple[tuple[str, str], ...] = ()
    injected: tuple[tuple[str, str], ...] = ()  # what ECS injects; the definition's own values win
    log_driver: str = "json-file"
    log_options: tuple[tuple[str, str], ...] = ()
    log_mounts: tuple[Mount, ...] = ()  # of a FireLens router
    volume_mounts: tuple[Mount, ...] = ()
    volumes_from: tuple[str, ...] = ()  # container ids, `:ro` after them where only reading is meant
    environment_files: tuple[tuple[str, str], ...] = ()
    pid_mode: str | None = None
    ipc_mode: str | None = None
    network_mode: Literal["none", "host"] | None = None
    gpu_ids: tuple[str, ...] = ()


def container_spec(definition: Definition, around: Surroundings) -> ContainerSpec:
    """The engine's order for one container of a task."""
    linux = definition.get("linuxParameters") or {}
    limits = container_limits(
        definition,
        level="task" if around.cgroup_parent else "container",
        task_cpu_units=around.task_cpu_units,
        task_memory_mib=around.task_memory_mib,
        host_cpus=around.host_cpus,
    )
    return ContainerSpec(
        name=around.name,
        image=around.image,
        labels={**(definition.get("dockerLabels") or {}), **around.labels},
        entry_point=_words(definition.get("entryPoint")),
        command=_words(definition.get("command")),
        environment=_environment(definition, around),
        user=definition.get("user"),
        working_directory=definition.get("workingDirectory"),
        join_network_of=around.pause_id,
        network_mode=around.network_mode,
        cpu_shares=limits.cpu_shares,
        nano_cpus=limits.nano_cpus,
        memory_bytes=limits.memory,
        memory_swap_bytes=limits.memory_and_swap,
        memory_reservation_bytes=limits.memory_reservation,
        cgroup_parent=around.cgroup_parent,
        memory_swappiness=linux.get("swappiness") if linux.get("maxSwap") else None,
        shm_size_bytes=linux["sharedMemorySize"] * MIB if linux.get("sharedMemorySize") else None,
        ulimits=_ulimits(definition, around.on_fargate and around.open_files_of_fargate),
        capabilities_add=tuple((linux.get("capabilities") or {}).get("add") or ()),
        capabilities_drop=tuple((linux.get("capabilities") or {}).get("drop") or ()),
        gpu_ids=around.gpu_ids,
        devices=tuple(_device(device) for device in linux.get("devices") or ()),
        sysctls=tuple(
            (s["namespace"], s["value"])
            for s in definition.get("systemControls") or ()
            if around.pause_id is None or not s["namespace"].startswith("net.")
        ),
        mounts=(
            *(_tmpfs(tmpfs) for tmpfs in linux.get("tmpfs") or ()),
            *around.log_mounts,
            *around.volume_mounts,
        ),
        volumes_from=around.volumes_from,
        pid_mode=around.pid_mode,
        ipc_mode=around.ipc_mode,
        **_names(definition, around),
        security_options=tuple(definition.get("dockerSecurityOptions") or ()),
        privileged=bool(definition.get("privileged")),
        read_only_root=bool(definition.get("readonlyRootFilesystem")),
        init=bool(linux.get("initProcessEnabled")),
        tty=bool(definition.get("pseudoTerminal")),
        stdin_open=bool(definition.get("interactive")),
        health_check=_health_check(definition.get("healthCheck")),
        log_driver=around.log_driver,
        log_options=around.log_options,
    )


def network_sysctls(definitions: Sequence[Definition]) -> tuple[tuple[str, str], ...]:
    """What belongs to the task's network namespace: its pause container has to be made with it."""
    found = {
        s["namespace"]: s["value"]
        for definition in definitions
        for s in definition.get("systemControls") or ()
        if s["namespace"].startswith("net.")
    }
    return tuple(found.items())


def _names(definition: Definition, around: Surroundings) -> dict[str, Any]:
    """Host name and resolver: of the pause container where there is one, else the container's own."""
    if around.pause_id is not None:
        return {}
    return {
        "hostname": definition.get("hostname"),
        "extra_hosts": tuple((host["hostname"], host["ipAddress"]) for host in definition.get("extraHosts") or ()),
        "dns_servers": tuple(definition.get("dnsServers") or ()),
        "dns_search": tuple(definition.get("dnsSearchDomains") or ()),
    }


def _words(value: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(value) if value else None


def _environment(definition: Definition, around: Surroundings) -> tuple[tuple[str, str], ...]:
    """Injected values, files over them, the definition's own over those, secrets over all."""
    own = {item["name"]: item.get("value", "") for item in definition.get("environment") or () if item.get("name")}
    in_image = {entry.partition("=")[0] for entry in around.image_environment}
    injected = {name: value for name, value in around.injected if name not in in_image}
    return tuple({**injected, **dict(around.environment_files), **own, **dict(around.secrets)}.items())


def _ulimits(definition: Definition, with_default: bool) -> tuple[Ulimit, ...]:
    own = tuple(Ulimit(u["name"], u["softLimit"], u["hardLimit"]) for u in definition.get("ulimits") or ())
    if with_default and not any(limit.name == "nofile" for limit in own):
        return (*own, FARGATE_OPEN_FILES)
    return own


def _device(device: Mapping[str, Any]) -> Device:
    words = {"read": "r", "write": "w", "mknod": "m"}
    permissions = "".join(words[p] for p in device.get("permissions") or ("read", "write", "mknod"))
    return Device(device["hostPath"], device.get("containerPath") or device["hostPath"], permissions)


def _tmpfs(tmpfs: Mapping[str, Any]) -> Mount:
    return Mount(
        kind="tmpfs",
        target=tmpfs["containerPath"],
        size_mib=tmpfs["size"],
        options=tuple(tmpfs.get("mountOptions") or ()),
    )


def _health_check(check: Mapping[str, Any] | None) -> HealthCheck:
    """The definition's probe; an image's own HEALTHCHECK is ignored by ECS, so it is switched off."""
    if check is None:
        return HealthCheck(("NONE",))
    command = tuple(check["command"])
    if command[0] not in ("CMD", "CMD-SHELL"):
        command = ("CMD", *command)
    return HealthCheck(
        test=command,
        interval_s=float(check.get("interval", 30)),
        timeout_s=float(check.get("timeout", 5)),
        retries=int(check.get("retries", 3)),
        start_period_s=float(check.get("startPeriod") or 0),
    )
