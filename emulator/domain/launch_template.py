"""EC2 launch templates and what an instance is made from: type, image, user data. Pure.

A template has numbered versions that never change. Source: Amazon EC2 user guide, "Launch templates";
AWS developer guide "Bootstrapping Amazon ECS Linux container instances" (ECS_CLUSTER in /etc/ecs/ecs.config).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any, Final

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
