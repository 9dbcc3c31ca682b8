"""What a RunTask or StartTask request asks for, once every rule of AWS has been applied to it.

It reads the cluster, the task definition and the request; it writes nothing. Messages as observed on AWS unless
marked unconfirmed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from api_models._generated import ecs as m
from emulator.domain.capacity.capacity_strategy import (
    check_default_weights,
    check_strategy,
    echoed_strategy,
    launch_type_of,
)
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.placement import NO_INSTANCES
from emulator.domain.capacity.placement_rules import check_placement
from emulator.domain.errors import InvalidParameterException, NotEmulatedYet
from emulator.domain.tags import validate_tags
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.tasks.launch_settings import (
    Placement,
    check_compatible,
    check_fargate_placement,
    check_network,
    check_public_address,
    platform_version,
)
from emulator.domain.tasks.task_launch import Launch, task_tags
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.services.ecs import lookup
from emulator.services.ecs.effective_task import effective_task
from emulator.services.ecs.role_check import check_roles
from emulator.store.instance_capacity import has_instances
from emulator.store.vpc_queries import known_network
from emulator.wire.call import Call

MAX_COUNT: Final = 10
MAX_GROUP: Final = 255
_STARTED_BY: Final = re.compile(r"[a-zA-Z0-9\-_/]{1,128}")
_CLIENT_TOKEN: Final = re.compile(r"[!-~]{1,64}")


def run_launch(call: Call, cluster: Cluster, request: m.RunTaskRequest) -> tuple[Launch, list[dict[str, Any]]]:
    """What the tasks share, and the strategy that chooses their capacity providers (empty: a launch type)."""
    definition = lookup.launchable_definition(call, request["taskDefinition"], InvalidParameterException)
    _check_words(request)
    strategy, launch_type = _where_to_run(cluster, request)
    version, placement = _on_what(call, cluster, definition, launch_type, request, by_strategy=bool(strategy))
    _check_emulated(request)
    launch = Launch(
        cluster=cluster,
        definition=definition,
        effective=_effective(call, definition, launch_type, request),
        placement=placement,
        launch_type=launch_type,
        platform_version=version,
        client_token=request.get("clientToken"),
        constraints=request.get("placementConstraints", ()),
        strategies=request.get("placementStrategy", ()),
    )
    return _with_request(call, launch, request), strategy


def start_launch(call: Call, cluster: Cluster, request: m.StartTaskRequest) -> Launch:
    """What the tasks of a StartTask request share; which instances take them is another matter."""
    definition = lookup.launchable_definition(call, request["taskDefinition"], InvalidParameterException)
    _check_words(request)
    if request.get("volumeConfigurations"):
        raise NotEmulatedYet("Homeport does not emulate volumeConfigurations (Amazon EBS volumes) yet.")
    placement = check_network(
        definition.body,
        request.get("networkConfiguration"),
        known_network(call.reader, call.account, call.region),
        strict=call.facts.strict,
    )
    check_public_address(request.get("networkConfiguration"), "EC2")
    launch = Launch(
        cluster=cluster,
        definition=definition,
        effective=_effective(call, definition, "EC2", request),
        placement=placement,
        launch_type="EC2",
    )
    return _with_request(call, launch, request)


def _effective(call: Call, definition: TaskDefinition, launch_type: str, request: Mapping[str, Any]) -> EffectiveTask:
    effective = effective_task(call, definition, launch_type, request.get("overrides", {}))
    if request.get("enableExecuteCommand") and effective.task_role_arn is None:
        raise InvalidParameterException(
            "The task couldn't be run because a valid taskRoleArn is not being used. Specify a valid task role in your "
            "task definition and try again."
        )
    return effective


def _with_request(call: Call, launch: Launch, request: Mapping[str, Any]) -> Launch:
    """With what RunTask and StartTask say alike."""
    effective = launch.effective
    adopted = _adopted(call, launch.placement.unknown if launch.placement else ())
    adopted += check_roles(call, (effective.task_role_arn, effective.execution_role_arn))
    return replace(
        launch,
        group=request.get("group"),
        started_by=request.get("startedBy"),
        overrides=request.get("overrides", {}),
        enable_execute_command=request.get("enableExecuteCommand", False),
        tags=_tags(launch.cluster, launch.definition, request),
        warnings=adopted,
    )


def _on_what(
    call: Call,
    cluster: Cluster,
    definition: TaskDefinition,
    launch_type: str,
    request: m.RunTaskRequest,
    *,
    by_strategy: bool,
) -> tuple[str | None, Placement | None]:
    """The platform version and the network settings, once the definition is known to fit the launch type."""
    check_compatible(definition.body, launch_type)
    version = platform_version(request.get("platformVersion"), launch_type, definition.body)
    placement = check_network(
        definition.body,
        request.get("networkConfiguration"),
        known_network(call.reader, call.account, call.region),
        strict=call.facts.strict,
    )
    check_public_address(request.get("networkConfiguration"), launch_type)
    constraints, strategies = request.get("placementConstraints", ()), request.get("placementStrategy", ())
    if launch_type == "FARGATE":
        check_fargate_placement(constraints, strategies)
    else:
        if not by_strategy and not has_instances(call.reader, cluster.account, cluster.region, cluster.name):
            raise InvalidParameterException(NO_INSTANCES)
        check_placement(constraints, strategies, already=len(definition.body.get("placementConstraints") or ()))
    return version, placement


def check_count(request: m.RunTaskRequest) -> int:
    """How many tasks: 1 to 10, 1 by default (the wording is unconfirmed)."""
    count = request.get("count", 1)
    if not 1 <= count <= MAX_COUNT:
        raise InvalidParameterException(f"count should be between 1 and {MAX_COUNT}.")
    return count


def check_client_token(token: str) -> str:
    """At most 64 visible ASCII characters (the wording is unconfirmed)."""
    if not _CLIENT_TOKEN.fullmatch(token):
        raise InvalidParameterException("clientToken must be 1 to 64 ASCII characters in the range of 33-126.")
    return token


def _check_words(request: Mapping[str, Any]) -> None:
    started_by = request.get("startedBy")
    if started_by and not _STARTED_BY.fullmatch(started_by):  # unconfirmed wording
        raise InvalidParameterException(f"startedBy must match ^[a-zA-Z0-9\\-_/]{{1,128}}$, but was {started_by[:512]}")
    group = request.get("group", "")
    if group.startswith("service:") or len(group) > MAX_GROUP:  # unconfirmed wording
        raise InvalidParameterException(
            f"Invalid group: at most {MAX_GROUP} characters, and the prefix service: belongs to the service scheduler."
        )
    if request.get("propagateTags") == "SERVICE":  # unconfirmed wording
        raise InvalidParameterException("propagateTags must be TASK_DEFINITION or NONE for a standalone task.")


def _where_to_run(cluster: Cluster, request: m.RunTaskRequest) -> tuple[list[dict[str, Any]], str]:
    """The strategy and the launch type that its tasks will report."""
    launch_type, items = request.get("launchType"), request.get("capacityProviderStrategy")
    if launch_type and items:
        raise InvalidParameterException("Specify either Launch Type or Capacity Provider Strategy, but not both.")
    if launch_type == "MANAGED_INSTANCES":  # unconfirmed wording
        raise InvalidParameterException("MANAGED_INSTANCES can only be used with a capacity provider strategy.")
    if launch_type:
        return [], launch_type
    if items:
        check_strategy(items, cluster.capacity_providers, cluster.managed_providers)
        return echoed_strategy(items), launch_type_of(items, cluster.managed_providers)
    if cluster.default_strategy:
        check_default_weights(cluster.default_strategy)
        return cluster.default_strategy, launch_type_of(cluster.default_strategy, cluster.managed_providers)
    return [], "EC2"


def _check_emulated(request: m.RunTaskRequest) -> None:
    if request.get("volumeConfigurations"):
        raise NotEmulatedYet("Homeport does not emulate volumeConfigurations (Amazon EBS volumes) yet.")


def _adopted(call: Call, unknown: tuple[str, ...]) -> list[str]:
    """Says that placeholders nobody created were taken as part of the default VPC."""
    if not unknown:
        return []
    text = f"never created, so adopted into the default VPC: {', '.join(unknown)}"
    call.warn(text)
    return [text]


def _tags(cluster: Cluster, definition: TaskDefinition, request: Mapping[str, Any]) -> list[dict[str, str]]:
    return task_tags(
        validate_tags(request.get("tags", ())),
        propagated=definition.tags if request.get("propagateTags") == "TASK_DEFINITION" else (),
        cluster=cluster.name if request.get("enableECSManagedTags") else None,
    )
