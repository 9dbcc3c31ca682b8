"""ECR's two storage classes: standard, and the archive, from which nothing can be pulled until it is restored.

Decides nothing about who archives when; a push of the same image restores it (`repository.put_manifest`).
Source: Amazon ECR user guide, "Archive storage class".
"""

from __future__ import annotations

from dataclasses import replace

from emulator.domain.image import ARCHIVED, Image, Repository
from emulator.registry.repository import note_image
from emulator.store.database import Transaction
from emulator.store.ecr_tables import IMAGES


def archive_image(tx: Transaction, repository: Repository, image: Image, now: float) -> Image:
    """The image keeps its tags; pulls of it find nothing."""
    archived = replace(image, status=ARCHIVED, last_archived_at=now)
    tx.put(IMAGES, archived)
    note_image(tx, repository, "image.archived", archived, None, now)
    return archived
