"""What a lifecycle policy does to the images of a repository at a moment. Pure.

Every rule looks at all images at the same time, as if no other rule had acted; then the rules are applied by priority:
an image belongs to the first rule that sees it, whether or not that rule marks it. Artifacts that refer to a subject
are not selected; they go where their subject goes. Source: Amazon ECR user guide, "Lifecycle policies".
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from emulator.domain.ecr.image import ACTIVE, ARCHIVED, Image
from emulator.domain.ecr.lifecycle_policy import Rule
from emulator.domain.wildcard import matches_wildcard

DAY_S: Final = 24 * 3600.0

EXPIRE: Final = "expire"
TRANSITION: Final = "transition"


@dataclass(frozen=True, slots=True)
class TaggedImage:
    """An image of the repository with all of its tags."""

    image: Image
    tags: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return self.image.digest

    @property
    def storage_class(self) -> str:
        """An image on its way back from the archive is in neither."""
        return {ACTIVE: "standard", ARCHIVED: "archive"}.get(self.image.status, "")


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done with an image. `kind` is expire, or transition to the archive; `priority` is None for an
    artifact whose subject went before this evaluation."""

    one: TaggedImage
    kind: str
    priority: int | None


def evaluate(rules: Sequence[Rule], images: Sequence[TaggedImage], now: float) -> list[Action]:
    """The actions, oldest image first, each image at most once. `now`: seconds since the epoch.

    The time it takes grows with the number of images times the number of rules.
    """
    candidates: dict[str, list[TaggedImage]] = defaultdict(list)
    for one in images:
        if one.image.subject_digest is None:
            candidates[one.storage_class].append(one)
    assigned: set[str] = set()
    actions: dict[str, Action] = {}
    for rule in sorted(rules, key=lambda rule: rule.priority):
        seen = _seen(rule, candidates[rule.storage_class])
        marked = {one.digest for one in _marked(rule, seen, now)}
        for one in seen:
            if one.digest not in assigned:
                assigned.add(one.digest)
                if one.digest in marked:
                    actions[one.digest] = Action(one, rule.action, rule.priority)
    _follow_subjects(images, actions)
    return sorted(actions.values(), key=lambda action: _age_order(action.one))


def _age_order(one: TaggedImage) -> tuple[float, str]:
    return one.image.pushed_at, one.digest


def _seen(rule: Rule, of_class: Sequence[TaggedImage]) -> Sequence[TaggedImage]:
    """What the rule selects of its storage class: by tags. Each prefix or pattern of its list wants a tag."""
    if rule.tag_status == "untagged":
        return [one for one in of_class if not one.tags]
    if rule.tag_status == "any":
        return of_class
    wanted = [*map(_prefix, rule.prefixes), *map(_pattern, rule.patterns)]
    return [one for one in of_class if all(any(map(wants, one.tags)) for wants in wanted)]


def _prefix(prefix: str) -> Callable[[str], bool]:
    return lambda tag: tag.startswith(prefix)


def _pattern(pattern: str) -> Callable[[str], bool]:
    """`*` stands for any run of characters; the pattern is the whole tag's."""
    return lambda tag: matches_wildcard(pattern, tag)


def _marked(rule: Rule, seen: Sequence[TaggedImage], now: float) -> Iterable[TaggedImage]:
    """Those of the seen that the rule's count is exceeded by."""
    if rule.count_type == "imageCountMoreThan":
        newest = heapq.nlargest(rule.count_number, seen, key=lambda one: (_since_in_class(one.image), one.digest))
        kept = {one.digest for one in newest}
        return [one for one in seen if one.digest not in kept]
    since = {"sinceImagePushed": _pushed, "sinceImagePulled": _used, "sinceImageTransitioned": _archived}
    started = since[rule.count_type]
    return [one for one in seen if now - started(one.image) > rule.count_number * DAY_S]


def _since_in_class(image: Image) -> float:
    """What decides which image is newer: an image that came back from the archive counts from then."""
    return image.pushed_at if image.last_activated_at is None else image.last_activated_at


def _pushed(image: Image) -> float:
    return image.pushed_at


def _used(image: Image) -> float:
    """The last recorded pull; without one the push; after a stay in the archive the return from there."""
    pulled = image.pushed_at if image.last_pulled_at is None else image.last_pulled_at
    return pulled if image.last_activated_at is None else max(pulled, image.last_activated_at)


def _archived(image: Image) -> float:
    return image.pushed_at if image.last_archived_at is None else image.last_archived_at


def _follow_subjects(images: Sequence[TaggedImage], actions: dict[str, Action]) -> None:
    """Adds what happens to artifacts: with their subject, or after it when it went in another way."""
    known = {one.digest: one for one in images}
    referrers: dict[str, list[TaggedImage]] = defaultdict(list)
    for one in images:
        if one.image.subject_digest is not None:
            referrers[one.image.subject_digest].append(one)
    moved = deque((digest, action.kind, action.priority) for digest, action in actions.items())
    for digest, those in referrers.items():
        subject = known.get(digest)
        if subject is None:
            for one in those:
                if one.image.subject_deleted_at is not None:
                    actions[one.digest] = Action(one, EXPIRE, None)
                    moved.append((one.digest, EXPIRE, None))
        elif subject is not None and subject.image.status == ARCHIVED and digest not in actions:
            moved.append((digest, TRANSITION, None))
    while moved:
        digest, kind, priority = moved.popleft()
        for one in referrers.get(digest, ()):
            if one.digest not in actions and (kind == EXPIRE or one.image.status == ACTIVE):
                actions[one.digest] = Action(one, kind, priority)
                moved.append((one.digest, kind, priority))


def lists_by_child(images: Iterable[Image]) -> dict[str, set[str]]:
    """For each image that lists name, the digests of these lists. Pass the lists, or all images."""
    found: dict[str, set[str]] = defaultdict(set)
    for image in images:
        for child in image.child_digests:
            if child != image.digest:
                found[child].add(image.digest)
    return found
