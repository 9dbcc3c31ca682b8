"""One file as the archive that Docker's `PUT /containers/{id}/archive` takes."""

from __future__ import annotations

import io
import tarfile


def file_archive(name: str, content: bytes) -> bytes:
    """A tar of one regular file of root's, mode 0644."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
