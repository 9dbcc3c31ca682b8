"""Instances of AWS Cloud Map: their attributes, their health, and which of them a question is answered with. Pure.

Sources: AWS Cloud Map API reference, RegisterInstance, DiscoverInstances, UpdateInstanceCustomHealthStatus.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from emulator.domain.discovery.errors import InvalidInput
from emulator.domain.discovery.namespace import HTTP, Namespace
from emulator.domain.discovery.service import WEIGHTED, DiscoveryService
from emulator.domain.errors import NotEmulatedYet

IPV4: Final = "AWS_INSTANCE_IPV4"
IPV6: Final = "AWS_INSTANCE_IPV6"
PORT: Final = "AWS_INSTANCE_PORT"
CNAME: Final = "AWS_INSTANCE_CNAME"
ALIAS: Final = "AWS_ALIAS_DNS_NAME"
EC2_INSTANCE: Final = "AWS_EC2_INSTANCE_ID"
INITIAL_HEALTH: Final = "AWS_INIT_HEALTH_STATUS"

HEALTH_CHANGE_S: Final = 30.0
"""How long Cloud Map waits before a custom health status counts (API reference, HealthCheckCustomConfig)."""
MOST_CUSTOM: Final = 30
MOST_CHARACTERS: Final = 5000
MOST_IN_SERVICE: Final = 1000
MOST_IN_NAMESPACE: Final = 2000

_KNOWN: Final = frozenset({IPV4, IPV6, PORT, CNAME, ALIAS, EC2_INSTANCE, INITIAL_HEALTH})
Health = Literal["HEALTHY", "UNHEALTHY", "UNKNOWN"]


@dataclass(frozen=True, slots=True)
class Instance:
    """`healthy` is None when the service has no health check. `said_healthy` is what a custom health check has said
    and does not count before `counts_at`. Times are seconds since the epoch."""

    account: str
    region: str
    service_id: str
    id: str
    registered_at: float
    attributes: dict[str, str] = field(default_factory=dict)
    healthy: bool | None = None
    said_healthy: bool | None = None
    counts_at: float | None = None
    creator_request_id: str | None = None

    def healthy_at(self, now: float) -> bool | None:
        if self.counts_at is not None and now >= self.counts_at:
            return self.said_healthy
        return self.healthy

    def health_at(self, now: float) -> Health:
        healthy = self.healthy_at(now)
        return "UNKNOWN" if healthy is None else "HEALTHY" if healthy else "UNHEALTHY"


def say_health(instance: Instance, healthy: bool, now: float) -> Instance:
    """After UpdateInstanceCustomHealthStatus. Saying the same again does not put the moment off."""
    if instance.healthy_at(now) == healthy:
        return replace(instance, healthy=healthy, said_healthy=None, counts_at=None)
    if instance.counts_at is not None and now < instance.counts_at and instance.said_healthy == healthy:
        return instance
    current = instance.healthy_at(now)
    return replace(instance, healthy=current, said_healthy=healthy, counts_at=now + HEALTH_CHANGE_S)


def check_attributes(attributes: Mapping[str, str], service: DiscoveryService, namespace: Namespace) -> None:
    """Attributes of RegisterInstance: what the service's records need. InvalidInput; wordings are unconfirmed."""
    custom = [key for key in attributes if key not in _KNOWN]
    if len(custom) > MOST_CUSTOM:
        raise InvalidInput(f"An instance can have at most {MOST_CUSTOM} custom attributes")
    if sum(len(key) + len(value) for key, value in attributes.items()) > MOST_CHARACTERS:
        raise InvalidInput(f"The total size of all attributes must not exceed {MOST_CHARACTERS} characters")
    if reserved := [key for key in custom if key.startswith("AWS_")]:
        raise InvalidInput(f"Attribute keys that begin with AWS_ are reserved: {reserved[0]}")
    _check_values(attributes)
    _check_special(attributes, service, namespace)
    types = service.dns.types if service.dns and ALIAS not in attributes else frozenset[str]()
    for kind, key in (("A", IPV4), ("AAAA", IPV6), ("CNAME", CNAME), ("SRV", PORT)):
        if kind in types and not attributes.get(key):
            raise InvalidInput(f"{key} is required for a service with records of type {kind}")
    if "SRV" in types and not (attributes.get(IPV4) or attributes.get(IPV6)):
        raise InvalidInput(f"{IPV4}, {IPV6} or both are required for a service with records of type SRV")


def _check_values(attributes: Mapping[str, str]) -> None:
    for key, version in ((IPV4, 4), (IPV6, 6)):
        if key in attributes and not _is_address(attributes[key], version):
            raise InvalidInput(f"Invalid value for {key}: {attributes[key]}")
    port = attributes.get(PORT)
    if port is not None and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise InvalidInput(f"Invalid value for {PORT}: {port}")
    if attributes.get(INITIAL_HEALTH, "HEALTHY") not in ("HEALTHY", "UNHEALTHY"):
        raise InvalidInput(f"Invalid value for {INITIAL_HEALTH}: {attributes[INITIAL_HEALTH]}")


def _check_special(attributes: Mapping[str, str], service: DiscoveryService, namespace: Namespace) -> None:
    """Of the attributes that exclude others."""
    if INITIAL_HEALTH in attributes and not service.custom_health:
        raise InvalidInput(f"{INITIAL_HEALTH} needs a service with HealthCheckCustomConfig")
    if ALIAS in attributes:
        if any(key.startswith("AWS_INSTANCE_") for key in attributes):
            raise InvalidInput(f"{ALIAS} cannot be specified together with AWS_INSTANCE attributes")
        if service.dns is None or service.dns.routing_policy != WEIGHTED or not service.dns.types & {"A", "AAAA"}:
            raise InvalidInput(f"{ALIAS} needs a service with A or AAAA records and routing policy WEIGHTED")
        raise NotEmulatedYet("Homeport does not emulate AWS_ALIAS_DNS_NAME (alias records of load balancers) yet.")
    if EC2_INSTANCE in attributes:
        if namespace.type != HTTP:
            raise InvalidInput(f"{EC2_INSTANCE} can be specified in HTTP namespaces only")
        if set(attributes) - {EC2_INSTANCE, INITIAL_HEALTH}:
            raise InvalidInput(f"With {EC2_INSTANCE} no other attribute but {INITIAL_HEALTH} can be specified")
        raise NotEmulatedYet(
            f"Homeport does not emulate {EC2_INSTANCE} yet: its EC2 instances have no private addresses of their own."
        )


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def discovered(instances: Sequence[Instance], request: Mapping[str, Any], now: float) -> list[Instance]:
    """Which instances DiscoverInstances answers with; all of them are the service's.

    QueryParameters must all match; OptionalParameters narrow that where anything matches; health narrows what is left,
    unless the service has no health check. HEALTHY_OR_ELSE_ALL is the default.
    """
    found = [i for i in instances if _matches(i, request.get("QueryParameters"))]
    found = [i for i in found if _matches(i, request.get("OptionalParameters"))] or found
    wanted = request.get("HealthStatus") or "HEALTHY_OR_ELSE_ALL"
    if wanted == "ALL" or all(i.healthy_at(now) is None for i in found):
        return found
    healthy = [i for i in found if i.healthy_at(now)]
    if wanted == "UNHEALTHY":
        return [i for i in found if i.healthy_at(now) is False]
    return healthy or (found if wanted == "HEALTHY_OR_ELSE_ALL" else [])


def _matches(instance: Instance, parameters: Mapping[str, str] | None) -> bool:
    return all(instance.attributes.get(key) == value for key, value in (parameters or {}).items())
