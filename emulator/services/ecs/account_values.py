"""The account settings that ECS has: their values, AWS's defaults, and which value holds for a principal.

Source: ECS developer guide, "Access Amazon ECS features with account settings"; defaults of new accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from emulator.store.ecs_tables import ACCOUNT_SETTINGS
from emulator.wire.call import Call


@dataclass(frozen=True, slots=True)
class KnownSetting:
    """`values` are those that may be put; none for a setting that AWS manages."""

    values: tuple[str, ...]
    default: str
    kind: Literal["user", "aws_managed"] = "user"


_SWITCH: Final = ("enabled", "disabled")

KNOWN: Final[dict[str, KnownSetting]] = {
    "awsvpcTrunking": KnownSetting(_SWITCH, "disabled"),
    "containerInsights": KnownSetting(("enhanced", *_SWITCH), "disabled"),
    "containerInstanceLongArnFormat": KnownSetting(_SWITCH, "enabled"),
    "defaultLogDriverMode": KnownSetting(("blocking", "non-blocking"), "non-blocking"),
    "fargateEventWindows": KnownSetting(_SWITCH, "disabled"),
    "fargateFIPSMode": KnownSetting(_SWITCH, "disabled"),
    "fargateTaskRetirementWaitPeriod": KnownSetting(("0", "7", "14"), "7"),
    "guardDutyActivate": KnownSetting((), "off", "aws_managed"),
    "serviceLongArnFormat": KnownSetting(_SWITCH, "enabled"),
    "tagResourceAuthorization": KnownSetting(("on", "off"), "on"),
    "taskLongArnFormat": KnownSetting(_SWITCH, "enabled"),
}


def root_arn(call: Call) -> str:
    """The principal whose settings are the account's defaults."""
    return f"arn:{call.partition}:iam::{call.account}:root"


def effective_value(call: Call, name: str, principal: str | None = None) -> str:
    """The principal's own value (the caller's by default), else the account's, else AWS's."""
    for who in dict.fromkeys((principal or call.caller.arn, root_arn(call))):
        setting = call.reader.get(ACCOUNT_SETTINGS, call.account, call.region, who, name)
        if setting is not None:
            return setting.value
    return KNOWN[name].default
