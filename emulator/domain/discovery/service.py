"""Services of AWS Cloud Map: which DNS records their instances get, and how they are checked. Pure.

Sources: AWS Cloud Map API reference, CreateService, UpdateService, DnsRecord; Amazon Route 53 developer guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from emulator.domain.discovery.errors import InvalidInput
from emulator.domain.discovery.namespace import DNS_PRIVATE, HTTP, Namespace
from emulator.domain.errors import NotEmulatedYet

MULTIVALUE: Final = "MULTIVALUE"
WEIGHTED: Final = "WEIGHTED"
MOST_ATTRIBUTES: Final = 30
ATTRIBUTE_KEY: Final = re.compile(r"[a-zA-Z0-9!-~]+")

RecordType = Literal["A", "AAAA", "SRV", "CNAME"]

_COMBINATIONS: Final = ({"A"}, {"AAAA"}, {"A", "AAAA"}, {"SRV"}, {"CNAME"}, {"A", "SRV"}, {"A", "AAAA", "SRV"},
                        {"AAAA", "SRV"})  # fmt: skip
"""API reference: A, AAAA, A and AAAA, SRV, CNAME. That SRV stands beside addresses is unconfirmed; its targets have
address records in any case."""
_HEALTH_CHECKS = (
    "Homeport does not emulate HealthCheckConfig yet: Amazon Route 53 checks public addresses from the internet. "
    "HealthCheckCustomConfig is emulated."
)


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """`ttl` is in seconds."""

    type: RecordType
    ttl: int


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """The records that each instance gets, and how many of the instances one answer names."""

    records: tuple[DnsRecord, ...]
    routing_policy: Literal["MULTIVALUE", "WEIGHTED"] = "MULTIVALUE"

    @property
    def types(self) -> frozenset[str]:
        return frozenset(record.type for record in self.records)

    def ttl_of(self, kind: str) -> int | None:
        """None when instances have no record of that type."""
        return next((record.ttl for record in self.records if record.type == kind), None)


@dataclass(frozen=True, slots=True)
class DiscoveryService:
    """`revision` grows with every registration and deregistration; `custom_health` whether it has a custom health
    check. `type` is HTTP when only the API finds its instances. Times are seconds since the epoch."""

    account: str
    region: str
    id: str
    arn: str
    namespace_id: str
    name: str
    created_at: float
    type: Literal["HTTP", "DNS_HTTP"]
    dns: DnsConfig | None = None
    custom_health: bool = False
    description: str | None = None
    creator_request_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    revision: int = 1

    @property
    def asked(self) -> tuple[object, ...]:
        """What a repeated CreateService must say alike."""
        return self.namespace_id, self.name, self.type, self.dns, self.custom_health, self.description


def dns_config(given: Mapping[str, Any] | None, namespace: Namespace, kind: str | None) -> DnsConfig | None:
    """DnsConfig of CreateService; InvalidInput for what the namespace or Route 53 does not allow.

    `kind` is the request's Type. Wordings are unconfirmed.
    """
    records = tuple(DnsRecord(r["Type"], int(r["TTL"])) for r in (given or {}).get("DnsRecords", ()))
    if not records:
        if given is not None:
            raise InvalidInput("DnsConfig must contain at least one DNS record")
        if namespace.type == DNS_PRIVATE and kind != HTTP:
            raise InvalidInput(
                "Services in DNS namespaces must have a DnsConfig, or Type HTTP when only DiscoverInstances finds them"
            )
        return None
    if namespace.type == HTTP:
        raise InvalidInput("DnsConfig cannot be specified for a service in an HTTP namespace")
    if kind == HTTP:
        raise InvalidInput("DnsConfig cannot be specified for a service of Type HTTP")
    config = DnsConfig(records, (given or {}).get("RoutingPolicy") or MULTIVALUE)
    _check_records(config)
    return config


def _check_records(config: DnsConfig) -> None:
    if len(config.types) != len(config.records) or config.types not in _COMBINATIONS:
        raise InvalidInput("Invalid combination of DNS record types: " + ", ".join(r.type for r in config.records))
    if "CNAME" in config.types and config.routing_policy != WEIGHTED:
        raise InvalidInput("Routing policy must be WEIGHTED for CNAME records")


def updated_dns(config: DnsConfig | None, given: Sequence[Mapping[str, Any]]) -> DnsConfig:
    """UpdateService changes TTLs only: the types of the records stay. InvalidInput."""
    records = tuple(DnsRecord(r["Type"], int(r["TTL"])) for r in given)
    if config is None or {r.type for r in records} != config.types or len(records) != len(config.records):
        raise InvalidInput("The record types of a service cannot be changed; delete it and create it anew")
    return DnsConfig(records, config.routing_policy)


def check_health(request: Mapping[str, Any]) -> bool:
    """Whether the service has a custom health check. InvalidInput for both kinds, NotEmulatedYet for Route 53's."""
    custom = request.get("HealthCheckCustomConfig") is not None
    if request.get("HealthCheckConfig"):
        if custom:
            raise InvalidInput("HealthCheckConfig and HealthCheckCustomConfig cannot both be specified")
        raise NotEmulatedYet(_HEALTH_CHECKS)
    return custom


def check_name(name: str, dns: DnsConfig | None) -> None:
    """In DNS a name is one label, or `_service._protocol` for records of type SRV. InvalidInput."""
    if name == "." and dns is None:
        raise InvalidInput("Service name is not valid: .")
    if dns is None or name == ".":
        return
    if "." in name and not name.startswith("_"):
        raise InvalidInput(f"Service name is not valid for a DNS namespace: {name}")


def same_name(one: str, other: str, namespace: Namespace) -> bool:
    """Names in DNS that differ by case only are one name."""
    return one.lower() == other.lower() if namespace.type == DNS_PRIVATE else one == other
