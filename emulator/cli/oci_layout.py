"""A folder in the OCI image layout: blobs by their digests, and an index of what is in it.

Knows files; not where what it holds comes from or goes to. Source: OCI image layout specification.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from emulator.domain.ecr.manifest import digest_of, is_digest, is_tag

REF_NAME: Final = "org.opencontainers.image.ref.name"


class CannotCopy(Exception):
    """The text says what is missing or wrong."""


class Layout:
    """A folder in the OCI image layout."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self) -> None:
        """Or goes on in one that is there. Raises CannotCopy for a folder that holds something else."""
        marker = self.root / "oci-layout"
        if self.root.exists() and not marker.exists() and any(self.root.iterdir()):
            raise CannotCopy(f"{self.root} holds something that is no OCI image layout")
        self.root.mkdir(parents=True, exist_ok=True)
        marker.write_text('{"imageLayoutVersion":"1.0.0"}')

    def check(self) -> None:
        if not (self.root / "oci-layout").is_file() or not (self.root / "index.json").is_file():
            raise CannotCopy(f"{self.root} is no OCI image layout")

    def path(self, digest: str) -> Path:
        """Of a blob. What a document calls a digest becomes a path only when it is one."""
        if not is_digest(digest):
            raise CannotCopy(f"{digest!r} is no digest of a supported algorithm (sha256, sha512)")
        algorithm, _, name = digest.partition(":")
        return self.root / "blobs" / algorithm / name

    def holds(self, digest: str) -> bool:
        """Whether the blob is there and its bytes are the digest's."""
        path = self.path(digest)
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, digest.partition(":")[0]).hexdigest() == path.name

    def write(self, digest: str, pieces: Iterator[bytes]) -> int:
        """Whole or not at all; the number of bytes. Raises CannotCopy when they are not the digest's."""
        path = self.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        hashed, size = hashlib.new(digest.partition(":")[0]), 0
        try:
            with partial.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                    hashed.update(piece)
                    size += len(piece)
            if hashed.hexdigest() != path.name:
                raise CannotCopy(f"what came for {digest} has another digest")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return size

    def read(self, digest: str) -> bytes:
        try:
            body = self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise CannotCopy(f"{self.root} has no blob {digest}") from error
        if digest_of(body, digest.partition(":")[0]) != digest:
            raise CannotCopy(f"the blob {digest} of {self.root} has other bytes")
        return body

    def entries(self) -> list[dict[str, Any]]:
        """The descriptors of index.json."""
        path = self.root / "index.json"
        try:
            manifests = json.loads(path.read_bytes())["manifests"] if path.exists() else []
        except (ValueError, KeyError, TypeError) as error:
            raise CannotCopy(f"{path} is no OCI index") from error
        if not isinstance(manifests, list) or not all(isinstance(one, dict) for one in manifests):
            raise CannotCopy(f"{path} is no OCI index")
        return manifests

    def add(self, descriptor: dict[str, Any]) -> None:
        """To index.json, in place of an entry of the same name, or of the same digest without one."""
        kept = [one for one in self.entries() if _identity(one) != _identity(descriptor)]
        document = {"schemaVersion": 2, "manifests": [*kept, descriptor]}
        partial = self.root / ".index.json.partial"
        partial.write_text(json.dumps(document, indent=2))
        os.replace(partial, self.root / "index.json")


def _identity(descriptor: dict[str, Any]) -> str:
    return str((descriptor.get("annotations") or {}).get(REF_NAME) or descriptor.get("digest"))


def name_of(descriptor: dict[str, Any]) -> str | None:
    """The tag; tools write a bare tag or a whole reference."""
    name = str((descriptor.get("annotations") or {}).get(REF_NAME) or "").rpartition(":")[2]
    return name if is_tag(name) else None
