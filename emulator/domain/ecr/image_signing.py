"""Signatures of pushed images: who is to sign what, and the documents of a signature in the Notary Project's form.

A signature is an artifact that refers to its image: a manifest whose one layer is a JWS envelope over the image's
descriptor. It must not know keys or cryptography (registry/image_signer.py), nor when signing is done.
Source: Amazon ECR user guide, "Managed signing"; Notary Project, "Signature specification" and "JWS signature
envelope" 1.0, signing scheme `notary.x509`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.ecr.image import Image
from emulator.domain.ecr.manifest import OCI_MANIFEST, digest_of

IN_PROGRESS, COMPLETE, FAILED = "IN_PROGRESS", "COMPLETE", "FAILED"

SIGNATURE_TYPE: Final = "application/vnd.cncf.notary.signature"
"""What a signature's manifest is, by the media type of its config, which is `{}`."""

ENVELOPE_TYPE: Final = "application/jose+json"
PAYLOAD_TYPE: Final = "application/vnd.cncf.notary.payload.v1+json"
EMPTY_CONFIG: Final = b"{}"

PROFILE_NOT_FOUND: Final = "SigningProfileNotFound"
ACCESS_DENIED: Final = "AccessDenied"
IMAGE_INACCESSIBLE: Final = "ImageInaccessible"
SIGNER_FAILED: Final = "InternalError"
"""Failure codes. ECR's own are not documented (unconfirmed)."""

_PROFILE = re.compile(r"arn:[a-z-]+:signer:([a-z0-9-]+):(\d{12}):/signing-profiles/(\w{2,})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImageSigning:
    """One image to be signed, or signed, by one profile. Times are seconds since the epoch; `signature` is the digest
    of the artifact that came of it."""

    account: str
    region: str
    repository: str
    digest: str
    profile_arn: str
    status: str
    requested_at: float
    signature: str | None = None
    failure_code: str | None = None
    failure_reason: str | None = None

    def done(self, signature: str) -> ImageSigning:
        return replace(self, status=COMPLETE, signature=signature, failure_code=None, failure_reason=None)

    def failed(self, code: str, reason: str) -> ImageSigning:
        return replace(self, status=FAILED, failure_code=code, failure_reason=reason)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signing profile's key, sealed, and its certificate with that of the root before it (DER, the leaf first).

    Kept by account and region of the profile; `profile` "" is the root itself, of which there is one.
    """

    account: str
    region: str
    profile: str
    sealed_key: bytes
    certificates: tuple[bytes, ...]


def profile_name(arn: str, account: str, region: str) -> str | None:
    """The name of a profile that a registry can use: one of its own account and region. None for any other.

    There is no AWS Signer here, so every profile with such an ARN is taken to be there.
    """
    match = _PROFILE.fullmatch(arn)
    return match[3] if match is not None and (match[1], match[2]) == (region, account) else None


def is_signed_on_push(image: Image) -> bool:
    """Not what refers to another image: signatures, attestations, bills of materials."""
    return image.subject_digest is None


def payload(image: Image) -> bytes:
    """What is signed: the image's descriptor."""
    target = {"mediaType": image.media_type, "digest": image.digest, "size": image.manifest_size}
    return _compact({"targetArtifact": target})


def protected_header(algorithm: str, now: float) -> bytes:
    """The signed attributes. `algorithm`: as JWS names it, ES384 for example."""
    time = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _compact(
        {
            "alg": algorithm,
            "crit": ["io.cncf.notary.signingScheme"],
            "cty": PAYLOAD_TYPE,
            "io.cncf.notary.signingScheme": "notary.x509",
            "io.cncf.notary.signingTime": time,
        }
    )


def signature_manifest(image: Image, envelope: bytes, thumbprints: Sequence[str], now: float) -> bytes:
    """The artifact, untagged. `thumbprints`: hexadecimal SHA-256 of the certificates, the signer's first."""
    document: Mapping[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(SIGNATURE_TYPE, EMPTY_CONFIG),
        "layers": [_descriptor(ENVELOPE_TYPE, envelope)],
        "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.manifest_size},
        "annotations": {
            "io.cncf.notary.x509chain.thumbprint#S256": json.dumps(list(thumbprints)),
            "org.opencontainers.image.created": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }
    return _compact(document)


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _compact(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
