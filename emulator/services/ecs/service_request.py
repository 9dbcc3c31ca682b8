"""What a CreateService or UpdateService request asks for, once every rule of AWS has been applied to it.

An update is the service's own settings with the request's members laid over them, checked as a whole. It reads the
cluster, the task definition and the request; it writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from emulator.domain.capacity.capacity_strategy import (
    check_default_weights,
    check_strategy,
    echoed_strategy,
    launch_type_in,
    launch_type_of,
)
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.placement_rules import check_placement
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.service_connect.endpoint import Connected
from emulator.domain.service_scheduler import service_rules as rules
from emulator.domain.service_scheduler.deployment_configuration import (
    check_configuration,
    check_configuration_emulated,
    echoed_configuration,
)
from emulator.domain.service_scheduler.service import Service
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.tasks.launch_settings import (
    check_compatible,
    check_fargate_placement,
    check_network,
    check_public_address,
    platform_version,
)
from emulator.services.ecs import lookup
from emulator.services.ecs.effective_task import effective_task
from emulator.services.ecs.registries import check_registries
from emulator.services.ecs.service_connection import connection
from emulator.store.ecs_tables import ALARM_STATES
from emulator.store.vpc_queries import known_network
from emulator.wire.call import Call

Settings = dict[str, Any]

SETTINGS: Final = (
    "availabilityZoneRebalancing", "capacityProviderStrategy", "deploymentConfiguration", "deploymentController",
    "desiredCount", "enableECSManagedTags", "enableExecuteCommand", "gatewayConnectors",
    "healthCheckGracePeriodSeconds", "launchType", "loadBalancers", "monitoring", "networkConfiguration",
    "placementConstraints", "placementStrategy", "platformVersion", "propagateTags", "role", "schedulingStrategy",
    "serviceConnectConfiguration", "serviceRegistries", "taskDefinition", "volumeConfigurations",
    "vpcLatticeConfigurations",
)  # fmt: skip
"""The members of CreateService that describe a service; UpdateService has a part of them."""

_ECHOED: Final = (
    "availabilityZoneRebalancing", "deploymentConfiguration", "deploymentController", "monitoring",
    "placementConstraints", "placementStrategy", "serviceConnectConfiguration", "serviceRegistries",
)  # fmt: skip
"""Those that Service.spec keeps as they are answered."""


_OF_A_REVISION: Final = (
    "capacityProviderStrategy", "launchType", "networkConfiguration", "platformVersion", "serviceConnectConfiguration",
    "serviceRegistries",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that passed. `settings` have AWS's member names and every default; `launch_type` is that of the
    tasks, `deployment` what tasks of a deployment with these settings are started with."""

    settings: Settings
    definition: TaskDefinition
    launch_type: str
    deployment: Settings
    connect: Connected | None = None


def members_of(request: Mapping[str, Any]) -> Settings:
    """The settings that a request says; null says nothing."""
    return {name: request[name] for name in SETTINGS if name in request and request[name] is not None}


def settings_of(service: Service) -> Settings:
    """A service's settings as a request would say them."""
    settings: Settings = {
        "desiredCount": None if service.is_daemon else service.desired_count,
        "taskDefinition": service.task_definition,
        "schedulingStrategy": service.scheduling_strategy,
        "healthCheckGracePeriodSeconds": service.health_check_grace_period_s,
        "propagateTags": service.propagate_tags,
        "enableECSManagedTags": service.enable_ecs_managed_tags,
        "enableExecuteCommand": service.enable_execute_command,
        "launchType": service.launch_type,
        "capacityProviderStrategy": service.capacity_provider_strategy or None,
        "networkConfiguration": service.network_configuration,
        "platformVersion": service.platform_version,
        **service.spec,
    }
    return {name: value for name, value in settings.items() if value is not None}


