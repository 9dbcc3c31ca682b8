"""Scaling policies: simple and step scaling, put, executed and deleted, and the one that ECS gives the group of a
capacity provider with managed scaling. There are no metrics that would execute one by itself; messages are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup, clamped
from emulator.domain.capacity.autoscaling_errors import ScalingActivityInProgress, ValidationError
from emulator.domain.capacity.capacity_provider import CapacityProvider, scaling_policy_id
from emulator.domain.capacity.scaling_policy import (
    ADJUSTMENTS,
    PERCENT,
    SIMPLE,
    STEP,
    ScalingPolicy,
    check_steps,
    desired_after,
    step_for,
)
from emulator.domain.errors import NotEmulatedYet
from emulator.services.autoscaling import finding
from emulator.store.autoscaling_tables import GROUPS, SCALING_POLICIES
from emulator.store.ecs_tables import CAPACITY_PROVIDERS
from emulator.store.scaling_activities import activities_of
from emulator.wire.call import Call

Request = Mapping[str, Any]

_ECHOED: Final = ("EstimatedInstanceWarmup", "MetricAggregationType", "MinAdjustmentStep")


def put_scaling_policy(call: Call, request: Request) -> dict[str, Any]:
    """A new one, or one of the name anew."""
    group = finding.changeable(call, request["AutoScalingGroupName"])
    name, kind = request["PolicyName"], request.get("PolicyType") or SIMPLE
    if kind in ("TargetTrackingScaling", "PredictiveScaling"):
        raise NotEmulatedYet(
            f"Homeport does not emulate scaling policies of type {kind} yet: it has no metrics that they could follow."
        )
    if kind not in (SIMPLE, STEP):
        raise ValidationError(f"PolicyType must be {SIMPLE}, {STEP}, TargetTrackingScaling or PredictiveScaling.")
    before = call.tx.get(SCALING_POLICIES, call.account, call.region, group.name, name)
    policy = ScalingPolicy(
        account=call.account,
        region=call.region,
        scaling_group=group.name,
        name=name,
        arn=before.arn if before else _arn(group, call.ids.uuid(), name),
        kind=kind,
        adjustment_type=request.get("AdjustmentType") or "",
        adjustment=request.get("ScalingAdjustment"),
        magnitude=request.get("MinAdjustmentMagnitude"),
        cooldown_s=request.get("Cooldown"),
        steps=[dict(step) for step in request.get("StepAdjustments", ())],
        enabled=request.get("Enabled", True),
        echoed={member: request[member] for member in _ECHOED if member in request},
    )
    _check(policy)
    call.tx.put(SCALING_POLICIES, policy)
    return {"PolicyARN": policy.arn, "Alarms": []}


def _check(policy: ScalingPolicy) -> None:
    if policy.adjustment_type not in ADJUSTMENTS:
        raise ValidationError(f"AdjustmentType must be one of {', '.join(ADJUSTMENTS)}.")
    if policy.magnitude is not None and policy.adjustment_type != PERCENT:
        raise ValidationError(f"MinAdjustmentMagnitude is only supported with the adjustment type {PERCENT}.")
    if policy.kind == SIMPLE:
        if policy.adjustment is None or policy.steps:
            raise ValidationError("A SimpleScaling policy has a ScalingAdjustment and no StepAdjustments.")
        if policy.adjustment_type == "ExactCapacity" and policy.adjustment < 0:
            raise ValidationError("ScalingAdjustment cannot be negative with the adjustment type ExactCapacity.")
        return
    if policy.adjustment is not None or policy.cooldown_s is not None:
        raise ValidationError("A StepScaling policy has StepAdjustments, and neither ScalingAdjustment nor Cooldown.")
    check_steps(policy.steps)


def execute_policy(call: Call, request: Request) -> None:
    """Sets the desired capacity. With HonorCooldown ScalingActivityInProgress while the group scales or cools down."""
    policy = _named(call, request)
    group = finding.changeable(call, policy.scaling_group)
    if not policy.enabled:
        raise ValidationError(f"The scaling policy {policy.name} is disabled.")
    if policy.kind == STEP:
        value, threshold = request.get("MetricValue"), request.get("BreachThreshold")
        if value is None or threshold is None:
            raise ValidationError("MetricValue and BreachThreshold must be specified for a StepScaling policy.")
        adjustment = step_for(policy, value, threshold)
    else:
        adjustment = policy.adjustment or 0
        if request.get("HonorCooldown"):
            _check_cooldown(call, group, policy)
    desired = clamped(group, desired_after(policy, adjustment, group.desired))
    if desired == group.desired:
        return
    cause = (
        f"a user request executed policy {policy.name} changing the desired capacity from {group.desired} to {desired}"
    )
    finding.changed(call, replace(group, desired=desired, cause=cause, retry_at=None))


def _check_cooldown(call: Call, group: AutoScalingGroup, policy: ScalingPolicy) -> None:
    seconds = policy.cooldown_s if policy.cooldown_s is not None else int(group.echoed.get("DefaultCooldown", 300))
    for activity in activities_of(call.reader, call.account, call.region, group.name, limit=1):
        if activity.ended_at is None or call.now < activity.ended_at + seconds:
            raise ScalingActivityInProgress(f"The cooldown of Auto Scaling group {group.name} has not passed yet.")


def delete_policy(call: Call, request: Request) -> None:
    policy = _named(call, request)
    call.tx.delete(SCALING_POLICIES, call.account, call.region, policy.scaling_group, policy.name)


def _named(call: Call, request: Request) -> ScalingPolicy:
    """By name and group, or by ARN. ValidationError for none, and for ECS's own."""
    here: dict[str, Any] = {"account": call.account, "region": call.region}
    group, name = request.get("AutoScalingGroupName"), request["PolicyName"]
    if group is not None:
        here["scaling_group"] = finding.group(call, group).name
    elif not name.startswith("arn:"):
        raise ValidationError("AutoScalingGroupName must be specified with the name of a policy.")
    for policy in call.reader.find(SCALING_POLICIES, **here):
        if name in (policy.name, policy.arn):
            return policy
    if any(name in (shown["PolicyName"], shown["PolicyARN"]) for shown in _of_ecs(call, group)):
        raise ValidationError(f"The scaling policy {name[:255]} is managed by Amazon ECS.")
    raise ValidationError(f"Policy name not found - No policy found with name {name[:255]}")


