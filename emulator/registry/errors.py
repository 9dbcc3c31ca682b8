"""Errors as OCI Distribution puts them on the wire, and what ECR's own errors become there.

Knows codes, statuses and texts; nothing about what led to them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from emulator.domain.ecr import image_errors as ecr
from emulator.domain.errors import AwsError
from emulator.registry.dialect import Dialect
from emulator.registry.upstream import UpstreamDenied, UpstreamError, UpstreamNotFound, UpstreamTooManyRequests


class RegistryError(Exception):
    """An answer `{"errors": [{"code", "message"}]}` with a status and further headers."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        return json.dumps({"errors": [{"code": self.code, "message": self.message}]}).encode()


_TRANSLATED: dict[type[AwsError], tuple[int, str]] = {
    ecr.RepositoryNotFoundException: (404, "NAME_UNKNOWN"),
    ecr.ImageNotFoundException: (404, "MANIFEST_UNKNOWN"),
    ecr.ImageTagAlreadyExistsException: (400, "TAG_INVALID"),
    ecr.ReferencedImagesNotFoundException: (404, "MANIFEST_BLOB_UNKNOWN"),
    ecr.ImageReferencedByManifestList: (405, "UNSUPPORTED"),
    ecr.InvalidImageTag: (400, "TAG_INVALID"),
    ecr.InvalidImageDigest: (400, "DIGEST_INVALID"),
    ecr.UploadNotFoundException: (404, "BLOB_UPLOAD_UNKNOWN"),
    ecr.EmptyUploadException: (400, "BLOB_UPLOAD_INVALID"),
}


def translated(error: AwsError, dialect: Dialect) -> RegistryError:
    """Any error of the repository as the registry says it; 400 UNSUPPORTED for one that has no form of its own."""
    if isinstance(error, ecr.ImageNotFoundException):
        return manifest_unknown()
    status, code = dialect.code(error) or _TRANSLATED.get(type(error), (400, "UNSUPPORTED"))
    return RegistryError(status, code, error.message)


def manifest_unknown() -> RegistryError:
    return RegistryError(404, "MANIFEST_UNKNOWN", "Requested image not found")


def blob_unknown(digest: str) -> RegistryError:
    return RegistryError(404, "BLOB_UNKNOWN", f"The layer with digest '{digest}' does not exist in the repository")


def digest_invalid(digest: str) -> RegistryError:
    return RegistryError(400, "DIGEST_INVALID", f"'{digest}' is no digest of a supported algorithm (sha256, sha512)")


def digest_mismatch(digest: str) -> RegistryError:
    return RegistryError(400, "DIGEST_INVALID", f"The bytes received do not have the digest '{digest}'")


def not_allowed() -> RegistryError:
    return RegistryError(405, "UNSUPPORTED", "The operation is unsupported.")


def upstream_failed(error: UpstreamError) -> RegistryError:
    """What a pull by a pull-through cache rule ends with when the upstream fails (statuses unconfirmed)."""
    match error:
        case UpstreamNotFound():
            return manifest_unknown()
        case UpstreamDenied():
            return RegistryError(403, "DENIED", str(error))
        case UpstreamTooManyRequests():
            return RegistryError(429, "TOOMANYREQUESTS", str(error))
        case _:
            return RegistryError(502, "UNKNOWN", str(error))