def create_settings(call: Call, cluster: Cluster, request: Mapping[str, Any]) -> Asked:
    """The checked settings of a CreateService request."""
    given = members_of(request)
    strategy, launch_type = _where_to_run(cluster, given)
    settings = {**given, "capacityProviderStrategy": strategy, "launchType": None if strategy else launch_type}
    rules.check_counts(settings)
    rules.check_controller(given, launch_type)
    definition = _definition(call, settings.get("taskDefinition"))
    configuration = given.get("deploymentConfiguration", {})
    settings["deploymentConfiguration"] = echoed_configuration(configuration, daemon=rules.is_daemon(settings))
    asked = _checked(call, settings, definition, launch_type, configuration)
    return replace(asked, connect=connection(call, cluster, request["serviceName"], settings, definition.body))


def update_settings(call: Call, cluster: Cluster, service: Service, request: Mapping[str, Any]) -> Asked:
    """The checked settings of a service after an UpdateService request."""
    given, current = members_of(request), settings_of(service)
    settings = {**current, **given}
    launch_type = _where_to_run_now(cluster, service, given, settings)
    if launch_type != "FARGATE" and "platformVersion" not in given:
        settings.pop("platformVersion", None)
    rules.check_counts(settings)
    rules.check_controller(settings, launch_type)
    if "taskDefinition" in given or not service.task_definition:
        definition = _definition(call, given.get("taskDefinition"))
    else:
        found = lookup.find_task_definition(call, service.task_definition)
        if found is None:
            raise ClientException("TaskDefinition not found.")
        definition = found
    configuration = given.get("deploymentConfiguration", {})
    settings["deploymentConfiguration"] = echoed_configuration(
        configuration, current=current["deploymentConfiguration"]
    )
    if current["deploymentConfiguration"]["strategy"] == "BLUE_GREEN":
        # A bake time that was given once need not be said again.
        configuration = {"bakeTimeInMinutes": settings["deploymentConfiguration"]["bakeTimeInMinutes"], **configuration}
    if "availabilityZoneRebalancing" not in given:
        # What a new configuration excludes goes off by itself; only a wish in this request is refused.
        _keep_rebalancing(settings)
    standing = current.get("serviceRegistries") or ()
    asked = _checked(call, settings, definition, launch_type, configuration, standing)
    anew = "serviceConnectConfiguration" in given
    connect = connection(call, cluster, service.name, settings, definition.body, before=service, anew=anew)
    return replace(asked, connect=connect)


def _definition(call: Call, reference: str | None) -> TaskDefinition:
    if not reference:  # unconfirmed wording
        raise InvalidParameterException("TaskDefinition can not be blank.")
    return lookup.launchable_definition(call, reference, ClientException)


def with_settings(service: Service, settings: Settings) -> Service:
    """The service with checked settings; its deployments are another matter. A daemon's desired count follows its
    instances."""
    configuration = settings["deploymentConfiguration"]
    return replace(
        service,
        desired_count=service.desired_count if rules.is_daemon(settings) else settings["desiredCount"],
        scheduling_strategy=settings["schedulingStrategy"],
        launch_type=settings["launchType"],
        capacity_provider_strategy=settings["capacityProviderStrategy"],
        minimum_healthy_percent=configuration["minimumHealthyPercent"],
        maximum_percent=configuration["maximumPercent"],
        health_check_grace_period_s=settings["healthCheckGracePeriodSeconds"],
        propagate_tags=settings["propagateTags"],
        enable_ecs_managed_tags=settings["enableECSManagedTags"],
        enable_execute_command=settings["enableExecuteCommand"],
        network_configuration=settings["networkConfiguration"],
        platform_version=settings["platformVersion"],
        spec={name: settings[name] for name in _ECHOED if settings.get(name) is not None},
    )


def settings_of_revision(settings: Settings) -> Settings:
    """The service's own members that belong to a service revision: a rollback brings them back."""
    return {name: settings[name] for name in _OF_A_REVISION if settings.get(name) is not None}


