"""What an identifier of the ECS API names: clusters, services, tasks and task definitions, by name or ARN.

Long and short ARNs are both read. An ARN of another account or region names nothing here.
Messages as observed on AWS.
"""

from __future__ import annotations

import re
from typing import Final

from emulator.domain.arn import Arn, parse_arn
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.ecs_errors import ClusterNotFoundException, ServiceNotFoundException
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.service_scheduler.service import Service
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.task_definitions.task_definition_reference import parse_reference
from emulator.domain.tasks.task import Task
from emulator.store.ecs_queries import definition_in_use
from emulator.store.ecs_tables import (
    CAPACITY_PROVIDERS,
    CLUSTERS,
    CONTAINER_INSTANCES,
    SERVICES,
    TASK_DEFINITIONS,
    TASKS,
)
from emulator.wire.call import Call

DEFAULT_CLUSTER: Final = "default"
_NAME: Final = re.compile(r"[a-zA-Z0-9\-_]{1,255}")
_PATTERN_TEXT: Final = r"^[a-zA-Z0-9\-_]{1,255}$"


def check_name(name: str, noun: str) -> str:
    """A name of 1 to 255 letters, digits, `-` and `_`."""
    if not name:
        raise InvalidParameterException(f"{noun} can not be blank.")
    if not _NAME.fullmatch(name):
        raise InvalidParameterException(f"{noun} must match {_PATTERN_TEXT}, but was {name[:512]}")
    return name


def cluster_name(call: Call, reference: str | None) -> str | None:
    """The name that a `cluster` argument means, `default` when it is left out; None for one of another place."""
    if reference is None:
        return DEFAULT_CLUSTER
    if not reference.startswith("arn:"):
        return check_name(reference, "Cluster")
    arn = _arn(reference, "cluster")
    return "/".join(arn.path) if _is_here(call, arn) else None


def find_cluster(call: Call, reference: str | None) -> Cluster | None:
    """ACTIVE or INACTIVE."""
    name = cluster_name(call, reference)
    return None if name is None else call.reader.get(CLUSTERS, call.account, call.region, name)


def active_cluster(call: Call, reference: str | None) -> Cluster:
    """The cluster that an operation works in. ClusterNotFoundException when it is absent or INACTIVE."""
    cluster = find_cluster(call, reference)
    if cluster is None:
        raise ClusterNotFoundException("Cluster not found.")
    if cluster.status == "INACTIVE":
        raise ClusterNotFoundException("The referenced cluster was inactive.")
    return cluster


def find_service(call: Call, cluster: Cluster, reference: str) -> Service | None:
    """By name or ARN, in whatever status. InvalidParameterException for an ARN of another cluster."""
    name = _member(call, cluster, reference, "service")
    return None if name is None else call.reader.get(SERVICES, call.account, call.region, cluster.name, name)


def existing_service(call: Call, cluster: Cluster, reference: str) -> Service:
    """ServiceNotFoundException when there is none."""
    service = find_service(call, cluster, reference)
    if service is None:
        raise ServiceNotFoundException("Service not found.")
    return service


def service_arn(cluster: Cluster, reference: str) -> str:
    """The ARN that a service of this name would have; an ARN stays itself."""
    return member_arn(cluster, reference, "service")


def find_task(call: Call, cluster: Cluster, reference: str) -> Task | None:
    """By id or ARN. InvalidParameterException for an ARN of another cluster."""
    task_id = _member(call, cluster, reference, "task")
    return None if task_id is None else call.reader.get(TASKS, call.account, call.region, cluster.name, task_id)


def find_instance(call: Call, cluster: Cluster, reference: str) -> ContainerInstance | None:
    """By id or ARN, in whatever status. InvalidParameterException for an ARN of another cluster."""
    instance_id = _member(call, cluster, reference, "container-instance")
    if instance_id is None:
        return None
    return call.reader.get(CONTAINER_INSTANCES, call.account, call.region, cluster.name, instance_id)


def existing_instance(call: Call, cluster: Cluster, reference: str) -> ContainerInstance:
    """InvalidParameterException when there is none (the wording is unconfirmed)."""
    instance = find_instance(call, cluster, reference)
    if instance is None:
        raise InvalidParameterException("The referenced container instance was not found.")
    return instance


def member_arn(cluster: Cluster, reference: str, kind: str) -> str:
    """The ARN that something of a cluster would have, given its short name; an ARN stays itself."""
    if reference.startswith("arn:"):
        return reference
    return f"{cluster.arn.replace(':cluster/', f':{kind}/')}/{reference}"


def known_providers(call: Call) -> list[str]:
    """The names of the account's own capacity providers that are not being deleted."""
    found = call.reader.find(CAPACITY_PROVIDERS, account=call.account, region=call.region)
    return [p.name for p in found if p.active and p.update_status != "DELETE_IN_PROGRESS"]


def find_task_definition(call: Call, reference: str) -> TaskDefinition | None:
    """A family's latest ACTIVE revision, or a given revision in whatever status.

    A revision that is being deleted is gone as soon as nothing stands on it. Raises as parse_reference does.
    """
    named = parse_reference(reference)
    if named.account is not None and (named.account, named.region) != (call.account, call.region):
        return None
    if named.revision is None:
        return latest_active(call, named.family)
    found = call.reader.get(TASK_DEFINITIONS, call.account, call.region, named.family, named.revision)
    if found is not None and found.status == "DELETE_IN_PROGRESS" and not definition_in_use(call.reader, found.arn):
        return None
    return found


def latest_active(call: Call, family: str) -> TaskDefinition | None:
    """The ACTIVE revision of the highest number."""
    found = call.reader.find(
        TASK_DEFINITIONS,
        limit=1,
        descending=True,
        account=call.account,
        region=call.region,
        family=family,
        status="ACTIVE",
    )
    return found[0] if found else None


def launchable_definition(
    call: Call, reference: str, inactive: type[ClientException] | type[InvalidParameterException]
) -> TaskDefinition:
    """The ACTIVE task definition to launch tasks of.

    `inactive` is the error of a revision that is no longer ACTIVE: RunTask and CreateService differ in its code.
    """
    definition = find_task_definition(call, reference)
    if definition is None:
        raise ClientException("TaskDefinition not found.")
    if definition.status != "ACTIVE":
        raise inactive("TaskDefinition is inactive")
    return definition


def _member(call: Call, cluster: Cluster, reference: str, kind: str) -> str | None:
    """The last part of an identifier of something in a cluster; None for one of another account or region."""
    if not reference.startswith("arn:"):
        return reference
    arn = _arn(reference, kind)
    if not _is_here(call, arn):
        return None
    if len(arn.path) == 2 and arn.path[0] != cluster.name:
        raise InvalidParameterException(
            f"Invalid identifier: Identifier is for cluster {arn.path[0]}. Your cluster is {cluster.name}"
        )
    return arn.path[-1]


def _arn(reference: str, kind: str) -> Arn:
    arn = parse_arn(reference)
    if arn is None or arn.service != "ecs" or not arn.path:
        raise InvalidParameterException("The ARN provided is invalid.")
    if arn.kind != kind:
        raise InvalidParameterException(f"Unsupported resource type: {arn.kind}")
    return arn


def _is_here(call: Call, arn: Arn) -> bool:
    return (arn.account, arn.region) == (call.account, call.region)
