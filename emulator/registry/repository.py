"""The narrow repository interface: the one place where images, tags and layer links come and go.

The registry (`/v2/`) and the ECR API both go through here, so that a rule holds whichever way a client takes. It works
inside the caller's transaction and raises errors named as AWS names them (`domain.image_errors`). It knows records and
manifests; it must not know HTTP, files or clocks: the bytes of layers are the blob store's, times are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.image import (
    ACTIVE,
    PULL_TIME_RESOLUTION_S,
    Image,
    ImageManifest,
    ImageTag,
    LayerLink,
    Repository,
)
from emulator.domain.ecr.image_errors import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageNotFoundException,
    ImageReferencedByManifestList,
    ImageTagAlreadyExistsException,
    InvalidImageDigest,
    InvalidImageTag,
    InvalidManifest,
    LayersNotFoundException,
    ReferencedImagesNotFoundException,
    RepositoryAlreadyExistsException,
    RepositoryNotEmptyException,
    RepositoryNotFoundException,
)
from emulator.domain.ecr.manifest import (
    LIST_TYPES,
    MANIFEST_LIMIT,
    Manifest,
    digest_of,
    is_digest,
    is_tag,
    parse_manifest,
)
from emulator.registry.notes import note_image
from emulator.registry.quotas import check_layers, check_repositories, check_tags, count_image, uncount_image
from emulator.registry.replication_orders import order_copies, order_deletion, order_untagging
from emulator.registry.scan_orders import forget_scan, scan_on_push
from emulator.registry.signing_orders import forget_signings
from emulator.store.database import AlreadyExists, Reader, Transaction
from emulator.store.ecr_tables import (
    IMAGE_COUNTS,
    IMAGE_TAGS,
    IMAGES,
    LAYER_LINKS,
    LAYER_UPLOADS,
    LIFECYCLE_PREVIEWS,
    MANIFESTS,
    REPOSITORIES,
    repository_key,
)
from emulator.store.registry_settings import pull_is_recorded

# ---------------------------------------------------------------------------------------------- repositories


def find_repository(reader: Reader, account: str, region: str, name: str) -> Repository:
    """Raises RepositoryNotFoundException."""
    repository = reader.get(REPOSITORIES, account, region, name)
    if repository is None:
        raise RepositoryNotFoundException(account, name)
    return repository


def repository_of_key(reader: Reader, key: str) -> Repository | None:
    """By `ecr_tables.repository_key`; None when it is gone."""
    return reader.get(REPOSITORIES, *key.split("/", 2))


def create_repository(tx: Transaction, repository: Repository) -> None:
    """Raises RepositoryAlreadyExistsException, LimitExceededException."""
    if tx.get(REPOSITORIES, repository.account, repository.region, repository.name) is None:
        check_repositories(tx, repository.account, repository.region)
    try:
        tx.insert(REPOSITORIES, repository)
    except AlreadyExists as error:
        raise RepositoryAlreadyExistsException(repository.account, repository.name) from error


def delete_repository(tx: Transaction, repository: Repository, now: float, *, force: bool = False) -> None:
    """With everything in it. Raises RepositoryNotEmptyException when it holds images and `force` is not given."""
    owned = _owned(repository)
    images = tx.find(IMAGES, **owned)
    if images and not force:
        raise RepositoryNotEmptyException(repository.account, repository.name)
    for image in images:
        _remove_image(tx, repository, image, now, replicates=False)
    for link in tx.find(LAYER_LINKS, **owned):
        tx.delete(LAYER_LINKS, *_key(repository), link.digest)
    for upload in tx.find(LAYER_UPLOADS, **owned):
        tx.delete(LAYER_UPLOADS, *_key(repository), upload.upload_id)
    tx.delete(LIFECYCLE_PREVIEWS, *_key(repository))
    tx.delete(IMAGE_COUNTS, *_key(repository))
    tx.delete(REPOSITORIES, repository.account, repository.region, repository.name)


# ---------------------------------------------------------------------------------------------- reading images


def find_image(reader: Reader, repository: Repository, reference: str) -> Image | None:
    """`reference` is a digest (the one with a colon) or a tag."""
    if ":" in reference:
        return reader.get(IMAGES, *_key(repository), reference)
    tag = reader.get(IMAGE_TAGS, *_key(repository), reference)
    return None if tag is None else reader.get(IMAGES, *_key(repository), tag.digest)


def find_image_by_id(reader: Reader, repository: Repository, digest: str | None, tag: str | None) -> Image:
    """An image by digest, by tag, or by both when they agree. Raises ImageNotFoundException."""
    image = find_image(reader, repository, digest or tag or "")
    if image is None or (digest and tag and tag not in tags_of(reader, repository, image.digest)):
        raise ImageNotFoundException(repository.account, repository.name, digest, tag)
    return image


def manifest_body(reader: Reader, image: Image) -> bytes:
    """The exact bytes that were pushed."""
    manifest = reader.get(MANIFESTS, image.account, image.region, image.repository, image.digest)
    assert manifest is not None, f"image {image.digest} has no manifest"
    return manifest.body


def list_images(
    reader: Reader, repository: Repository, *, after: str | None = None, limit: int | None = None
) -> list[Image]:
    """In the order of their digests, those after a digest."""
    position = None if after is None else (after,)
    return reader.find(IMAGES, after=position, limit=limit, **_owned(repository))


def tags_of(reader: Reader, repository: Repository, digest: str) -> list[str]:
    """The tags that point at an image, in lexical order."""
    return reader.column(IMAGE_TAGS, "tag", digest=digest, **_owned(repository))


def list_tags(
    reader: Reader, repository: Repository, *, after: str | None = None, limit: int | None = None
) -> list[str]:
    """In lexical order, those after a tag."""
    position = None if after is None else (after,)
    return reader.column(IMAGE_TAGS, "tag", after=position, limit=limit, **_owned(repository))


def list_referrers(reader: Reader, repository: Repository, subject_digest: str) -> list[Image]:
    """Images whose manifest names the digest as its subject, in the order of their digests."""
    return reader.find(IMAGES, subject_digest=subject_digest, **_owned(repository))


# ---------------------------------------------------------------------------------------------- pushing


def put_manifest(
    tx: Transaction,
    repository: Repository,
    body: bytes,
    *,
    now: float,
    media_type: str | None = None,
    tags: Sequence[str] = (),
    digest: str | None = None,
    replicates: bool = True,
    partial: bool = False,
) -> Image:
    """Makes `body` an image of the repository and points `tags` at it.

    `media_type` is what the client said beside the manifest; `digest`, if given, must be the digest of the bytes
    (its algorithm is kept); `replicates`: the registry's replication rules apply to it; `partial`: what
    a list names need not be there. Raises InvalidManifest,
    InvalidImageTag, InvalidImageDigest, ImageDigestDoesNotMatchException, LayersNotFoundException,
    ReferencedImagesNotFoundException, ImageAlreadyExistsException (nothing would change),
    ImageTagAlreadyExistsException (an immutable tag), LimitExceededException; nothing has been
    written then. The order of the checks is ECR's.
    """
    if len(body) > MANIFEST_LIMIT:
        raise InvalidManifest(f"Member must have length less than or equal to {MANIFEST_LIMIT}")
    if not all(is_tag(tag) for tag in tags):
        raise InvalidImageTag
    manifest = parse_manifest(body, media_type)
    check_layers(manifest)
    digest = _checked_digest(repository, body, digest)
    size = _checked_size(tx, repository, manifest, partial=partial)
    existing = tx.get(IMAGES, *_key(repository), digest)
    moved = _tags_to_move(tx, repository, tags, digest)
    if existing is not None and not moved and existing.status == ACTIVE:
        raise ImageAlreadyExistsException(repository.account, repository.name, digest, tags[0] if tags else None)
    check_tags(tx, repository, digest, len(moved))
    if existing is None:
        count_image(tx, repository)
    image = existing or _image(repository, manifest, digest, len(body), size, now)
    if image.status != ACTIVE:
        image = replace(image, status=ACTIVE, last_activated_at=now, restore_started_at=None)
    # A new tag on an image that is already there counts as a push of it.
    tx.put(IMAGES, replace(image, pushed_at=now))
    if repository.lifecycle_policy_text is not None:
        tx.wake("lifecycle", repository_key(repository))
    if existing is None:
        tx.put(MANIFESTS, ImageManifest(*_key(repository), digest, body))
    for tag in moved:
        tx.put(IMAGE_TAGS, ImageTag(*_key(repository), tag, digest, now))
        tx.wake("pushed_tag", f"{repository_key(repository)}:{tag}")
    if replicates:
        order_copies(tx, repository, digest, moved)
    scan_on_push(tx, repository, replace(image, pushed_at=now), now)
    for pushed in tuple(moved) or (None,):
        note_image(tx, repository, "image.pushed", image, pushed, now)
    return replace(image, pushed_at=now)


def note_pull(tx: Transaction, image: Image, now: float, principal: str = "") -> None:
    """Records that `principal` (an ARN) pulled the image, as ECR does: at most once a day (see `pull_is_due`), and not
    when the registry leaves that one's pulls out."""
    current = tx.get(IMAGES, image.account, image.region, image.repository, image.digest)
    recorded = pull_is_recorded(tx, image.account, image.region, principal)
    if current is not None and recorded and pull_is_due(current, now):
        tx.put(IMAGES, replace(current, last_pulled_at=now))


