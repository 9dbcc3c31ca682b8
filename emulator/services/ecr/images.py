"""Images: put, listed, described, fetched and deleted through the API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.domain.ecr.image import ACTIVE, Image, Repository
from emulator.domain.ecr.image_errors import ImageNotFoundException, ImageReferencedByManifestList
from emulator.domain.ecr.manifest import is_digest, is_tag
from emulator.domain.ecr.manifest_conversion import converted
from emulator.domain.errors import InvalidParameterException
from emulator.registry import repository as store
from emulator.registry.access import let_in
from emulator.registry.pull_through import PullThroughCache, Wanted
from emulator.registry.signing_orders import order_signings, signing_refusal
from emulator.registry.upstream import UpstreamError, UpstreamNotFound
from emulator.services.ecr.lookup import named, repository_of, repository_to_push
from emulator.services.ecr.scan_views import shown_in_details
from emulator.store.database import Database, Reader
from emulator.store.registry_settings import repository_access
from emulator.wire.authorize import may
from emulator.wire.call import Call, slow

Request = Mapping[str, Any]
Answer = dict[str, Any]

_AT_ONCE = 200

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")


class _Refused(Exception):
    """One image id of a batch cannot be served."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def put_image(call: Call, request: Request) -> Answer:
    """The manifest's layers, or a list's images, must be there."""
    repository = repository_to_push(call, request)
    tag = request.get("imageTag")
    image = store.put_manifest(
        call.tx,
        repository,
        request["imageManifest"].encode(),
        now=call.now,
        media_type=request.get("imageManifestMediaType"),
        tags=() if tag is None else (tag,),
        digest=request.get("imageDigest"),
    )
    order_signings(call.tx, repository, image, lambda arn: _signing_refusal(call, arn), call.now)
    body = request["imageManifest"].encode()
    return {"image": _shown_with(repository, image, tag, image.media_type, body)}


def _signing_refusal(call: Call, profile_arn: str) -> str | None:
    who, enforce = call.caller, call.facts.enforce_iam
    return signing_refusal(call.reader, who.arn, who.account, who.access_key, profile_arn, enforce=enforce)


def list_images(call: Call, request: Request) -> Answer:
    """One entry for each tag; an untagged image once."""
    repository = repository_of(call, request)
    wanted = (request.get("filter") or {}).get("tagStatus", "ANY")
    entries = (
        entry
        for image in _of_status(call, request, repository)
        for entry in _ids(image, store.tags_of(call.reader, repository, image.digest))
        if wanted == "ANY" or ("imageTag" in entry) == (wanted == "TAGGED")
    )
    page = call.page(request, entries, key=lambda e: f"{e['imageDigest']} {e.get('imageTag', '')}")
    return {"imageIds": page.items, "nextToken": page.next_token}


def describe_images(call: Call, request: Request) -> Answer:
    """All of a status, or those named: then one that is missing fails the whole call."""
    repository = repository_of(call, request)
    ids = request.get("imageIds")
    if ids:
        if request.get("nextToken") or request.get("maxResults"):
            raise InvalidParameterException("Both imageIds and pagination parameters cannot be specified")
        images = [store.find_image_by_id(call.reader, repository, i.get("imageDigest"), i.get("imageTag")) for i in ids]
        unique = {image.digest: image for image in images}
        return {"imageDetails": [_detail(call, repository, image) for image in unique.values()]}
    wanted = (request.get("filter") or {}).get("tagStatus", "ANY")
    all_details = (_detail(call, repository, image) for image in _of_status(call, request, repository))
    details = (d for d in all_details if wanted == "ANY" or ("imageTags" in d) == (wanted == "TAGGED"))
    page = call.page(request, details, key=lambda d: str(d["imageDigest"]))
    return {"imageDetails": page.items, "nextToken": page.next_token}


@slow  # an upstream may be asked; the database's writer is not held meanwhile
def batch_get_image(call: Call, request: Request) -> Answer:
    """Each id by itself: found, or a failure. A fetch counts as a pull; a pull-through cache rule brings what is not
    there."""
    refused = _bring(call, request)
    with call.parts.get(Database).write() as call.reader:
        return _get_images(call, request, refused)


def _get_images(call: Call, request: Request, refused: Mapping[str, UpstreamError]) -> Answer:
    repository = repository_of(call, request)
    accepted = request.get("acceptedMediaTypes") or ()
    images, failures = [], []
    for image_id in request["imageIds"]:
        try:
            if (failed := refused.get(_reference(image_id))) is not None:
                raise _Refused(failed.code, str(failed))
            image = _resolve(call, repository, image_id)
            if image.status != ACTIVE:
                raise _Refused("ImageInaccessible", "Requested image is archived")
            manifest = _in_a_form(call, image, image_id, accepted)
        except _Refused as refusal:
            failures.append(_failure(image_id, refusal))
            continue
        store.note_pull(call.tx, image, call.now, call.caller.arn)
        images.append(_shown_with(repository, image, image_id.get("imageTag"), *manifest))
    return {"images": images, "failures": failures}


def _in_a_form(call: Call, image: Image, image_id: Request, accepted: Sequence[str]) -> tuple[str, bytes]:
    """Media type and bytes of the manifest, by a tag in its other form when only that is accepted."""
    body = store.manifest_body(call.reader, image)
    if not accepted or image.media_type in accepted:
        return image.media_type, body
    other = converted(body, image.media_type, accepted) if image_id.get("imageDigest") is None else None
    if other is None:
        raise _Refused("ImageNotFound", "Requested image not found")
    return other


