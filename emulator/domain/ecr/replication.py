"""Replication of images to other regions and accounts: what is configured, under way, and in a backfill. Pure.

Where a copy goes is decided here; copying is not. Source: Amazon ECR user guide, "Private image replication".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

MAXIMUM_DESTINATIONS: Final = 25
MAXIMUM_BACKFILLS: Final = 10
BACKFILLS_KEPT_S: Final = 90 * 86400.0

IN_PROGRESS, COMPLETE, FAILED = "IN_PROGRESS", "COMPLETE", "FAILED"
PREPARING, STOPPING, STOPPED = "PREPARING", "STOPPING", "STOPPED"
TERMINAL: Final = frozenset({COMPLETE, FAILED, STOPPED})


@dataclass(frozen=True, slots=True)
class Destination:
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class ReplicationRule:
    """`filters` are prefixes of repositories' names; none stands for all. `deletes`: deletions are replicated too."""

    destinations: tuple[Destination, ...]
    filters: tuple[str, ...] = ()
    deletes: bool = False

    def applies_to(self, repository: str) -> bool:
        return not self.filters or any(repository.startswith(one) for one in self.filters)


@dataclass(frozen=True, slots=True)
class ReplicationConfiguration:
    account: str
    region: str
    rules: tuple[ReplicationRule, ...]

    def destinations(self, repository: str, *, deletions: bool = False) -> list[Destination]:
        """Where images of a repository go, or with `deletions` where their deletion goes."""
        rules = [rule for rule in self.rules if rule.applies_to(repository) and (rule.deletes or not deletions)]
        return list(dict.fromkeys(one for rule in rules for one in rule.destinations))


@dataclass(frozen=True, slots=True)
class Replication:
    """One image on its way to one registry, or arrived. `tags` and `untags` are still to be set and taken there;
    `deleted`: the image is to be deleted there, and this forgotten."""

    account: str
    region: str
    repository: str
    digest: str
    to_account: str
    to_region: str
    status: str = IN_PROGRESS
    failure_code: str | None = None
    tags: tuple[str, ...] = ()
    untags: tuple[str, ...] = ()
    deleted: bool = False

    def with_tags(self, tags: tuple[str, ...]) -> Replication:
        return replace(
            self,
            status=IN_PROGRESS,
            failure_code=None,
            tags=tuple(dict.fromkeys((*self.tags, *tags))),
            untags=tuple(tag for tag in self.untags if tag not in tags),
            deleted=False,
        )

    def without_tag(self, tag: str) -> Replication:
        return replace(
            self,
            status=IN_PROGRESS,
            tags=tuple(one for one in self.tags if one != tag),
            untags=tuple(dict.fromkeys((*self.untags, tag))),
        )

    def ended(self, failure_code: str | None) -> Replication:
        """`failure_code` None: it worked."""
        status = COMPLETE if failure_code is None else FAILED
        return replace(self, status=status, failure_code=failure_code, tags=(), untags=())


@dataclass(frozen=True, slots=True)
class Backfill:
    """Copies what was pushed before replication was configured. `total` is known once it is no longer PREPARING."""

    account: str
    region: str
    id: str
    to_account: str
    to_region: str
    status: str
    started_at: float
    ended_at: float | None = None
    failure_code: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class BackfillItem:
    """One image, by one of its tags, of a backfill. `status` is PREPARING until it was copied or failed to be."""

    account: str
    region: str
    backfill: str
    number: int
    repository: str
    digest: str
    tag: str | None = None
    status: str = PREPARING
    failure_code: str | None = None