def pull_is_due(image: Image, now: float) -> bool:
    """Whether a pull now is to be recorded."""
    return image.last_pulled_at is None or now - image.last_pulled_at >= PULL_TIME_RESOLUTION_S


def _checked_digest(repository: Repository, body: bytes, given: str | None) -> str:
    if given is None:
        return digest_of(body)
    if not is_digest(given):
        raise InvalidImageDigest
    if digest_of(body, given.partition(":")[0]) != given:
        raise ImageDigestDoesNotMatchException(repository.account, repository.name, given)
    return given


def _checked_size(reader: Reader, repository: Repository, manifest: Manifest, *, partial: bool) -> int:
    """ECR's imageSizeInBytes; raises when a blob or child is not in the repository."""
    if manifest.media_type in LIST_TYPES:
        children = [(one.digest, reader.get(IMAGES, *_key(repository), one.digest)) for one in manifest.children]
        absent = [digest for digest, image in children if image is None]
        if absent and not partial:
            raise ReferencedImagesNotFoundException(repository.account, repository.name, absent)
        return max((image.size_bytes for _, image in children if image is not None), default=0)
    blobs = [(one.digest, find_layer(reader, repository, one.digest)) for one in manifest.required_blobs]
    missing = [digest for digest, link in blobs if link is None]
    if missing:
        raise LayersNotFoundException(repository.account, repository.name, missing)
    return sum(link.size for _, link in blobs if link is not None)


