"""deploymentConfiguration of a service: its defaults, what ECS refuses in it, what Homeport cannot act on yet.

It knows no tasks; what the percentages mean is deployment.py's. Source: ECS API model (DeploymentConfiguration).
Wordings are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.errors import InvalidParameterException, NotEmulatedYet

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
    _check_strategy_members(configuration)
    _check_breaker(configuration["deploymentCircuitBreaker"])
    _check_alarms(configuration.get("alarms") or {})
    _check_early_success(configuration.get("earlySuccessCriteria") or {}, minimum)
    if not 0 <= (configuration.get("bakeTimeInMinutes") or 0) <= LONGEST_BAKE_MINUTES:
        raise InvalidParameterException(f"bakeTimeInMinutes must be between 0 and {LONGEST_BAKE_MINUTES}.")


def check_configuration_emulated(configuration: Members) -> None:
    """NotEmulatedYet, naming the member, for what would have to act and does not yet."""
    wishes = {
        "strategy": configuration["strategy"] != "ROLLING",
        "lifecycleHooks": configuration.get("lifecycleHooks"),
    }
    for member, wished in wishes.items():
        if wished:
            value = f" {configuration[member]}" if member == "strategy" else ""
            raise NotEmulatedYet(f"Homeport does not emulate deploymentConfiguration.{member}{value} yet.")


def _check_strategy_members(configuration: Members) -> None:
    strategy = configuration["strategy"]
    for member, needed in (("linearConfiguration", "LINEAR"), ("canaryConfiguration", "CANARY")):
        if configuration.get(member) and strategy != needed:
            raise InvalidParameterException(f"{member} is only valid for the {needed} deployment strategy.")
    if configuration.get("earlySuccessCriteria") and strategy != "ROLLING":
        raise InvalidParameterException("earlySuccessCriteria is only valid for the ROLLING deployment strategy.")
    for hook in configuration.get("lifecycleHooks") or ():
        if hook.get("targetType") not in (None, "AWS_LAMBDA", "PAUSE"):
            raise InvalidParameterException("Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE")


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
