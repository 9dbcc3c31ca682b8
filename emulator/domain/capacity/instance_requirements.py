"""Which instance types satisfy attribute-based requirements, instanceRequirements of a managed instances provider.

Pure. Only types of Homeport's own table count (instance_type.py); where it lacks what a requirement asks about, that is
refused by name. Sources: ECS API model (InstanceRequirementsRequest), Amazon EC2 API model (InstanceRequirements: the
defaults, wildcards in type names), Amazon EC2 instance type guide (accelerators, disks).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from emulator.domain.capacity.instance_type import INSTANCE_TYPES, MIB_PER_GIB, UNITS_PER_VCPU, InstanceType
from emulator.domain.errors import ClientException, InvalidParameterException, NotEmulatedYet

Requirements = Mapping[str, Any]

NOT_KNOWN: Final = ("networkBandwidthGbps", "baselineEbsBandwidthMbps", "requireHibernateSupport")
"""What Homeport's table of types has no numbers for."""
PRICES: Final = (
    "spotMaxPricePercentageOverLowestPrice", "onDemandMaxPricePercentageOverLowestPrice",
    "maxSpotPriceAsPercentageOfOptimalOnDemandPrice",
)  # fmt: skip
"""Kept without effect: Homeport has no prices."""
GENERAL_FAMILIES: Final = frozenset("cmr")
"""What is chosen from when nothing is required: general purpose types; compute and memory optimized ones among them
(unconfirmed which)."""
_RANGES: Final = (
    "vCpuCount", "memoryMiB", "memoryGiBPerVCpu", "networkInterfaceCount", "totalLocalStorageGB", "acceleratorCount",
    "acceleratorTotalMemoryMiB", "networkBandwidthGbps", "baselineEbsBandwidthMbps",
)  # fmt: skip
_TYPE_NAME: Final = re.compile(r"[a-zA-Z0-9.*\-]{1,30}")


@dataclass(frozen=True, slots=True)
class _Accelerator:
    """`mib` of each; `disk_gb` by the size of the type."""

    name: str
    mib: int
    disk_gb: Mapping[str, int]


_ACCELERATORS: Final[Mapping[str, _Accelerator]] = {
    "g4dn": _Accelerator("t4", 16 * MIB_PER_GIB, {
        "xlarge": 125, "2xlarge": 225, "4xlarge": 225, "8xlarge": 900, "12xlarge": 900, "16xlarge": 900,
    }),
    "g5": _Accelerator("a10g", 24 * MIB_PER_GIB, {
        "xlarge": 250, "2xlarge": 450, "4xlarge": 600, "8xlarge": 900, "12xlarge": 3800, "16xlarge": 1900,
        "24xlarge": 3800, "48xlarge": 7600,
    }),
    "p3": _Accelerator("v100", 16 * MIB_PER_GIB, {}),
}  # fmt: skip


def check_requirements(asked: Requirements) -> None:
    """InvalidParameterException for ranges upside down and for type names that are none; NotEmulatedYet for what the
    table of types cannot answer; ClientException when no type of it satisfies all (wordings unconfirmed)."""
    for name in _RANGES:
        bounds = asked.get(name) or {}
        least, most = bounds.get("min"), bounds.get("max")
        if any(bound is not None and bound < 0 for bound in (least, most)):
            raise InvalidParameterException(f"instanceRequirements.{name} cannot be negative.")
        if least is not None and most is not None and most < least:
            raise InvalidParameterException(f"instanceRequirements.{name}: max cannot be less than min.")
    if asked.get("allowedInstanceTypes") and asked.get("excludedInstanceTypes"):
        raise InvalidParameterException(
            "instanceRequirements: allowedInstanceTypes and excludedInstanceTypes cannot be specified together."
        )
    for name in ("allowedInstanceTypes", "excludedInstanceTypes"):
        wrong = [pattern for pattern in asked.get(name) or () if not _TYPE_NAME.fullmatch(pattern)]
        if wrong:
            raise InvalidParameterException(f"instanceRequirements.{name}: invalid instance type {wrong[0][:64]}.")
    for name in NOT_KNOWN:
        if asked.get(name):
            raise NotEmulatedYet(
                f"Homeport's instance types have no {name}, so instanceRequirements cannot ask for it."
            )
    if not permitted_types(asked):
        raise ClientException("No instance type that Homeport has satisfies the instance requirements.")


