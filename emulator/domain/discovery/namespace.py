"""Namespaces of AWS Cloud Map: the record, and what their names may be. Pure.

Sources: AWS Cloud Map API reference; Amazon Route 53 developer guide, "DNS domain name format".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal

HTTP: Final = "HTTP"
DNS_PRIVATE: Final = "DNS_PRIVATE"
NamespaceType = Literal["HTTP", "DNS_PRIVATE"]

MOST_NAMESPACES: Final = 50
"""In one account and region (AWS Cloud Map quotas)."""
SOA_TTL: Final = 15
"""Seconds a name that is not there is remembered, unless the namespace says otherwise (default unconfirmed)."""

ECS_TAG: Final = {"AmazonECSManaged": "true"}
"""What Amazon ECS puts on the namespaces and services that it makes."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Namespace:
    """`http_name` is what DiscoverInstances calls it: the name, unless another namespace had that already.

    A DNS_PRIVATE one is seen in the VPC `vpc_id`; `soa_ttl` is in seconds. Times are seconds since the epoch.
    """

    account: str
    region: str
    id: str
    arn: str
    name: str
    type: NamespaceType
    created_at: float
    http_name: str
    vpc_id: str | None = None
    hosted_zone_id: str | None = None
    soa_ttl: int = SOA_TTL
    description: str | None = None
    creator_request_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        """As names in DNS are compared: in lower case, without a last dot."""
        return self.name.lower().rstrip(".")


def is_domain_name(name: str) -> bool:
    """Whether a private hosted zone can have the name: labels of 63 characters at most, 253 in all."""
    bare = name.rstrip(".") if name.endswith(".") and not name.endswith("..") else name
    return 0 < len(bare) <= 253 and all(_LABEL.fullmatch(label) for label in bare.split("."))


def http_name_for(name: str, namespace_id: str, taken: Collection[str]) -> str:
    """The name, or where another namespace has it the name and a hash (API reference, DiscoverInstances)."""
    if name not in taken:
        return name
    return f"{name}-{hashlib.sha256(namespace_id.encode()).hexdigest()[:16]}"


def overlaps(namespace: Namespace, name: str, vpc_id: str) -> bool:
    """Whether a private hosted zone of that name cannot be in the VPC, since this one is."""
    return namespace.vpc_id == vpc_id and namespace.domain == name.lower().rstrip(".")
