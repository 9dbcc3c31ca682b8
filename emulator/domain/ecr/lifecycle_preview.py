"""A preview of a lifecycle policy: what it would do, as it stood when the preview was made. Records only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.domain.ecr.lifecycle_evaluation import DAY_S, TRANSITION, Action

IN_PROGRESS = "IN_PROGRESS"
COMPLETE = "COMPLETE"
EXPIRED = "EXPIRED"

PREVIEW_LIFETIME_S = DAY_S
"""After this time a preview's results are no longer shown (unconfirmed)."""


@dataclass(frozen=True, slots=True)
class PreviewedImage:
    """`action` is EXPIRE or TRANSITION, `storage_class` STANDARD or ARCHIVE: upper case, unlike in the policy."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    action: str
    priority: int | None
    storage_class: str


@dataclass(frozen=True, slots=True)
class LifecyclePreview:
    """One per repository: a new one replaces it. Times are seconds since the epoch."""

    account: str
    region: str
    repository: str
    text: str
    started_at: float
    status: str = IN_PROGRESS
    results: tuple[PreviewedImage, ...] = ()

    def status_at(self, now: float) -> str:
        old = self.status == COMPLETE and now - self.started_at > PREVIEW_LIFETIME_S
        return EXPIRED if old else self.status


def previewed(actions: Iterable[Action]) -> tuple[PreviewedImage, ...]:
    """The results, in the order of the actions."""
    return tuple(
        PreviewedImage(
            digest=action.one.digest,
            tags=action.one.tags,
            pushed_at=action.one.image.pushed_at,
            action="TRANSITION" if action.kind == TRANSITION else "EXPIRE",
            priority=action.priority,
            storage_class=action.one.storage_class.upper(),
        )
        for action in actions
    )
