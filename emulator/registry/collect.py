"""Garbage: uploads that nobody will finish, blobs that no image needs. Called at start-up and on demand.

Removes only what cannot be wanted any more: rows first, then files, so that a kill in between leaves files that the
next collection finds. Anything that a request is using, or has just been told to be there, stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from emulator.domain.ecr.image import UPLOAD_LIFETIME_S, LayerLink
from emulator.registry.blobs import BlobStore
from emulator.registry.repository import needed_layers
from emulator.registry.uploads import Uploads
from emulator.store.database import Database, Transaction
from emulator.store.ecr_tables import LAYER_LINKS, LAYER_UPLOADS, REPOSITORIES

UNREFERENCED_LIFETIME_S = UPLOAD_LIFETIME_S
"""How long a blob may wait in a repository for the manifest that names it."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Numbers of what was removed; `bytes` on disk."""

    uploads: int
    links: int
    blobs: int
    bytes: int


def collect(database: Database, blobs: BlobStore, uploads: Uploads, now: float) -> Collected:
    """One whole collection. `now`: seconds since the epoch."""
    dropped = _drop_uploads(database, uploads, now)
    links = _drop_links(database, blobs, now)
    removed, freed = _remove_blobs(database, blobs)
    return Collected(dropped, links, removed, freed)


def _drop_uploads(database: Database, uploads: Uploads, now: float) -> int:
    # Files first, then rows: an upload that starts in between is not among the files.
    known = uploads.known()
    with database.write() as tx:
        rows = tx.find(LAYER_UPLOADS)
        expired = [row for row in rows if row.expired(now)]
        for row in expired:
            tx.delete(LAYER_UPLOADS, row.account, row.region, row.repository, row.upload_id)
    alive = {row.upload_id for row in rows} - {row.upload_id for row in expired}
    return uploads.sweep(known - alive)


def _drop_links(database: Database, blobs: BlobStore, now: float) -> int:
    """Links to blobs that no image of the repository needs, and those whose file a power cut has taken."""
    with database.read() as reader:
        repositories = reader.find(REPOSITORIES)
    dropped = 0
    for repository in repositories:
        # One transaction each: pushes to other repositories go on in between.
        with blobs.unvouching(), database.write() as tx:
            needed = needed_layers(tx, repository)
            links = tx.find(
                LAYER_LINKS, account=repository.account, region=repository.region, repository=repository.name
            )
            for link in links:
                stale = link.digest not in needed and now - link.linked_at > UNREFERENCED_LIFETIME_S
                if (stale and not blobs.vouched(link.digest, now)) or blobs.size(link.digest) is None:
                    dropped += _unlink(tx, link)
    return dropped


def _unlink(tx: Transaction, link: LayerLink) -> bool:
    return tx.delete(LAYER_LINKS, link.account, link.region, link.repository, link.digest)


def _remove_blobs(database: Database, blobs: BlobStore) -> tuple[int, int]:
    """Files that no repository links: (number, bytes)."""
    removed = freed = 0
    for digest in list(blobs.layout.digests()):
        size = blobs.size(digest) or 0
        if blobs.remove_if(digest, partial(_unlinked, database, digest)):
            removed, freed = removed + 1, freed + size
    return removed, freed


def _unlinked(database: Database, digest: str) -> bool:
    with database.read() as reader:
        return reader.count(LAYER_LINKS, digest=digest) == 0
