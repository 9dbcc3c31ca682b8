"""Carries out replication: an image, with its layers and what a list names, becomes one of another registry.

All registries of this emulator share one store of blobs: a copy is links to the same bytes and a manifest of its own.
Called by control, one image in one transaction; it decides nothing about when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emulator.domain.ecr.creation_template import REPLICATION
from emulator.domain.ecr.ecr_events import REPLICATION_ACTION, envelope
from emulator.domain.ecr.image import ACTIVE, Image, Repository
from emulator.domain.ecr.image_errors import ImageAlreadyExistsException, ImageTagAlreadyExistsException
from emulator.domain.ecr.replication import Destination, Replication
from emulator.domain.errors import AwsError
from emulator.domain.region import partition_of
from emulator.registry.access import let_in
from emulator.registry.creation import create_by_template
from emulator.registry.notes import note
from emulator.registry.repository import (
    delete_image,
    delete_tag,
    find_image,
    link_layer,
    manifest_body,
    put_manifest,
    tags_of,
)
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import LAYER_LINKS, REPLICATIONS, REPOSITORIES

ACCESS_DENIED = "AccessDenied"
NOT_FOUND = "ImageNotFound"
NOT_ACTIVE = "ImageArchived"


def carry_out(tx: Transaction, order: Replication, now: float) -> None:
    """Does what is ordered, and notes how it ended in the order and in the destination's journal."""
    key = (order.account, order.region, order.repository, order.digest, order.to_account, order.to_region)
    source = tx.get(REPOSITORIES, order.account, order.region, order.repository)
    there = tx.get(REPOSITORIES, order.to_account, order.to_region, order.repository)
    if order.deleted or source is None:
        if there is not None and order.deleted and find_image(tx, there, order.digest) is not None:
            delete_image(tx, there, order.digest, now, even_if_listed=True, replicates=False)
        tx.delete(REPLICATIONS, *key)
        return
    for tag in order.untags if there is not None else ():
        assert there is not None
        if tag in tags_of(tx, there, order.digest):
            delete_tag(tx, there, tag, now, alone=True, replicates=False)
    image = find_image(tx, source, order.digest)
    if image is None:
        tx.delete(REPLICATIONS, *key)
        return
    failure = copy_image(tx, source, image, order.tags, Destination(order.to_account, order.to_region), now)
    tx.put(REPLICATIONS, order.ended(failure))


def copy_image(
    tx: Transaction, source: Repository, image: Image, tags: Iterable[str], to: Destination, now: float
) -> str | None:
    """Makes the image one of the destination, whose repository is made when it is not there. A tag that is taken and
    immutable there is left as it is. The failure code; None when it worked."""
    arn = f"arn:{partition_of(to.region)}:ecr:{to.region}:{to.account}:repository/{source.name}"
    if image.status != ACTIVE:
        return NOT_ACTIVE
    there = tx.get(REPOSITORIES, to.account, to.region, source.name)
    for action in ("ecr:ReplicateImage", *(() if there else ("ecr:CreateRepository",))):
        principal = f"arn:{partition_of(source.region)}:iam::{source.account}:root"
        if let_in(tx, principal, source.account, arn, action) is not None:
            return ACCESS_DENIED
    there = there or create_by_template(tx, to.account, to.region, source.name, REPLICATION, now)
    kept = list(tags)
    try:
        _copy(tx, source, there, image, kept, now)
    except AwsError as error:
        _note(tx, source, there, image, kept, "FAILED", now)
        return error.code
    _note(tx, source, there, image, kept, "SUCCESS", now)
    return None


def _copy(
    tx: Transaction, source: Repository, there: Repository, image: Image, tags: Sequence[str | None], now: float
) -> None:
    for digest in image.child_digests:
        child = find_image(tx, source, digest)
        if child is not None and find_image(tx, there, digest) is None:
            _copy(tx, source, there, child, [], now)
    for digest in image.blob_digests:
        link = tx.get(LAYER_LINKS, source.account, source.region, source.name, digest)
        if link is not None:
            link_layer(tx, there, digest, link.size, now)
    body = manifest_body(tx, image)
    for tag in tags or [None]:
        try:
            _put(tx, there, body, image, tag, now)
        except ImageTagAlreadyExistsException:
            _put(tx, there, body, image, None, now)


def _put(tx: Transaction, there: Repository, body: bytes, image: Image, tag: str | None, now: float) -> None:
    given = () if tag is None else (tag,)
    try:
        put_manifest(
            tx, there, body, now=now, media_type=image.media_type, tags=given, digest=image.digest, replicates=False
        )
    except ImageAlreadyExistsException:
        return


def _note(
    tx: Transaction,
    source: Repository,
    there: Repository,
    image: Image,
    tags: Sequence[str | None],
    result: str,
    now: float,
) -> None:
    for tag in tags or [None]:
        detail = {
            "result": result,
            "repository-name": there.name,
            "image-digest": image.digest,
            "source-account": source.account,
            "action-type": "REPLICATE",
            "source-region": source.region,
            "image-tag": tag,
        }
        told = {name: value for name, value in detail.items() if value is not None}
        note(tx, there, "image.replicated", told, now)
        note(tx, there, "eventbridge", envelope(there, REPLICATION_ACTION, detail, now, resources=[there.arn]), now)


def waiting(reader: Reader) -> list[Replication]:
    """Everything that is still to be done, after a start."""
    return reader.find(REPLICATIONS, status="IN_PROGRESS")
