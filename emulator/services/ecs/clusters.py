"""Clusters: names under which services and tasks stand, and which capacity providers they may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from api_models._generated import ecs as m
from emulator.domain.capacity.capacity_provider import check_known, check_number
from emulator.domain.capacity.capacity_strategy import (
    FARGATE_PROVIDERS,
    check_providers,
    check_strategy,
    echoed_strategy,
)
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.managed_provider import NOT_BY_CLUSTER
from emulator.domain.ecs_errors import (
    ClusterContainsCapacityProviderException,
    ClusterContainsContainerInstancesException,
    ClusterContainsServicesException,
    ClusterContainsTasksException,
    ResourceInUseException,
    UpdateInProgressException,
)
from emulator.domain.errors import InvalidParameterException
from emulator.domain.tags import validate_tags
from emulator.services.ecs import lookup
from emulator.services.ecs.account_values import effective_value
from emulator.services.ecs.cluster_shape import cluster_shape
from emulator.services.ecs.default_namespace import default_namespace
from emulator.services.lookup import check_batch, found_and_missing
from emulator.services.noting import note
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, CLUSTERS, CONTAINER_INSTANCES, SERVICES, TASKS
from emulator.wire.call import Call

_INSIGHTS: Final = ("enhanced", "enabled", "disabled")
_MAX_DESCRIBED: Final = 100


def create_cluster(call: Call, request: m.CreateClusterRequest) -> m.CreateClusterResponse:
    name = lookup.check_name(request.get("clusterName", lookup.DEFAULT_CLUSTER), "Cluster")
    asked = _asked(call, name, request)
    existing = call.tx.get(CLUSTERS, call.account, call.region, name)
    if existing is not None and existing.status == "ACTIVE":
        _check_repeated(existing, asked, request)
        return {"cluster": cluster_shape(call.reader, existing)}
    call.tx.put(CLUSTERS, asked)
    _wake_providers(call, asked.capacity_providers)
    note(call, "cluster.created", asked.arn)
    return {"cluster": cluster_shape(call.reader, asked)}


def describe_clusters(call: Call, request: m.DescribeClustersRequest) -> m.DescribeClustersResponse:
    references = request.get("clusters") or [lookup.DEFAULT_CLUSTER]
    check_batch(references, _MAX_DESCRIBED, "Clusters")
    found, failures = found_and_missing(
        references,
        find=lambda reference: lookup.find_cluster(call, reference),
        arn_of=lambda reference: reference if reference.startswith("arn:") else call.arn(f"cluster/{reference}"),
    )
    include = request.get("include", ())
    return {"clusters": [cluster_shape(call.reader, c, include) for c in found], "failures": failures}


def list_clusters(call: Call, request: m.ListClustersRequest) -> m.ListClustersResponse:
    names = call.reader.column(CLUSTERS, "name", account=call.account, region=call.region, status="ACTIVE")
    page = call.page(request, names, key=str)
    answer: m.ListClustersResponse = {"clusterArns": [call.arn(f"cluster/{name}") for name in page.items]}
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def update_cluster(call: Call, request: m.UpdateClusterRequest) -> m.UpdateClusterResponse:
    cluster = lookup.active_cluster(call, request["cluster"])
    if "settings" in request:
        cluster = replace(cluster, settings=_settings(call, request["settings"]))
    if "configuration" in request:
        cluster = replace(cluster, configuration=_configuration(call, request["configuration"]))
    if "serviceConnectDefaults" in request:
        defaults = default_namespace(call, request["serviceConnectDefaults"])
        cluster = replace(cluster, service_connect_defaults=defaults)
    return {"cluster": _updated(call, cluster)}


def update_cluster_settings(call: Call, request: m.UpdateClusterSettingsRequest) -> m.UpdateClusterSettingsResponse:
    cluster = lookup.active_cluster(call, request["cluster"])
    return {"cluster": _updated(call, replace(cluster, settings=_settings(call, request["settings"])))}


def put_cluster_capacity_providers(
    call: Call, request: m.PutClusterCapacityProvidersRequest
) -> m.PutClusterCapacityProvidersResponse:
    cluster = lookup.active_cluster(call, request["cluster"])
    _check_attached(cluster)
    providers = [*check_providers(request["capacityProviders"])]
    _check_not_managed(call, providers)
    providers += cluster.managed_providers  # these are the cluster's as long as they are there
    check_number(providers)
    check_known(providers, [*lookup.known_providers(call), *cluster.capacity_providers])
    strategy = echoed_strategy(request["defaultCapacityProviderStrategy"])
    check_strategy(strategy, providers, cluster.managed_providers)
    _check_unused(call, cluster, set(cluster.capacity_providers) - set(providers))
    own = sorted(set(providers) ^ set(cluster.capacity_providers))
    _wake_providers(call, own)
    changed = replace(
        cluster,
        capacity_providers=providers,
        default_strategy=strategy,
        attachments_status="UPDATE_IN_PROGRESS" if _scaling(call, own) else cluster.attachments_status,
    )
    return {"cluster": _updated(call, changed)}


def delete_cluster(call: Call, request: m.DeleteClusterRequest) -> m.DeleteClusterResponse:
    cluster = lookup.active_cluster(call, request["cluster"])
    _check_attached(cluster)
    here: dict[str, Any] = {"account": call.account, "region": call.region, "cluster": cluster.name}
    if any(status != "INACTIVE" for status in call.tx.column(SERVICES, "status", **here)):
        raise ClusterContainsServicesException("The Cluster cannot be deleted while Services are active.")
    if any(status != "STOPPED" for status in call.tx.column(TASKS, "last_status", **here)):
        raise ClusterContainsTasksException("The Cluster cannot be deleted while Tasks are active.")
    if any(status != "INACTIVE" for status in call.tx.column(CONTAINER_INSTANCES, "status", **here)):
        raise ClusterContainsContainerInstancesException(
            "The Cluster cannot be deleted while Container Instances are active or draining."
        )
    if cluster.managed_providers:  # unconfirmed wording
        raise ClusterContainsCapacityProviderException(
            f"The cluster contains the capacity provider {cluster.managed_providers[0]}. Delete it and try again."
        )
    # Its settings stay to be described for a while; its tags and providers go (AWS: a fresh start when re-created).
    deleted = replace(
        cluster, status="INACTIVE", tags=[], capacity_providers=[], default_strategy=[], attachments_status=None
    )
    _wake_providers(call, cluster.capacity_providers)
    call.tx.put(CLUSTERS, deleted)
    note(call, "cluster.deleted", deleted.arn)
    return {"cluster": cluster_shape(call.reader, deleted)}


def _asked(call: Call, name: str, request: m.CreateClusterRequest) -> Cluster:
    """The cluster that the request describes, whether or not there is one."""
    providers = check_providers(request.get("capacityProviders", ()))
    _check_not_managed(call, providers)
    check_number(providers)
    check_known(providers, lookup.known_providers(call))
    strategy = echoed_strategy(request.get("defaultCapacityProviderStrategy", ()))
    check_strategy(strategy, providers)
    return Cluster(
        account=call.account,
        region=call.region,
        name=name,
        arn=call.arn(f"cluster/{name}"),
        status="ACTIVE",
        created_at=call.now,
        settings=_settings(call, request.get("settings", ())),
        configuration=_configuration(call, request["configuration"]) if "configuration" in request else None,
        capacity_providers=providers,
        default_strategy=strategy,
        attachments_status="UPDATE_IN_PROGRESS" if _scaling(call, providers) else None,
        service_connect_defaults=default_namespace(call, request.get("serviceConnectDefaults")),
        tags=validate_tags(request.get("tags", ())),
    )


def _check_repeated(existing: Cluster, asked: Cluster, request: m.CreateClusterRequest) -> None:
    """A repeat must ask for what is there, as far as it asks (observed on AWS)."""
    compared = {
        "settings": existing.settings == asked.settings,
        "configuration": existing.configuration == asked.configuration,
        "capacityProviders": sorted(existing.capacity_providers) == sorted(asked.capacity_providers),
        "defaultCapacityProviderStrategy": existing.default_strategy == asked.default_strategy,
        "serviceConnectDefaults": existing.service_connect_defaults == asked.service_connect_defaults,
    }
    if any(member in request and not same for member, same in compared.items()):
        raise InvalidParameterException(
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
        )


def _settings(call: Call, settings: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """containerInsights is the only setting; the account's value stands in where none is given."""
    insights = effective_value(call, "containerInsights")
    for setting in settings:
        insights = setting.get("value", "")
        if setting.get("name") != "containerInsights":
            raise InvalidParameterException("name should be one of [containerInsights]")
        if insights not in _INSIGHTS:
            raise InvalidParameterException(f"value should be one of [{','.join(_INSIGHTS)}]")
    if insights != "disabled":
        call.warn("containerInsights is stored; Homeport does not collect its metrics yet")
    return [{"name": "containerInsights", "value": insights}]


