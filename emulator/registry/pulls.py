"""What clients read: blobs with ranges, manifests, tags and referrers.

A manifest is given as it was pushed. In ECR's way one that is asked for by a tag is converted between OCI's form and
Docker's when the client accepts only the other; it has another digest then.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from emulator.domain.ecr.image import ACTIVE, Image
from emulator.domain.ecr.image_errors import RepositoryNotFoundException
from emulator.domain.ecr.manifest import OCI_INDEX, digest_of, is_tag
from emulator.domain.ecr.manifest_conversion import converted
from emulator.registry.errors import RegistryError, blob_unknown, manifest_unknown
from emulator.registry.repository import (
    find_image,
    find_layer,
    list_referrers,
    list_tags,
    manifest_body,
    note_pull,
    pull_is_due,
)
from emulator.registry.visit import Answer, Visit, json_answer
from emulator.serve import FileSlice
from emulator.store.database import Reader

_PAGE = 100
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def get_blob(visit: Visit) -> Answer:
    """GET and HEAD of a blob that the repository has; one range of it with `Range`."""
    head = visit.request.method == "HEAD"
    visit.check_digest(visit.item)
    if head:
        # Before the look, so that garbage collection cannot come between it and the answer.
        visit.registry.blobs.vouch(visit.item, visit.now)
    with visit.registry.database.read() as reader:
        repository = visit.repository(reader, "BatchCheckLayerAvailability" if head else "GetDownloadUrlForLayer")
        link = find_layer(reader, repository, visit.item)
    size = None if link is None else visit.registry.blobs.size(visit.item)
    if size is None:
        raise blob_unknown(visit.item)
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": visit.item,
        "Accept-Ranges": "bytes",
    }
    if head:
        return Answer(200, {**headers, "Content-Length": str(size)})
    return _slice(visit, headers, size)


def _slice(visit: Visit, headers: dict[str, str], size: int) -> Answer:
    start, end, status = 0, size, 200
    asked = _RANGE.fullmatch(visit.request.headers.get("Range", "").replace(" ", ""))
    if asked is not None and asked[0] != "bytes=-":
        start, end = _asked_range(asked[1], asked[2], size)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        status = 206
    try:
        file = visit.registry.blobs.open(visit.item)
    except FileNotFoundError as error:
        raise blob_unknown(visit.item) from error
    return Answer(status, headers, FileSlice(file, start, end - start))


def _asked_range(first: str, last: str, size: int) -> tuple[int, int]:
    """[start, end) of a Range header, clipped to the blob. Raises 416 when nothing of it is there."""
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
    else:
        start, end = max(0, size - int(last)), size
    if start >= end:
        raise RegistryError(
            416, "SIZE_INVALID", "The range is not within the layer.", {"Content-Range": f"bytes */{size}"}
        )
    return start, end


def get_manifest(visit: Visit) -> Answer:
    """GET and HEAD by tag or digest, as it was pushed (but see `_other_form`). A GET counts as a pull of the image."""
    _check_reference(visit)
    visit.bring()
    with visit.registry.database.read() as reader:
        repository = visit.repository(reader, "BatchGetImage")
        image = find_image(reader, repository, visit.item)
        if image is None or image.status != ACTIVE:
            raise manifest_unknown()
        head = visit.request.method == "HEAD"
        other = _other_form(visit, reader, image)
        body = b"" if head else manifest_body(reader, image)
    headers = {
        "Content-Type": image.media_type,
        "Content-Length": str(image.manifest_size),
        "Docker-Content-Digest": image.digest,
    }
    if other is not None:
        media_type, converted_body = other
        lengths = {"Content-Length": str(len(converted_body)), "Docker-Content-Digest": digest_of(converted_body)}
        headers, body = {"Content-Type": media_type, **lengths}, b"" if head else converted_body
    if not head and pull_is_due(image, visit.now):
        with visit.registry.database.write() as tx:
            note_pull(tx, image, visit.now, visit.claims.principal)
    return Answer(200, headers, body)


def _other_form(visit: Visit, reader: Reader, image: Image) -> tuple[str, bytes] | None:
    """Media type and bytes of what the client is given in the manifest's place; None for the manifest itself."""
    if not visit.registry.dialect.converts_manifests or ":" in visit.item:
        return None
    accepted = {one.partition(";")[0].strip() for one in visit.request.headers.get("Accept", "").split(",")}
    if image.media_type in accepted or "*/*" in accepted:
        return None
    return converted(manifest_body(reader, image), image.media_type, accepted)


