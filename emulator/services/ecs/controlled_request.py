"""What requests about a service ask for whose deployments somebody else controls: EXTERNAL and CODE_DEPLOY.

What its tasks are comes with task sets; service_request.py reads those, and every other service's requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.capacity.placement_rules import check_placement
from emulator.domain.service_scheduler import service_rules as rules
from emulator.domain.service_scheduler.deployment_configuration import (
    check_configuration,
    check_configuration_emulated,
    check_controller_strategy,
    echoed_configuration,
)
from emulator.domain.service_scheduler.service import Service
from emulator.services.ecs.service_request import Settings, members_of, settings_of


def external_settings(request: Mapping[str, Any]) -> Settings:
    """The checked settings of a CreateService request for the EXTERNAL controller: what its tasks are comes with task
    sets. `desiredCount` is 0 unless it is said."""
    given = members_of(request)
    if not rules.is_daemon(given):
        given.setdefault("desiredCount", 0)
    rules.check_counts(given)
    rules.check_controller(given, None)
    rules.check_service_emulated(given)
    configuration = given.get("deploymentConfiguration", {})
    full = echoed_configuration(configuration)
    check_configuration(full, daemon=False, given=configuration)
    check_configuration_emulated(full)
    check_placement(given.get("placementConstraints") or (), given.get("placementStrategy") or ())
    return {
        "schedulingStrategy": "REPLICA",
        "healthCheckGracePeriodSeconds": 0,
        "propagateTags": "NONE",
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
        "placementConstraints": [],
        **given,
        "deploymentConfiguration": full,
        "placementStrategy": rules.echoed_placement(given.get("placementStrategy") or ()),
        "availabilityZoneRebalancing": rules.zone_rebalancing(given, full["maximumPercent"]),
        **dict.fromkeys(("launchType", "networkConfiguration", "platformVersion")),
        "capacityProviderStrategy": [],
    }


def controlled_settings(service: Service, request: Mapping[str, Any]) -> Settings:
    """The checked settings after an UpdateService request of a service with task sets; most members belong to those."""
    given, controller = members_of(request), rules.controller_type(service.spec)
    if rules.controller_type(given) == controller:
        given.pop("deploymentController")
    rules.check_controlled_update(controller, given, force=bool(request.get("forceNewDeployment")))
    current = {"networkConfiguration": None, "platformVersion": None, "launchType": None, **settings_of(service)}
    settings = {"capacityProviderStrategy": [], **current, **given}
    rules.check_counts(settings)
    configuration = given.get("deploymentConfiguration", {})
    full = echoed_configuration(configuration, current=current["deploymentConfiguration"])
    check_configuration(full, daemon=False, given=configuration)
    check_controller_strategy(full, controller)
    check_configuration_emulated(full)
    check_placement(settings.get("placementConstraints") or (), settings.get("placementStrategy") or ())
    strategies = rules.echoed_placement(settings.get("placementStrategy") or ())
    return {**settings, "deploymentConfiguration": full, "placementStrategy": strategies}
