"""Scaling processes of a group, suspended and resumed: launches, terminations, and what capacity providers ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.capacity.auto_scaling_group import ACTING_PROCESSES, PROCESSES
from emulator.domain.capacity.autoscaling_errors import ValidationError
from emulator.services.autoscaling import finding
from emulator.wire.call import Call

Request = Mapping[str, Any]


def suspend_processes(call: Call, request: Request) -> None:
    """Those that are named, or all. One that is suspended already stays so since then."""
    group = finding.changeable(call, request["AutoScalingGroupName"])
    asked = _named(request)
    without_effect = [name for name in asked if name not in ACTING_PROCESSES]
    if request.get("ScalingProcesses") and without_effect:
        call.warn(f"{', '.join(without_effect)}: suspended and shown; nothing here does it anyway")
    suspended = {**dict.fromkeys(asked, call.now), **group.processes_suspended}
    finding.changed(call, replace(group, processes_suspended=suspended))


def resume_processes(call: Call, request: Request) -> None:
    group = finding.changeable(call, request["AutoScalingGroupName"])
    asked = _named(request)
    left = {name: at for name, at in group.processes_suspended.items() if name not in asked}
    finding.changed(call, replace(group, processes_suspended=left, retry_at=None))


def describe_scaling_process_types(call: Call, request: Request) -> dict[str, Any]:
    return {"Processes": [{"ProcessName": name} for name in PROCESSES]}


def _named(request: Request) -> list[str]:
    asked = list(dict.fromkeys(request.get("ScalingProcesses") or PROCESSES))
    unknown = [name for name in asked if name not in PROCESSES]
    if unknown:  # unconfirmed wording
        raise ValidationError(f"Invalid scaling process: {unknown[0][:255]}. Valid ones are: {', '.join(PROCESSES)}")
    return asked
