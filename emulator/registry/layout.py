"""Where blobs lie on disk: `blobs/<algorithm>/<hex>` as in an OCI image layout, and `uploads/<id>` beside it.

Knows names only; opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emulator.domain.ecr.manifest import is_digest

ALGORITHMS = ("sha256", "sha512")


class Layout:
    """`root` is the registry's own directory, `<data directory>/registry`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._uploads = root / "uploads"

    def create(self) -> None:
        """Makes the directories."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        for algorithm in ALGORITHMS:
            (self.root / "blobs" / algorithm).mkdir(parents=True, exist_ok=True)

    def blob(self, digest: str) -> Path:
        """The digest has been checked by the caller: a name from outside never becomes a path by itself."""
        if not is_digest(digest):
            raise ValueError(f"{digest!r} is no digest")
        algorithm, _, hexadecimal = digest.partition(":")
        return self.root / "blobs" / algorithm / hexadecimal

    def upload(self, upload_id: str) -> Path:
        if not _is_upload_id(upload_id):
            raise ValueError(f"{upload_id!r} is no upload id")
        return self._uploads / upload_id

    def digests(self) -> Iterator[str]:
        """Of all blobs on disk."""
        for algorithm in ALGORITHMS:
            for path in (self.root / "blobs" / algorithm).iterdir():
                if is_digest(f"{algorithm}:{path.name}"):
                    yield f"{algorithm}:{path.name}"

    def upload_ids(self) -> Iterator[str]:
        """Of all uploads that have a file."""
        for path in self._uploads.iterdir():
            if _is_upload_id(path.name):
                yield path.name


def _is_upload_id(text: str) -> bool:
    return text.replace("-", "").isalnum()
