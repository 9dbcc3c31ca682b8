"""Images of public repositories: put, described by image and by tag, deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_errors import ImageNotFoundException, ImageReferencedByManifestList
from emulator.domain.ecr.manifest import is_tag
from emulator.domain.errors import InvalidParameterException
from emulator.registry import repository as store
from emulator.services.ecr_public.lookup import named, repository_of
from emulator.store.ecr_tables import IMAGE_TAGS
from emulator.wire.call import Call

Request = Mapping[str, Any]
Answer = dict[str, Any]

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")


class _Refused(Exception):
    """One image id of a batch cannot be deleted."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def put_image(call: Call, request: Request) -> Answer:
    """The manifest's layers, or a list's images, must be there. Tags always move."""
    repository = repository_of(call, request)
    tag, body = request.get("imageTag"), request["imageManifest"]
    image = store.put_manifest(
        call.tx, repository, body.encode(), now=call.now, media_type=request.get("imageManifestMediaType"),
        tags=() if tag is None else (tag,), digest=request.get("imageDigest"),
    )  # fmt: skip
    image_id = {"imageDigest": image.digest} if tag is None else {"imageDigest": image.digest, "imageTag": tag}
    shown = {"imageId": image_id, "imageManifest": body, "imageManifestMediaType": image.media_type}
    return {"image": {**named(repository), **shown}}


def describe_images(call: Call, request: Request) -> Answer:
    """All, or those named: then one that is missing fails the whole call."""
    repository = repository_of(call, request)
    ids = request.get("imageIds")
    if ids:
        if request.get("nextToken") or request.get("maxResults"):
            raise InvalidParameterException("Both imageIds and pagination parameters cannot be specified")
        found = [store.find_image_by_id(call.reader, repository, i.get("imageDigest"), i.get("imageTag")) for i in ids]
        unique = {image.digest: image for image in found}
        return {"imageDetails": [_detail(call, repository, image) for image in unique.values()]}
    page = call.page(request, store.list_images(call.reader, repository), key=lambda image: image.digest)
    details = [_detail(call, repository, image) for image in page.items]
    return {"imageDetails": details, "nextToken": page.next_token}


def describe_image_tags(call: Call, request: Request) -> Answer:
    """By tag; untagged images are not there."""
    repository = repository_of(call, request)
    where = {"account": repository.account, "repository": repository.name}
    tags = call.reader.find(IMAGE_TAGS, region=repository.region, **where)  # type: ignore[arg-type]
    page = call.page(request, tags, key=lambda one: one.tag)
    details = []
    for one in page.items:
        image = store.find_image_by_id(call.reader, repository, one.digest, None)
        detail = {"imageTag": one.tag, "createdAt": one.tagged_at, "imageDetail": _facts(image)}
        details.append(detail)
    return {"imageTagDetails": details, "nextToken": page.next_token}


def batch_delete_image(call: Call, request: Request) -> Answer:
    """By tag: that tag, and with its last tag the image. By digest: the image with all its tags."""
    repository = repository_of(call, request)
    deleted: list[Answer] = []
    failures: list[Answer] = []
    for image_id in request["imageIds"]:
        try:
            deleted += _delete(call, repository, image_id.get("imageDigest"), image_id.get("imageTag"))
        except _Refused as refusal:
            failures.append({"imageId": dict(image_id), "failureCode": refusal.code, "failureReason": str(refusal)})
    return {"imageIds": deleted, "failures": failures}


def _delete(call: Call, repository: Repository, digest: str | None, tag: str | None) -> list[Answer]:
    if digest is None and tag is None:
        raise _Refused("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
    if digest is not None and not _DIGEST.fullmatch(digest):
        text = f"Invalid request parameters: image digest should satisfy the regex '{_DIGEST.pattern}'"
        raise _Refused("InvalidImageDigest", text)
    if tag is not None and not is_tag(tag):
        raise _Refused("InvalidImageTag", "Invalid request parameters: the image tag is not valid")
    try:
        image = store.find_image_by_id(call.tx, repository, digest, tag)
        if tag is not None:
            store.delete_tag(call.tx, repository, tag, call.now)
            return [{"imageDigest": image.digest, "imageTag": tag}]
        tags = store.delete_image(call.tx, repository, image.digest, call.now)
    except ImageNotFoundException as error:
        known = digest and tag and store.find_image(call.tx, repository, tag) is not None
        code = "ImageTagDoesNotMatchDigest" if known else "ImageNotFound"
        raise _Refused(code, "Requested image not found") from error
    except ImageReferencedByManifestList as error:
        raise _Refused("ImageReferencedByManifestList", error.message) from error
    if not tags:
        return [{"imageDigest": image.digest}]
    return [{"imageDigest": image.digest, "imageTag": one} for one in tags]


def _detail(call: Call, repository: Repository, image: Image) -> Answer:
    tags = store.tags_of(call.reader, repository, image.digest)
    return {**named(repository), **_facts(image), **({"imageTags": tags} if tags else {})}


def _facts(image: Image) -> Answer:
    shown = {
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size_bytes,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_media_type,
    }
    return {name: value for name, value in shown.items() if value is not None}
