"""Namespaces, services and instances of AWS Cloud Map: finding them, and what is changed about them in one transaction.

For the API of Cloud Map and for Amazon ECS, which makes and registers by itself; here nothing takes time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from string import ascii_lowercase, digits
from typing import Literal

from emulator.domain.arn import parse_arn
from emulator.domain.discovery.instance import Instance
from emulator.domain.discovery.names import Zone, zone_of
from emulator.domain.discovery.namespace import ECS_TAG, HTTP, Namespace, http_name_for
from emulator.domain.discovery.service import DiscoveryService, DnsConfig, same_name
from emulator.ids import Ids
from emulator.store.database import Reader, Transaction
from emulator.store.discovery_tables import DISCOVERY_SERVICES, INSTANCES, NAMESPACES

_ID_LETTERS = ascii_lowercase + digits


def new_id(ids: Ids, prefix: str) -> str:
    """`ns-` or `srv-` and 16 letters and digits."""
    return f"{prefix}-{ids.letters(16, _ID_LETTERS)}"


def new_operation_id(ids: Ids) -> str:
    return f"{ids.letters(32, _ID_LETTERS)}-{ids.letters(8, _ID_LETTERS)}"


def namespaces_of(reader: Reader, account: str, region: str) -> list[Namespace]:
    return reader.find(NAMESPACES, account=account, region=region)


def private_namespaces(reader: Reader, account: str, region: str, vpc_id: str) -> list[Namespace]:
    """Those whose names resolve in the VPC."""
    found = reader.find(NAMESPACES, vpc_id=vpc_id)
    return [n for n in found if (n.account, n.region) == (account, region)]


def zone_in(reader: Reader, account: str, region: str, vpc_id: str, name: str) -> Zone | None:
    """The zone of the VPC that a name lies in, with those of its services that the name can be about."""
    namespace = zone_of(name, private_namespaces(reader, account, region, vpc_id))
    if namespace is None:
        return None
    label = name.lower().rstrip(".").removesuffix(namespace.domain).rstrip(".")
    near = [s for s in services_of(reader, namespace) if label and _near(s.name.lower(), label)]
    return Zone(namespace, [(s, instances_of(reader, s)) for s in near])


def _near(service: str, label: str) -> bool:
    """The service itself, a host of it, or what lies above it."""
    return label == service or label.endswith(f".{service}") or service.endswith(f".{label}")


def id_in(reference: str, kind: Literal["namespace", "service"], account: str, region: str) -> str:
    """The id that an id or an ARN names; of an ARN of another account, region or kind the whole text, which is nobody's
    id: nothing is shared between accounts."""
    arn = parse_arn(reference)
    if arn is None:
        return reference
    own = (arn.service, arn.account, arn.region, arn.kind) == ("servicediscovery", account, region, kind)
    return arn.path[0] if own and len(arn.path) == 1 else reference


def find_namespace(reader: Reader, account: str, region: str, reference: str) -> Namespace | None:
    """By ARN, id or name. Of several of one name it is the HTTP one, else the oldest."""
    found = reader.get(NAMESPACES, account, region, id_in(reference, "namespace", account, region))
    if found is not None:
        return found
    named = [n for n in namespaces_of(reader, account, region) if n.name == reference]
    return min(named, key=lambda n: (n.type != HTTP, n.created_at, n.id), default=None)


def make_namespace(
    ids: Ids, account: str, region: str, partition: str, name: str, now: float, *, namespace_id: str | None = None
) -> Namespace:
    """An HTTP namespace, not written yet."""
    namespace_id = namespace_id or new_id(ids, "ns")
    arn = f"arn:{partition}:servicediscovery:{region}:{account}:namespace/{namespace_id}"
    return Namespace(account, region, namespace_id, arn, name, HTTP, now, name)


def insert_namespace(tx: Transaction, namespace: Namespace) -> Namespace:
    """As it is written: under an HTTP name that no other namespace has."""
    taken = {n.http_name for n in namespaces_of(tx, namespace.account, namespace.region)}
    namespace = replace(namespace, http_name=http_name_for(namespace.name, namespace.id, taken))
    tx.insert(NAMESPACES, namespace)
    return namespace


def ensure_http_namespace(
    tx: Transaction,
    ids: Ids,
    account: str,
    region: str,
    partition: str,
    name: str,
    now: float,
    tags: Mapping[str, str] | None = None,
) -> Namespace:
    """The namespace of that name, of any type; else an HTTP one, made now."""
    found = find_namespace(tx, account, region, name)
    if found is not None:
        return found
    made = make_namespace(ids, account, region, partition, name, now)
    return insert_namespace(tx, replace(made, tags={**(tags or {}), **ECS_TAG}))


def services_of(reader: Reader, namespace: Namespace) -> list[DiscoveryService]:
    return reader.find(
        DISCOVERY_SERVICES, account=namespace.account, region=namespace.region, namespace_id=namespace.id
    )


def service_count(reader: Reader, namespace: Namespace) -> int:
    return reader.count(
        DISCOVERY_SERVICES, account=namespace.account, region=namespace.region, namespace_id=namespace.id
    )


def find_service(reader: Reader, namespace: Namespace, name: str) -> DiscoveryService | None:
    return next((s for s in services_of(reader, namespace) if same_name(s.name, name, namespace)), None)


def service_by_arn(reader: Reader, arn: str) -> DiscoveryService | None:
    parsed = parse_arn(arn)
    if parsed is None:
        return None
    found = id_in(arn, "service", parsed.account, parsed.region)
    return reader.get(DISCOVERY_SERVICES, parsed.account, parsed.region, found)


def namespace_of(reader: Reader, service: DiscoveryService) -> Namespace:
    """A service's namespace cannot be deleted before it."""
    found = reader.get(NAMESPACES, service.account, service.region, service.namespace_id)
    if found is None:
        raise AssertionError(f"{service.id} has no namespace")
    return found


