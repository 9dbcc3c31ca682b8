"""What the next instance of an Auto Scaling group is made as, read from its launch template or configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.instance_type import INSTANCE_TYPES, InstanceType
from emulator.domain.capacity.launch_template import DEFAULT_TYPE, INVALID_TEMPLATE, LaunchTemplate, spot_in
from emulator.domain.networks.network import availability_zone_of, default_subnets, default_vpc_id
from emulator.store import vpc_queries
from emulator.store.autoscaling_tables import LAUNCH_CONFIGURATIONS
from emulator.store.database import Reader
from emulator.store.ec2_tables import LAUNCH_TEMPLATES
from emulator.store.launch_queries import fault_of, instance_profile, resolved_image


class CannotLaunch(ValueError):
    """Why no instance can be made, in words for the group's activity."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """`made_from`: LaunchTemplate's members, or LaunchConfigurationName."""

    kind: InstanceType
    image_id: str
    user_data: str | None = None
    security_groups: tuple[str, ...] = ()
    key_name: str | None = None
    profile: str | None = None
    spot: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    made_from: Mapping[str, str] = field(default_factory=dict)


def blueprint(reader: Reader, group: AutoScalingGroup) -> Blueprint:
    """Raises CannotLaunch: the template is gone, or what it names is not there."""
    if group.launch_configuration is not None:
        made = reader.get(LAUNCH_CONFIGURATIONS, group.account, group.region, group.launch_configuration)
        if made is None:
            raise CannotLaunch(f"Launch configuration {group.launch_configuration} not found")
        return _from_members(reader, group, made.members, {"LaunchConfigurationName": made.name}, None)
    asked, kind = _template_of(group)
    template = _template(reader, group, asked)
    version = template.version(asked.get("Version")) if template else None
    if template is None or version is None:
        name = asked.get("LaunchTemplateName") or asked.get("LaunchTemplateId")
        raise CannotLaunch(f"The specified launch template, with template name {name}, does not exist")
    made_from = {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "Version": str(version.number),
    }
    return _from_members(reader, group, version.data, made_from, kind)


def _template_of(group: AutoScalingGroup) -> tuple[Mapping[str, str], str | None]:
    """LaunchTemplate's members, and the instance type that a mixed instances policy puts in its place."""
    if group.template is not None:
        return group.template, None
    template = (group.mixed or {}).get("LaunchTemplate") or {}
    overrides = template.get("Overrides") or [{}]
    return template.get("LaunchTemplateSpecification") or {}, overrides[0].get("InstanceType")


def _template(reader: Reader, group: AutoScalingGroup, asked: Mapping[str, str]) -> LaunchTemplate | None:
    return reader.get(LAUNCH_TEMPLATES, group.account, group.region, asked.get("LaunchTemplateId", ""))


def _from_members(
    reader: Reader, group: AutoScalingGroup, data: Mapping[str, Any], made_from: Mapping[str, str], kind: str | None
) -> Blueprint:
    wanted = kind or str(data.get("InstanceType") or DEFAULT_TYPE)
    fault = fault_of(reader, group.account, group.region, data, wanted)
    if fault is not None:
        raise CannotLaunch(fault if "LaunchConfigurationName" in made_from else INVALID_TEMPLATE + fault)
    profile = instance_profile(reader, group.account, data.get("IamInstanceProfile"))
    interfaces = data.get("NetworkInterfaces") or [{}]
    return Blueprint(
        kind=INSTANCE_TYPES[wanted],
        image_id=resolved_image(reader, group.account, group.region, str(data["ImageId"])),
        user_data=data.get("UserData"),
        security_groups=tuple(
            data.get("SecurityGroupIds") or interfaces[0].get("Groups") or data.get("SecurityGroups") or ()
        ),
        key_name=data.get("KeyName"),
        profile=profile.arn if profile else None,
        spot=spot_in(data),
        tags=_tags(group, data, made_from),
        made_from=made_from,
    )


def _tags(group: AutoScalingGroup, data: Mapping[str, Any], made_from: Mapping[str, str]) -> dict[str, str]:
    """Of an instance: the template's, then the group's that say so, then AWS's own."""
    tags = {
        str(tag.get("Key")): str(tag.get("Value") or "")
        for specification in data.get("TagSpecifications") or ()
        if specification.get("ResourceType") == "instance"
        for tag in specification.get("Tags") or ()
    }
    tags.update({tag.key: tag.value for tag in group.tags if tag.propagate})
    if "LaunchTemplateId" in made_from:
        tags["aws:ec2launchtemplate:id"] = made_from["LaunchTemplateId"]
        tags["aws:ec2launchtemplate:version"] = made_from["Version"]
    return {**tags, "aws:autoscaling:groupName": group.name}


def place_of(reader: Reader, group: AutoScalingGroup, zone: str) -> tuple[str, str]:
    """Subnet and VPC of a new instance in a zone."""
    known = {subnet.id: subnet for subnet in vpc_queries.subnets(reader, group.account, group.region)}
    for subnet in group.subnets:
        own = known.get(subnet)
        if (own.availability_zone if own else availability_zone_of(subnet, group.region, group.account)) == zone:
            return subnet, own.vpc_id if own else default_vpc_id(group.account, group.region)
    default = next(s for s in default_subnets(group.account, group.region) if s.availability_zone == zone)
    return default.id, default.vpc_id
