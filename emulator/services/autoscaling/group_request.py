"""What a CreateAutoScalingGroup or UpdateAutoScalingGroup request asks for, once every rule has been applied to it.

It reads templates and subnets; it writes nothing. Messages are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.autoscaling_errors import ValidationError
from emulator.domain.capacity.launch_template import DEFAULT_TYPE, INVALID_TEMPLATE
from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.network import ZONES, availability_zone_of
from emulator.services.autoscaling.finding import template_members
from emulator.store import vpc_queries
from emulator.store.autoscaling_tables import LAUNCH_CONFIGURATIONS
from emulator.store.ec2_tables import LAUNCH_TEMPLATES
from emulator.store.launch_queries import fault_of
from emulator.wire.call import Call

Request = Mapping[str, Any]

_LATER: Final[Mapping[str, str]] = {
    "InstanceId": "a group made from an instance",
    "LoadBalancerNames": "load balancers",
    "TargetGroupARNs": "load balancers",
    "TrafficSources": "load balancers",
    "MaxInstanceLifetime": "the replacement of old instances",
    "Operator": "managed groups",
}
_ECHOED: Final = (
    "AvailabilityZoneDistribution", "CapacityRebalance", "Context", "DefaultCooldown", "DefaultInstanceWarmup",
    "DesiredCapacityType", "HealthCheckGracePeriod", "HealthCheckType", "InstanceMaintenancePolicy", "PlacementGroup",
    "ServiceLinkedRoleARN", "TerminationPolicies",
)  # fmt: skip
_DEFAULT: Final[Mapping[str, Any]] = {
    "DefaultCooldown": 300,
    "HealthCheckType": "EC2",
    "HealthCheckGracePeriod": 0,
    "TerminationPolicies": ["Default"],
}
_WITHOUT_EFFECT: Final = ("CapacityRebalance", "PlacementGroup", "InstanceMaintenancePolicy", "DesiredCapacityType")


def with_request(call: Call, group: AutoScalingGroup, request: Request) -> AutoScalingGroup:
    """The group as the request has it; members that are left out stay."""
    check_emulated(request)
    for member in _WITHOUT_EFFECT:
        if request.get(member):
            call.warn(f"{member} is kept and shown; it changes nothing here")
    echoed = {**_DEFAULT, **group.echoed, **{name: request[name] for name in _ECHOED if name in request}}
    group = _sized(replace(group, echoed=echoed), request)
    group = _placed(call, _made_from(call, group, request), request)
    if "NewInstancesProtectedFromScaleIn" in request:
        group = replace(group, protects_new=bool(request["NewInstancesProtectedFromScaleIn"]))
    return group


def check_emulated(request: Request) -> None:
    """NotEmulatedYet for what would have to act and does not."""
    for member, what in _LATER.items():
        if request.get(member):
            raise NotEmulatedYet(f"Homeport does not emulate {member} ({what}) yet.")
    policies = request.get("TerminationPolicies") or ["Default"]
    if policies != ["Default"]:
        raise NotEmulatedYet(f"Homeport does not emulate the termination policy {policies[0]} yet.")
    if request.get("DesiredCapacityType", "units") != "units":
        raise NotEmulatedYet("Homeport does not emulate DesiredCapacityType other than units yet.")


def _sized(group: AutoScalingGroup, request: Request) -> AutoScalingGroup:
    least, most = request.get("MinSize", group.minimum), request.get("MaxSize", group.maximum)
    if least < 0 or most < 0:
        raise ValidationError("Min and max size must be 0 or greater.")
    if most < least:
        raise ValidationError(f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    desired = request.get("DesiredCapacity")
    if desired is None:
        desired = max(least, min(most, group.desired))
    if not least <= desired <= most:  # observed
        raise ValidationError(
            f"Desired capacity:{desired} must be between the specified min size:{least} and max size:{most}"
        )
    return replace(group, minimum=least, maximum=most, desired=desired)


def _made_from(call: Call, group: AutoScalingGroup, request: Request) -> AutoScalingGroup:
    """From one of launch template, launch configuration and mixed instances policy; each must be there."""
    given = [m for m in ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy") if request.get(m)]
    # The wording was observed.
    if len(given) > 1 or (not given and not (group.launch_configuration or group.template or group.mixed)):
        raise ValidationError(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter."
        )
    if not given:
        return group
    match given[0]:
        case "LaunchConfigurationName":
            name = request["LaunchConfigurationName"]
            if call.reader.get(LAUNCH_CONFIGURATIONS, call.account, call.region, name) is None:
                raise ValidationError(
                    f"Launch configuration name not found - A launch configuration with the name: {name[:255]} does "
                    "not exist"
                )
            return replace(group, launch_configuration=name, template=None, mixed=None)
        case "LaunchTemplate":
            template = checked_template(call, request["LaunchTemplate"])
            return replace(group, template=template, launch_configuration=None, mixed=None)
    policy = request["MixedInstancesPolicy"]
    return replace(group, mixed=_checked_policy(call, policy), template=None, launch_configuration=None)


def _checked_policy(call: Call, policy: Request) -> dict[str, Any]:
    template = policy.get("LaunchTemplate") or {}
    overrides = template.get("Overrides") or []
    for override in overrides:
        for member in ("WeightedCapacity", "InstanceRequirements", "LaunchTemplateSpecification"):
            if override.get(member):
                raise NotEmulatedYet(f"Homeport does not emulate {member} of a mixed instances policy yet.")
    call.warn("of a mixed instances policy the first instance type is launched, on demand")
    kind = overrides[0].get("InstanceType") if overrides else None
    specification = checked_template(call, template.get("LaunchTemplateSpecification") or {}, kind)
    return {
        "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": overrides},
        "InstancesDistribution": {
            "OnDemandAllocationStrategy": "prioritized",
            "OnDemandBaseCapacity": 0,
            "OnDemandPercentageAboveBaseCapacity": 100,
            "SpotAllocationStrategy": "lowest-price",
            **(policy.get("InstancesDistribution") or {}),
        },
    }


def checked_template(call: Call, given: Request, kind: str | None = None) -> dict[str, str]:
    """With id and name, whichever was given, and the version as given. A group is refused whose template could launch
    nothing; `kind` is the instance type that stands in for the template's."""
    asked = template_members(given)
    templates = call.reader.find(LAUNCH_TEMPLATES, account=call.account, region=call.region)
    by_id, by_name = asked.get("LaunchTemplateId"), asked.get("LaunchTemplateName")
    found = next((t for t in templates if t.id == by_id or (by_id is None and t.name == by_name)), None)
    if found is None:
        which = f"template ID {by_id}" if by_id else f"template name {by_name}"
        raise ValidationError(f"{INVALID_TEMPLATE}The specified launch template, with {which[:160]}, does not exist.")
    version = found.version(asked.get("Version"))
    if version is None:
        raise ValidationError(
            f"{INVALID_TEMPLATE}Could not find the specified version {asked['Version'][:64]} for the launch template "
            f"with ID {found.id}."
        )
    wanted = kind or str(version.data.get("InstanceType") or DEFAULT_TYPE)
    fault = fault_of(call.reader, call.account, call.region, version.data, wanted, strict=call.facts.strict)
    if fault is not None:
        raise ValidationError(INVALID_TEMPLATE + fault)
    named = {"Version": asked["Version"]} if "Version" in asked else {}
    return {"LaunchTemplateId": found.id, "LaunchTemplateName": found.name, **named}


