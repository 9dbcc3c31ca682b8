"""A capacity provider of an Auto Scaling group or of managed instances: what it is, which settings ECS accepts. Pure.

FARGATE and FARGATE_SPOT are there without a record. How the group is scaled is managed_scaling.py's; the group itself
is auto_scaling_group.py's; the settings and the hosts of managed instances are managed_provider.py's and
managed_instances.py's. Source: ECS API model (AutoScalingGroupProvider, ManagedScaling). Wordings are unconfirmed
unless marked as observed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from emulator.domain.capacity.capacity_strategy import FARGATE_PROVIDERS
from emulator.domain.errors import ClientException, InvalidParameterException

Members = Mapping[str, Any]

ASSOCIATED_TAG: Final = "AmazonECSManaged"
"""The tag that ECS puts on the group of a provider, and its instances."""
MAX_OF_CLUSTER: Final = 20
"""Capacity providers of one cluster (Amazon ECS service quotas)."""
DELETED_KEPT_S: Final = 3600.0
"""How long one that was deleted can be described; how long at AWS is not known."""
_NAME: Final = re.compile(r"[a-zA-Z0-9\-_]{1,255}")
_RESERVED: Final = ("aws", "ecs", "fargate")
_NUMBERS: Final[Mapping[str, tuple[int, int, int]]] = {
    "targetCapacity": (1, 100, 100),
    "minimumScalingStepSize": (1, 10_000, 1),
    "maximumScalingStepSize": (1, 10_000, 10_000),
    "instanceWarmupPeriod": (0, 10_000, 300),
}
"""Of managedScaling: the least, the most and the default."""


@dataclass(frozen=True, slots=True)
class CapacityProvider:
    """`managed_scaling` has AWS's members with every default, or {} when it was left out. `low_since`: since when its
    hosts are more than are needed. `reservation`: CapacityProviderReservation as last computed, in percent. `managed`:
    managedInstancesProvider with its defaults, of the cluster of that name; None for one of an Auto Scaling group."""

    account: str
    region: str
    name: str
    arn: str
    scaling_group: str = ""  # the name of its Auto Scaling group
    group_arn: str = ""
    managed_scaling: dict[str, Any] = field(default_factory=dict)
    termination_protection: bool = False
    managed_draining: bool = True
    status: str = "ACTIVE"
    update_status: str | None = None
    update_status_reason: str | None = None
    tags: list[dict[str, str]] = field(default_factory=list)
    low_since: float | None = None
    reservation: float | None = None
    deleted_at: float | None = None  # INACTIVE since then
    cluster: str = ""
    managed: dict[str, Any] | None = None

    @property
    def active(self) -> bool:
        """Whether it is more than the memory of one that was deleted."""
        return self.status in ("PROVISIONING", "ACTIVE")

    @property
    def scales(self) -> bool:
        """Whether managed scaling sets its group's desired capacity."""
        return self.active and self.managed_scaling.get("status") == "ENABLED"

    @property
    def brings_hosts(self) -> bool:
        """Whether its tasks wait for hosts, which managed scaling brings or ECS itself launches."""
        return self.scales or (self.active and self.managed is not None)


def deleted(provider: CapacityProvider, now: float) -> CapacityProvider:
    """It stays describable, INACTIVE; its group is free for another (ECS API model, CapacityProvider: status)."""
    return replace(
        provider,
        status="INACTIVE",
        update_status="DELETE_COMPLETE",
        update_status_reason=None,
        scaling_group="",
        tags=[],
        deleted_at=now,
    )


