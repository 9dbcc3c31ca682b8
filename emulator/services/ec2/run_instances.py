"""RunInstances: hosts of containers, and nothing else.

An instance here is what Amazon's ECS-optimized images make of one: it boots, and its agent joins the cluster that its
user data names, or `default`. Any image is taken for such a one (--strict: only those that there are). Volumes and
networks of an instance are not there; what asks for more than a host is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.launch_template import DEFAULT_TYPE, LaunchTemplate, is_base64, spot_in
from emulator.domain.errors import AwsError, NotEmulatedYet
from emulator.domain.networks.ec2_errors import (
    IdempotentParameterMismatch,
    InstanceLimitExceeded,
    InvalidAmiIdNotFound,
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidUserDataMalformed,
    LaunchTemplateVersionNotFound,
    MissingParameter,
)
from emulator.domain.networks.network import ZONES
from emulator.domain.networks.vpc import Subnet
from emulator.events import journal
from emulator.events.ec2_changes import add_ec2_instance
from emulator.services.ec2 import finding
from emulator.services.ec2.instance_shape import instance_shape
from emulator.store.ec2_tables import INSTANCES, LAUNCH_TEMPLATES
from emulator.store.launch_queries import fault_of, instance_profile, resolved_image
from emulator.wire.call import Call

Request = Mapping[str, Any]

MAX_INSTANCES: Final = 200
"""That run at once in a region: the fleet for which placement is measured."""
_REFUSED: Final = (
    "CapacityReservationSpecification", "DisableApiStop", "DisableApiTermination", "ElasticGpuSpecification",
    "ElasticInferenceAccelerators", "EnablePrimaryIpv6", "Ipv6AddressCount", "Ipv6Addresses", "LicenseSpecifications",
    "Operator", "PrivateIpAddress", "SecondaryInterfaces",
)  # fmt: skip
_OF_THE_CALL: Final = {"MinCount", "MaxCount", "DryRun", "ClientToken", "LaunchTemplate"}
_ACTED_ON: Final = {
    "IamInstanceProfile", "ImageId", "InstanceMarketOptions", "InstanceType", "KeyName", "NetworkInterfaces",
    "Placement", "SecurityGroupIds", "SecurityGroups", "SubnetId", "TagSpecifications", "UserData",
}  # fmt: skip


def run_instances(call: Call, request: Request) -> dict[str, Any]:
    """As many as `MaxCount`; all of them or none."""
    token = request.get("ClientToken")
    again = call.tx.find(INSTANCES, account=call.account, region=call.region, client_token=token) if token else []
    if again:
        return _repeated(call, again, request)
    template, data = _data(call, request)
    count = _count(call, request)
    subnet = _subnet(call, data)
    kind = str(data.get("InstanceType") or DEFAULT_TYPE)
    _check(call, data, kind)
    profile = instance_profile(call.reader, call.account, data.get("IamInstanceProfile"))
    first = Ec2Instance(
        account=call.account,
        region=call.region,
        id="",
        kind=kind,
        image_id=resolved_image(call.reader, call.account, call.region, str(data["ImageId"])),
        zone=subnet.availability_zone,
        subnet_id=subnet.id,
        vpc_id=subnet.vpc_id,
        state="pending",
        launched_at=call.now,
        user_data=data.get("UserData"),
        security_groups=_groups(call, data, subnet.vpc_id),
        key_name=data.get("KeyName"),
        profile=profile.arn if profile else None,
        spot=spot_in(data),
        tags=_tags(data),
        reservation_id=f"r-{call.ids.hex(17)}",
        made_from=template,
        client_token=token,
    )
    made = [replace(first, id=finding.new_id(call, "i")) for _ in range(count)]
    for instance in made:
        add_ec2_instance(call.tx, instance, call.now)
        _note(call, instance)
    return _reservation(call, made)


def _repeated(call: Call, again: list[Ec2Instance], request: Request) -> dict[str, Any]:
    """What the token made the first time; another number is another request."""
    if len(again) > int(request["MaxCount"]) or len(again) < int(request["MinCount"]):
        raise IdempotentParameterMismatch("Arguments on this idempotent request are inconsistent with arguments used "
                                          "in previous request(s).")  # fmt: skip
    return _reservation(call, again)


def _data(call: Call, request: Request) -> tuple[dict[str, str], dict[str, Any]]:
    """Where it was made from, and LaunchTemplateData: the template's, over which the request's members win."""
    given = {member: request[member] for member in request if member not in _OF_THE_CALL}
    made_from: dict[str, str] = {}
    if request.get("LaunchTemplate"):
        template = _template(call, request["LaunchTemplate"])
        version = template.version(request["LaunchTemplate"].get("Version"))
        if version is None:
            asked = str(request["LaunchTemplate"].get("Version"))
            raise LaunchTemplateVersionNotFound(
                f"Could not find the specified version {asked[:64]} for the launch template with ID {template.id}."
            )
        made_from = {
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.name,
            "Version": str(version.number),
        }
        given = {**version.data, **given}
    for member in _REFUSED:
        if given.get(member) and given[member] != {"CapacityReservationPreference": "open"}:
            raise NotEmulatedYet(f"Homeport does not emulate {member} of an instance yet.")
    if (given.get("Placement") or {}).get("Tenancy", "default") != "default":
        raise NotEmulatedYet("Homeport does not emulate dedicated hosts and instances yet.")
    for member in ("HibernationOptions", "EnclaveOptions"):
        if any((given.get(member) or {}).values()):
            raise NotEmulatedYet(f"Homeport does not emulate {member} of an instance yet.")
    kept = sorted(member for member in given if member not in _ACTED_ON and given[member])
    if kept:
        call.warn(f"{', '.join(kept)}: a virtual host has none of it")
    return made_from, given


def _template(call: Call, asked: Request) -> LaunchTemplate:
    if "LaunchTemplateId" in asked and "LaunchTemplateName" in asked:
        raise InvalidParameterCombination("Specify either a launch template ID or a launch template name, not both.")
    templates = call.reader.find(LAUNCH_TEMPLATES, account=call.account, region=call.region)
    return finding.launch_template(templates, asked)


def _count(call: Call, request: Request) -> int:
    least, most = int(request["MinCount"]), int(request["MaxCount"])
    if least < 1 or most < 1:
        name = "minCount" if least < 1 else "maxCount"
        raise InvalidParameterValue(f"Value ({min(least, most)}) for parameter {name} is invalid. Minimum value is 1.")
    if least > most:
        raise InvalidParameterValue(
            f"Value ({least}) for parameter minCount is invalid. It must not be greater than maxCount."
        )
    there = call.reader.find(INSTANCES, account=call.account, region=call.region)
    room = MAX_INSTANCES - sum(instance.state in ("pending", "running") for instance in there)
    if room < least:
        raise InstanceLimitExceeded(
            f"You have requested more instances ({least}) than your current instance limit of {MAX_INSTANCES} allows."
        )
    return min(most, room)


def _subnet(call: Call, data: Request) -> Subnet:
    """The one that is asked for; else the default one of the zone, or of the first zone."""
    interfaces = data.get("NetworkInterfaces") or [{}]
    if len(interfaces) > 1 or interfaces[0].get("NetworkInterfaceId"):
        raise NotEmulatedYet("Homeport does not emulate network interfaces of an instance yet.")
    if interfaces[0] and (data.get("SubnetId") or data.get("SecurityGroupIds") or data.get("SecurityGroups")):
        raise InvalidParameterCombination(
            "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same "
            "request"
        )
    asked = data.get("SubnetId") or interfaces[0].get("SubnetId")
    zone = (data.get("Placement") or {}).get("AvailabilityZone")
    zones = [f"{call.region}{letter}" for letter in ZONES]
    if zone and zone not in zones:
        raise InvalidParameterValue(f"Invalid availability zone: [{zone[:64]}]")
    if asked:
        found = finding.subnet(call, asked)
        if zone and zone != found.availability_zone:
            raise InvalidParameterValue(
                f"The availability zone {zone} and the subnet {found.id} do not match: it is in "
                f"{found.availability_zone}."
            )
        return found
    for subnet in finding.subnets(call):
        if subnet.is_default and subnet.availability_zone == (zone or zones[0]):
            return subnet
    raise MissingParameter(f"No default subnet for availability zone: '{zone or zones[0]}'.")


def _check(call: Call, data: Request, kind: str) -> None:
    if data.get("UserData") and not is_base64(data["UserData"]):
        raise InvalidUserDataMalformed("Invalid BASE64 encoding of user data.")
    fault = fault_of(call.reader, call.account, call.region, data, kind, strict=call.facts.strict)
    if fault is None:
        return
    error: type[AwsError] = InvalidParameterValue
    if fault.startswith("The request must contain"):
        error = MissingParameter
    elif fault.startswith("The image id"):
        error = InvalidAmiIdNotFound
    raise error(fault)


def _groups(call: Call, data: Request, vpc_id: str) -> list[str]:
    """Of the request; else the VPC's default group."""
    interfaces = data.get("NetworkInterfaces") or [{}]
    asked = data.get("SecurityGroupIds") or interfaces[0].get("Groups") or ()
    found = [finding.security_group(call, group) for group in asked]
    found += [finding.group_named(call, name) for name in data.get("SecurityGroups") or ()]
    if any(group.vpc_id != vpc_id for group in found):
        raise InvalidParameterValue("Security group and subnet belong to different networks.")
    if found:
        return [group.id for group in found]
    return [g.id for g in finding.security_groups(call) if g.vpc_id == vpc_id and g.name == "default"]


def _tags(data: Request) -> dict[str, str]:
    tags: dict[str, str] = {}
    for specification in data.get("TagSpecifications") or ():
        kind = specification.get("ResourceType")
        if kind not in ("instance", "network-interface", "spot-instances-request", "volume"):
            raise InvalidParameterValue(f"'{kind}' is not a valid taggable resource type for this operation.")
        if kind == "instance":
            tags.update(finding.checked_tags(specification.get("Tags") or ()))
    return tags


def _reservation(call: Call, instances: list[Ec2Instance]) -> dict[str, Any]:
    return {
        "ReservationId": instances[0].reservation_id,
        "OwnerId": call.account,
        "Groups": [],
        "Instances": [instance_shape(call, one, index) for index, one in enumerate(instances)],
    }


def _note(call: Call, instance: Ec2Instance) -> None:
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind="ec2_instance.launched",
        subject=instance.id,
        detail={"by": call.caller.arn, "type": instance.kind, "zone": instance.zone},
    )
