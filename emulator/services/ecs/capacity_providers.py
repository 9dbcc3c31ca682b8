"""Capacity providers: FARGATE and FARGATE_SPOT, which are there, those of Auto Scaling groups, and those of managed
instances (managed_capacity.py). Rows only.

What a provider's managed scaling does is control's. Messages are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from api_models._generated import ecs as m
from emulator.domain.arn import parse_arn
from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup, GroupTag
from emulator.domain.capacity.capacity_provider import (
    ASSOCIATED_TAG,
    CapacityProvider,
    check_protection,
    check_provider_name,
    managed_scaling,
    provider_name,
    provider_shape,
)
from emulator.domain.capacity.capacity_strategy import FARGATE_PROVIDERS
from emulator.domain.ecs_errors import UpdateInProgressException
from emulator.domain.errors import ClientException, InvalidParameterException, LimitExceededException
from emulator.domain.tags import validate_tags
from emulator.services.ecs import lookup, managed_capacity
from emulator.services.lookup import Failure
from emulator.services.noting import note
from emulator.store.autoscaling_tables import GROUPS
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, CLUSTERS
from emulator.wire.call import Call

MAX_PROVIDERS: Final = 300
_MAX_DESCRIBED: Final = 100


def create_capacity_provider(call: Call, request: m.CreateCapacityProviderRequest) -> m.CreateCapacityProviderResponse:
    name = request["name"]
    check_provider_name(name)
    if bool(request.get("autoScalingGroupProvider")) == bool(request.get("managedInstancesProvider")):
        raise InvalidParameterException(
            "Exactly one of autoScalingGroupProvider and managedInstancesProvider must be specified."
        )
    known = [p for p in call.tx.find(CAPACITY_PROVIDERS, account=call.account, region=call.region) if _stands(p)]
    if request.get("managedInstancesProvider"):
        made = managed_capacity.new_provider(call, request)
        _check_new(name, known)
        call.tx.put(CAPACITY_PROVIDERS, made)
        managed_capacity.associate(call, made)
        note(call, "capacity_provider.created", made.arn)
        return {"capacityProvider": _shape(made, tags=True)}
    if request.get("cluster"):
        raise InvalidParameterException("cluster can only be specified with a managedInstancesProvider.")
    made, group = _of_group(call, request, known)
    call.tx.put(CAPACITY_PROVIDERS, made)  # a deleted one of the name may be remembered
    if made.scales and not any(tag.key == ASSOCIATED_TAG for tag in group.tags):
        call.tx.put(GROUPS, replace(group, tags=[*group.tags, GroupTag(ASSOCIATED_TAG, "", True)]))
    note(call, "capacity_provider.created", made.arn)
    return {"capacityProvider": _shape(made, tags=True)}


def _check_new(name: str, known: Sequence[CapacityProvider]) -> None:
    if any(provider.name == name for provider in known):  # observed
        raise ClientException(
            "The specified capacity provider already exists. To change the configuration of an existing capacity "
            "provider, update the capacity provider."
        )
    if len(known) >= MAX_PROVIDERS:
        raise LimitExceededException(f"The account has reached its limit of {MAX_PROVIDERS} capacity providers.")


def _of_group(
    call: Call, request: m.CreateCapacityProviderRequest, known: Sequence[CapacityProvider]
) -> tuple[CapacityProvider, AutoScalingGroup]:
    """The provider that the request describes, and its group."""
    name = request["name"]
    asked: Mapping[str, Any] = request["autoScalingGroupProvider"]
    group = _group(call, asked["autoScalingGroupArn"])
    scaling = managed_scaling(asked["managedScaling"]) if asked.get("managedScaling") is not None else {}
    protection = asked.get("managedTerminationProtection") == "ENABLED"
    check_protection(enabled=protection, scaling=scaling, group_protects=group.protects_new)
    _check_new(name, known)
    if any(provider.scaling_group == group.name for provider in known):  # observed
        raise ClientException(
            "The specified Auto Scaling group ARN is already being used by another capacity provider. Specify a unique "
            "Auto Scaling group ARN and try again."
        )
    made = CapacityProvider(
        account=call.account,
        region=call.region,
        name=name,
        arn=call.arn(f"capacity-provider/{name}"),
        scaling_group=group.name,
        group_arn=group.arn,
        managed_scaling=scaling,
        termination_protection=protection,
        managed_draining=asked.get("managedDraining", "ENABLED") != "DISABLED",
        tags=validate_tags(request.get("tags", ())),
    )
    return made, group


def describe_capacity_providers(
    call: Call, request: m.DescribeCapacityProvidersRequest
) -> m.DescribeCapacityProvidersResponse:
    """Without names all there are, Fargate's first; a cluster narrows them to those that it uses. By its name one is
    shown that was deleted lately."""
    tags = "TAGS" in request.get("include", ())
    asked = request.get("capacityProviders", ())
    if len(asked) > _MAX_DESCRIBED:
        raise InvalidParameterException(f"capacityProviders cannot have more than {_MAX_DESCRIBED} elements.")
    shapes = {name: _fargate(call, name) for name in FARGATE_PROVIDERS}
    for provider in call.reader.find(CAPACITY_PROVIDERS, account=call.account, region=call.region):
        if _stands(provider) or asked:
            shapes[provider.name] = _shape(provider, tags=tags)
    if request.get("cluster"):
        used = set(lookup.active_cluster(call, request["cluster"]).capacity_providers)
        shapes = {name: shape for name, shape in shapes.items() if name in used}
    failures: list[Failure] = []
    names = list(shapes)
    if asked:
        names = list(dict.fromkeys(provider_name(reference) for reference in asked))
        missing = [name for name in names if name not in shapes]
        failures = [{"arn": call.arn(f"capacity-provider/{name}"), "reason": "MISSING"} for name in missing]
        names = [name for name in names if name in shapes]
    page = call.page(request, sorted(names), key=str)
    answer: m.DescribeCapacityProvidersResponse = {
        "capacityProviders": [shapes[name] for name in page.items],
        "failures": failures,
    }
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def update_capacity_provider(call: Call, request: m.UpdateCapacityProviderRequest) -> m.UpdateCapacityProviderResponse:
    """Done at the provider's next look, until when its updateStatus is UPDATE_IN_PROGRESS."""
    name = provider_name(request["name"])
    provider = _existing(call, name, request.get("cluster"))
    if provider.update_status in ("UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"):
        raise UpdateInProgressException("The specified capacity provider is being updated. Wait and try again.")
    if (provider.managed is None) == bool(request.get("managedInstancesProvider")):
        raise ClientException("The specified capacity provider is of another type than the update.")
    if provider.managed is not None:
        changed = managed_capacity.updated_provider(call, provider, request)
    else:
        changed = _updated_scaling(call, provider, request)
    changed = replace(changed, update_status="UPDATE_IN_PROGRESS", update_status_reason=None)
    call.tx.put(CAPACITY_PROVIDERS, changed)
    note(call, "capacity_provider.updated", changed.arn)
    return {"capacityProvider": _shape(changed, tags=True)}


