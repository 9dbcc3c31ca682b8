"""Making the record of a container instance: a virtual host of an EC2 type, or what an agent registers. Pure.

Who asks (a user, an agent, an auto scaling group) is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import (
    RESERVED_TCP,
    ContainerInstance,
    InstanceAttribute,
    with_attributes,
)
from emulator.domain.capacity.instance_capabilities import capabilities, platform
from emulator.domain.capacity.instance_type import INSTANCE_TYPES, InstanceType, known_families
from emulator.domain.engines import ENGINE_ATTRIBUTE, LOCAL
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.networks.network import default_subnets, default_vpc_id, network_id
from emulator.domain.region import is_region

AGENT_VERSION: Final = "1.98.0"
"""The release of the container agent whose behaviour Homeport has."""
AGENT_HASH: Final = "homeport"
_LARGEST: Final = 2_147_483_647


COUNTED_GPU: Final = "counted-gpu-"
"""How ids of GPUs begin that are counted only: no device stands behind them."""


class IdSource(Protocol):
    def hex(self, digits: int = 32) -> str: ...


class UnknownInstanceType(ValueError):
    """The text names what there is."""


class UnknownZone(ValueError):
    """The text names what there is."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What an instance registers: cpu in CPU units, memory in MiB, ports that are taken from the start."""

    cpu: int
    memory_mib: int
    ports: tuple[int, ...] = RESERVED_TCP
    ports_udp: tuple[int, ...] = ()
    gpus: tuple[str, ...] = ()


def instance_type(name: str) -> InstanceType:
    """Raises UnknownInstanceType."""
    found = INSTANCE_TYPES.get(name)
    if found is not None:
        return found
    family = name.partition(".")[0]
    sizes = [known.partition(".")[2] for known in INSTANCE_TYPES if known.partition(".")[0] == family]
    known = f"{family} has {', '.join(sizes)}" if sizes else f"the families are {', '.join(known_families())}"
    raise UnknownInstanceType(f"unknown instance type {name!r}: {known}")


def zone_named(zone: str, region: str, account: str) -> str:
    """`a` or `us-east-1a` as the zone's whole name. Raises UnknownZone."""
    if not is_region(region):
        raise UnknownZone(f"unknown Availability Zone {zone!r}: there is no region {region!r}")
    zones = [subnet.availability_zone for subnet in default_subnets(account, region)]
    for known in zones:
        if zone in (known, known.removeprefix(region)):
            return known
    raise UnknownZone(f"unknown Availability Zone {zone!r}: {region} has {', '.join(zones)}")


def virtual_host(
    cluster: Cluster,
    kind: InstanceType,
    zone: str,
    *,
    now: float,
    ids: IdSource,
    docker_version: str = "",
    engine: str = "local",
    privileged: bool = False,
    trunking: bool = False,
    capacity_provider: str | None = None,
    ec2_instance_id: str | None = None,
    image_id: str | None = None,
    subnet_id: str | None = None,
    vpc_id: str | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    gpus: Sequence[str] = (),
) -> ContainerInstance:
    """A new ACTIVE instance of a type, with the GPUs of those ids. `zone` is a zone's whole name; `subnet_id` None: the
    zone's default subnet."""
    default = next((s.id for s in default_subnets(cluster.account, cluster.region) if s.availability_zone == zone), "")
    attributes = [
        *platform(
            architecture=kind.architecture,
            zone=zone,
            instance_type=kind.name,
            ami_id=image_id or network_id("ami", cluster.region, kind.architecture),
            subnet_id=subnet_id or default,
            vpc_id=vpc_id or default_vpc_id(cluster.account, cluster.region),
        ),
        *capabilities(privileged=privileged),
        *([InstanceAttribute(ENGINE_ATTRIBUTE, engine)] if engine != LOCAL else []),
    ]
    return new_instance(
        cluster,
        Resources(kind.cpu, kind.memory_mib, gpus=tuple(gpus)),
        attributes,
        now=now,
        ids=ids,
        versions={"agentVersion": AGENT_VERSION, "agentHash": AGENT_HASH, "dockerVersion": docker_version},
        enis=interfaces_for_tasks(kind, trunking=trunking),
        engine=engine,
        capacity_provider=capacity_provider,
        ec2_instance_id=ec2_instance_id or f"i-{ids.hex(17)}",
        tags=[dict(tag) for tag in tags],
    )


