"""Signs images with keys of this emulator's own, in the form that AWS Signer's have in ECR.

Each profile has a key and a certificate from the emulator's signing root, made when the first image is signed with it;
the root's certificate is what verifiers are given. A signature is ES384 in a JWS envelope, pushed as an artifact that
refers to the image. It decides nothing about what is signed (registry/signing_orders.py).
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass

from emulator.domain.ecr import image_signing as documents
from emulator.domain.ecr.image import ACTIVE, Image, Repository
from emulator.domain.ecr.image_signing import ImageSigning, SigningKey, profile_name
from emulator.domain.ecr.manifest import OCI_MANIFEST, digest_of
from emulator.domain.errors import AwsError
from emulator.ids import Ids
from emulator.registry.blobs import BlobStore
from emulator.registry.repository import find_repository, link_layer, put_manifest
from emulator.registry.uploads import Uploads
from emulator.store.database import Database
from emulator.store.ecr_tables import IMAGE_SIGNINGS, IMAGES, REPOSITORIES, SIGNING_KEYS
from emulator.store.sealing import Sealer

_Where = tuple[str, str, str]
ROOT: _Where = ("", "", "")


@dataclass(frozen=True, slots=True)
class _Keys:
    """A key and the certificates that lead from it to the root."""

    key: bytes
    certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ImageSigner:
    """What signing is done with."""

    database: Database
    blobs: BlobStore
    uploads: Uploads
    ids: Ids
    sealer: Sealer

    def carry_out(self, key: tuple[str, ...], now: float) -> None:
        """Makes the signature that is ordered, pushes it, and enters how that ended; nothing when the order is gone."""
        with self.database.read() as reader:
            order, image = reader.get(IMAGE_SIGNINGS, *key), reader.get(IMAGES, *key[:4])
            repository = reader.get(REPOSITORIES, *key[:3])
        if order is None or image is None or repository is None or order.status != documents.IN_PROGRESS:
            return
        if image.status != ACTIVE:
            self._enter(order.failed(documents.IMAGE_INACCESSIBLE, f"The image is {image.status}"))
            return
        name = profile_name(order.profile_arn, order.account, order.region)
        assert name is not None, "such an order is never in progress"
        keys = self._profile((order.account, order.region, name), now)
        envelope = _envelope(keys, image, now)
        thumbprints = [_thumbprint(one) for one in keys.certificates]
        manifest = documents.signature_manifest(image, envelope, thumbprints, now)
        try:
            self._push(repository, manifest, (documents.EMPTY_CONFIG, envelope), order, now)
        except AwsError as error:
            self._enter(order.failed(error.code, error.message))

    def give_up(self, key: tuple[str, ...], reason: str) -> None:
        """Enters that an order could not be carried out."""
        with self.database.read() as reader:
            order = reader.get(IMAGE_SIGNINGS, *key)
        if order is not None:
            self._enter(order.failed(documents.SIGNER_FAILED, reason))

    def root_certificate(self, now: float) -> bytes:
        """In PEM: what verifiers of the signatures are to trust."""
        from emulator.registry import signing_keys

        return signing_keys.pem(self._root(now).certificates[0])

    def _push(
        self, repository: Repository, manifest: bytes, blobs: tuple[bytes, ...], order: ImageSigning, now: float
    ) -> None:
        for blob in blobs:
            self._bring_blob(repository, blob, now)
        with self.database.write() as tx:
            where = (order.account, order.region, order.repository, order.digest)
            if tx.get(IMAGES, *where) is None or tx.get(IMAGE_SIGNINGS, *where, order.profile_arn) != order:
                return
            put_manifest(tx, repository, manifest, now=now, media_type=OCI_MANIFEST)
            tx.put(IMAGE_SIGNINGS, order.done(digest_of(manifest)))

    def _bring_blob(self, repository: Repository, content: bytes, now: float) -> None:
        digest, upload_id = digest_of(content), self.ids.uuid()
        try:
            with self.uploads.taken(upload_id) as upload:
                upload.receive(io.BytesIO(content))
                size = upload.seal(digest)
                with self.blobs.publishing(upload.path, digest), self.database.write() as tx:
                    find_repository(tx, repository.account, repository.region, repository.name)
                    link_layer(tx, repository, digest, size, now)
        finally:
            self.uploads.forget(upload_id)

    def _enter(self, ended: ImageSigning) -> None:
        key = (ended.account, ended.region, ended.repository, ended.digest, ended.profile_arn)
        with self.database.write() as tx:
            if tx.get(IMAGE_SIGNINGS, *key) is not None:
                tx.put(IMAGE_SIGNINGS, ended)

    def _profile(self, where: _Where, now: float) -> _Keys:
        """Keys are made when they are first needed, and so is what makes them loaded."""
        from emulator.registry import signing_keys

        kept = self._kept(where)
        if kept is not None:
            return kept
        root = self._root(now)
        key, certificate = signing_keys.make_signer(root.key, root.certificates[0], where[2], where[0], now)
        return self._keep(where, _Keys(key, (certificate, *root.certificates)))

    def _root(self, now: float) -> _Keys:
        from emulator.registry import signing_keys

        kept = self._kept(ROOT)
        if kept is not None:
            return kept
        key, certificate = signing_keys.make_root(now)
        return self._keep(ROOT, _Keys(key, (certificate,)))

    def _kept(self, where: _Where) -> _Keys | None:
        with self.database.read() as reader:
            found = reader.get(SIGNING_KEYS, *where)
        if found is None:
            return None
        return _Keys(self.sealer.open(found.sealed_key, _context(where)), found.certificates)

    def _keep(self, where: _Where, made: _Keys) -> _Keys:
        """One that somebody else has kept meanwhile stays."""
        with self.database.write() as tx:
            if tx.get(SIGNING_KEYS, *where) is None:
                tx.put(SIGNING_KEYS, SigningKey(*where, self.sealer.seal(made.key, _context(where)), made.certificates))
                return made
        kept = self._kept(where)
        assert kept is not None
        return kept


def _envelope(keys: _Keys, image: Image, now: float) -> bytes:
    """Flattened JWS in JSON."""
    from emulator.registry import signing_keys

    protected = _base64url(documents.protected_header(signing_keys.ALGORITHM, now))
    payload = _base64url(documents.payload(image))
    signature = signing_keys.sign(keys.key, f"{protected}.{payload}".encode())
    header = {
        "x5c": [base64.b64encode(one).decode() for one in keys.certificates],
        "io.cncf.notary.signingAgent": "homeport",
    }
    envelope = {"payload": payload, "protected": protected, "header": header, "signature": _base64url(signature)}
    return json.dumps(envelope, separators=(",", ":")).encode()


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _thumbprint(certificate: bytes) -> str:
    return digest_of(certificate).partition(":")[2]


def _context(where: _Where) -> str:
    return f"signing-key:{'/'.join(where)}"