def _updated_scaling(
    call: Call, provider: CapacityProvider, request: m.UpdateCapacityProviderRequest
) -> CapacityProvider:
    asked: Mapping[str, Any] = request.get("autoScalingGroupProvider") or {}
    scaling, protection, draining = provider.managed_scaling, provider.termination_protection, provider.managed_draining
    if asked.get("managedScaling") is not None:
        scaling = managed_scaling(asked["managedScaling"], scaling)
    if "managedTerminationProtection" in asked:
        protection = asked["managedTerminationProtection"] == "ENABLED"
    if "managedDraining" in asked:
        draining = asked["managedDraining"] != "DISABLED"
    group = call.tx.get(GROUPS, call.account, call.region, provider.scaling_group)
    check_protection(enabled=protection, scaling=scaling, group_protects=group is not None and group.protects_new)
    return replace(
        provider,
        managed_scaling=scaling,
        termination_protection=protection,
        managed_draining=draining,
        low_since=None,
    )


def delete_capacity_provider(call: Call, request: m.DeleteCapacityProviderRequest) -> m.DeleteCapacityProviderResponse:
    """INACTIVE after its next look; its group stays. While a cluster has it, that fails (DELETE_FAILED, observed). One
    of managed instances is DEPROVISIONING until its hosts are gone, and fails while tasks or services use it."""
    name = provider_name(request["capacityProvider"])
    if name in FARGATE_PROVIDERS:
        raise ClientException(
            "The specified capacity provider is a reserved capacity provider and cannot be deleted. Specify a valid "
            "capacity provider and try again."
        )
    provider = _existing(call, name, request.get("cluster"))
    reason = _associated(call, name) if provider.managed is None else managed_capacity.in_use(call, provider)
    if reason is not None:
        kept = replace(provider, update_status="DELETE_FAILED", update_status_reason=reason)
        call.tx.put(CAPACITY_PROVIDERS, kept)
        return {"capacityProvider": _shape(kept, tags=True)}
    status = "ACTIVE" if provider.managed is None else "DEPROVISIONING"
    deleted = replace(provider, status=status, update_status="DELETE_IN_PROGRESS", update_status_reason=None)
    call.tx.put(CAPACITY_PROVIDERS, deleted)
    note(call, "capacity_provider.deleted", deleted.arn)
    return {"capacityProvider": _shape(deleted, tags=True)}