def _tags_to_move(reader: Reader, repository: Repository, tags: Sequence[str], digest: str) -> list[str]:
    moved = []
    for tag in dict.fromkeys(tags):
        current = reader.get(IMAGE_TAGS, *_key(repository), tag)
        if current is not None and current.digest == digest:
            continue
        if current is not None and not repository.tag_may_move(tag):
            raise ImageTagAlreadyExistsException(repository.name, tag)
        moved.append(tag)
    return moved


def _image(repository: Repository, manifest: Manifest, digest: str, length: int, size: int, now: float) -> Image:
    return Image(
        *_key(repository),
        digest=digest,
        media_type=manifest.media_type,
        manifest_size=length,
        size_bytes=size,
        pushed_at=now,
        artifact_media_type=manifest.artifact_media_type,
        config_digest=None if manifest.config is None else manifest.config.digest,
        blob_digests=tuple(one.digest for one in manifest.required_blobs),
        child_digests=tuple(dict.fromkeys(one.digest for one in manifest.children)),
        subject_digest=manifest.subject_digest,
        annotations=manifest.annotations,
    )


# ---------------------------------------------------------------------------------------------- deleting


def delete_tag(
    tx: Transaction, repository: Repository, tag: str, now: float, *, alone: bool = False, replicates: bool = True
) -> Image:
    """Removes a tag, and with its last tag the image, unless a list still names it or the tag is meant `alone`.

    Raises ImageNotFoundException.
    """
    image = find_image_by_id(tx, repository, None, tag)
    last = not alone and tags_of(tx, repository, image.digest) == [tag]
    if last and not lists_naming(tx, repository, image.digest):
        _remove_image(tx, repository, image, now, replicates=replicates)
    else:
        tx.delete(IMAGE_TAGS, *_key(repository), tag)
        if replicates:
            order_untagging(tx, repository, image.digest, tag)
        note_image(tx, repository, "image.untagged", image, tag, now)
    return image


