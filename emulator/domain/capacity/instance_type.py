"""What EC2 instance types have, as ECS registers them: cpu, memory, network interfaces, processor architecture. Pure.

Sizes follow from family and name as EC2 sells them. The memory that ECS registers is what the kernel leaves of it,
which differs by some MiB between images; ours is an estimate (unconfirmed to the MiB).
Source: Amazon EC2 instance type guide; AWS developer guide "Task networking for EC2" and "ENI trunking".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

UNITS_PER_VCPU: Final = 1024
MIB_PER_GIB: Final = 1024
_KERNEL_MIB: Final = 64
_KERNEL_SHARE: Final = 0.03


@dataclass(frozen=True, slots=True)
class InstanceType:
    """`cpu` in CPU units, `memory_mib` as registered. `interfaces`: how many network interfaces one can have, its own
    among them; `trunk_tasks`: tasks with an interface when the account has awsvpcTrunking, None where it is not
    supported. `architecture`: x86_64 or arm64."""

    name: str
    cpu: int
    memory_mib: int
    interfaces: int
    trunk_tasks: int | None
    architecture: str
    mib: int = 0  # of memory as EC2 sells it
    gpus: int = 0

    @property
    def tasks_with_interface(self) -> int:
        """How many awsvpc tasks it takes without trunking: one interface is the instance's own."""
        return self.interfaces - 1


@dataclass(frozen=True, slots=True)
class _Family:
    """`gib_per_vcpu`: of memory; `sizes`: of _SIZES."""

    gib_per_vcpu: int
    sizes: tuple[str, ...]
    arm: bool = False


