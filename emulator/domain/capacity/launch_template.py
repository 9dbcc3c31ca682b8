"""EC2 launch templates and what an instance is made from: type, image, user data. Pure.

A template has numbered versions that never change. Source: Amazon EC2 user guide, "Launch templates";
AWS developer guide "Bootstrapping Amazon ECS Linux container instances" (ECS_CLUSTER in /etc/ecs/ecs.config).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.domain.capacity.instance_type import INSTANCE_TYPES, known_families
from emulator.domain.capacity.machine_image import MachineImage

INVALID_TEMPLATE: Final = "You must use a valid fully-formed launch template. "
"""How Auto Scaling begins what is wrong with a template that it is to launch from (observed)."""
DEFAULT_TYPE: Final = "m1.small"
_CLUSTER: Final = re.compile(r"""ECS_CLUSTER\s*=\s*["']?([A-Za-z0-9_-]{1,255})""")


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """`data` is LaunchTemplateData as it was given."""

    number: int
    created_at: float
    created_by: str
    data: dict[str, Any]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class LaunchTemplate:
    """`versions` in the order of their numbers."""

    account: str
    region: str
    id: str
    name: str
    created_at: float
    created_by: str
    versions: list[TemplateVersion]
    latest: int = 1
    default: int = 1
    tags: dict[str, str] = field(default_factory=dict)
    client_token: str | None = None

    def version(self, asked: str | int | None) -> TemplateVersion | None:
        """By number, `$Latest` or `$Default`; the default version when nothing is asked for."""
        word = str(asked or "$Default")
        number = {"$Latest": self.latest, "$Default": self.default}.get(word)
        if number is None:
            number = int(word) if word.isdecimal() and len(word) < 10 else 0
        return next((version for version in self.versions if version.number == number), None)


def spot_in(data: Mapping[str, Any]) -> bool:
    """Whether LaunchTemplateData, or a launch configuration's members, ask for a Spot Instance."""
    return (data.get("InstanceMarketOptions") or {}).get("MarketType") == "spot" or bool(data.get("SpotPrice"))


def profile_words(given: Any) -> tuple[str, str]:
    """How a template or configuration names its instance profile: (`arn`, ARN) or (`name`, name); empty for none."""
    if isinstance(given, Mapping):
        return ("arn", str(given["Arn"])) if given.get("Arn") else ("name", str(given.get("Name") or ""))
    text = str(given or "")
    return ("arn" if text.startswith("arn:") else "name", text)


def launch_fault(
    data: Mapping[str, Any], kind: str, image: MachineImage | None, *, profile_found: bool, strict: bool
) -> str | None:
    """What EC2 would say if an instance were launched from this: None when it would be done (wordings as observed).

    `data` is LaunchTemplateData, `kind` the instance type; `image` None: of an ImageId that nobody knows, which only
    `strict` refuses.
    """
    if not data.get("ImageId"):
        return "The request must contain the parameter ImageId"
    if kind not in INSTANCE_TYPES:
        return f"Invalid value '{kind[:64]}' for InstanceType. Homeport has {', '.join(known_families())}"
    if image is None and strict:
        return f"The image id '[{str(data['ImageId'])[:128]}]' does not exist"
    architecture = INSTANCE_TYPES[kind].architecture
    if image is not None and image.architecture != architecture:
        return (
            f"The architecture '{architecture}' of the specified instance type does not match the architecture "
            f"'{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
            "architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the "
            "architecture of the instance type or AMI."
        )
    word, profile = profile_words(data.get("IamInstanceProfile"))
    if profile and not profile_found:
        shown = {"arn": "ARN", "name": "name"}[word]
        return (
            f"Value ({profile[:256]}) for parameter iamInstanceProfile.{word} is invalid. Invalid IAM Instance Profile "
            f"{shown}"
        )
    return None


def cluster_in(user_data: str | None) -> str | None:
    """The cluster that base64 user data (a shell script or cloud-init) joins: the last ECS_CLUSTER=name in it."""
    if not user_data:
        return None
    try:
        text = base64.b64decode(user_data).decode(errors="replace")
    except (binascii.Error, ValueError):
        text = user_data
    named = _CLUSTER.findall(text)
    return str(named[-1]) if named else None


def is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        # Line breaks are allowed in it.
        try:
            base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            return False
    return True
