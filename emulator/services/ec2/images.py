"""Machine images: Amazon's ECS-optimized ones, which is what instances here are made from. Nobody makes others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.capacity.machine_image import OWNER, MachineImage, machine_images
from emulator.domain.networks.ec2_errors import InvalidAmiIdNotFound
from emulator.domain.resource_filter import flag
from emulator.services.ec2 import finding
from emulator.wire.call import Call

_ALIAS: Final = "amazon"
_DISK_GIB: Final = 30
_FILTERS: Final = {
    "architecture": lambda image: [image.architecture],
    "creation-date": lambda image: [image.created],
    "description": lambda image: [image.description],
    "hypervisor": lambda _: ["xen"],
    "image-id": lambda image: [image.id],
    "image-type": lambda _: ["machine"],
    "is-public": lambda _: flag(True),
    "name": lambda image: [image.name],
    "owner-alias": lambda _: [_ALIAS],
    "owner-id": lambda _: [OWNER],
    "platform": lambda _: [],
    "root-device-type": lambda _: ["ebs"],
    "state": lambda _: ["available"],
    "virtualization-type": lambda _: ["hvm"],
}


def describe_images(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """All, whoever asks: they are public. None is deprecated or disabled."""
    for member in ("IncludeDeprecated", "IncludeDisabled"):
        request.get(member)
    images = list(machine_images(call.region))
    if request.get("Owners") and not {_ALIAS, OWNER} & set(request["Owners"]):
        images = []
    if request.get("ExecutableUsers") and "all" not in request["ExecutableUsers"]:
        images = []
    found, token = finding.chosen(
        call,
        request,
        images,
        ids="ImageIds",
        find=_existing,
        filters=_FILTERS,
        record_id=lambda image: image.id,
        tags=lambda _: {},
    )
    return finding.paged("Images", [_shown(image) for image in found], token)


def _existing(call: Call, image_id: str) -> MachineImage:
    lost = InvalidAmiIdNotFound(f"The image id '[{image_id[:128]}]' does not exist")
    return finding.one(machine_images(call.region), image_id, "ami", lost)


def _shown(image: MachineImage) -> dict[str, Any]:
    disk = {"DeleteOnTermination": True, "VolumeSize": _DISK_GIB, "VolumeType": "gp3", "Encrypted": False}
    return {
        "ImageId": image.id,
        "Name": image.name,
        "ImageLocation": f"{_ALIAS}/{image.name}",
        "ImageOwnerAlias": _ALIAS,
        "OwnerId": OWNER,
        "Public": True,
        "State": "available",
        "Architecture": image.architecture,
        "Description": image.description,
        "CreationDate": image.created,
        "ImageType": "machine",
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "Hypervisor": "xen",
        "VirtualizationType": "hvm",
        "RootDeviceName": "/dev/xvda",
        "RootDeviceType": "ebs",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": disk}],
        "EnaSupport": True,
        "SriovNetSupport": "simple",
        "Tags": [],
    }
