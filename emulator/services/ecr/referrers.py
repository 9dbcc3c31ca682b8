"""What refers to an image: signatures, SBOMs, attestations, as ListImageReferrers shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import Image
from emulator.domain.ecr.image_errors import InvalidImageDigest
from emulator.domain.ecr.manifest import is_digest
from emulator.registry.repository import list_referrers
from emulator.services.ecr.lookup import repository_of
from emulator.wire.call import Call


def list_image_referrers(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """In the order of their digests; archived ones only when asked for. A subject that is not there has none."""
    repository = repository_of(call, request)
    digest = request["subjectId"]["imageDigest"]
    if not is_digest(digest):
        raise InvalidImageDigest
    wanted = request.get("filter") or {}
    types, status = wanted.get("artifactTypes") or (), wanted.get("artifactStatus", "ACTIVE")
    found = [
        image
        for image in list_referrers(call.reader, repository, digest)
        if status in ("ANY", image.status) and (not types or image.artifact_media_type in types)
    ]
    page = call.page(request, found, key=lambda image: image.digest)
    return {"referrers": [_shown(image) for image in page.items], "nextToken": page.next_token}


def _shown(image: Image) -> dict[str, Any]:
    members = {
        "digest": image.digest,
        "mediaType": image.media_type,
        "artifactType": image.artifact_media_type,
        "size": image.manifest_size,
        "annotations": image.annotations or None,
        "artifactStatus": image.status,
    }
    return {name: value for name, value in members.items() if value is not None}