def permitted_types(asked: Requirements | None) -> tuple[InstanceType, ...]:
    """In the order of their names. `asked` None or empty: the general purpose types without accelerators."""
    if not asked:
        return tuple(kind for _, kind in sorted(INSTANCE_TYPES.items()) if _general(kind))
    return tuple(kind for _, kind in sorted(INSTANCE_TYPES.items()) if all(test(kind, asked) for test in _TESTS))


def manufacturer(kind: InstanceType) -> str:
    """Of its processor, as requirements name it."""
    if kind.architecture == "arm64":
        return "amazon-web-services"
    return "amd" if family_of(kind).endswith("a") else "intel"


def burstable(kind: InstanceType) -> bool:
    return kind.name.startswith("t")


def family_of(kind: InstanceType) -> str:
    """`m5a` of m5a.large."""
    return kind.name.partition(".")[0]


def generation_of(kind: InstanceType) -> int:
    """5 of m5a.large."""
    digits = "".join(character for character in family_of(kind) if character.isdigit())
    return int(digits or 0)


def _general(kind: InstanceType) -> bool:
    return kind.name[0] in GENERAL_FAMILIES and not kind.gpus


def _accelerator(kind: InstanceType) -> _Accelerator | None:
    return _ACCELERATORS.get(family_of(kind)) if kind.gpus else None


def _disk_gb(kind: InstanceType) -> int:
    """Of its local disks."""
    found = _accelerator(kind)
    return found.disk_gb.get(kind.name.partition(".")[2], 0) if found else 0


def _within(value: float, bounds: Mapping[str, float] | None) -> bool:
    least, most = (bounds or {}).get("min"), (bounds or {}).get("max")
    return (least is None or value >= least) and (most is None or value <= most)


def _word_allows(word: str | None, has: bool, default: str) -> bool:
    """included, required or excluded."""
    chosen = word or default
    return chosen == "included" or (chosen == "required") == has


def _matches(kind: InstanceType, patterns: Any) -> bool:
    return any(fnmatchcase(kind.name, pattern.lower()) for pattern in patterns)


def _accelerated(kind: InstanceType, asked: Requirements) -> bool:
    """Kinds, makers and names of accelerators ask for types that have some. All in the table are NVIDIA's GPUs."""
    found = _accelerator(kind)
    memory = asked.get("acceleratorTotalMemoryMiB")
    if not _within(kind.gpus, asked.get("acceleratorCount")):
        return False
    if memory and not _within(found.mib * kind.gpus if found else 0, memory):
        return False
    named = {
        "acceleratorTypes": "gpu",
        "acceleratorManufacturers": "nvidia",
        "acceleratorNames": found.name if found else "",
    }
    return all(not asked.get(name) or (found is not None and own in asked[name]) for name, own in named.items())


_TESTS: Final[tuple[Callable[[InstanceType, Requirements], bool], ...]] = (
    lambda kind, asked: _within(kind.cpu // UNITS_PER_VCPU, asked.get("vCpuCount")),
    lambda kind, asked: _within(kind.mib, asked.get("memoryMiB")),
    lambda kind, asked: _within(
        kind.mib / MIB_PER_GIB / (kind.cpu / UNITS_PER_VCPU), asked.get("memoryGiBPerVCpu")
    ),
    lambda kind, asked: not asked.get("cpuManufacturers") or manufacturer(kind) in asked["cpuManufacturers"],
    lambda kind, asked: not asked.get("allowedInstanceTypes") or _matches(kind, asked["allowedInstanceTypes"]),
    lambda kind, asked: not _matches(kind, asked.get("excludedInstanceTypes") or ()),
    # EC2 describes every type that Homeport has as of the current generation.
    lambda kind, asked: not asked.get("instanceGenerations") or "current" in asked["instanceGenerations"],
    lambda kind, asked: _word_allows(asked.get("bareMetal"), False, "excluded"),
    lambda kind, asked: _word_allows(asked.get("burstablePerformance"), burstable(kind), "excluded"),
    lambda kind, asked: _within(kind.interfaces, asked.get("networkInterfaceCount")),
    lambda kind, asked: _word_allows(asked.get("localStorage"), _disk_gb(kind) > 0, "included"),
    lambda kind, asked: not asked.get("localStorageTypes") or not _disk_gb(kind) or "ssd" in asked["localStorageTypes"],
    lambda kind, asked: not asked.get("totalLocalStorageGB") or _within(_disk_gb(kind), asked["totalLocalStorageGB"]),
    _accelerated,
)  # fmt: skip
