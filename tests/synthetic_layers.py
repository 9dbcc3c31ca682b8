"""Layers made by hand that hold package databases, and advisories about them."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEBIAN = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
DPKG_STATUS = b"""Package: zlib1g
Status: install ok installed
Architecture: amd64
Source: zlib (1:1.2.13.dfsg-1)
Version: 1:1.2.13.dfsg-1
Description: compression library - runtime
 Package: this-is-a-description

Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.15-2+b7

Package: removed
Status: deinstall ok config-files
Version: 1.0
"""


def tar(files: Mapping[str, bytes | None], *, compress: bool = True) -> bytes:
    """Files by path; None is a folder. "a -> b" is a hard link, "a => b" a symbolic one."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            for arrow, kind in ((" -> ", tarfile.LNKTYPE), (" => ", tarfile.SYMTYPE)):
                if arrow in path:
                    entry.name, entry.linkname = path.split(arrow)
                    entry.type = kind
            if content is None:
                entry.type = tarfile.DIRTYPE
            entry.size = len(content or b"")
            archive.addfile(entry, io.BytesIO(content or b""))
    return gzip.compress(out.getvalue(), mtime=0) if compress else out.getvalue()


def rpm_header(**tags: str | int) -> bytes:
    numbers = {"name": 1000, "version": 1001, "release": 1002, "epoch": 1003, "arch": 1022, "source": 1044}
    index, data = b"", b""
    for name, value in tags.items():
        if isinstance(value, int):
            data += b"\0" * (-len(data) % 4)
            index += struct.pack(">IIII", numbers[name], 4, len(data), 1)
            data += struct.pack(">I", value)
        else:
            index += struct.pack(">IIII", numbers[name], 6, len(data), 1)
            data += value.encode() + b"\0"
    return struct.pack(">II", len(tags), len(data)) + index + data


def rpm_database(folder: Path, *headers: bytes) -> bytes:
    """As rpm keeps it: in WAL mode."""
    path = folder / "rpmdb.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(one,) for one in headers])
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes()


def advisory(
    identity: str = "DEBIAN-CVE-2022-37434",
    ecosystem: str = "Debian:12",
    name: str = "zlib",
    fixed: str | None = "1:1.2.13.dfsg-2",
    **members: Any,
) -> dict[str, Any]:
    events: list[dict[str, str]] = [{"introduced": "0"}]
    if fixed:
        events.append({"fixed": fixed})
    return {
        "schema_version": "1.7.0",
        "id": identity,
        "modified": "2024-05-01T10:00:00Z",
        "details": "A heap-based buffer over-read in inflate.",
        "upstream": [identity.removeprefix("DEBIAN-")],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        "references": [{"type": "ADVISORY", "url": "https://security-tracker.debian.org/tracker/CVE-2022-37434"}],
        **members,
    }


def put_advisory(folder: Path, document: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{document['id']}.json").write_text(json.dumps(document))
