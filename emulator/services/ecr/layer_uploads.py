"""Layers brought by the API, part by part. `docker push` brings its own by registry/pushes.py; the two do not mix.

What was acknowledged counts: a part that was written but not answered when the emulator was killed is written again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from emulator.domain.errors import InvalidParameterException, LimitExceededException
from emulator.domain.image import MAXIMUM_PARTS, PART_SIZE, LayerUpload, Repository, UploadParts
from emulator.domain.image_errors import (
    EmptyUploadException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerAlreadyExistsException,
    LayerPartTooSmallException,
    UploadNotFoundException,
)
from emulator.domain.manifest import is_digest
from emulator.registry.blobs import BlobStore
from emulator.registry.repository import find_layer, find_repository, link_layer
from emulator.registry.uploads import DigestMismatch, Upload, UploadBusy, UploadEnded, Uploads
from emulator.services.ecr.lookup import invalid, named, repository_of, repository_to_push
from emulator.store.database import Database, Reader
from emulator.store.ecr_tables import LAYER_UPLOADS
from emulator.wire.call import Call, slow

Request = Mapping[str, Any]
Answer = dict[str, Any]


def initiate_layer_upload(call: Call, request: Request) -> Answer:
    """The id is good for a day. `partSize` is a proposal; all parts but the last have 5 MiB at least."""
    repository = repository_to_push(call, request)
    upload_id = call.ids.uuid()
    row = LayerUpload(repository.account, repository.region, repository.name, upload_id, call.now, parts=UploadParts())
    call.tx.insert(LAYER_UPLOADS, row)
    return {"uploadId": upload_id, "partSize": PART_SIZE}


@slow  # the bytes go to a file; the database's writer is not held meanwhile
def upload_layer_part(call: Call, request: Request) -> Answer:
    """A part begins where the last one ended. Raises InvalidLayerPartException, UploadNotFoundException."""
    first, last, blob = request["partFirstByte"], request["partLastByte"], request["layerPartBlob"]
    with _session(call, request) as (repository, row, upload):
        parts = row.parts or UploadParts()
        if first != parts.received or last - first + 1 != len(blob) or not blob:
            raise InvalidLayerPartException(
                repository.account, repository.name, row.upload_id, max(0, parts.received - 1)
            )
        if parts.count >= MAXIMUM_PARTS:
            raise LimitExceededException(f"A layer upload can have at most {MAXIMUM_PARTS} parts")
        upload.truncate(parts.received)
        upload.receive(io.BytesIO(blob), len(blob))
        with call.parts.get(Database).write() as tx:
            find_repository(tx, repository.account, repository.region, repository.name)
            tx.put(LAYER_UPLOADS, replace(row, parts=parts.with_part(len(blob))))
    return {**named(repository), "uploadId": row.upload_id, "lastByteReceived": last}


@slow  # the whole layer is hashed and synced
def complete_layer_upload(call: Call, request: Request) -> Answer:
    """Every digest given must be one of the bytes that came; the layer is known by the first."""
    digests = request["layerDigests"]
    if not all(is_digest(digest) for digest in digests):
        raise invalid("layerDigests", "must be digests of a supported algorithm (sha256, sha512)")
    with _session(call, request) as (repository, row, upload):
        where = (repository.account, repository.name, row.upload_id)
        parts = row.parts or UploadParts()
        if not parts.count:
            raise EmptyUploadException(*where)
        if parts.too_small:
            raise LayerPartTooSmallException(*where)
        upload.truncate(parts.received)
        try:
            for digest in reversed(digests):
                size = upload.seal(digest)
        except DigestMismatch as error:
            raise InvalidLayerException(*where) from error
        _publish(call, repository, row, upload, digests[0], size)
    call.parts.get(Uploads).forget(row.upload_id)
    return {**named(repository), "uploadId": row.upload_id, "layerDigest": digests[0]}


def _publish(call: Call, repository: Repository, row: LayerUpload, upload: Upload, digest: str, size: int) -> None:
    """File, then row: whoever sees the row finds the file."""
    database = call.parts.get(Database)
    with database.read() as reader:
        if find_layer(reader, repository, digest) is not None:
            raise LayerAlreadyExistsException(repository.account, repository.name, digest)
    with call.parts.get(BlobStore).publishing(upload.path, digest), database.write() as tx:
        find_repository(tx, repository.account, repository.region, repository.name)
        link_layer(tx, repository, digest, size, call.now)
        tx.delete(LAYER_UPLOADS, repository.account, repository.region, repository.name, row.upload_id)


@contextmanager
def _session(call: Call, request: Request) -> Iterator[tuple[Repository, LayerUpload, Upload]]:
    """The upload that a request names, for this request alone. Raises UploadNotFoundException."""
    uploads, database = call.parts.get(Uploads), call.parts.get(Database)
    with database.read() as call.reader:
        repository = repository_of(call, request)
        row = _row(call, call.reader, repository, request["uploadId"])
    try:
        with uploads.taken(row.upload_id, row.algorithm) as upload:
            with database.read() as reader:  # as the request before this one left it
                row = _row(call, reader, repository, row.upload_id)
            yield repository, row, upload
    except UploadBusy as error:
        raise InvalidParameterException("Another request is writing to this upload") from error
    except UploadEnded as error:
        raise UploadNotFoundException(repository.account, repository.name, row.upload_id) from error


def _row(call: Call, reader: Reader, repository: Repository, upload_id: str) -> LayerUpload:
    row = reader.get(LAYER_UPLOADS, repository.account, repository.region, repository.name, upload_id.lower())
    if row is None or row.parts is None or row.expired(call.now):
        raise UploadNotFoundException(repository.account, repository.name, upload_id)
    return row