def _configuration(call: Call, configuration: m.ClusterConfiguration) -> dict[str, Any]:
    execute = configuration.get("executeCommandConfiguration", {})
    if execute.get("logging") == "OVERRIDE" and not execute.get("logConfiguration"):
        raise InvalidParameterException(
            "A log configuration must be specified in the execute command configuration when logging is OVERRIDE."
        )
    if "logConfiguration" in execute and execute.get("logging") != "OVERRIDE":
        raise InvalidParameterException(
            "A log configuration in the execute command configuration requires logging to be OVERRIDE."
        )
    lacking = _not_acted_on(configuration)
    if lacking:
        call.warn(f"{', '.join(lacking)}: stored; Homeport encrypts neither sessions nor storage, and logs to no S3")
    return dict(configuration)


def _not_acted_on(configuration: m.ClusterConfiguration) -> list[str]:
    """What is only kept: encryption, and session logs in S3."""
    execute: Mapping[str, Any] = configuration.get("executeCommandConfiguration") or {}
    log: Mapping[str, Any] = execute.get("logConfiguration") or {}
    in_log = ("cloudWatchEncryptionEnabled", "s3BucketName", "s3EncryptionEnabled", "s3KeyPrefix")
    found = [f"logConfiguration.{member}" for member in in_log if log.get(member)]
    if execute.get("kmsKeyId"):
        found.append("executeCommandConfiguration.kmsKeyId")
    if configuration.get("managedStorageConfiguration"):
        found.append("managedStorageConfiguration")
    return found


