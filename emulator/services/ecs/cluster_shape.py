"""A cluster as ECS answers it. Counts are taken from the tables at the moment of asking."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from api_models._generated import ecs as m
from emulator.domain.capacity.capacity_provider import scaling_policy_id
from emulator.domain.capacity.capacity_strategy import launch_type_of
from emulator.domain.capacity.cluster import Cluster
from emulator.store.database import Reader
from emulator.store.ecs_queries import task_counts
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, CONTAINER_INSTANCES, SERVICES

EVERYTHING = frozenset({"ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "TAGS"})
"""What Create, Update and Delete answer; STATISTICS is left empty there."""

_PENDING = ("PROVISIONING", "PENDING", "ACTIVATING")
_LAUNCH_TYPES = {"EC2": "EC2", "FARGATE": "Fargate"}
_MANAGED = {"MANAGED_INSTANCES": "ManagedInstances"}
"""Only of a cluster that has such providers (unconfirmed, as the word is)."""


def cluster_shape(reader: Reader, cluster: Cluster, include: Collection[str] = EVERYTHING) -> m.Cluster:
    """`include` is DescribeClusters' member; without a word its part of the answer is empty."""
    tasks = task_counts(reader, cluster.account, cluster.region, cluster.name)
    here = {"account": cluster.account, "region": cluster.region, "cluster": cluster.name}
    shape: m.Cluster = {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": sum(
            reader.count(CONTAINER_INSTANCES, status=status, **here) for status in ("ACTIVE", "DRAINING")
        ),
        "runningTasksCount": sum(n for (_, status), n in tasks.items() if status == "RUNNING"),
        "pendingTasksCount": sum(n for (_, status), n in tasks.items() if status in _PENDING),
        "activeServicesCount": reader.count(SERVICES, status="ACTIVE", **here),
        "statistics": _statistics(reader, cluster, tasks) if "STATISTICS" in include else [],
        "tags": [{"key": t["key"], "value": t["value"]} for t in cluster.tags] if "TAGS" in include else [],
        "settings": [{"name": s["name"], "value": s["value"]} for s in cluster.settings]
        if "SETTINGS" in include
        else [],
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": [
            {"capacityProvider": i["capacityProvider"], "weight": i["weight"], "base": i["base"]}
            for i in cluster.default_strategy
        ],
    }
    if cluster.configuration is not None and "CONFIGURATIONS" in include:
        shape["configuration"] = cast(m.ClusterConfiguration, cluster.configuration)
    if cluster.attachments_status is not None and "ATTACHMENTS" in include:
        shape["attachments"] = _attachments(reader, cluster)
        shape["attachmentsStatus"] = cluster.attachments_status
    if cluster.service_connect_defaults is not None:
        shape["serviceConnectDefaults"] = {"namespace": cluster.service_connect_defaults["namespace"]}
    return shape


def _attachments(reader: Reader, cluster: Cluster) -> list[m.Attachment]:
    """One scaling policy for each provider that scales its group, with the id that its ARN decides."""
    found = [reader.get(CAPACITY_PROVIDERS, cluster.account, cluster.region, n) for n in cluster.capacity_providers]
    return [
        {
            "id": scaling_policy_id(provider),
            "type": "as_policy",
            "status": "CREATING" if cluster.attachments_status == "UPDATE_IN_PROGRESS" else "CREATED",
            "details": [
                {"name": "capacityProviderName", "value": provider.name},
                {"name": "scalingPolicyName", "value": f"ECSManagedAutoScalingPolicy-{scaling_policy_id(provider)}"},
            ],
        }
        for provider in found
        if provider is not None and provider.scales
    ]


def _statistics(reader: Reader, cluster: Cluster, tasks: dict[tuple[str, str], int]) -> list[m.KeyValuePair]:
    services = reader.find(SERVICES, account=cluster.account, region=cluster.region, cluster=cluster.name)
    counts: dict[str, int] = {}
    words = {**_LAUNCH_TYPES, **(_MANAGED if cluster.managed_providers else {})}
    for key, word in words.items():
        counts[f"running{word}TasksCount"] = tasks.get((key, "RUNNING"), 0)
        counts[f"pending{word}TasksCount"] = sum(tasks.get((key, status), 0) for status in _PENDING)
    for key, word in words.items():
        # A service with a strategy has no launch type of its own.
        of_type = [
            s
            for s in services
            if (s.launch_type or launch_type_of(s.capacity_provider_strategy, cluster.managed_providers)) == key
        ]
        counts[f"active{word}ServiceCount"] = sum(s.status == "ACTIVE" for s in of_type)
        counts[f"draining{word}ServiceCount"] = sum(s.status == "DRAINING" for s in of_type)
    return [{"name": name, "value": str(count)} for name, count in counts.items()]
