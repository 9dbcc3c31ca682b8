"""ECR's two storage classes: standard, and the archive, from which nothing can be pulled until it is restored.

Decides which changes there are and what goes along; not who asks for them, nor when a restoration is looked at. A push
of an archived image restores it at once (`repository.put_manifest`).
Source: Amazon ECR user guide, "Archive storage class"; UpdateImageStorageClass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.image import ACTIVATING, ACTIVE, ARCHIVED, RESTORE_S, Image, Repository
from emulator.domain.ecr.image_errors import ImageStorageClassUpdateNotSupportedException
from emulator.registry.notes import note_image
from emulator.registry.repository import find_image, list_images, list_referrers, lists_naming
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import IMAGES, repository_key


def change_storage_class(tx: Transaction, repository: Repository, image: Image, target: str, now: float) -> Image:
    """To ARCHIVE at once; to STANDARD within `RESTORE_S`. Artifacts that refer to the image go along.

    Raises ImageStorageClassUpdateNotSupportedException: it is there already or on its way, or a list that is not
    archived names it.
    """
    change = {("ARCHIVE", ACTIVE): archive_image, ("STANDARD", ARCHIVED): _begin_restore}.get((target, image.status))
    if change is None:
        raise ImageStorageClassUpdateNotSupportedException(image.digest, image.status, target)
    if target == "ARCHIVE":
        lists = [find_image(tx, repository, digest) for digest in lists_naming(tx, repository, image.digest)]
        if any(one is not None and one.status != ARCHIVED for one in lists):
            raise ImageStorageClassUpdateNotSupportedException(image.digest, image.status, target)
    changed = change(tx, repository, image, now)
    for referrer in _about(tx, repository, image.digest):
        if referrer.status == image.status:
            change(tx, repository, referrer, now)
    return changed


def archive_image(tx: Transaction, repository: Repository, image: Image, now: float) -> Image:
    """The image keeps its tags; pulls of it find nothing."""
    archived = replace(image, status=ARCHIVED, last_archived_at=now)
    tx.put(IMAGES, archived)
    tx.wake("enhanced_scanning", f"{repository.account}/{repository.region}")
    note_image(tx, repository, "image.archived", archived, None, now)
    return archived


def _begin_restore(tx: Transaction, repository: Repository, image: Image, now: float) -> Image:
    restoring = replace(image, status=ACTIVATING, restore_started_at=now)
    tx.put(IMAGES, restoring)
    tx.wake("image_restore", repository_key(repository))
    return restoring


def finish_restores(tx: Transaction, repository: Repository, now: float) -> float | None:
    """Those whose time has come can be pulled again. When the next one's has; None without one."""
    waiting = []
    for image in tx.find(IMAGES, status=ACTIVATING, **_owned(repository)):
        done_at = (image.restore_started_at or 0.0) + RESTORE_S
        if done_at > now:
            waiting.append(done_at)
            continue
        restored = replace(image, status=ACTIVE, last_activated_at=now, restore_started_at=None)
        tx.put(IMAGES, restored)
        tx.wake("enhanced_scanning", f"{repository.account}/{repository.region}")
        note_image(tx, repository, "image.restored", restored, None, now)
    return min(waiting, default=None)


def archived_layers(reader: Reader, repository: Repository) -> set[str]:
    """Digests of blobs that only archived images need."""
    if not reader.count(IMAGES, status=ARCHIVED, **_owned(repository)):
        return set()
    images = list_images(reader, repository)
    archived = {digest for image in images if image.status == ARCHIVED for digest in image.blob_digests}
    return archived - {digest for image in images if image.status != ARCHIVED for digest in image.blob_digests}


def _about(reader: Reader, repository: Repository, digest: str) -> Iterator[Image]:
    """The artifacts that refer to an image, and those that refer to them."""
    met, subjects = {digest}, [digest]
    while subjects:
        for referrer in list_referrers(reader, repository, subjects.pop()):
            if referrer.digest not in met:
                met.add(referrer.digest)
                subjects.append(referrer.digest)
                yield referrer


def _owned(repository: Repository) -> dict[str, Any]:
    return {"account": repository.account, "region": repository.region, "repository": repository.name}
