"""Layers of public repositories: which are there, and those brought by the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import PART_SIZE, Repository
from emulator.domain.ecr.public_registry import MAXIMUM_PARTS
from emulator.registry import layer_parts
from emulator.registry.blobs import BlobStore
from emulator.registry.layer_parts import LayerParts
from emulator.registry.repository import find_layer
from emulator.registry.uploads import Uploads
from emulator.services.ecr_public.lookup import named, repository_of
from emulator.store.database import Database
from emulator.wire.call import Call, slow

Request = Mapping[str, Any]
Answer = dict[str, Any]

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")


def batch_check_layer_availability(call: Call, request: Request) -> Answer:
    """An unknown digest is UNAVAILABLE, a malformed one a failure."""
    repository = repository_of(call, request)
    layers: list[Answer] = []
    failures: list[Answer] = []
    for digest in request["layerDigests"]:
        if not _DIGEST.fullmatch(digest):
            code, reason = (
                ("InvalidLayerDigest", f"layer digest should satisfy the regex '{_DIGEST.pattern}'")
                if digest
                else ("MissingLayerDigest", "layer digest cannot be null")
            )
            text = f"Invalid request parameters: {reason}"
            failures.append({"layerDigest": digest, "failureCode": code, "failureReason": text})
            continue
        link = find_layer(call.reader, repository, digest)
        state = {"layerDigest": digest, "layerAvailability": "UNAVAILABLE" if link is None else "AVAILABLE"}
        layers.append(state if link is None else {**state, "layerSize": link.size})
    return {"layers": layers, "failures": failures}


def initiate_layer_upload(call: Call, request: Request) -> Answer:
    """The id is good for a day. `partSize` is a proposal; all parts but the last have 5 MiB at least."""
    upload_id = call.ids.uuid()
    layer_parts.begin(call.tx, repository_of(call, request), upload_id, call.now)
    return {"uploadId": upload_id, "partSize": PART_SIZE}


@slow  # the bytes go to a file; the database's writer is not held meanwhile
def upload_layer_part(call: Call, request: Request) -> Answer:
    repository, last = _repository(call, request), request["partLastByte"]
    _parts(call).take(
        repository, request["uploadId"], request["partFirstByte"], last, request["layerPartBlob"], call.now,
        maximum=MAXIMUM_PARTS,
    )  # fmt: skip
    return {**named(repository), "uploadId": request["uploadId"], "lastByteReceived": last}


@slow  # the whole layer is hashed and synced
def complete_layer_upload(call: Call, request: Request) -> Answer:
    """Every digest given must be one of the bytes that came; the layer is known by the first."""
    repository, digests = _repository(call, request), request["layerDigests"]
    _parts(call).complete(repository, request["uploadId"], digests, call.now)
    return {**named(repository), "uploadId": request["uploadId"], "layerDigest": digests[0]}


def _repository(call: Call, request: Request) -> Repository:
    with call.parts.get(Database).read() as call.reader:
        return repository_of(call, request)


def _parts(call: Call) -> LayerParts:
    return LayerParts(call.parts.get(Database), call.parts.get(BlobStore), call.parts.get(Uploads))
