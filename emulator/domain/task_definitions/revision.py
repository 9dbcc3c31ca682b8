"""The records of a task definition's revisions, and of the family that numbers them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A revision. `body` is what RegisterTaskDefinition echoes, without the members held here."""

    account: str
    region: str
    family: str
    revision: int
    arn: str
    status: str  # ACTIVE | INACTIVE | DELETE_IN_PROGRESS
    registered_at: float
    registered_by: str
    body: dict[str, Any]
    deregistered_at: float | None = None
    delete_requested_at: float | None = None
    tags: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Family:
    """Remembers the last revision number of a family for ever, so that none is used twice."""

    account: str
    region: str
    name: str
    last_revision: int
