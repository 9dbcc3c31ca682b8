"""A ContainerSpec in the words of the Docker API's `POST /containers/create`. Pure: it decides nothing and asks nobody.

The JSON body is built here rather than by the SDK's keyword arguments, some of which are silently wrong when a value
has an unexpected form (a port given as "8080/tcp" publishes nothing: measured with docker SDK 7.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.engine.base import ContainerCreateFailed, ContainerSpec, HealthCheck, Mount, NetworkAttachment

SUBPATHS_SINCE = (1, 45)
_PROPAGATIONS = {"private", "rprivate", "shared", "rshared", "slave", "rslave"}
_NS = 1_000_000_000


def create_body(spec: ContainerSpec, api_version: tuple[int, ...]) -> dict[str, Any]:
    """The body; ContainerCreateFailed for what Docker, or this version of it, has no place for."""
    if api_version < SUBPATHS_SINCE and any(mount.subpath for mount in spec.mounts):
        raise ContainerCreateFailed("a directory of a volume can be mounted by Docker Engine 26 or newer only")
    body: dict[str, Any] = {
        "Image": spec.image,
        "Labels": dict(spec.labels),
        "Entrypoint": _list(spec.entry_point),
        "Cmd": _list(spec.command),
        "Env": [f"{name}={value}" for name, value in spec.environment],
        "User": spec.user,
        "WorkingDir": spec.working_directory,
        "Hostname": spec.hostname,
        "Domainname": spec.domain_name,
        "ExposedPorts": {f"{port.container_port}/{port.protocol}": {} for port in spec.ports},
        "Tty": spec.tty,
        "OpenStdin": spec.stdin_open,
        "AttachStdout": True,
        "AttachStderr": True,
        "Healthcheck": _health_check(spec.health_check),
        "StopSignal": spec.stop_signal,
        "HostConfig": _given(_host_config(spec)),
        "NetworkingConfig": _networking(spec.network),
    }
    if spec.network and spec.network.mac_address and api_version < (1, 44):
        body["MacAddress"] = spec.network.mac_address  # before 1.44 the endpoint's own member is not read
    return _given(body)


def _host_config(spec: ContainerSpec) -> dict[str, Any]:
    return {
        "NetworkMode": _network_mode(spec),
        "PortBindings": _port_bindings(spec),
        "ExtraHosts": [f"{host}:{address}" for host, address in spec.extra_hosts],
        "Dns": list(spec.dns_servers),
        "DnsSearch": list(spec.dns_search),
        "CpuShares": spec.cpu_shares,
        "NanoCpus": spec.nano_cpus,
        "Memory": spec.memory_bytes,
        "MemorySwap": spec.memory_swap_bytes,
        "MemoryReservation": spec.memory_reservation_bytes,
        "MemorySwappiness": spec.memory_swappiness,
        "ShmSize": spec.shm_size_bytes,
        "PidsLimit": spec.pids_limit,
        "CgroupParent": spec.cgroup_parent,
        "Ulimits": [{"Name": each.name, "Soft": each.soft, "Hard": each.hard} for each in spec.ulimits],
        "CapAdd": list(spec.capabilities_add),
        "CapDrop": list(spec.capabilities_drop),
        "Devices": [
            {"PathOnHost": d.host_path, "PathInContainer": d.container_path, "CgroupPermissions": d.permissions}
            for d in spec.devices
        ],
        "DeviceRequests": [_gpu_request(spec.gpu_ids)] if spec.gpu_ids else None,
        "Sysctls": dict(spec.sysctls),
        "Mounts": [_mount(mount) for mount in spec.mounts if mount.kind != "tmpfs"],
        "Tmpfs": {mount.target: _tmpfs_options(mount) for mount in spec.mounts if mount.kind == "tmpfs"},
        "VolumesFrom": list(spec.volumes_from),
        "SecurityOpt": list(spec.security_options),
        "Privileged": spec.privileged,
        "ReadonlyRootfs": spec.read_only_root,
        "Init": spec.init,
        "PidMode": spec.pid_mode,
        "IpcMode": spec.ipc_mode,
        "LogConfig": {"Type": spec.log_driver, "Config": dict(spec.log_options)},
    }


def _gpu_request(gpus: Sequence[str]) -> dict[str, Any]:
    return {"Driver": "nvidia", "DeviceIDs": list(gpus), "Capabilities": [["gpu"]]}


def _network_mode(spec: ContainerSpec) -> str | None:
    if spec.join_network_of:
        return f"container:{spec.join_network_of}"
    return spec.network.network if spec.network else spec.network_mode


def _port_bindings(spec: ContainerSpec) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in spec.ports:
        host_port = "" if port.host_port is None else str(port.host_port)
        binding = {"HostIp": port.host_ip, "HostPort": host_port}
        bindings.setdefault(f"{port.container_port}/{port.protocol}", []).append(binding)
    return bindings


def _networking(attachment: NetworkAttachment | None) -> dict[str, Any] | None:
    if attachment is None:
        return None
    endpoint = {
        "IPAMConfig": {"IPv4Address": attachment.ipv4_address} if attachment.ipv4_address else None,
        "MacAddress": attachment.mac_address,
        "Aliases": list(attachment.aliases),
    }
    return {"EndpointsConfig": {attachment.network: _given(endpoint)}}


def _mount(mount: Mount) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Type": mount.kind,
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
    if mount.subpath:
        made["VolumeOptions"] = {"Subpath": mount.subpath}
    for option in mount.options:
        if mount.kind == "bind" and option in _PROPAGATIONS:
            made["BindOptions"] = {"Propagation": option}
        elif mount.kind == "volume" and option == "nocopy":
            made["VolumeOptions"] = {**made.get("VolumeOptions", {}), "NoCopy": True}
        else:
            raise ContainerCreateFailed(f"mount option {option!r} of {mount.target} is not one of a {mount.kind}")
    return made


def _tmpfs_options(mount: Mount) -> str:
    size = [f"size={mount.size_mib}m"] if mount.size_mib else []
    return ",".join([*size, *mount.options, *(["ro"] if mount.read_only else [])])


def _health_check(check: HealthCheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    if check.test[:1] == ("NONE",):
        return {"Test": ["NONE"]}
    return {
        "Test": list(check.test),
        "Interval": int(check.interval_s * _NS),
        "Timeout": int(check.timeout_s * _NS),
        "Retries": check.retries,
        "StartPeriod": int(check.start_period_s * _NS),
    }


def _list(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Without what was not set: Docker's default is not the same as null for every member."""
    return {name: value for name, value in values.items() if value is not None}