def _bring(call: Call, request: Request) -> dict[str, UpstreamError]:
    """By tag or digest, why an upstream did not give what was not cached."""
    cache, failed = call.parts.get(PullThroughCache), {}
    account, name = str(request.get("registryId") or call.account), request["repositoryName"]
    arn = f"arn:{call.partition}:ecr:{call.region}:{account}:repository/{name}"

    def refusal(reader: Reader, action: str) -> str | None:
        call.reader = reader
        access = repository_access(reader, f"ecr:{action}", arn)
        return may(call, access) or let_in(reader, call.caller.arn, call.caller.account, arn, f"ecr:{action}")

    for image_id in request["imageIds"]:
        reference = _reference(image_id)
        if not is_tag(reference) and not is_digest(reference):
            continue
        try:
            cache.bring(Wanted(account, call.region, name, reference), call.now, refusal)
        except UpstreamNotFound:
            continue
        except UpstreamError as error:
            failed[reference] = error
    return failed


def _reference(image_id: Request) -> str:
    return str(image_id.get("imageDigest") or image_id.get("imageTag") or "")


def batch_delete_image(call: Call, request: Request) -> Answer:
    """By tag: that tag, and with its last tag the image. By digest: the image with all its tags."""
    repository = repository_of(call, request)
    deleted: list[Answer] = []
    failures: list[Answer] = []
    for image_id in request["imageIds"]:
        try:
            deleted += _delete(call, repository, image_id)
        except _Refused as refusal:
            failures.append(_failure(image_id, refusal))
    return {"imageIds": deleted, "failures": failures}


def _delete(call: Call, repository: Repository, image_id: Request) -> list[Answer]:
    image = _resolve(call, repository, image_id)
    tag = image_id.get("imageTag")
    if tag is not None:
        store.delete_tag(call.tx, repository, tag, call.now)
        return [{"imageDigest": image.digest, "imageTag": tag}]
    try:
        tags = store.delete_image(call.tx, repository, image.digest, call.now)
    except ImageReferencedByManifestList as error:
        raise _Refused("ImageReferencedByManifestList", error.message) from error
    return list(_ids(image, tags))


def _resolve(call: Call, repository: Repository, image_id: Request) -> Image:
    """The image of one id of a batch. Raises _Refused with AWS's failure code and reason."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        raise _Refused("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
    if digest is not None and not _DIGEST.fullmatch(digest):
        pattern = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
        text = f"Invalid request parameters: image digest should satisfy the regex '{pattern}'"
        raise _Refused("InvalidImageDigest", text)
    if tag is not None and not is_tag(tag):
        pattern = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
        raise _Refused("InvalidImageTag", f"Invalid request parameters: image tag should satisfy the regex '{pattern}'")
    try:
        return store.find_image_by_id(call.reader, repository, digest, tag)
    except ImageNotFoundException as error:
        both_known = digest and tag and store.find_image(call.reader, repository, tag) is not None
        if both_known and store.find_image(call.reader, repository, str(digest)) is not None:
            raise _Refused("ImageTagDoesNotMatchDigest", "Requested tag does not match the image digest") from error
        raise _Refused("ImageNotFound", "Requested image not found") from error


def _of_status(call: Call, request: Request, repository: Repository) -> Iterator[Image]:
    """Of the status that the filter wants, from where the page begins, as they are asked for; archived images are
    left out unless asked for."""
    wanted = (request.get("filter") or {}).get("imageStatus", "ACTIVE")
    position = (call.after(request) or "").partition(" ")[0]
    first = store.find_image(call.reader, repository, position) if position else None
    batch = [] if first is None else [first]
    while True:
        yield from (image for image in batch if wanted in ("ANY", image.status))
        batch = store.list_images(call.reader, repository, after=position or None, limit=_AT_ONCE)
        if not batch:
            return
        position = batch[-1].digest


def _ids(image: Image, tags: list[str]) -> Iterator[Answer]:
    if not tags:
        yield {"imageDigest": image.digest}
    for tag in tags:
        yield {"imageDigest": image.digest, "imageTag": tag}


def _detail(call: Call, repository: Repository, image: Image) -> Answer:
    tags = store.tags_of(call.reader, repository, image.digest)
    detail = {
        **named(repository),
        "imageDigest": image.digest,
        "imageTags": tags or None,
        "imageSizeInBytes": image.size_bytes,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_media_type,
        "lastRecordedPullTime": image.last_pulled_at,
        "subjectManifestDigest": image.subject_digest,
        "imageStatus": image.status,
        "lastArchivedAt": image.last_archived_at,
        "lastActivatedAt": image.last_activated_at,
        **shown_in_details(call, image),
    }
    return {name: value for name, value in detail.items() if value is not None}


def _shown_with(repository: Repository, image: Image, tag: str | None, media_type: str, manifest: bytes) -> Answer:
    """`imageId` is the image's own, also where the manifest is in its other form (unconfirmed)."""
    image_id = {"imageDigest": image.digest} if tag is None else {"imageDigest": image.digest, "imageTag": tag}
    return {
        **named(repository),
        "imageId": image_id,
        "imageManifest": manifest.decode(),
        "imageManifestMediaType": media_type,
    }


def _failure(image_id: Request, refusal: _Refused) -> Answer:
    return {"imageId": dict(image_id), "failureCode": refusal.code, "failureReason": str(refusal)}
