"""What RegisterContainerInstance makes of what an agent says of itself.

Signatures of identity documents are not checked: whoever reaches this API may command the engine anyway.
Source: ECS API model; the wordings are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from api_models._generated import ecs as m
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import (
    EXTERNAL,
    INSTANCE_TYPE,
    ZONE,
    ContainerInstance,
    InstanceAttribute,
    with_attributes,
)
from emulator.domain.capacity.instance_attributes import check_attributes
from emulator.domain.capacity.instance_capabilities import capabilities, platform
from emulator.domain.capacity.instance_type import INSTANCE_TYPES
from emulator.domain.capacity.virtual_host import (
    AGENT_HASH,
    AGENT_VERSION,
    Identity,
    interfaces_for_tasks,
    new_instance,
    read_identity,
    read_resources,
)
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.networks.network import default_subnets, default_vpc_id
from emulator.domain.tags import validate_tags
from emulator.events import journal
from emulator.services.ecs import lookup
from emulator.services.ecs.account_values import effective_value
from emulator.store.ecs_tables import CLUSTERS, CONTAINER_INSTANCES
from emulator.wire.call import Call


def home_cluster(call: Call, reference: str | None) -> Cluster:
    """The cluster to register into; `default` is made when it is not there (AWS developer guide, "Clusters")."""
    cluster = lookup.find_cluster(call, reference)
    if lookup.cluster_name(call, reference) == lookup.DEFAULT_CLUSTER and (
        cluster is None or cluster.status == "INACTIVE"
    ):
        made = Cluster(
            account=call.account,
            region=call.region,
            name=lookup.DEFAULT_CLUSTER,
            arn=call.arn(f"cluster/{lookup.DEFAULT_CLUSTER}"),
            status="ACTIVE",
            created_at=call.now,
            settings=[{"name": "containerInsights", "value": effective_value(call, "containerInsights")}],
        )
        call.tx.put(CLUSTERS, made)
        journal.append(
            call.tx, at=call.now, account=call.account, region=call.region, kind="cluster.created", subject=made.arn
        )
    return lookup.active_cluster(call, reference)


def registered(
    call: Call, cluster: Cluster, request: m.RegisterContainerInstanceRequest
) -> tuple[ContainerInstance, str]:
    """The record to put, and what happened in the journal's words."""
    identity = read_identity(request.get("instanceIdentityDocument"))
    known = _known(call, cluster, request.get("containerInstanceArn"), identity)
    given = check_attributes(request.get("attributes", ()))
    if known is not None:
        return _again(known, request, given, identity), "container_instance.registered_again"
    resources = read_resources(request.get("totalResources", ()), identity)
    devices = request.get("platformDevices", ())
    external = any(attribute.name == EXTERNAL for attribute in given)
    kind = INSTANCE_TYPES.get(identity.instance_type)
    trunking = effective_value(call, "awsvpcTrunking") == "enabled"
    instance = new_instance(
        cluster,
        replace(resources, gpus=tuple(device["id"] for device in devices if device["type"] == "GPU")),
        with_attributes(_own_attributes(call, identity, given, external=external), given),
        now=call.now,
        ids=call.ids,
        versions=_versions(call, request),
        enis=interfaces_for_tasks(kind, trunking=trunking) if kind is not None else None,
        ec2_instance_id=identity.instance_id or f"{'mi' if external else 'i'}-{call.ids.hex(17)}",
        tags=validate_tags(request.get("tags", ())),
    )
    return instance, "container_instance.registered"


def _known(call: Call, cluster: Cluster, arn: str | None, identity: Identity) -> ContainerInstance | None:
    if arn is not None:
        return lookup.existing_instance(call, cluster, arn)
    if not identity.instance_id:
        return None
    here: dict[str, Any] = {"account": call.account, "region": call.region, "cluster": cluster.name}
    found = call.tx.find(CONTAINER_INSTANCES, **here, ec2_instance_id=identity.instance_id)
    return next((instance for instance in found if instance.status != "INACTIVE"), None)


def _again(
    known: ContainerInstance,
    request: m.RegisterContainerInstanceRequest,
    given: Sequence[InstanceAttribute],
    identity: Identity,
) -> ContainerInstance:
    """An agent that comes back: connected, with what it says now. Its host must be the same."""
    if known.status == "INACTIVE":
        raise ClientException("The container instance was deregistered; register a new one.")
    if identity.instance_type and known.attribute(INSTANCE_TYPE) not in (None, identity.instance_type):  # observed
        raise ClientException("Container instance type changes are not supported.")
    versions = request.get("versionInfo", {})
    return replace(
        known,
        agent_connected=True,
        attributes=with_attributes(known.attributes, given),
        agent_version=versions.get("agentVersion", known.agent_version),
        agent_hash=versions.get("agentHash", known.agent_hash),
        docker_version=versions.get("dockerVersion", known.docker_version),
    )


def _versions(call: Call, request: m.RegisterContainerInstanceRequest) -> dict[str, str]:
    """What the agent says; by default Homeport's own."""
    own = {"agentVersion": AGENT_VERSION, "agentHash": AGENT_HASH, "dockerVersion": call.facts.engine_kind}
    given = request.get("versionInfo", {})
    return {member: str(given.get(member) or value) for member, value in own.items()}


def _own_attributes(
    call: Call, identity: Identity, given: Sequence[InstanceAttribute], *, external: bool
) -> list[InstanceAttribute]:
    """What ECS sets, and what Homeport's engine can do, whoever registers."""
    abilities = capabilities(privileged=call.facts.allow_privileged, external=external)
    values = {attribute.name: attribute.value or "" for attribute in given}
    kind = INSTANCE_TYPES.get(identity.instance_type)
    architecture = identity.architecture or (kind.architecture if kind else "x86_64")
    if external:
        return [*platform(architecture=architecture), *abilities]
    subnets = default_subnets(call.account, call.region)
    zone = values.get(ZONE) or identity.availability_zone or subnets[0].availability_zone
    if not zone.startswith(call.region):
        raise InvalidParameterException(f"The Availability Zone {zone} is not in the Region {call.region}.")
    return [
        *platform(
            architecture=architecture,
            zone=zone,
            instance_type=identity.instance_type,
            ami_id=identity.image_id,
            subnet_id=next((s.id for s in subnets if s.availability_zone == zone), ""),
            vpc_id=default_vpc_id(call.account, call.region),
        ),
        *abilities,
    ]
