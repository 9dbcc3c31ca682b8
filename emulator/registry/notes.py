"""What happened to images, into the journal: for people, and in the shape in which ECR tells EventBridge.

Writes in the transaction of the change itself; decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.ecr_events import image_action
from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.public_registry import PUBLIC
from emulator.events import journal
from emulator.store.database import Transaction


def note_image(tx: Transaction, repository: Repository, kind: str, image: Image, tag: str | None, now: float) -> None:
    """Something was done with an image: the members of ECR's "Image Action" event, one entry for each tag."""
    detail = {
        "repository-name": repository.name,
        "image-digest": image.digest,
        "manifest-media-type": image.media_type,
        "artifact-media-type": image.artifact_media_type,
        "image-tag": tag,
    }
    note(tx, repository, kind, {name: value for name, value in detail.items() if value is not None}, now)
    if repository.region == PUBLIC:
        return  # ECR Public tells EventBridge nothing
    note(tx, repository, "eventbridge", image_action(repository, kind, image, tag, now), now)


def note(tx: Transaction, repository: Repository, kind: str, detail: Mapping[str, Any], now: float) -> None:
    journal.append(
        tx,
        at=now,
        account=repository.account,
        region=repository.region,
        kind=kind,
        subject=repository.arn,
        detail=detail,
    )
