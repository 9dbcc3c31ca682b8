"""Linux settings of a container: linuxParameters, ulimits, systemControls and the devices it asks for.

It decides which values ECS registers. It does not know what the machine supports.
Source: ECS API model (LinuxParameters, KernelCapabilities, Tmpfs, Ulimit, SystemControl, ResourceRequirement).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import refused

Container = Mapping[str, Any]

UNLIMITED: Final = -1
CAPABILITIES: Final = frozenset(
    [
        "ALL",
        "AUDIT_CONTROL",
        "AUDIT_WRITE",
        "BLOCK_SUSPEND",
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "IPC_LOCK",
        "IPC_OWNER",
        "KILL",
        "LEASE",
        "LINUX_IMMUTABLE",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
        "MKNOD",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_CHROOT",
        "SYS_MODULE",
        "SYS_NICE",
        "SYS_PACCT",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "SYSLOG",
        "WAKE_ALARM",
    ]
)
TMPFS_OPTIONS: Final = frozenset(
    [
        "defaults",
        "ro",
        "rw",
        "suid",
        "nosuid",
        "dev",
        "nodev",
        "exec",
        "noexec",
        "sync",
        "async",
        "dirsync",
        "remount",
        "mand",
        "nomand",
        "atime",
        "noatime",
        "diratime",
        "nodiratime",
        "bind",
        "rbind",
        "unbindable",
        "runbindable",
        "private",
        "rprivate",
        "shared",
        "rshared",
        "slave",
        "rslave",
        "relatime",
        "norelatime",
        "strictatime",
        "nostrictatime",
        "mode",
        "uid",
        "gid",
        "nr_inodes",
        "nr_blocks",
        "mpol",
    ]
)
IPC_CONTROLS: Final = frozenset(
    f"kernel.{name}" for name in ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"]
)
_GPU_COUNT: Final = re.compile(r"[1-9][0-9]{0,3}")


def check_linux(container: Container) -> None:
    """Raise ClientException for the first Linux setting of the container that ECS refuses."""
    name = str(container.get("name"))
    _check_parameters(container.get("linuxParameters") or {}, name)
    _check_ulimits(container.get("ulimits") or (), name)


def check_system_controls(container: Container, *, network_mode: str, ipc_mode: str | None) -> None:
    """Namespaced kernel parameters only; network ones not in host network mode, IPC ones not in host IPC mode."""
    name = str(container.get("name"))
    for control in container.get("systemControls") or ():
        namespace = str(control.get("namespace") or "")
        of_network = namespace.startswith("net.")
        if not of_network and namespace not in IPC_CONTROLS and not namespace.startswith("fs.mqueue."):
            raise refused(text.SYSTEM_CONTROL_INVALID, namespace=namespace, container=name)
        if not control.get("value"):
            raise refused(text.SYSTEM_CONTROL_INVALID, namespace=namespace, container=name)
        if of_network and network_mode == "host":
            raise refused(text.SYSTEM_CONTROL_MODE, namespace=namespace, container=name, what="networkMode is host")
        if not of_network and ipc_mode == "host":
            raise refused(text.SYSTEM_CONTROL_MODE, namespace=namespace, container=name, what="ipcMode is host")


def check_resources(containers: Sequence[Container], accelerators: Iterable[Mapping[str, Any]]) -> None:
    """GPU, NeuronDevice and InferenceAccelerator requirements of all containers of a task."""
    devices = {accelerator.get("deviceName") for accelerator in accelerators}
    shares: set[bool] = set()
    neuron = 0
    for container in containers:
        name = str(container.get("name"))
        for requirement in container.get("resourceRequirements") or ():
            problem = _requirement_problem(requirement, devices)
            if problem is None and requirement.get("type") == "GPU":
                shares.add(requirement.get("sharingStrategy") is not None)
                problem = "the containers of a task must share GPUs all or none" if len(shares) > 1 else None
            if requirement.get("type") == "NeuronDevice":
                neuron += 1
                problem = problem or ("only one container can use NeuronDevice" if neuron > 1 else None)
            if problem:
                raise refused(text.RESOURCE_INVALID, container=name, why=problem)


def _requirement_problem(requirement: Mapping[str, Any], devices: set[Any]) -> str | None:
    kind, value = requirement.get("type"), requirement.get("value")
    shared = requirement.get("sharingStrategy") is not None
    if shared and kind != "GPU":
        return "sharingStrategy is for GPU only"
    if shared == (value is not None):
        return "exactly one of value and sharingStrategy must be specified" if kind == "GPU" else "value is missing"
    if kind == "GPU" and not shared and value != "ALL" and not _GPU_COUNT.fullmatch(str(value)):
        return "the GPU value must be a positive number or ALL"
    if kind == "NeuronDevice" and value != "ALL":
        return "the NeuronDevice value must be ALL"
    if kind == "InferenceAccelerator" and value not in devices:
        return f"unknown inference accelerator {value}"
    return None


def _check_parameters(parameters: Mapping[str, Any], name: str) -> None:
    capabilities = parameters.get("capabilities") or {}
    for capability in [*(capabilities.get("add") or ()), *(capabilities.get("drop") or ())]:
        if capability not in CAPABILITIES:
            raise refused(text.CAPABILITY_INVALID, name=capability, container=name)
    for device in parameters.get("devices") or ():
        if not device.get("hostPath"):
            raise refused(text.SETTING_INVALID, member="linuxParameters.devices.hostPath", container=name)
    for member, low in (("sharedMemorySize", 1), ("maxSwap", 0)):
        value = parameters.get(member)
        if value is not None and value < low:
            raise refused(text.MINIMUM, member=member, container=name, low=low)
    swappiness = parameters.get("swappiness")
    if swappiness is not None and not 0 <= swappiness <= 100:
        raise refused(text.RANGE, member="swappiness", container=name, low=0, high=100)
    for mount in parameters.get("tmpfs") or ():
        _check_tmpfs(mount, name)


def _check_tmpfs(mount: Mapping[str, Any], name: str) -> None:
    if not str(mount.get("containerPath") or "").startswith("/"):
        raise refused(text.SETTING_INVALID, member="linuxParameters.tmpfs.containerPath", container=name)
    if (mount.get("size") or 0) < 1:
        raise refused(text.MINIMUM, member="linuxParameters.tmpfs.size", container=name, low=1)
    for option in mount.get("mountOptions") or ():
        if option.partition("=")[0] not in TMPFS_OPTIONS:
            raise refused(text.TMPFS_OPTION_INVALID, name=option, container=name)


def _check_ulimits(ulimits: Iterable[Mapping[str, Any]], name: str) -> None:
    seen = set()
    for ulimit in ulimits:
        soft, hard = ulimit.get("softLimit", 0), ulimit.get("hardLimit", 0)
        if hard != UNLIMITED and (soft > hard or soft == UNLIMITED):
            raise refused(text.ULIMIT_ORDER, name=ulimit.get("name"), container=name)
        if ulimit.get("name") in seen:
            raise refused(text.ULIMIT_TWICE, name=ulimit.get("name"), container=name)
        seen.add(ulimit.get("name"))