def _associated(call: Call, name: str) -> str | None:
    """Why a provider cannot be deleted that a cluster has."""
    clusters = call.tx.find(CLUSTERS, account=call.account, region=call.region)
    using = [cluster.name for cluster in clusters if name in cluster.capacity_providers]
    if not using:
        return None
    return (
        f"The capacity provider cannot be deleted because it is associated with cluster: {using[0]}. Remove the "
        "capacity provider from the cluster and try again."
    )


def _stands(provider: CapacityProvider) -> bool:
    """Whether it is more than the memory of one that was deleted."""
    return provider.status != "INACTIVE"


def _existing(call: Call, name: str, cluster: str | None) -> CapacityProvider:
    """One of managed instances is only there in its own cluster, when one is named."""
    provider = call.tx.get(CAPACITY_PROVIDERS, call.account, call.region, name)
    elsewhere = (
        provider is not None
        and provider.managed is not None
        and cluster is not None
        and lookup.active_cluster(call, cluster).name != provider.cluster
    )
    if provider is None or not provider.active or elsewhere:
        raise ClientException(
            "The specified capacity provider does not exist. Specify a valid name or ARN and try again."
        )
    return provider


def _group(call: Call, reference: str) -> AutoScalingGroup:
    """By ARN or, as AWS takes it too, by name."""
    arn = parse_arn(reference)
    name = reference.rpartition(":autoScalingGroupName/")[2] if arn is not None else reference
    group = call.tx.get(GROUPS, call.account, call.region, name)
    if group is None or (arn is not None and group.arn != reference) or group.status is not None:
        raise ClientException(
            "The specified Auto Scaling group ARN is invalid. Specify a valid ARN of an existing Auto Scaling group "
            "and try again."
        )
    return group


def _fargate(call: Call, name: str) -> m.CapacityProvider:
    return {
        "capacityProviderArn": call.arn(f"capacity-provider/{name}"),
        "name": name,
        "status": "ACTIVE",
        "tags": [],
        "type": cast(Any, name),
    }


def _shape(provider: CapacityProvider, *, tags: bool) -> m.CapacityProvider:
    return cast(m.CapacityProvider, provider_shape(provider, tags=tags))
