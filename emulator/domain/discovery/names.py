"""What DNS answers in a VPC with private namespaces: the records that Cloud Map keeps in their hosted zones. Pure.

Values are in the presentation form of RFC 1035. Sources: AWS Cloud Map API reference, DnsConfig and DnsRecord; Amazon
Route 53 developer guide, "Multivalue answer routing", "Weighted routing", "How Route 53 chooses records when health
checking is configured": when no instance is healthy, all count as healthy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from emulator.domain.discovery.instance import CNAME, IPV4, IPV6, PORT, Instance
from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.service import WEIGHTED, DiscoveryService

MOST_ANSWERED: Final = 8
APEX_TTL: Final = 900
_SERVER: Final = "ns-1536.awsdns-00.co.uk."
_SOA: Final = f"{_SERVER} awsdns-hostmaster.amazon.com. 1 7200 900 1209600"
_ADDRESSES: Final = {"A": IPV4, "AAAA": IPV6}

Choose = Callable[[int], int]
"""A number from 0 to count - 1."""


@dataclass(frozen=True, slots=True)
class Record:
    """`name` without a last dot; `ttl` in seconds."""

    name: str
    ttl: int
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """NXDOMAIN when the name has no record of any type. `authority` is the zone's SOA where there is no answer."""

    code: Literal["NOERROR", "NXDOMAIN"]
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """A private namespace and all that is registered in it."""

    namespace: Namespace
    services: Sequence[tuple[DiscoveryService, Sequence[Instance]]] = field(default=())


def zone_of(name: str, namespaces: Sequence[Namespace]) -> Namespace | None:
    """The namespace whose zone a name lies in; of nested ones the nearest."""
    name = name.lower().rstrip(".")
    found = [n for n in namespaces if name == n.domain or name.endswith(f".{n.domain}")]
    return max(found, key=lambda n: len(n.domain), default=None)


def resolve(name: str, kind: str, zone: Zone, now: float, choose: Choose) -> Answer:
    """The answer to a question about a name of the zone. `kind` is the record type asked for, `ANY` for all."""
    asked, domain = name.lower().rstrip("."), zone.namespace.domain
    if asked == domain:
        return _apex(asked, kind, zone)
    label = asked[: -len(domain) - 1]
    for service, instances in zone.services:
        if service.name.lower() == label and service.dns is not None and instances:
            return _of_service(name.rstrip("."), kind, zone, service, _healthy(instances, now), choose)
        for instance in instances:
            if service.dns is not None and "SRV" in service.dns.types and _host(service, instance) == label:
                found = _addresses(name.rstrip("."), kind, service, instance)
                return Answer("NOERROR", found, () if found else _soa(zone))
    inner = any(service.name.lower().endswith(f".{label}") and found for service, found in zone.services)
    return Answer("NOERROR" if inner else "NXDOMAIN", authority=_soa(zone))


def _apex(name: str, kind: str, zone: Zone) -> Answer:
    records = {"SOA": _soa(zone), "NS": (Record(name, APEX_TTL, "NS", _SERVER),)}
    found = tuple(r for type_, each in records.items() if kind in (type_, "ANY") for r in each)
    return Answer("NOERROR", found, () if found else _soa(zone))


def _soa(zone: Zone) -> tuple[Record, ...]:
    ttl = zone.namespace.soa_ttl
    return (Record(zone.namespace.domain, min(APEX_TTL, ttl), "SOA", f"{_SOA} {ttl}"),)


def _of_service(
    name: str, kind: str, zone: Zone, service: DiscoveryService, instances: Sequence[Instance], choose: Choose
) -> Answer:
    """All, or one, of the instances that are to be told; an alias answers whatever is asked."""
    assert service.dns is not None
    if "CNAME" in service.dns.types:
        kind = "CNAME"
    most = 1 if service.dns.routing_policy == WEIGHTED else MOST_ANSWERED
    chosen = _some(instances, most, choose)
    answer: list[Record] = []
    additional: list[Record] = []
    for record in service.dns.records:
        if kind not in (record.type, "ANY"):
            continue
        for instance in chosen:
            value = _value(record.type, name, service, instance)
            if value is not None:
                answer.append(Record(name, record.ttl, record.type, value))
            if record.type == "SRV":
                host = f"{_host(service, instance)}.{zone.namespace.domain}"
                additional += [each for type_ in _ADDRESSES for each in _addresses(host, type_, service, instance)]
    return Answer("NOERROR", tuple(answer), () if answer else _soa(zone), tuple(additional))


def _healthy(instances: Sequence[Instance], now: float) -> Sequence[Instance]:
    return [i for i in instances if i.healthy_at(now) is not False] or instances


def _some(instances: Sequence[Instance], most: int, choose: Choose) -> list[Instance]:
    """In an order of chance."""
    left = list(instances)
    return [left.pop(choose(len(left))) for _ in range(min(most, len(left)))]


def _value(kind: str, name: str, service: DiscoveryService, instance: Instance) -> str | None:
    match kind:
        case "SRV":
            domain = name[len(service.name) + 1 :].lower()
            return f"1 1 {instance.attributes.get(PORT, '0')} {_host(service, instance)}.{domain}."
        case "CNAME":
            return instance.attributes.get(CNAME, "").rstrip(".") + "."
    return instance.attributes.get(_ADDRESSES[kind])


def _addresses(name: str, kind: str, service: DiscoveryService, instance: Instance) -> tuple[Record, ...]:
    """Of the host that an SRV record names."""
    assert service.dns is not None
    ttl = service.dns.ttl_of("SRV") or 0
    return tuple(
        Record(name, ttl, type_, instance.attributes[key])
        for type_, key in _ADDRESSES.items()
        if kind in (type_, "ANY") and key in instance.attributes
    )


def _host(service: DiscoveryService, instance: Instance) -> str:
    return f"{instance.id}.{service.name}".lower()
