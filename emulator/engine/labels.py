"""The labels on everything that the emulator creates in an engine: the only evidence of what is its own.

What lacks our instance label is never touched. Nothing here knows an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

SCHEMA_VERSION: Final = "1"
"""Raised when a label changes meaning; a container of another schema is swept, never adopted."""

SCHEMA: Final = "homeport.schema"
INSTANCE: Final = "homeport.instance"  # which emulator: one per data directory
BOOT: Final = "homeport.boot"  # which start of it
EPHEMERAL: Final = "homeport.ephemeral"  # "true" when that run leaves nothing behind
LOCK: Final = "homeport.lock"  # where that run's lock lies: who sees it can tell whether the run lives
KIND: Final = "homeport.kind"
CLUSTER: Final = "homeport.cluster"  # its ARN
TASK: Final = "homeport.task"  # its ARN
TASK_FAMILY: Final = "homeport.task-definition-family"
TASK_REVISION: Final = "homeport.task-definition-version"
SERVICE: Final = "homeport.service"  # its name, when the task is a service's
CONTAINER: Final = "homeport.container"  # its name in the task definition
FILTERED: Final = "homeport.filtered"  # "true" on a pause container whose packets are filtered
VPC: Final = "homeport.vpc"  # on networks

Kind = Literal["pause", "app", "network", "volume"]


def owned_labels(kind: Kind, instance: str, boot: str, *, ephemeral_lock: str = "") -> dict[str, str]:
    """What every created thing bears. `ephemeral_lock`: of a run that leaves nothing behind."""
    labels = {SCHEMA: SCHEMA_VERSION, INSTANCE: instance, BOOT: boot, KIND: kind}
    if ephemeral_lock:
        labels |= {EPHEMERAL: "true", LOCK: ephemeral_lock}
    return labels


def container_labels(
    owned: Mapping[str, str],
    *,
    cluster: str,
    task: str,
    container: str,
    family: str = "",
    revision: int | None = None,
    service: str = "",
) -> dict[str, str]:
    """The labels of a task's container: what it is owned by, and which container of which task it is.

    The agent's own labels (com.amazonaws.ecs.*), which metadata shows, are the caller's to add.
    """
    labels = {**owned, CLUSTER: cluster, TASK: task, CONTAINER: container}
    if family:
        labels[TASK_FAMILY] = family
    if revision is not None:
        labels[TASK_REVISION] = str(revision)
    if service:
        labels[SERVICE] = service
    return labels


def bears(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all of `wanted` are among `labels`."""
    return all(labels.get(name) == value for name, value in wanted.items())
