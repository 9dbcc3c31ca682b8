"""What a task of a definition will be, for RunTask, StartTask and services alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.tasks.launch_settings import check_emulated
from emulator.domain.tasks.task_overrides import EffectiveTask, apply_overrides
from emulator.wire.call import Call


def effective_task(
    call: Call, definition: TaskDefinition, launch_type: str, overrides: Mapping[str, Any] | None
) -> EffectiveTask:
    """The definition after the overrides, once Homeport is known to act on all of it. Raises NotEmulatedYet where it
    does not, and what `apply_overrides` raises."""
    effective = apply_overrides(definition.body, overrides, launch_type=launch_type)
    check_emulated(
        effective.definition,
        allow_privileged=call.facts.allow_privileged,
        allow_host_network=call.facts.allow_host_network,
        allow_host_paths=call.facts.allow_host_paths,
        s3_folder=call.facts.s3_folder,
    )
    return effective
