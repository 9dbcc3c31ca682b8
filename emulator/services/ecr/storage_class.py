"""Moving images to the archive and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.errors import InvalidParameterException
from emulator.registry.repository import find_image_by_id
from emulator.registry.storage_class import change_storage_class
from emulator.services.ecr.lookup import named, repository_of
from emulator.wire.call import Call


def update_image_storage_class(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """ARCHIVED at once; ACTIVATING for twenty minutes on the way back."""
    repository, image_id = repository_of(call, request), request["imageId"]
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if not digest and not tag:
        raise InvalidParameterException("Invalid request parameters: both tag and digest cannot be null")
    image = find_image_by_id(call.reader, repository, digest, tag)
    changed = change_storage_class(call.tx, repository, image, request["targetStorageClass"], call.now)
    shown = {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}
    return {**named(repository), "imageId": shown, "imageStatus": changed.status}