def describe_policies(call: Call, request: Request) -> dict[str, Any]:
    here: dict[str, Any] = {"account": call.account, "region": call.region}
    group = request.get("AutoScalingGroupName")
    if group is not None:
        here["scaling_group"] = finding.group(call, group).name
    shown = [_shown(policy) for policy in call.reader.find(SCALING_POLICIES, **here)] + _of_ecs(call, group)
    names, kinds = request.get("PolicyNames"), request.get("PolicyTypes")
    chosen = [p for p in shown if not names or p["PolicyName"] in names or p["PolicyARN"] in names]
    chosen = [p for p in chosen if not kinds or p["PolicyType"] in kinds]
    page = call.page(request, sorted(chosen, key=_key), key=_key)
    return finding.paged("ScalingPolicies", page.items, page.next_token)


def _key(shown: Mapping[str, Any]) -> str:
    return f"{shown['PolicyName']} {shown['PolicyARN']}"


def _arn(group: AutoScalingGroup, policy_id: str, name: str) -> str:
    prefix = group.arn.partition(":autoScalingGroup:")[0]
    return f"{prefix}:scalingPolicy:{policy_id}:autoScalingGroupName/{group.name}:policyName/{name}"


def _shown(policy: ScalingPolicy) -> dict[str, Any]:
    shown = {
        "AutoScalingGroupName": policy.scaling_group,
        "PolicyName": policy.name,
        "PolicyARN": policy.arn,
        "PolicyType": policy.kind,
        "AdjustmentType": policy.adjustment_type,
        "StepAdjustments": policy.steps,
        "Alarms": [],
        "Enabled": policy.enabled,
        **policy.echoed,
    }
    optional = {
        "ScalingAdjustment": policy.adjustment,
        "MinAdjustmentMagnitude": policy.magnitude,
        "Cooldown": policy.cooldown_s,
    }
    return {**shown, **{name: value for name, value in optional.items() if value is not None}}


def _of_ecs(call: Call, name: str | None) -> list[dict[str, Any]]:
    """What ECS gave the group of that name, or all groups: it is there as long as managed scaling is."""
    here: dict[str, Any] = {"account": call.account, "region": call.region}
    groups = {group.name: group for group in call.reader.find(GROUPS, **here) if name in (None, group.name)}
    return [
        _managed(groups[provider.scaling_group], provider)
        for provider in call.reader.find(CAPACITY_PROVIDERS, **here)
        if provider.scales and provider.scaling_group in groups
    ]


def _managed(group: AutoScalingGroup, provider: CapacityProvider) -> dict[str, Any]:
    policy = scaling_policy_id(provider)
    name = f"ECSManagedAutoScalingPolicy-{policy}"
    return {
        "AutoScalingGroupName": group.name,
        "PolicyName": name,
        "PolicyARN": _arn(group, policy, name),
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
