"""A cluster, and the settings of an account that clusters and tasks go by. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Cluster:
    """`status`: ACTIVE or INACTIVE. `settings`, `configuration`, ... are AWS's members as given."""

    account: str
    region: str
    name: str
    arn: str
    status: str
    created_at: float
    settings: list[dict[str, str]] = field(default_factory=list)
    configuration: dict[str, Any] | None = None
    capacity_providers: list[str] = field(default_factory=list)
    default_strategy: list[dict[str, Any]] = field(default_factory=list)
    service_connect_defaults: dict[str, Any] | None = None
    managed_providers: list[str] = field(default_factory=list)  # those of capacity_providers that were made in it
    attachments_status: str | None = None  # UPDATE_IN_PROGRESS or UPDATE_COMPLETE, once it had a provider that scales
    tags: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """`principal` is an ARN; the root user's settings are the account's defaults."""

    account: str
    region: str
    principal: str
    name: str
    value: str
