"""A repository's images as lifecycle policies see them, and what policies decided, done in one transaction.

It knows records, not when policies are looked at (control/ecr/lifecycle.py) nor what they say (domain). Only the images
that are still as they were when it was decided about them are touched: a push meanwhile wins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from emulator.domain.ecr.image import ARCHIVED, Image, Repository
from emulator.domain.ecr.image_errors import ImageReferencedByManifestList
from emulator.domain.ecr.lifecycle_evaluation import EXPIRE, Action, TaggedImage, lists_by_child
from emulator.domain.ecr.manifest import LIST_TYPES
from emulator.registry.repository import delete_image, list_images, tags_of
from emulator.registry.storage_class import archive_image
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import IMAGE_TAGS, IMAGES


@dataclass(slots=True)
class Outcome:
    """What became of actions. `failures` are those that a list stood against, with ECR's reason."""

    done: list[Action] = field(default_factory=list)
    failures: list[tuple[Action, str]] = field(default_factory=list)
    unchanged: int = 0  # the image is another than the one that was decided about


def tagged_images(reader: Reader, repository: Repository) -> list[TaggedImage]:
    """All images of a repository with their tags, in time proportional to their number."""
    tags: dict[str, list[str]] = defaultdict(list)
    for one in reader.find(IMAGE_TAGS, **_owned(repository)):
        tags[one.digest].append(one.tag)
    return [TaggedImage(image, tuple(tags.get(image.digest, ()))) for image in list_images(reader, repository)]


def carry_out(tx: Transaction, repository: Repository, actions: Iterable[Action], now: float) -> Outcome:
    """Does the actions in their order. A child of a list stays while the list does, or while it is not archived."""
    outcome = Outcome()
    lists = {image.digest: image for kind in LIST_TYPES for image in _of_type(tx, repository, kind)}
    naming = lists_by_child(lists.values())
    for action in actions:
        image = tx.get(IMAGES, repository.account, repository.region, repository.name, action.one.digest)
        if image != action.one.image or tuple(tags_of(tx, repository, image.digest)) != action.one.tags:
            outcome.unchanged += 1
            continue
        holding = [digest for digest in sorted(naming.get(image.digest, ())) if _holds(lists, digest, action)]
        if holding:
            outcome.failures.append((action, ImageReferencedByManifestList(holding).message))
            continue
        if action.kind == EXPIRE:
            delete_image(tx, repository, image.digest, now, even_if_listed=True)
            lists.pop(image.digest, None)
        else:
            archived = archive_image(tx, repository, image, now)
            if image.digest in lists:
                lists[image.digest] = archived
        outcome.done.append(action)
    return outcome


def _holds(lists: dict[str, Image], digest: str, action: Action) -> bool:
    found = lists.get(digest)
    return found is not None and (action.kind == EXPIRE or found.status != ARCHIVED)


def _of_type(reader: Reader, repository: Repository, media_type: str) -> list[Image]:
    return reader.find(IMAGES, media_type=media_type, **_owned(repository))


def _owned(repository: Repository) -> dict[str, Any]:
    return {"account": repository.account, "region": repository.region, "repository": repository.name}
