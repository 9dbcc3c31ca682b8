"""Layers brought by the API, part by part: registry/layer_parts.py takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import MAXIMUM_PARTS, PART_SIZE, Repository
from emulator.registry import layer_parts
from emulator.registry.blobs import BlobStore
from emulator.registry.layer_parts import LayerParts
from emulator.registry.uploads import Uploads
from emulator.services.ecr.lookup import named, repository_of, repository_to_push
from emulator.store.database import Database
from emulator.wire.call import Call, slow

Request = Mapping[str, Any]
Answer = dict[str, Any]


def initiate_layer_upload(call: Call, request: Request) -> Answer:
    """The id is good for a day. `partSize` is a proposal; all parts but the last have 5 MiB at least."""
    upload_id = call.ids.uuid()
    layer_parts.begin(call.tx, repository_to_push(call, request), upload_id, call.now)
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
