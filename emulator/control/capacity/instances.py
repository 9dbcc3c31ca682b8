"""Adds container instances: virtual hosts on the local engine or on a further one, for users (`homeport add-instance`)
and for groups that scale. What a host of a type is, domain/capacity/virtual_host.py says; who needs one is not known
here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.instance_type import InstanceType
from emulator.domain.capacity.virtual_host import (
    UnknownInstanceType,
    UnknownZone,
    counted_gpus,
    instance_type,
    virtual_host,
    zone_named,
)
from emulator.domain.engines import LOCAL, EngineEndpoint
from emulator.domain.region import is_region, partition_of
from emulator.engine.base import EngineInfo
from emulator.events import journal
from emulator.events.ec2_changes import add_ec2_instance
from emulator.events.instance_changes import add_instance
from emulator.ids import Ids
from emulator.store.database import Reader, Transaction
from emulator.store.ecs_tables import ACCOUNT_SETTINGS, CLUSTERS, CONTAINER_INSTANCES
from emulator.store.faults_table import as_connected
from emulator.store.instance_capacity import wake_services

DEFAULT_CLUSTER: Final = "default"
MAX_COUNT: Final = 1000
MAX_GPUS: Final = 16


COUNTED: Final = "its GPUs are counted only: tasks are placed by them, and no container gets a device"


class CannotAdd(ValueError):
    """Why no instance was added, in words for the user."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`zone`: `a`, or a zone's whole name. `tags` and `capacity_provider` are those of who wants the instances.
    `counted_gpus`: so many for each that are counted only; None: those of its type, which the engine has to have."""

    account: str
    region: str
    kind: str
    zone: str
    cluster: str = DEFAULT_CLUSTER
    count: int = 1
    engine: str = LOCAL
    capacity_provider: str | None = None
    counted_gpus: int | None = None
    tags: tuple[dict[str, str], ...] = ()


def wanted_from(asked: Mapping[str, Any], account: str, region: str) -> Wanted:
    """What a request to /_emulator/instances asks for. Raises CannotAdd."""
    words: dict[str, Any] = {"account": account, "region": region, **asked}
    count = words.get("count", 1)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_COUNT:
        raise CannotAdd(f"count is a number from 1 to {MAX_COUNT}")
    texts = {name: words.get(name) for name in ("account", "region", "type", "zone", "cluster", "engine")}
    for name in ("type", "zone"):
        if not texts[name]:
            raise CannotAdd(f"{name} is needed, as in {{'type': 't3.medium', 'zone': 'a'}}")
    if any(text is not None and not isinstance(text, str) for text in texts.values()):
        raise CannotAdd("type, zone, cluster, engine, account and region are texts")
    gpus = words.get("gpus")
    if gpus is not None and (not isinstance(gpus, int) or isinstance(gpus, bool) or not 0 <= gpus <= MAX_GPUS):
        raise CannotAdd(f"gpus is a number from 0 to {MAX_GPUS}")
    if not is_region(texts["region"]):
        raise CannotAdd(f"there is no region {texts['region']!r}")
    return Wanted(
        account=str(texts["account"]),
        region=str(texts["region"]),
        kind=str(texts["type"]),
        zone=str(texts["zone"]),
        cluster=str(texts["cluster"] or DEFAULT_CLUSTER),
        count=count,
        engine=str(texts["engine"] or LOCAL),
        counted_gpus=gpus,
    )


def on_engine(wanted: Wanted, endpoints: Sequence[EngineEndpoint]) -> Wanted:
    """With the engine's name, which may be asked for by its address. Raises CannotAdd for one that nobody named."""
    for endpoint in endpoints:
        if wanted.engine in (endpoint.name, endpoint.url):
            return replace(wanted, engine=endpoint.name)
    if wanted.engine == LOCAL:
        return wanted
    known = ", ".join([LOCAL, *(endpoint.name for endpoint in endpoints)])
    raise CannotAdd(
        f"Homeport was not told of an engine {wanted.engine!r} (there is: {known}); "
        "start it with --engine-endpoint NAME=URL"
    )