def _checked(
    call: Call,
    settings: Settings,
    definition: TaskDefinition,
    launch_type: str,
    configuration: Mapping[str, Any],
    registries: Sequence[Mapping[str, Any]] = (),
) -> Asked:
    """`registries` are those that the service has already."""
    body = definition.body
    check_compatible(body, launch_type)
    version = platform_version(settings.get("platformVersion"), launch_type, body)
    placement = check_network(
        body,
        settings.get("networkConfiguration"),
        known_network(call.reader, call.account, call.region),
        strict=call.facts.strict,
    )
    check_public_address(settings.get("networkConfiguration"), launch_type)
    _check_where(settings, launch_type, definition)
    rules.check_load_balancers(settings, body)
    check_registries(call, settings, body, registries)
    rules.check_volumes(settings, body)
    rules.check_exec(settings, body)
    full = settings["deploymentConfiguration"]
    check_configuration(full, daemon=rules.is_daemon(settings), given=configuration)
    rebalancing = rules.zone_rebalancing(settings, full["maximumPercent"])
    _check_emulated(call, settings, definition, launch_type)
    for name in placement.unknown if placement else ():
        call.warn(f"{name} was never created; it is adopted into the default VPC")
    _warn_of_alarms(call, full.get("alarms") or {})
    network = settings.get("networkConfiguration") if placement else None
    complete = _with_defaults(settings, definition, rebalancing, _echoed_network(network))
    return Asked(complete, definition, launch_type, _deployment_spec(complete, launch_type, version))


def _warn_of_alarms(call: Call, alarms: Mapping[str, Any]) -> None:
    """A name that nobody knows is taken, as the alarm may come; it says so."""
    for name in alarms.get("alarmNames") or () if alarms.get("enable") else ():
        if call.reader.get(ALARM_STATES, call.account, call.region, name) is None:
            call.warn(f"there is no alarm {name}; it watches nothing until `homeport alarm` gives it a state")


def _check_where(settings: Settings, launch_type: str, definition: TaskDefinition) -> None:
    constraints, strategies = settings.get("placementConstraints") or (), settings.get("placementStrategy") or ()
    if launch_type == "FARGATE":
        check_fargate_placement(constraints, strategies)
    else:
        check_placement(constraints, strategies, already=len(definition.body.get("placementConstraints") or ()))


def _check_emulated(call: Call, settings: Settings, definition: TaskDefinition, launch_type: str) -> None:
    rules.check_service_emulated(settings)
    check_configuration_emulated(settings["deploymentConfiguration"], daemon=rules.is_daemon(settings))
    effective_task(call, definition, launch_type, None)


def _with_defaults(
    settings: Settings, definition: TaskDefinition, rebalancing: str, network: Settings | None
) -> Settings:
    on_fargate = launch_type_in(settings) == "FARGATE"
    return {
        "schedulingStrategy": "REPLICA",
        "healthCheckGracePeriodSeconds": 0,
        "propagateTags": "NONE",
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
        "deploymentController": {"type": "ECS"},
        "placementConstraints": [],
        **settings,
        "taskDefinition": definition.arn,
        "launchType": settings.get("launchType"),
        "capacityProviderStrategy": settings.get("capacityProviderStrategy") or [],
        "placementStrategy": rules.echoed_placement(settings.get("placementStrategy") or ()),
        "availabilityZoneRebalancing": rebalancing,
        "networkConfiguration": network,
        "serviceRegistries": settings.get("serviceRegistries") or None,
        "platformVersion": (settings.get("platformVersion") or "LATEST") if on_fargate else None,
    }


def _deployment_spec(settings: Settings, launch_type: str, version: str | None) -> Settings:
    spec: Settings = {"networkConfiguration": settings["networkConfiguration"], "platformVersion": version}
    if settings["capacityProviderStrategy"]:
        spec["capacityProviderStrategy"] = settings["capacityProviderStrategy"]
    else:
        spec["launchType"] = launch_type
    if launch_type == "FARGATE":
        spec["platformFamily"] = "Linux"
    spec["serviceConnectConfiguration"] = settings.get("serviceConnectConfiguration")
    spec["serviceRegistries"] = settings.get("serviceRegistries") or None
    spec["monitoring"] = settings.get("monitoring")
    return {name: value for name, value in spec.items() if value is not None}


