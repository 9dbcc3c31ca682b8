"""Layers brought by an API, part by part. `docker push` brings its own by pushes.py; the two do not mix.

What was acknowledged counts: a part that was written but not answered when the emulator was killed is written again.
It must not know who brings a layer, nor by which API.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from emulator.domain.ecr.image import MAXIMUM_LAYER, LayerUpload, Repository, UploadParts
from emulator.domain.ecr.image_errors import (
    EmptyUploadException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerAlreadyExistsException,
    LayerPartTooSmallException,
    UploadNotFoundException,
)
from emulator.domain.ecr.manifest import is_digest
from emulator.domain.errors import InvalidParameterException, LimitExceededException
from emulator.registry.blobs import BlobStore
from emulator.registry.repository import find_layer, find_repository, link_layer
from emulator.registry.uploads import DigestMismatch, Upload, UploadBusy, UploadEnded, Uploads
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecr_tables import LAYER_UPLOADS


def begin(tx: Transaction, repository: Repository, upload_id: str, now: float) -> None:
    """An upload without parts, good for a day."""
    where = (repository.account, repository.region, repository.name)
    tx.insert(LAYER_UPLOADS, LayerUpload(*where, upload_id, now, parts=UploadParts()))


@dataclass(frozen=True, slots=True)
class LayerParts:
    """What parts are taken with."""

    database: Database
    blobs: BlobStore
    uploads: Uploads

    def take(
        self, repository: Repository, upload_id: str, first: int, last: int, blob: bytes, now: float, *, maximum: int
    ) -> None:
        """A part, which begins where the last one ended; `maximum` parts in all. Raises InvalidLayerPartException,
        UploadNotFoundException, LimitExceededException."""
        with self._session(repository, upload_id, now) as (row, upload):
            parts = row.parts or UploadParts()
            if first != parts.received or last - first + 1 != len(blob) or not blob:
                where = (repository.account, repository.name, row.upload_id)
                raise InvalidLayerPartException(*where, max(0, parts.received - 1))
            if parts.count >= maximum:
                raise LimitExceededException(f"A layer upload can have at most {maximum} parts")
            if parts.received + len(blob) > MAXIMUM_LAYER:
                raise LimitExceededException(f"A layer can have at most {MAXIMUM_LAYER // 1024**2} MiB")
            upload.truncate(parts.received)
            upload.receive(io.BytesIO(blob), len(blob))
            with self.database.write() as tx:
                find_repository(tx, repository.account, repository.region, repository.name)
                tx.put(LAYER_UPLOADS, replace(row, parts=parts.with_part(len(blob))))

    def complete(self, repository: Repository, upload_id: str, digests: Sequence[str], now: float) -> None:
        """Makes it a layer of the repository, by the first digest; every digest must be one of the bytes that came."""
        if not all(is_digest(digest) for digest in digests):
            raise InvalidParameterException(
                "Invalid parameter at 'layerDigests' failed to satisfy constraint: "
                "'must be digests of a supported algorithm (sha256, sha512)'"
            )
        with self._session(repository, upload_id, now) as (row, upload):
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
            self._publish(repository, row, upload, digests[0], size, now)
        self.uploads.forget(row.upload_id)

    def _publish(
        self, repository: Repository, row: LayerUpload, upload: Upload, digest: str, size: int, now: float
    ) -> None:
        """File, then row: whoever sees the row finds the file."""
        with self.database.read() as reader:
            if find_layer(reader, repository, digest) is not None:
                raise LayerAlreadyExistsException(repository.account, repository.name, digest)
        with self.blobs.publishing(upload.path, digest), self.database.write() as tx:
            find_repository(tx, repository.account, repository.region, repository.name)
            link_layer(tx, repository, digest, size, now)
            tx.delete(LAYER_UPLOADS, repository.account, repository.region, repository.name, row.upload_id)

    @contextmanager
    def _session(self, repository: Repository, upload_id: str, now: float) -> Iterator[tuple[LayerUpload, Upload]]:
        """An upload, for this request alone. Raises UploadNotFoundException."""
        with self.database.read() as reader:
            row = _row(reader, repository, upload_id, now)
        try:
            with self.uploads.taken(row.upload_id, row.algorithm) as upload:
                with self.database.read() as reader:  # as the request before this one left it
                    row = _row(reader, repository, upload_id, now)
                yield row, upload
        except UploadBusy as error:
            raise InvalidParameterException("Another request is writing to this upload") from error
        except UploadEnded as error:
            raise UploadNotFoundException(repository.account, repository.name, row.upload_id) from error


def _row(reader: Reader, repository: Repository, upload_id: str, now: float) -> LayerUpload:
    row = reader.get(LAYER_UPLOADS, repository.account, repository.region, repository.name, upload_id.lower())
    if row is None or row.parts is None or row.expired(now):
        raise UploadNotFoundException(repository.account, repository.name, upload_id)
    return row
