"""The machine images that instances here are made from: Amazon's ECS-optimized ones, for two systems and processors.

A virtual host is what such an image makes of an instance: Docker and an ECS agent that joins a cluster. Pure; ids are a
function of region, so that they are the same in every run. Source: AWS developer guide, "Amazon ECS-optimized Linux
AMIs" and "Retrieving Amazon ECS-optimized Linux AMI metadata" (names, Systems Manager parameters).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from emulator.domain.capacity.virtual_host import AGENT_VERSION
from emulator.domain.networks.network import network_id

OWNER: Final = "591542846629"
"""The account of Amazon ECS that owns them."""
_RELEASE: Final = "20251108"
_CREATED: Final = "2025-11-08T00:00:00.000Z"
_PREFIX: Final = "/aws/service/ecs/optimized-ami/"


@dataclass(frozen=True, slots=True)
class MachineImage:
    """`architecture` as EC2 names it: x86_64, arm64. `folder`: what its parameters' names have after the prefix."""

    id: str
    name: str
    architecture: str
    system: str
    description: str
    folder: str
    version: str
    created: str = _CREATED


def machine_images(region: str) -> tuple[MachineImage, ...]:
    """All that there are in a region."""
    found = []
    for architecture, below in (("x86_64", ""), ("arm64", "/arm64")):
        latest, before = f"2023.0.{_RELEASE}", f"2.0.{_RELEASE}"
        found += [
            MachineImage(
                network_id("ami", region, architecture),
                f"al2023-ami-ecs-hvm-{latest}-kernel-6.1-{architecture}",
                architecture,
                "Amazon Linux 2023",
                f"Amazon Linux AMI {latest} {architecture} ECS HVM EBS",
                f"amazon-linux-2023{below}",
                latest,
            ),
            MachineImage(
                network_id("ami", region, architecture, "amzn2"),
                f"amzn2-ami-ecs-hvm-{before}-{architecture}-ebs",
                architecture,
                "Amazon Linux 2",
                f"Amazon Linux AMI {before} {architecture} ECS HVM GP2",
                f"amazon-linux-2{below}",
                before,
            ),
        ]
    return tuple(found)


def machine_image(image_id: str, region: str) -> MachineImage | None:
    return next((image for image in machine_images(region) if image.id == image_id), None)


def image_parameters(region: str) -> Iterator[tuple[str, str]]:
    """Names and values of the public parameters that lead to the images."""
    for image in machine_images(region):
        members = {
            "ecs_agent_version": AGENT_VERSION,
            "image_id": image.id,
            "image_name": image.name,
            "image_version": image.version,
            "os": image.system,
            "schema_version": 1,
        }
        named = f"{_PREFIX}{image.folder}/recommended"
        yield named, json.dumps(members, separators=(",", ":"))
        for member, value in members.items():
            yield f"{named}/{member}", str(value)