def _echoed_network(network: Mapping[str, Any] | None) -> Settings | None:
    if network is None:
        return None
    awsvpc = network["awsvpcConfiguration"]
    return {
        "awsvpcConfiguration": {
            "subnets": list(awsvpc["subnets"]),
            "securityGroups": list(awsvpc.get("securityGroups") or ()),
            "assignPublicIp": awsvpc.get("assignPublicIp") or "DISABLED",
        }
    }


def task_set_settings(
    call: Call, cluster: Cluster, service: Service, request: Mapping[str, Any]
) -> tuple[TaskDefinition, Settings]:
    """What the tasks of a CreateTaskSet request are: the task definition, and the members they are started with."""
    given = members_of(request)
    strategy, launch_type = _where_to_run(cluster, given)
    settings = {**given, "capacityProviderStrategy": strategy, "launchType": None if strategy else launch_type}
    definition = lookup.launchable_definition(call, settings["taskDefinition"], ClientException)
    body = definition.body
    check_compatible(body, launch_type)
    version = platform_version(settings.get("platformVersion"), launch_type, body)
    known = known_network(call.reader, call.account, call.region)
    placement = check_network(body, settings.get("networkConfiguration"), known, strict=call.facts.strict)
    check_public_address(settings.get("networkConfiguration"), launch_type)
    rules.check_exec({"enableExecuteCommand": service.enable_execute_command}, body)
    where = {name: service.spec.get(name) for name in ("placementConstraints", "placementStrategy")}
    _check_where(where, launch_type, definition)
    rules.check_load_balancers(settings, body)
    check_registries(call, settings, body)
    settings["deploymentConfiguration"] = echoed_configuration({})
    _check_emulated(call, settings, definition, launch_type)
    for name in placement.unknown if placement else ():
        call.warn(f"{name} was never created; it is adopted into the default VPC")
    settings["networkConfiguration"] = _echoed_network(settings.get("networkConfiguration") if placement else None)
    return definition, _deployment_spec(settings, launch_type, version)


def _where_to_run(cluster: Cluster, given: Settings) -> tuple[list[dict[str, Any]], str]:
    """The strategy of a new service (empty: a launch type) and the launch type of its tasks."""
    launch_type, items = given.get("launchType"), given.get("capacityProviderStrategy")
    if launch_type and items:
        raise InvalidParameterException("Specify either Launch Type or Capacity Provider Strategy, but not both.")
    if launch_type == "MANAGED_INSTANCES":  # unconfirmed wording
        raise InvalidParameterException("MANAGED_INSTANCES can only be used with a capacity provider strategy.")
    if launch_type:
        return [], launch_type
    if items:
        check_strategy(items, cluster.capacity_providers, cluster.managed_providers)
        return echoed_strategy(items), launch_type_of(items, cluster.managed_providers)
    if cluster.default_strategy and not rules.is_daemon(given):
        check_default_weights(cluster.default_strategy)
        return cluster.default_strategy, launch_type_of(cluster.default_strategy, cluster.managed_providers)
    return [], "EC2"


def _where_to_run_now(cluster: Cluster, service: Service, given: Settings, settings: Settings) -> str:
    """The launch type after an update, which only a strategy can change; an empty one goes back to a launch type."""
    items = given.get("capacityProviderStrategy")
    if items:
        check_strategy(items, cluster.capacity_providers, cluster.managed_providers)
        settings["capacityProviderStrategy"] = echoed_strategy(items)
        settings["launchType"] = None
        return launch_type_of(items, cluster.managed_providers)
    if service.capacity_provider_strategy:
        before = launch_type_of(service.capacity_provider_strategy, cluster.managed_providers)
        if items is None:
            return before
        settings["launchType"] = before
    if not settings.get("launchType"):
        # One whose controller was EXTERNAL until now, and that never had a primary task set.
        settings["capacityProviderStrategy"], launch_type = _where_to_run(cluster, given)
        settings["launchType"] = None if settings["capacityProviderStrategy"] else launch_type
        return launch_type
    return str(settings["launchType"])


def _keep_rebalancing(settings: Settings) -> None:
    kept = settings.pop("availabilityZoneRebalancing", "DISABLED")
    if kept == "DISABLED":
        settings["availabilityZoneRebalancing"] = "DISABLED"