def make_service(
    ids: Ids, namespace: Namespace, name: str, now: float, *, partition: str, dns: DnsConfig | None = None
) -> DiscoveryService:
    """Not written yet; of type DNS_HTTP when its instances have DNS records."""
    service_id = new_id(ids, "srv")
    arn = f"arn:{partition}:servicediscovery:{namespace.region}:{namespace.account}:service/{service_id}"
    kind: Literal["HTTP", "DNS_HTTP"] = "DNS_HTTP" if dns else "HTTP"
    return DiscoveryService(
        namespace.account, namespace.region, service_id, arn, namespace.id, name, now, kind, dns
    )  # fmt: skip


def ensure_service(
    tx: Transaction,
    ids: Ids,
    namespace: Namespace,
    name: str,
    now: float,
    *,
    partition: str,
    custom_health: bool = False,
    tags: Mapping[str, str] | None = None,
) -> DiscoveryService:
    """The service of that name in the namespace; else one without DNS records, made now."""
    found = find_service(tx, namespace, name)
    if found is not None:
        return found
    made = make_service(ids, namespace, name, now, partition=partition)
    made = replace(made, custom_health=custom_health, tags={**(tags or {}), **ECS_TAG})
    tx.insert(DISCOVERY_SERVICES, made)
    return made


def remove_service(tx: Transaction, service: DiscoveryService) -> None:
    """With its instances."""
    for instance in instances_of(tx, service):
        tx.delete(INSTANCES, *_key(instance))
    tx.delete(DISCOVERY_SERVICES, service.account, service.region, service.id)


def instances_of(reader: Reader, service: DiscoveryService) -> list[Instance]:
    """By id."""
    return reader.find(INSTANCES, account=service.account, region=service.region, service_id=service.id)


def instance_count(reader: Reader, service: DiscoveryService) -> int:
    return reader.count(INSTANCES, account=service.account, region=service.region, service_id=service.id)


def register(
    tx: Transaction,
    service: DiscoveryService,
    instance_id: str,
    attributes: Mapping[str, str],
    now: float,
    *,
    healthy: bool | None = None,
    creator_request_id: str | None = None,
) -> None:
    """As it is said, at once; nothing is written when it is so already. `healthy` None: as a service without a health
    check has it."""
    known = tx.get(INSTANCES, service.account, service.region, service.id, instance_id)
    if known is not None and known.attributes == attributes and known.healthy_at(now) == healthy:
        return
    registered_at = known.registered_at if known is not None else now
    tx.put(
        INSTANCES,
        Instance(
            service.account, service.region, service.id, instance_id, registered_at, dict(attributes), healthy,
            creator_request_id=creator_request_id,
        ),
    )  # fmt: skip
    if known is None or known.attributes != attributes:
        _revised(tx, service)


def deregister(tx: Transaction, service: DiscoveryService, instance_id: str) -> bool:
    """Whether there was one."""
    gone = tx.delete(INSTANCES, service.account, service.region, service.id, instance_id)
    if gone:
        _revised(tx, service)
    return gone


def _revised(tx: Transaction, service: DiscoveryService) -> None:
    current = tx.get(DISCOVERY_SERVICES, service.account, service.region, service.id)
    if current is not None:
        tx.put(DISCOVERY_SERVICES, replace(current, revision=current.revision + 1))


def _key(instance: Instance) -> tuple[str, str, str, str]:
    return instance.account, instance.region, instance.service_id, instance.id
