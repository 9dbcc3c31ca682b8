"""The settings of a managed instances provider (managedInstancesProvider): defaults, and what ECS accepts. Pure.

What hosts follow from them is managed_instances.py's. Source: ECS API model (InstanceLaunchTemplate,
CreateManagedInstancesProviderConfiguration). Wordings are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulator.domain.arn import parse_arn
from emulator.domain.capacity.capacity_provider import CapacityProvider
from emulator.domain.capacity.instance_requirements import PRICES, check_requirements
from emulator.domain.capacity.managed_instances import NEVER, SCALE_IN_AFTER_S
from emulator.domain.errors import ClientException, InvalidParameterException, NotEmulatedYet
from emulator.domain.networks.network import KnownNetwork

Members = Mapping[str, Any]

MAX_SCALE_IN_AFTER_S: Final = 3600
NOT_BY_CLUSTER: Final = (
    "Cannot associate Managed Instances capacity provider to clusters using this API. Managed Instances capacity "
    "providers are already associated with the cluster that they were created in."
)
"""Of PutClusterCapacityProviders; observed up to `are already`."""
_STORED: Final = ("storageConfiguration", "localStorageConfiguration", "fipsEnabled", "instanceMetadataTagsPropagation")


def managed_settings(asked: Members, current: Members | None = None) -> dict[str, Any]:
    """With `current` settings where the request is silent. Raises as the checks below do."""
    before = current or {}
    settings: dict[str, Any] = {**before, **{name: value for name, value in asked.items() if value is not None}}
    template = {**(before.get("instanceLaunchTemplate") or {}), **(asked.get("instanceLaunchTemplate") or {})}
    template.setdefault("capacityOptionType", "ON_DEMAND")
    settings["instanceLaunchTemplate"] = template
    _check_arn(settings.get("infrastructureRoleArn"), "infrastructureRoleArn", "role")
    _check_arn(template.get("ec2InstanceProfileArn"), "ec2InstanceProfileArn", "instance-profile")
    _check_emulated(template)
    check_requirements(template.get("instanceRequirements") or {})
    after = (settings.get("infrastructureOptimization") or {}).get("scaleInAfter")
    if after is not None and not NEVER <= after <= MAX_SCALE_IN_AFTER_S:
        raise InvalidParameterException(f"scaleInAfter must be -1 or between 0 and {MAX_SCALE_IN_AFTER_S}.")
    return settings


def _check_arn(given: Any, name: str, kind: str) -> None:
    arn = parse_arn(str(given or ""))
    if arn is None or arn.service != "iam" or arn.kind != kind:
        raise InvalidParameterException(f"{name} must be the ARN of an IAM {kind.replace('-', ' ')}.")


def _check_emulated(template: Members) -> None:
    if template["capacityOptionType"] == "RESERVED" or template.get("capacityReservations"):
        raise NotEmulatedYet("Homeport does not emulate EC2 Capacity Reservations (capacityOptionType RESERVED) yet.")
    if template.get("nitroEnclavesEnabled"):
        raise NotEmulatedYet("Homeport does not emulate Nitro Sandbox (nitroEnclavesEnabled) yet.")


def check_network_of(template: Members, known: KnownNetwork, *, strict: bool) -> list[str]:
    """The subnets and security groups that nobody created, which are adopted into the default VPC; with `strict` a
    ClientException. All have to be of one VPC."""
    network = template.get("networkConfiguration") or {}
    subnets: Sequence[str] = network.get("subnets") or ()
    if not subnets:
        raise InvalidParameterException("networkConfiguration must have at least one subnet.")
    vpcs = {known.subnet(subnet).vpc_id for subnet in subnets}
    if len(vpcs) > 1:
        raise InvalidParameterException("All subnets of networkConfiguration must be in the same VPC.")
    groups: Sequence[str] = network.get("securityGroups") or ()
    if any(known.groups.get(group, *vpcs) not in vpcs for group in groups):
        raise InvalidParameterException(
            "The security groups of networkConfiguration must be in the VPC of its subnets."
        )
    unknown = [subnet for subnet in subnets if subnet not in known.subnets]
    unknown += [group for group in groups if group not in known.groups]
    if unknown and strict:
        raise ClientException(f"networkConfiguration names what does not exist: {', '.join(unknown)}.")
    return unknown


def only_kept(settings: Members) -> list[str]:
    """The members that are shown and not acted on."""
    template = settings["instanceLaunchTemplate"]
    asked = template.get("instanceRequirements") or {}
    kept = [name for name in _STORED if template.get(name)]
    return [*kept, *(f"instanceRequirements.{name}" for name in PRICES if asked.get(name))]


def scale_in_after(settings: Members) -> float:
    """In seconds; NEVER: idle hosts stay."""
    value = (settings.get("infrastructureOptimization") or {}).get("scaleInAfter")
    return SCALE_IN_AFTER_S if value is None else float(value)


def propagated_tags(provider: CapacityProvider | None) -> list[dict[str, str]]:
    """What its hosts get of the provider's tags."""
    if provider is None or (provider.managed or {}).get("propagateTags") != "CAPACITY_PROVIDER":
        return []
    return [dict(tag) for tag in provider.tags]


def repairs(settings: Members) -> bool:
    """Whether impaired hosts are replaced; only where it was said (AWS's default is unconfirmed)."""
    return (settings.get("autoRepairConfiguration") or {}).get("actionsStatus") == "ENABLED"