def _check_reference(visit: Visit) -> None:
    """A tag that cannot be is one that is not there: the specification has no other answer for it than 404."""
    if ":" in visit.item:
        visit.check_digest(visit.item)
    elif not is_tag(visit.item):
        raise manifest_unknown()


def get_tags(visit: Visit) -> Answer:
    """Tags in lexical order, `n` of them (all without it) after tag `last`; `Link` leads to the next page."""
    size = _page_size(visit, visit.registry.dialect.tags_page)
    with visit.registry.database.read() as reader:
        repository = visit.repository(reader, "ListImages")
        limit = None if size is None else size + 1
        found = list_tags(reader, repository, after=visit.request.args.get("last"), limit=limit)
    tags = found[:size]
    headers = _link(visit, "tags/list", {"last": tags[-1], "n": str(size)}) if len(tags) < len(found) and tags else {}
    return json_answer({"name": visit.place.shown, "tags": tags}, "application/json", headers)


def get_referrers(visit: Visit) -> Answer:
    """The images whose subject is the digest, as an index; an unknown digest has none. `artifactType` filters."""
    visit.check_digest(visit.item)
    wanted = visit.request.args.get("artifactType")
    size = _page_size(visit, _PAGE) or 0
    with visit.registry.database.read() as reader:
        images = _referrers(visit, reader)
    last = visit.request.args.get("last", "")
    images = [one for one in images if one.digest > last and wanted in (None, one.artifact_media_type)]
    headers = {"OCI-Filters-Applied": "artifactType"} if wanted is not None else {}
    if len(images) > size and size:
        query = {"last": images[size - 1].digest, "n": str(size)}
        if wanted is not None:
            query["artifactType"] = wanted
        headers |= _link(visit, f"referrers/{visit.item}", query)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [_descriptor(one) for one in images[:size]]}
    return json_answer(index, OCI_INDEX, headers)


def _referrers(visit: Visit, reader: Reader) -> list[Image]:
    """None in a repository that does not exist: the specification has no 404 for referrers."""
    try:
        return list_referrers(reader, visit.repository(reader, "ListImageReferrers"), visit.item)
    except RepositoryNotFoundException:
        if visit.registry.dialect.referrers_of_nothing:
            return []
        raise


def _descriptor(image: Image) -> dict[str, object]:
    members: dict[str, object] = {
        "mediaType": image.media_type,
        "size": image.manifest_size,
        "digest": image.digest,
    }
    if image.artifact_media_type is not None:
        members["artifactType"] = image.artifact_media_type
    if image.annotations:
        members["annotations"] = image.annotations
    return members


def _page_size(visit: Visit, without: int | None) -> int | None:
    """What `n` asks for; `without` it, that. None is all there is."""
    text, largest = visit.request.args.get("n"), visit.registry.dialect.largest_page
    if text is None:
        return without
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise RegistryError(400, "UNSUPPORTED", f"'{text}' is no number of results.")
    if largest is not None and int(text) > largest:
        raise RegistryError(
            405,
            "UNSUPPORTED",
            "Invalid parameter at 'maxResults' failed to satisfy constraint: "
            f"'Member must have value less than or equal to {largest}'",
        )
    return int(text)


def _link(visit: Visit, rest: str, query: dict[str, str]) -> dict[str, str]:
    """Absolute, as ECR's is: some clients take the link for a whole address."""
    return {"Link": f'<{visit.origin}{quote(visit.path(rest), safe="/:")}?{urlencode(query)}>; rel="next"'}