def delete_image(
    tx: Transaction,
    repository: Repository,
    digest: str,
    now: float,
    *,
    even_if_listed: bool = False,
    replicates: bool = True,
) -> list[str]:
    """Removes an image with all of its tags, which are returned; its blobs are left to garbage collection.

    Raises ImageNotFoundException, ImageReferencedByManifestList unless `even_if_listed`.
    """
    image = find_image_by_id(tx, repository, digest, None)
    lists = [] if even_if_listed else lists_naming(tx, repository, digest)
    if lists:
        raise ImageReferencedByManifestList(lists)
    return _remove_image(tx, repository, image, now, replicates=replicates)


def lists_naming(reader: Reader, repository: Repository, digest: str) -> list[str]:
    """Digests of the manifest lists and indexes that have the image as a child."""
    lists = [image for kind in LIST_TYPES for image in reader.find(IMAGES, media_type=kind, **_owned(repository))]
    return [image.digest for image in lists if digest in image.child_digests and image.digest != digest]


def _remove_image(tx: Transaction, repository: Repository, image: Image, now: float, *, replicates: bool) -> list[str]:
    tags = tags_of(tx, repository, image.digest)
    for tag in tags:
        tx.delete(IMAGE_TAGS, *_key(repository), tag)
    order_deletion(tx, repository, image.digest, replicates=replicates)
    forget_scan(tx, repository, image, now)
    forget_signings(tx, image)
    tx.delete(MANIFESTS, *_key(repository), image.digest)
    uncount_image(tx, repository)
    tx.delete(IMAGES, *_key(repository), image.digest)
    for referrer in list_referrers(tx, repository, image.digest):
        tx.put(IMAGES, replace(referrer, subject_deleted_at=now))
    for gone in tuple(tags) or (None,):
        note_image(tx, repository, "image.deleted", image, gone, now)
    return tags


# ---------------------------------------------------------------------------------------------- layers


def find_layer(reader: Reader, repository: Repository, digest: str) -> LayerLink | None:
    """The repository's own link to a blob: one that lies in other repositories only is not here."""
    return reader.get(LAYER_LINKS, *_key(repository), digest)


def link_layer(tx: Transaction, repository: Repository, digest: str, size: int, now: float) -> None:
    """Makes a stored blob part of the repository; again is fine."""
    tx.put(LAYER_LINKS, LayerLink(*_key(repository), digest, size, now))


def unlink_layer(tx: Transaction, repository: Repository, digest: str) -> bool:
    """Whether there was a link. Images that need the blob are not asked: the caller decides."""
    return tx.delete(LAYER_LINKS, *_key(repository), digest)


def needed_layers(reader: Reader, repository: Repository) -> set[str]:
    """Digests of all blobs that images of the repository need."""
    return _blobs_of(reader.find(IMAGES, **_owned(repository)))


def _blobs_of(images: Iterable[Image]) -> set[str]:
    return {digest for image in images for digest in image.blob_digests}


# ----------------------------------------------------------------------------------------------


def _key(repository: Repository) -> tuple[str, str, str]:
    return (repository.account, repository.region, repository.name)


def _owned(repository: Repository) -> dict[str, Any]:
    return {"account": repository.account, "region": repository.region, "repository": repository.name}