def counted_gpus(count: int, ids: IdSource) -> list[str]:
    """Ids of GPUs that are placed and told as such, and given to no container."""
    return [f"{COUNTED_GPU}{ids.hex(12)}" for _ in range(count)]


def is_counted(gpu: str) -> bool:
    return gpu.startswith(COUNTED_GPU)


def interfaces_for_tasks(kind: InstanceType, *, trunking: bool) -> int:
    """How many awsvpc tasks an instance of the type takes; more with the account setting awsvpcTrunking."""
    return kind.trunk_tasks if trunking and kind.trunk_tasks is not None else kind.tasks_with_interface


def new_instance(
    cluster: Cluster,
    resources: Resources,
    attributes: Iterable[InstanceAttribute],
    *,
    now: float,
    ids: IdSource,
    versions: Mapping[str, str],
    **members: Any,
) -> ContainerInstance:
    """`versions`: versionInfo as the agent gives it; `members`: further ones of the record."""
    instance_id = ids.hex(32)
    return ContainerInstance(
        account=cluster.account,
        region=cluster.region,
        cluster=cluster.name,
        id=instance_id,
        arn=f"{cluster.arn.replace(':cluster/', ':container-instance/')}/{instance_id}",
        cluster_arn=cluster.arn,
        status="ACTIVE",
        registered_at=now,
        cpu=resources.cpu,
        memory_mib=resources.memory_mib,
        ports=list(resources.ports),
        ports_udp=list(resources.ports_udp),
        gpus=list(resources.gpus),
        attributes=with_attributes([], list(attributes)),
        agent_version=versions.get("agentVersion", ""),
        agent_hash=versions.get("agentHash", ""),
        docker_version=versions.get("dockerVersion", ""),
        **members,
    )


@dataclass(frozen=True, slots=True)
class Identity:
    """What an EC2 instance identity document says; empty members are not in it."""

    instance_id: str = ""
    instance_type: str = ""
    availability_zone: str = ""
    image_id: str = ""
    architecture: str = ""


def read_identity(document: str | None) -> Identity:
    """ClientException for a document that cannot be read (the wording is unconfirmed)."""
    if not document:
        return Identity()
    try:
        read = json.loads(document)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or any(not isinstance(read.get(m, ""), str) for m in _IDENTITY):
        raise ClientException("The instance identity document is not valid.")
    return Identity(**{member: read.get(name, "") for name, member in _IDENTITY.items()})


_IDENTITY: Final = {
    "instanceId": "instance_id",
    "instanceType": "instance_type",
    "availabilityZone": "availability_zone",
    "imageId": "image_id",
    "architecture": "architecture",
}


def read_resources(given: Sequence[Mapping[str, Any]], identity: Identity) -> Resources:
    """totalResources; without CPU or MEMORY the instance type's. InvalidParameterException when neither says."""
    by_name = {str(resource.get("name")): resource for resource in given}
    kind = INSTANCE_TYPES.get(identity.instance_type)
    cpu = _number(by_name, "CPU", kind.cpu if kind else 0)
    memory_mib = _number(by_name, "MEMORY", kind.memory_mib if kind else 0)
    return Resources(
        cpu=cpu,
        memory_mib=memory_mib,
        ports=_ports(by_name, "PORTS", RESERVED_TCP),
        ports_udp=_ports(by_name, "PORTS_UDP", ()),
    )


def _number(given: Mapping[str, Mapping[str, Any]], name: str, otherwise: int) -> int:
    resource = given.get(name, {})
    members = ("integerValue", "longValue", "doubleValue")
    given_number = next((resource[member] for member in members if resource.get(member)), otherwise)
    if not 1 <= given_number <= _LARGEST:  # unconfirmed wording
        raise InvalidParameterException(f"Resource {name} must be specified, from 1 to {_LARGEST}.")
    return int(given_number)


def _ports(given: Mapping[str, Mapping[str, Any]], name: str, otherwise: tuple[int, ...]) -> tuple[int, ...]:
    if name not in given:
        return otherwise
    ports = given[name].get("stringSetValue") or ()
    if not all(str(port).isdecimal() and len(str(port)) <= 5 and 0 < int(port) < 65536 for port in ports):
        raise InvalidParameterException(f"Resource {name} must be a set of ports.")  # unconfirmed wording
    return tuple(int(port) for port in ports)
