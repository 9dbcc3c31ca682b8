"""Capacity providers of Amazon ECS Managed Instances: made in a cluster, updated, in use or not. Rows only.

Which settings ECS accepts is domain/capacity/managed_provider.py's; the hosts are control's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from api_models._generated import ecs as m
from emulator.domain.capacity.capacity_provider import CapacityProvider, check_number
from emulator.domain.capacity.managed_provider import check_network_of, managed_settings, only_kept
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.tags import validate_tags
from emulator.services.ecs import lookup
from emulator.store.ecs_tables import CLUSTERS, SERVICES, TASKS
from emulator.store.iam_tables import ROLES
from emulator.store.launch_queries import instance_profile
from emulator.store.vpc_queries import known_network
from emulator.wire.call import Call


def new_provider(call: Call, request: m.CreateCapacityProviderRequest) -> CapacityProvider:
    """PROVISIONING until its next look. ClusterNotFoundException for a cluster that is not ACTIVE."""
    if not request.get("cluster"):
        raise InvalidParameterException("cluster must be specified with a managedInstancesProvider.")
    cluster = lookup.active_cluster(call, request["cluster"])
    name = request["name"]
    check_number([*cluster.capacity_providers, name])
    return CapacityProvider(
        account=call.account,
        region=call.region,
        name=name,
        arn=call.arn(f"capacity-provider/{name}"),
        status="PROVISIONING",
        update_status="CREATE_IN_PROGRESS",
        tags=validate_tags(request.get("tags", ())),
        cluster=cluster.name,
        managed=_checked(call, managed_settings(request["managedInstancesProvider"])),
    )


def associate(call: Call, provider: CapacityProvider) -> None:
    """It is its cluster's from the start, and no other's."""
    cluster = lookup.active_cluster(call, provider.cluster)
    changed = replace(
        cluster,
        capacity_providers=[*cluster.capacity_providers, provider.name],
        managed_providers=[*cluster.managed_providers, provider.name],
    )
    call.tx.put(CLUSTERS, changed)


def updated_provider(
    call: Call, provider: CapacityProvider, request: m.UpdateCapacityProviderRequest
) -> CapacityProvider:
    """For hosts launched from now on; scaleInAfter holds for all."""
    settings = managed_settings(request["managedInstancesProvider"], provider.managed)
    return replace(provider, managed=_checked(call, settings))


def in_use(call: Call, provider: CapacityProvider) -> str | None:
    """Why it cannot be deleted: tasks or services stand on it."""
    here: dict[str, Any] = {"account": call.account, "region": call.region, "cluster": provider.cluster}
    using = [
        service.name
        for service in call.tx.find(SERVICES, **here)
        if service.status != "INACTIVE"
        and any(item["capacityProvider"] == provider.name for item in service.capacity_provider_strategy)
    ]
    if using:
        what = f"service: {using[0]}"
    elif any(t.capacity_provider == provider.name and not t.stopped for t in call.tx.find(TASKS, **here)):
        what = "tasks that have not stopped"
    else:
        return None
    return f"The capacity provider cannot be deleted because it is in use by {what}."


def _checked(call: Call, settings: dict[str, Any]) -> dict[str, Any]:
    """With warnings of what nobody created, and of what is only kept; where it must exist, ClientException."""
    template: Mapping[str, Any] = settings["instanceLaunchTemplate"]
    known = known_network(call.reader, call.account, call.region)
    unknown = check_network_of(template, known, strict=call.facts.strict)
    role, profile = settings["infrastructureRoleArn"], template["ec2InstanceProfileArn"]
    missing = []
    if call.reader.get(ROLES, call.account, role.rpartition("/")[2]) is None:
        missing.append(role)
    if instance_profile(call.reader, call.account, {"Arn": profile}) is None:
        missing.append(profile)
    if missing and call.facts.roles_must_exist:
        raise ClientException(f"The specified role or instance profile does not exist: {', '.join(missing)}.")
    for name in (*unknown, *missing):
        call.warn(f"never created, so taken as given: {name}")
    kept = only_kept(settings)
    if kept:
        call.warn(f"{', '.join(kept)}: stored; a host here has no volumes, no settings of its own and no price")
    return settings
