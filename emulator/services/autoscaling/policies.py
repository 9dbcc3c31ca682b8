"""Scaling policies: the one that ECS gives the group of a capacity provider with managed scaling. Others are not
emulated; who scales a group otherwise sets its desired capacity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.capacity_provider import CapacityProvider, scaling_policy_id
from emulator.services.autoscaling import finding
from emulator.store.autoscaling_tables import GROUPS
from emulator.store.ecs_tables import CAPACITY_PROVIDERS
from emulator.wire.call import Call


def describe_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    here: dict[str, Any] = {"account": call.account, "region": call.region}
    groups = {group.name: group for group in call.reader.find(GROUPS, **here)}
    if "AutoScalingGroupName" in request:
        named = finding.group(call, request["AutoScalingGroupName"])
        groups = {named.name: named}
    shown = [
        _shown(groups[provider.scaling_group], provider)
        for provider in call.reader.find(CAPACITY_PROVIDERS, **here)
        if provider.scales and provider.scaling_group in groups
    ]
    names, kinds = request.get("PolicyNames"), request.get("PolicyTypes")
    chosen = [p for p in shown if not names or p["PolicyName"] in names or p["PolicyARN"] in names]
    chosen = [p for p in chosen if not kinds or p["PolicyType"] in kinds]
    page = call.page(request, sorted(chosen, key=lambda p: str(p["PolicyName"])), key=lambda p: str(p["PolicyName"]))
    return finding.paged("ScalingPolicies", page.items, page.next_token)


def _shown(group: AutoScalingGroup, provider: CapacityProvider) -> dict[str, Any]:
    policy = scaling_policy_id(provider)
    name = f"ECSManagedAutoScalingPolicy-{policy}"
    prefix = group.arn.partition(":autoScalingGroup:")[0]
    return {
        "AutoScalingGroupName": group.name,
        "PolicyName": name,
        "PolicyARN": f"{prefix}:scalingPolicy:{policy}:autoScalingGroupName/{group.name}:policyName/{name}",
        "PolicyType": "TargetTrackingScaling",
        "StepAdjustments": [],
        "Alarms": [],
        "EstimatedInstanceWarmup": provider.managed_scaling["instanceWarmupPeriod"],
        "Enabled": True,
        "TargetTrackingConfiguration": {
            "CustomizedMetricSpecification": {
                "MetricName": "CapacityProviderReservation",
                "Namespace": "AWS/ECS/ManagedScaling",
                "Dimensions": [{"Name": "CapacityProviderName", "Value": provider.name}],
                "Statistic": "Average",
            },
            "TargetValue": float(provider.managed_scaling["targetCapacity"]),
            "DisableScaleIn": False,
        },
    }
