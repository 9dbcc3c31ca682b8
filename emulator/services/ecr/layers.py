"""Layers as the API sees them. Uploads go through `docker push`; the layer upload API is a later step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.registry.repository import find_layer
from emulator.registry.storage_class import archived_layers
from emulator.services.ecr.lookup import repository_of
from emulator.wire.call import Call

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def batch_check_layer_availability(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """An unknown digest is UNAVAILABLE, one of archived images alone ARCHIVED; a malformed one a failure."""
    repository = repository_of(call, request)
    layers: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    archived = archived_layers(call.reader, repository)
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


def _failure(digest: str) -> dict[str, str]:
    if not digest:
        reason = "Invalid request parameters: layer digest cannot be null"
        return {"layerDigest": digest, "failureCode": "MissingLayerDigest", "failureReason": reason}
    reason = f"Invalid request parameters: layer digest should satisfy the regex '{_DIGEST.pattern}'"
    return {"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason}
