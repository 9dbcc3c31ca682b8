"""deploymentConfiguration of a service: its defaults, what ECS refuses in it, what Homeport cannot act on yet.

It knows no tasks; what the percentages mean is deployment.py's. Source: ECS API model (DeploymentConfiguration).
Wordings are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.errors import InvalidParameterException, NotEmulatedYet
from emulator.domain.service_scheduler.lifecycle_stages import PAUSE_STAGES, ROLLING_PAUSE_STAGES

Members = Mapping[str, Any]

REPLICA_PERCENTS: Final = (100, 200)
DAEMON_PERCENTS: Final = (0, 100)
"""minimumHealthyPercent and maximumPercent by default."""
LONGEST_BAKE_MINUTES: Final = 1440


def echoed_configuration(given: Members, *, daemon: bool = False, current: Members | None = None) -> dict[str, Any]:
    """The configuration as ECS answers it; members left out keep their `current` value, or get their default."""
    minimum, maximum = DAEMON_PERCENTS if daemon else REPLICA_PERCENTS
    echoed: dict[str, Any] = {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "maximumPercent": maximum,
        "minimumHealthyPercent": minimum,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    }
    return {**echoed, **(current or {}), **{k: v for k, v in given.items() if v is not None}}


def check_configuration(configuration: Members, *, daemon: bool, given: Members) -> None:
    """Refuse what ECS refuses (InvalidParameterException). `given` is what the request itself said."""
    minimum, maximum = configuration["minimumHealthyPercent"], configuration["maximumPercent"]
    if daemon:
        if given.get("maximumPercent") not in (None, 100):  # observed
            raise InvalidParameterException(
                "The daemon scheduling strategy does not support values for maximumPercent on services. Remove the "
                "maximumPercent value and try again."
            )
    elif minimum == maximum == 100:  # observed
        raise InvalidParameterException(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."
        )
    if not 0 <= minimum <= 100:
        raise InvalidParameterException("minimumHealthyPercent must be between 0 and 100.")
    if maximum < 100:
        raise InvalidParameterException("maximumPercent must be 100 or greater.")
    _check_strategy_members(configuration, given)
    _check_breaker(configuration["deploymentCircuitBreaker"])
    _check_alarms(configuration.get("alarms") or {})
    _check_early_success(configuration.get("earlySuccessCriteria") or {}, minimum)
    if not 0 <= (configuration.get("bakeTimeInMinutes") or 0) <= LONGEST_BAKE_MINUTES:
        raise InvalidParameterException(f"bakeTimeInMinutes must be between 0 and {LONGEST_BAKE_MINUTES}.")


def check_configuration_emulated(configuration: Members, *, daemon: bool = False) -> None:
    """NotEmulatedYet, naming the member, for what would have to act and does not yet. (Whoever asks has refused load
    balancers and Service Connect before.)"""
    strategy, hooks = configuration["strategy"], configuration.get("lifecycleHooks") or ()
    what = None
    if strategy not in ("ROLLING", "BLUE_GREEN"):
        what = f"strategy {strategy}"
    elif strategy == "BLUE_GREEN" and daemon:
        what = "strategy BLUE_GREEN for the DAEMON scheduling strategy"
    elif any(hook.get("targetType") != "PAUSE" for hook in hooks):
        what = "lifecycleHooks with targetType AWS_LAMBDA"
    elif hooks and daemon:
        what = "lifecycleHooks for the DAEMON scheduling strategy"
    if what is not None:
        raise NotEmulatedYet(f"Homeport does not emulate deploymentConfiguration.{what} yet.")


def check_controller_strategy(configuration: Members, controller: str) -> None:
    """Only the ECS deployment controller rolls out by another strategy than ROLLING, and pauses."""
    strategy = configuration["strategy"]
    if strategy != "ROLLING" and controller != "ECS":
        raise InvalidParameterException(f"The {controller} deployment controller does not support strategy {strategy}.")
    if configuration.get("lifecycleHooks") and controller != "ECS":
        raise InvalidParameterException(f"The {controller} deployment controller does not support lifecycleHooks.")


def _check_strategy_members(configuration: Members, given: Members) -> None:
    strategy = configuration["strategy"]
    if given.get("strategy") == "BLUE_GREEN" and given.get("bakeTimeInMinutes") is None:
        raise InvalidParameterException("bakeTimeInMinutes is required for the BLUE_GREEN deployment strategy.")
    for member, needed in (("linearConfiguration", "LINEAR"), ("canaryConfiguration", "CANARY")):
        if configuration.get(member) and strategy != needed:
            raise InvalidParameterException(f"{member} is only valid for the {needed} deployment strategy.")
    if configuration.get("earlySuccessCriteria") and strategy != "ROLLING":
        raise InvalidParameterException("earlySuccessCriteria is only valid for the ROLLING deployment strategy.")
    for hook in configuration.get("lifecycleHooks") or ():
        _check_hook(hook, strategy)


def _check_hook(hook: Members, strategy: str) -> None:
    kind, stages = hook.get("targetType") or "AWS_LAMBDA", hook.get("lifecycleStages") or ()
    if not stages:
        raise InvalidParameterException("lifecycleStages is required for a deployment lifecycle hook.")
    if len(set(stages)) < len(stages):
        raise InvalidParameterException("lifecycleStages of a deployment lifecycle hook cannot contain duplicates.")
    if kind == "AWS_LAMBDA":
        if not hook.get("hookTargetArn"):
            raise InvalidParameterException("hookTargetArn is required for an AWS_LAMBDA deployment lifecycle hook.")
        return
    if hook.get("hookTargetArn"):
        raise InvalidParameterException("hookTargetArn is not applicable for a PAUSE deployment lifecycle hook.")
    for stage in stages:
        if stage not in PAUSE_STAGES:
            raise InvalidParameterException(
                f"PAUSE hooks cannot be configured at the {stage} stage. Valid values are: {', '.join(PAUSE_STAGES)}"
            )
        if strategy == "ROLLING" and stage not in ROLLING_PAUSE_STAGES:  # it would never pause
            raise InvalidParameterException(
                f"PAUSE hooks cannot be configured at the {stage} stage with strategy ROLLING. Valid values are: "
                f"{', '.join(ROLLING_PAUSE_STAGES)}"
            )


def _check_breaker(breaker: Members) -> None:
    threshold = breaker.get("thresholdConfiguration")
    if threshold is None:
        return
    kind, value = threshold["type"], threshold["value"]
    if value < 1 or (kind != "COUNT" and value > 100):
        raise InvalidParameterException(
            f"The deployment circuit breaker threshold value {value} is not valid for type {kind}."
        )


def _check_alarms(alarms: Members) -> None:
    if alarms.get("enable") and not alarms.get("alarmNames"):
        raise InvalidParameterException("alarmNames cannot be empty when deployment alarms are enabled.")


def _check_early_success(criteria: Members, minimum_healthy_percent: int) -> None:
    if not criteria.get("enable"):
        return
    for member in ("healthyPercent", "sourceServiceRevisionCleanup"):
        if criteria.get(member) is None:
            raise InvalidParameterException(f"{member} is required when earlySuccessCriteria is enabled.")
    if not minimum_healthy_percent <= criteria["healthyPercent"] <= 100:
        raise InvalidParameterException("healthyPercent must be between minimumHealthyPercent and 100.")
