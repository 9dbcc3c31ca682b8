"""Log drivers and FireLens routers of a task definition: required and allowed options, and who needs whom.

It does not know whether a log group exists nor how lines travel.
Source: ECS API model (LogConfiguration, FirelensConfiguration), AWS developer guide "Send Amazon ECS logs".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import refused

Container = Mapping[str, Any]

REQUIRED_OPTIONS: Final = {
    "awslogs": ("awslogs-region", "awslogs-group"),
    "splunk": ("splunk-url", "splunk-token"),
}
AWSLOGS_OPTIONS: Final = frozenset(
    {
        "awslogs-create-group",
        "awslogs-datetime-format",
        "awslogs-group",
        "awslogs-multiline-pattern",
        "awslogs-region",
        "awslogs-stream-prefix",
        "max-buffer-size",
        "mode",
    }
)


# Option -> its values; none where any will do.
FIRELENS_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "enable-ecs-log-metadata": ("true", "false"),
    "config-file-type": ("s3", "file"),
    "config-file-value": (),
}


def check_logging(containers: Sequence[Container], *, on_fargate: bool) -> None:
    """Raise ClientException for missing or unknown options, and for a FireLens router or driver without the other."""
    for container in containers:
        check_log_options(container.get("logConfiguration"), on_fargate=on_fargate)
        _check_router(container)
    routers = sum(bool(container.get("firelensConfiguration")) for container in containers)
    if routers > 1:
        raise refused(text.FIRELENS_TWICE)
    routed = any(log_driver(container) == "awsfirelens" for container in containers)
    if routers and not routed:
        raise refused(text.FIRELENS_WITHOUT_DRIVER)
    if routed and not routers:
        raise refused(text.FIRELENS_DRIVER_WITHOUT_ROUTER)


def log_driver(container: Container) -> str | None:
    """The container's log driver, None when the engine's default is used."""
    configuration = container.get("logConfiguration") or {}
    driver = configuration.get("logDriver")
    return None if driver is None else str(driver)


def check_log_options(configuration: Mapping[str, Any] | None, *, on_fargate: bool) -> None:
    """Raise ClientException for missing or unknown options of a logConfiguration."""
    if configuration is None:
        return
    driver = str(configuration.get("logDriver"))
    options = configuration.get("options") or {}
    secret = {option.get("name") for option in configuration.get("secretOptions") or ()}
    required = REQUIRED_OPTIONS.get(driver, ())
    if driver == "awslogs" and on_fargate:
        required = (*required, "awslogs-stream-prefix")
    missing = [option for option in required if not options.get(option) and option not in secret]
    if missing:
        raise refused(text.LOG_OPTIONS_MISSING, driver=driver, options=", ".join(missing))
    unknown = [option for option in options if driver == "awslogs" and option not in AWSLOGS_OPTIONS]
    if unknown:
        raise refused(text.LOG_OPTIONS_UNKNOWN, driver=driver, options=", ".join(unknown))


def _check_router(container: Container) -> None:
    options = (container.get("firelensConfiguration") or {}).get("options") or {}
    value = str(options.get("config-file-value") or "")
    for option, given in options.items():
        allowed = FIRELENS_OPTIONS.get(option)
        if allowed is None or (allowed and given not in allowed):
            raise refused(text.FIRELENS_OPTION, option=option, container=container.get("name"))
    if options.get("config-file-type") == "s3" and not (value.startswith("arn:") and ":s3:::" in value):
        raise refused(text.ARN_SYNTAX)
