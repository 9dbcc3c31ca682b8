"""Layers as the API sees them: which are there, and where one can be fetched from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import ACTIVE
from emulator.domain.ecr.image_errors import LayerInaccessibleException, LayerNotFound
from emulator.registry.auth import TokenSigner
from emulator.registry.repository import find_layer, list_images
from emulator.registry.storage_class import archived_layers
from emulator.services.ecr.lookup import repository_of
from emulator.wire.call import Call

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def batch_check_layer_availability(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """An unknown digest is UNAVAILABLE; one that only archived images have is ARCHIVED; a malformed one a failure."""
    repository = repository_of(call, request)
    archived = archived_layers(call.reader, repository)
    layers: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    for digest in request["layerDigests"]:
        if not _DIGEST.fullmatch(digest):
            failures.append(_failure(digest))
            continue
        link = find_layer(call.reader, repository, digest)
        if link is None:
            layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        else:
            state = "ARCHIVED" if digest in archived else "AVAILABLE"
            shown = {"layerDigest": digest, "layerAvailability": state, "layerSize": link.size}
            layers.append({**shown, "mediaType": _LAYER_TYPE})
    return {"layers": layers, "failures": failures}


def get_download_url_for_layer(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Good for an hour, without a token. Raises LayersNotFoundException; LayerInaccessibleException for a layer that
    no image has, or only archived ones."""
    repository = repository_of(call, request)
    digest = request["layerDigest"]
    where = (repository.account, repository.name, digest)
    if find_layer(call.reader, repository, digest) is None:
        raise LayerNotFound(*where)
    if not any(i.status == ACTIVE and digest in i.blob_digests for i in list_images(call.reader, repository)):
        raise LayerInaccessibleException(*where)
    urls = call.parts.get(TokenSigner).download_urls
    url = urls.url(call.facts.endpoint, repository.account, repository.region, repository.name, digest, call.now)
    return {"downloadUrl": url, "layerDigest": digest}


def _failure(digest: str) -> dict[str, str]:
    if not digest:
        reason = "Invalid request parameters: layer digest cannot be null"
        return {"layerDigest": digest, "failureCode": "MissingLayerDigest", "failureReason": reason}
    reason = f"Invalid request parameters: layer digest should satisfy the regex '{_DIGEST.pattern}'"
    return {"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason}