def _check_attached(cluster: Cluster) -> None:
    """UpdateInProgressException until its capacity providers have taken in that it has them, or has them no more."""
    if cluster.attachments_status == "UPDATE_IN_PROGRESS":
        raise UpdateInProgressException(
            "The specified cluster is in a busy state. Cluster attachments must be in UPDATE_COMPLETE or UPDATE_FAILED "
            "state before they can be updated. Wait and try again."
        )


def _check_not_managed(call: Call, names: Sequence[str]) -> None:
    """InvalidParameterException for a provider of managed instances: it is its own cluster's from the start."""
    found = [call.tx.get(CAPACITY_PROVIDERS, call.account, call.region, name) for name in names]
    if any(provider is not None and provider.managed is not None for provider in found):
        raise InvalidParameterException(NOT_BY_CLUSTER)


def _check_unused(call: Call, cluster: Cluster, removed: set[str]) -> None:
    if not removed:
        return
    here: dict[str, Any] = {"account": call.account, "region": call.region, "cluster": cluster.name}
    used = {t.capacity_provider for t in call.tx.find(TASKS, **here) if not t.stopped}
    for service in call.tx.find(SERVICES, **here):
        if service.status != "INACTIVE":
            used.update(item["capacityProvider"] for item in service.capacity_provider_strategy)
    if used & removed:
        raise ResourceInUseException("The specified capacity provider is in use and cannot be removed.")


def _wake_providers(call: Call, names: Sequence[str]) -> None:
    """A provider takes in that a cluster has it, or has it no more."""
    for name in names:
        if name not in FARGATE_PROVIDERS:
            call.tx.wake("capacity_provider", f"{call.account}/{call.region}/{name}")


def _scaling(call: Call, names: Sequence[str]) -> bool:
    """Whether any of them has managed scaling, whose attachments to the cluster change."""
    found = [call.tx.get(CAPACITY_PROVIDERS, call.account, call.region, name) for name in names]
    return any(provider.scales for provider in found if provider is not None)


def _updated(call: Call, cluster: Cluster) -> m.Cluster:
    call.tx.put(CLUSTERS, cluster)
    note(call, "cluster.updated", cluster.arn)
    return cluster_shape(call.reader, cluster)