def add_instances(
    tx: Transaction, wanted: Wanted, *, now: float, ids: Ids, engine: EngineInfo | None, privileged: bool
) -> list[ContainerInstance]:
    """The new instances, ACTIVE at once. `engine`: what theirs says of itself, None when it does not answer.

    Raises CannotAdd: no such type, zone or cluster, or fewer GPUs than the type has.
    """
    try:
        kind = instance_type(wanted.kind)
        zone = zone_named(wanted.zone, wanted.region, wanted.account)
    except (UnknownInstanceType, UnknownZone) as error:
        raise CannotAdd(str(error)) from error
    cluster = _cluster(tx, wanted, now)
    free = _free_gpus(tx, wanted, kind, engine)
    added = [
        virtual_host(
            cluster,
            kind,
            zone,
            now=now,
            ids=ids,
            docker_version=f"DockerVersion: {engine.version}" if engine else "",
            engine=wanted.engine,
            privileged=privileged,
            trunking=trunking(tx, wanted.account, wanted.region, f"arn:aws:iam::{wanted.account}:root"),
            capacity_provider=wanted.capacity_provider,
            tags=wanted.tags,
            gpus=free[number * kind.gpus :][: kind.gpus]
            if wanted.counted_gpus is None
            else counted_gpus(wanted.counted_gpus, ids),
        )
        for number in range(wanted.count)
    ]
    if engine is None and wanted.engine != LOCAL:  # its watch tells when it answers
        added = [replace(instance, agent_connected=False) for instance in added]
    added = [as_connected(tx, instance) for instance in added]
    for instance in added:
        add_instance(tx, instance, now)
        add_ec2_instance(tx, _ec2_instance(instance, kind.name, now, ids), now)
        journal.append(
            tx,
            at=now,
            account=instance.account,
            region=instance.region,
            kind="container_instance.registered",
            subject=instance.arn,
            detail={"ec2InstanceId": instance.ec2_instance_id, "type": kind.name, "zone": zone},
        )
    wake_services(tx, added[0])
    return added


def _free_gpus(reader: Reader, wanted: Wanted, kind: InstanceType, engine: EngineInfo | None) -> list[str]:
    """The engine's GPUs that no instance has. CannotAdd when they are too few for instances of the type."""
    if wanted.counted_gpus is not None or not kind.gpus:
        return []
    here = (i for i in reader.find(CONTAINER_INSTANCES) if i.engine == wanted.engine and i.status != "INACTIVE")
    taken = {gpu for instance in here for gpu in instance.gpus}
    has = engine.gpus if engine is not None else ()
    free = [gpu for gpu in has if gpu not in taken]
    if len(free) < kind.gpus * wanted.count:
        raise CannotAdd(
            f"{kind.name} has {_gpus(kind.gpus)}, and engine {wanted.engine} has {len(free)} of {_gpus(len(has))} free "
            f"(it has those of NVIDIA's driver, with NVIDIA's runtime); --gpus {kind.gpus} makes GPUs that are counted "
            "only: no container gets a device"
        )
    return free


def _gpus(count: int) -> str:
    return f"{count} GPU{'' if count == 1 else 's'}"


def _ec2_instance(host: ContainerInstance, kind: str, now: float, ids: Ids) -> Ec2Instance:
    """What DescribeInstances shows of a host that was added by hand."""
    return Ec2Instance(
        account=host.account,
        region=host.region,
        id=str(host.ec2_instance_id),
        kind=kind,
        image_id=host.attribute("ecs.ami-id") or "",
        zone=host.zone,
        subnet_id=host.attribute("ecs.subnet-id") or "",
        vpc_id=host.attribute("ecs.vpc-id") or "",
        state="running",
        launched_at=now,
        reservation_id=f"r-{ids.hex(17)}",
        container_instance=host.arn,
    )


def warnings_of(wanted: Wanted, engine: EngineInfo | None) -> list[str]:
    """What is not as it would be on such an instance."""
    if engine is None:
        return ["no engine answers, so that no task will run there now"]
    architecture = instance_type(wanted.kind).architecture
    own = {"aarch64": "arm64"}.get(engine.architecture, engine.architecture)
    found = [COUNTED] if wanted.counted_gpus else []
    if architecture != own:
        found.append(f"{wanted.kind} is {architecture}, but the engine is {own} and runs such images")
    return found


def _cluster(tx: Transaction, wanted: Wanted, now: float) -> Cluster:
    found = tx.get(CLUSTERS, wanted.account, wanted.region, wanted.cluster)
    if found is not None and found.status != "INACTIVE":
        return found
    if wanted.cluster != DEFAULT_CLUSTER:
        raise CannotAdd(f"there is no cluster {wanted.cluster!r} in {wanted.region}")
    return default_cluster(tx, wanted.account, wanted.region, now)


def default_cluster(tx: Transaction, account: str, region: str, now: float) -> Cluster:
    """`default` is made when it is not there, as ECS does for an agent that registers into it."""
    found = tx.get(CLUSTERS, account, region, DEFAULT_CLUSTER)
    if found is not None and found.status != "INACTIVE":
        return found
    made = Cluster(
        account=account,
        region=region,
        name=DEFAULT_CLUSTER,
        arn=f"arn:{partition_of(region)}:ecs:{region}:{account}:cluster/{DEFAULT_CLUSTER}",
        status="ACTIVE",
        created_at=now,
        settings=[{"name": "containerInsights", "value": "disabled"}],
    )
    tx.put(CLUSTERS, made)
    return made


def trunking(reader: Reader, account: str, region: str, principal: str) -> bool:
    """Whether a principal has it; a virtual host has none but the account itself."""
    setting = reader.get(ACCOUNT_SETTINGS, account, region, principal, "awsvpcTrunking")
    return setting is not None and setting.value == "enabled"