def _placed(call: Call, group: AutoScalingGroup, request: Request) -> AutoScalingGroup:
    """Subnets decide the zones; zones alone mean their default subnets."""
    zones = list(request.get("AvailabilityZones") or ())
    known = [f"{call.region}{letter}" for letter in ZONES]
    for zone in zones:
        if zone not in known:
            raise ValidationError(f"Invalid availability zone: [{zone[:64]}]")
    if request.get("VPCZoneIdentifier"):
        subnets = [subnet.strip() for subnet in request["VPCZoneIdentifier"].split(",") if subnet.strip()]
        own = {s.id: s.availability_zone for s in vpc_queries.subnets(call.reader, call.account, call.region)}
        unknown = [subnet for subnet in subnets if subnet not in own]
        if unknown and call.facts.strict:
            raise ValidationError(f"The subnet ID '{unknown[0][:128]}' does not exist")
        if unknown:
            call.warn(f"never created, so adopted into the default VPC: {', '.join(unknown)}")
        found = [own.get(s) or availability_zone_of(s, call.region, call.account) for s in subnets]
        if zones and set(zones) != set(found):
            raise ValidationError("The availability zones of the specified subnets and the Auto Scaling group differ.")
        return replace(group, subnets=subnets, zones=list(dict.fromkeys(found)))
    if zones:
        return replace(group, subnets=[], zones=zones)
    if not group.zones:
        raise ValidationError("At least one Availability Zone or VPC Subnet is required.")
    return group