def scaling_policy_id(provider: CapacityProvider) -> str:
    """Of its managed scaling's policy: a UUID that its ARN decides, so that it needs no row."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, provider.arn))


def provider_name(reference: str) -> str:
    """A provider is given by name or ARN."""
    return reference.rpartition(":capacity-provider/")[2]


def check_provider_name(name: str) -> None:
    """ClientException for a name that no provider can have."""
    if name.lower().startswith(_RESERVED):
        raise ClientException(
            "The specified capacity provider name is invalid. The name cannot start with aws, ecs or fargate."
        )
    if not _NAME.fullmatch(name):
        raise ClientException(
            "The specified capacity provider name is invalid. Up to 255 characters are allowed, which includes letters "
            "(upper and lowercase), numbers, underscores (_), and hyphens (-)."
        )


def managed_scaling(asked: Members, current: Members | None = None) -> dict[str, Any]:
    """With `current` settings where the request is silent, else defaults; managed scaling is on unless it is said to
    be off. InvalidParameterException for a number out of bounds."""
    before = current or {}
    settings: dict[str, Any] = {"status": asked.get("status") or before.get("status") or "ENABLED"}
    for name, (least, most, default) in _NUMBERS.items():
        value = asked.get(name)
        settings[name] = before.get(name, default) if value is None else int(value)
        if not least <= settings[name] <= most:
            raise InvalidParameterException(f"{name} must be between {least} and {most}.")
    if settings["minimumScalingStepSize"] > settings["maximumScalingStepSize"]:
        raise InvalidParameterException("minimumScalingStepSize cannot be greater than maximumScalingStepSize.")
    return settings


def check_protection(*, enabled: bool, scaling: Members, group_protects: bool) -> None:
    """managedTerminationProtection needs managed scaling, and a group that protects new instances."""
    if not enabled:
        return
    if scaling.get("status") != "ENABLED":
        raise InvalidParameterException(
            "The managed termination protection setting for the capacity provider is invalid. To enable managed "
            "termination protection for a capacity provider, managed scaling must be enabled."
        )
    if not group_protects:  # observed
        raise InvalidParameterException(
            "The managed termination protection setting for the capacity provider is invalid. To enable managed "
            "termination protection for a capacity provider, the Auto Scaling group must have instance protection "
            "from scale in enabled."
        )


def check_number(names: Sequence[str]) -> None:
    """InvalidParameterException for more providers than a cluster can have (the wording was observed)."""
    if len(names) > MAX_OF_CLUSTER:
        raise InvalidParameterException("The maximum number of capacity providers per cluster has been exceeded.")


def check_known(names: Iterable[str], known: Iterable[str]) -> None:
    """InvalidParameterException for a provider that is neither Fargate's nor one of `known`."""
    there = {*FARGATE_PROVIDERS, *known}
    if any(name not in there for name in names):
        raise InvalidParameterException(
            "The specified capacity provider was not found. Specify a valid capacity provider and try again."
        )


def provider_shape(provider: CapacityProvider, *, tags: bool) -> dict[str, Any]:
    """As the API answers it."""
    shape: dict[str, Any] = {
        "capacityProviderArn": provider.arn,
        "name": provider.name,
        "status": provider.status,
        **_kind_shape(provider),
        "tags": [dict(tag) for tag in provider.tags] if tags else [],
    }
    if provider.update_status:
        shape["updateStatus"] = provider.update_status
    if provider.update_status_reason:
        shape["updateStatusReason"] = provider.update_status_reason
    return shape


def _kind_shape(provider: CapacityProvider) -> dict[str, Any]:
    if provider.managed is not None:
        return {
            "cluster": provider.cluster,
            "managedInstancesProvider": provider.managed,
            "type": "MANAGED_INSTANCES",
        }
    of_group: dict[str, Any] = {
        "autoScalingGroupArn": provider.group_arn,
        "managedTerminationProtection": "ENABLED" if provider.termination_protection else "DISABLED",
        "managedDraining": "ENABLED" if provider.managed_draining else "DISABLED",
    }
    if provider.managed_scaling:
        of_group["managedScaling"] = dict(provider.managed_scaling)
    return {"autoScalingGroupProvider": of_group, "type": "EC2_AUTOSCALING"}