_VCPUS: Final = {
    "medium": 1, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "9xlarge": 36, "12xlarge": 48,
    "16xlarge": 64, "18xlarge": 72, "24xlarge": 96, "32xlarge": 128, "48xlarge": 192,
}  # fmt: skip
_INTERFACES: Final = {
    "medium": 2, "large": 3, "xlarge": 4, "2xlarge": 4, "4xlarge": 8, "8xlarge": 8, "9xlarge": 8, "12xlarge": 8,
}  # fmt: skip
_TRUNK_TASKS: Final = {
    "medium": 4, "large": 10, "xlarge": 20, "2xlarge": 40, "4xlarge": 60, "8xlarge": 60, "9xlarge": 60, "12xlarge": 60,
}  # fmt: skip
_LARGEST_INTERFACES: Final = 15
_LARGEST_TRUNK_TASKS: Final = 120
_GENERATION_5: Final = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
_COMPUTE_5: Final = ("large", "xlarge", "2xlarge", "4xlarge", "9xlarge", "12xlarge", "18xlarge", "24xlarge")
_GENERATION_6I: Final = (*_GENERATION_5, "32xlarge")
_GENERATION_7I: Final = (*_GENERATION_5, "48xlarge")
_GRAVITON: Final = ("medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_GENERATION_6A: Final = (*_GENERATION_6I, "48xlarge")
_FAMILIES: Final[Mapping[str, _Family]] = {
    "m5": _Family(4, _GENERATION_5), "m5a": _Family(4, _GENERATION_5), "m6i": _Family(4, _GENERATION_6I),
    "m6a": _Family(4, _GENERATION_6A), "c5a": _Family(2, _GENERATION_5), "c6a": _Family(2, _GENERATION_6A),
    "r5a": _Family(8, _GENERATION_5), "r6a": _Family(8, _GENERATION_6A),
    "m7i": _Family(4, _GENERATION_7I), "m6g": _Family(4, _GRAVITON, True), "m7g": _Family(4, _GRAVITON, True),
    "c5": _Family(2, _COMPUTE_5), "c6i": _Family(2, _GENERATION_6I), "c7i": _Family(2, _GENERATION_7I),
    "c6g": _Family(2, _GRAVITON, True), "c7g": _Family(2, _GRAVITON, True),
    "r5": _Family(8, _GENERATION_5), "r6i": _Family(8, _GENERATION_6I), "r7i": _Family(8, _GENERATION_7I),
    "r6g": _Family(8, _GRAVITON, True), "r7g": _Family(8, _GRAVITON, True),
}  # fmt: skip
_BURSTABLE: Final[Mapping[str, tuple[int, float, int]]] = {
    "nano": (2, 0.5, 2), "micro": (2, 1, 2), "small": (2, 2, 3), "medium": (2, 4, 3), "large": (2, 8, 3),
    "xlarge": (4, 16, 4), "2xlarge": (8, 32, 4),
}  # fmt: skip
"""Of t3, t3a and t4g: vCPUs, GiB, interfaces; none of them has trunking, nor has t2."""
_BURSTABLE_2: Final[Mapping[str, tuple[int, float, int]]] = {
    "nano": (1, 0.5, 2), "micro": (1, 1, 2), "small": (1, 2, 3), "medium": (2, 4, 3), "large": (2, 8, 3),
    "xlarge": (4, 16, 3), "2xlarge": (8, 32, 3),
}  # fmt: skip
_BURSTABLE_FAMILIES: Final = {"t2": False, "t3": False, "t3a": False, "t4g": True}
_T3A_INTERFACES: Final = {"small": 2}


_ACCELERATED: Final[Mapping[str, Mapping[str, tuple[int, int, int, int, int]]]] = {
    "g4dn": {
        "xlarge": (4, 16, 3, 39, 1), "2xlarge": (8, 32, 3, 39, 1), "4xlarge": (16, 64, 3, 59, 1),
        "8xlarge": (32, 128, 4, 58, 1), "12xlarge": (48, 192, 8, 54, 4), "16xlarge": (64, 256, 4, 118, 1),
    },
    "g5": {
        "xlarge": (4, 16, 4, 6, 1), "2xlarge": (8, 32, 4, 19, 1), "4xlarge": (16, 64, 8, 40, 1),
        "8xlarge": (32, 128, 8, 90, 1), "12xlarge": (48, 192, 15, 120, 4), "16xlarge": (64, 256, 8, 120, 1),
        "24xlarge": (96, 384, 15, 120, 4), "48xlarge": (192, 768, 7, 115, 8),
    },
    "p3": {"2xlarge": (8, 61, 4, 40, 1), "8xlarge": (32, 244, 8, 60, 4), "16xlarge": (64, 488, 8, 120, 8)},
}  # fmt: skip
"""vCPUs, GiB, interfaces, tasks with a trunk, GPUs (interfaces and trunks of these are unconfirmed)."""


def _registered(gib: float) -> int:
    whole = int(gib * MIB_PER_GIB)
    return whole - _KERNEL_MIB - int(whole * _KERNEL_SHARE)


def _table() -> dict[str, InstanceType]:
    found: dict[str, InstanceType] = {}
    for family, arm in _BURSTABLE_FAMILIES.items():
        for size, (vcpus, gib, interfaces) in (_BURSTABLE_2 if family == "t2" else _BURSTABLE).items():
            own = _T3A_INTERFACES.get(size, interfaces) if family == "t3a" else interfaces
            name = f"{family}.{size}"
            found[name] = InstanceType(
                name,
                vcpus * UNITS_PER_VCPU,
                _registered(gib),
                own,
                None,
                "arm64" if arm else "x86_64",
                int(gib * MIB_PER_GIB),
            )
    for family, kind in _FAMILIES.items():
        for size in kind.sizes:
            vcpus, name = _VCPUS[size], f"{family}.{size}"
            found[name] = InstanceType(
                name,
                vcpus * UNITS_PER_VCPU,
                _registered(vcpus * kind.gib_per_vcpu),
                _INTERFACES.get(size, _LARGEST_INTERFACES),
                _TRUNK_TASKS.get(size, _LARGEST_TRUNK_TASKS),
                "arm64" if kind.arm else "x86_64",
                vcpus * kind.gib_per_vcpu * MIB_PER_GIB,
            )
    for family, sizes in _ACCELERATED.items():
        for size, (vcpus, gib, interfaces, trunk_tasks, gpus) in sizes.items():
            found[f"{family}.{size}"] = InstanceType(
                f"{family}.{size}",
                vcpus * UNITS_PER_VCPU,
                _registered(gib),
                interfaces,
                trunk_tasks,
                "x86_64",
                gib * MIB_PER_GIB,
                gpus,
            )
    return found


INSTANCE_TYPES: Final[Mapping[str, InstanceType]] = _table()
"""By name, e.g. `t3.medium`."""


def known_families() -> list[str]:
    """`t3`, `m5`, ...: for the message that a type is not known."""
    return list(dict.fromkeys(name.partition(".")[0] for name in INSTANCE_TYPES))
