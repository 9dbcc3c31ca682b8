"""The service registry of a task of Amazon ECS: in which service of Cloud Map it is discovered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Registry:
    """A service registry of a task: the ARN of a Cloud Map service, and which port it tells; `external_id` is that of
    the task set."""

    arn: str
    port: int | None = None
    container: str | None = None
    container_port: int | None = None
    external_id: str | None = None


def registry_of(registries: Sequence[Mapping[str, Any]], external_id: str | None = None) -> Registry | None:
    """Of serviceRegistries, which has one at most."""
    for given in registries:
        return Registry(
            given["registryArn"],
            given.get("port"),
            given.get("containerName"),
            given.get("containerPort"),
            external_id,
        )
    return None
