"""Tags by ARN: of clusters, services, task sets, tasks, container instances, task definitions, capacity providers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api_models._generated import ecs as m
from emulator.domain.arn import Arn, parse_arn
from emulator.domain.capacity.capacity_provider import CapacityProvider
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.ecs_errors import ClusterNotFoundException
from emulator.domain.errors import InvalidParameterException, NotEmulatedYet, ResourceNotFoundException
from emulator.domain.service_scheduler.service import Service, TaskSet
from emulator.domain.tags import merge_tags, remove_tags
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.tasks.task import Task
from emulator.events import journal
from emulator.services.ecs import lookup
from emulator.store.ecs_tables import (
    CAPACITY_PROVIDERS,
    CLUSTERS,
    CONTAINER_INSTANCES,
    SERVICES,
    TASK_DEFINITIONS,
    TASKS,
)
from emulator.store.tables import Table
from emulator.wire.call import Call

_LATER = ("daemon", "daemon-task-definition", "gateway")

_MEMBERS: dict[str, Table[Any]] = {"service": SERVICES, "task": TASKS, "container-instance": CONTAINER_INSTANCES}


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A resource with tags, and where it is kept."""

    table: Table[Any]
    record: CapacityProvider | Cluster | ContainerInstance | Service | Task | TaskDefinition
    task_set: str = ""  # the id of one of the service's, when that is what is tagged

    @property
    def tags(self) -> list[dict[str, str]]:
        chosen = self._chosen()
        return self.record.tags if chosen is None else chosen.tags

    def with_tags(self, tags: list[dict[str, str]]) -> object:
        """The record with these in place of those that it had."""
        chosen = self._chosen()
        if chosen is None or not isinstance(self.record, Service):
            return replace(self.record, tags=tags)
        deployments = [
            replace(d, task_set=replace(chosen, tags=tags)) if d.id == self.task_set else d
            for d in self.record.deployments
        ]
        return replace(self.record, deployments=deployments)

    def _chosen(self) -> TaskSet | None:
        if not isinstance(self.record, Service):
            return None
        return next((d.task_set for d in self.record.deployments if d.id == self.task_set), None)


def tag_resource(call: Call, request: m.TagResourceRequest) -> m.TagResourceResponse:
    added = request["tags"]
    _change(call, request["resourceArn"], lambda tags: merge_tags(tags, added))
    return {}


def untag_resource(call: Call, request: m.UntagResourceRequest) -> m.UntagResourceResponse:
    keys = request["tagKeys"]
    _change(call, request["resourceArn"], lambda tags: remove_tags(tags, keys))
    return {}


def list_tags_for_resource(call: Call, request: m.ListTagsForResourceRequest) -> m.ListTagsForResourceResponse:
    tagged = _find(call, request["resourceArn"])
    return {"tags": [{"key": tag["key"], "value": tag["value"]} for tag in tagged.tags]}


def _change(call: Call, resource: str, change: Callable[[Sequence[dict[str, str]]], list[dict[str, str]]]) -> None:
    tagged = _find(call, resource)
    tags = change(tagged.tags)
    call.tx.put(tagged.table, tagged.with_tags(tags))
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind=f"{_event_subject(resource)}.tagged",
        subject=resource,
        detail={"tags": tags},
    )


def _event_subject(resource: str) -> str:
    return resource.split(":", 5)[5].partition("/")[0].replace("-", "_")


def _task_set(call: Call, arn: Arn, resource: str) -> _Tagged:
    """A task set stands in its service's record: arn:...:task-set/<cluster>/<service>/ecs-svc/<number>."""
    service = call.reader.get(SERVICES, call.account, call.region, *arn.path[:2]) if len(arn.path) == 4 else None
    if service is not None:
        for deployment in service.deployments:
            if deployment.task_set is not None and deployment.task_set.arn == resource:
                return _Tagged(SERVICES, service, deployment.id)
    raise ResourceNotFoundException("The specified task set was not found. Specify a valid task set and try again.")


def _find(call: Call, resource: str) -> _Tagged:
    arn = parse_arn(resource)
    if arn is None or arn.service != "ecs" or not arn.path or not all(arn.path):
        raise InvalidParameterException("The ARN provided is invalid.")
    if (arn.account, arn.region) != (call.account, call.region):
        raise ResourceNotFoundException("The specified resource was not found.")
    match arn.kind:
        case "cluster":
            return _Tagged(CLUSTERS, _active_cluster(call, resource))
        case "task-definition":
            definition = lookup.find_task_definition(call, resource)
            if definition is None:
                raise ResourceNotFoundException(
                    "The specified task definition does not exist. Specify a valid account, family, revision and try "
                    "again."
                )
            return _Tagged(TASK_DEFINITIONS, definition)
        case "task-set":
            return _task_set(call, arn, resource)
        case "capacity-provider":
            provider = call.reader.get(CAPACITY_PROVIDERS, call.account, call.region, arn.path[0])
            if provider is None or not provider.active:
                raise ResourceNotFoundException(
                    "The specified capacity provider was not found. Specify a valid capacity provider and try again."
                )
            return _Tagged(CAPACITY_PROVIDERS, provider)
        case "service" | "task" | "container-instance":
            return _member(call, arn)
    if arn.kind in _LATER:
        raise NotEmulatedYet(f"Homeport does not emulate tags of a {arn.kind} yet.")
    raise InvalidParameterException("The ARN provided is invalid.")


def _active_cluster(call: Call, reference: str) -> Cluster:
    cluster = lookup.find_cluster(call, reference)
    if cluster is None:
        raise ClusterNotFoundException("Cluster not found.")
    if cluster.status != "ACTIVE":
        raise InvalidParameterException("The specified cluster is inactive. Specify an active cluster and try again.")
    return cluster


def _member(call: Call, arn: Arn) -> _Tagged:
    """A service, task or container instance of a cluster; only the long form of its ARN says which."""
    if len(arn.path) != 2:
        raise InvalidParameterException("Long arn format must be used for tagging operations")
    _active_cluster(call, arn.path[0])
    table = _MEMBERS[arn.kind]
    record = call.reader.get(table, call.account, call.region, *arn.path)
    noun = arn.kind.replace("-", " ")
    if record is None:
        raise ResourceNotFoundException(f"The specified {noun} was not found. Specify a valid {noun} and try again.")
    if isinstance(record, (Service, ContainerInstance)) and record.status == "INACTIVE":
        raise InvalidParameterException(f"The specified {noun} is inactive. Specify an active {noun} and try again.")
    return _Tagged(table, record)
