"""The folder of advisories that `homeport up --advisories` names: OSV documents, single or in osv.dev's zip files.

They are read anew at every scan, one at a time, so that what is put there counts at once and a large collection needs
no memory. A document that is none is not passed over: a scan that missed it would say too little.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from emulator.domain.ecr.advisory import Advisory, InvalidAdvisory, parse_advisory

_LARGEST = 16 * 1024**2


class UnreadableAdvisories(Exception):
    """The text names the file."""


def advisories(folder: Path) -> Iterator[Advisory]:
    """All of a folder and the folders in it, `*.json` and `*.zip`. Raises UnreadableAdvisories."""
    try:
        if not folder.is_dir():
            raise UnreadableAdvisories(f"{folder} is no folder")
        for path in sorted(folder.rglob("*")):
            if path.suffix == ".json" and path.is_file():
                yield _parsed(path.read_bytes(), path.name)
            elif path.suffix == ".zip" and path.is_file():
                yield from _zipped(path)
    except OSError as error:
        raise UnreadableAdvisories(f"{folder}: {error.strerror or error}") from error


def state_of(folder: Path | None) -> str:
    """Changes when a file of the folder comes, goes or changes; empty without a folder."""
    if folder is None:
        return ""
    seen = hashlib.sha256()
    for where, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if name.endswith((".json", ".zip")):
                path = os.path.join(where, name)
                try:
                    facts = os.stat(path)
                except OSError:
                    continue
                seen.update(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return seen.hexdigest()


def _zipped(path: Path) -> Iterator[Advisory]:
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".json"):
                    if entry.file_size > _LARGEST:
                        raise UnreadableAdvisories(f"{path.name}: {entry.filename} is too large")
                    yield _parsed(archive.read(entry), f"{path.name}: {entry.filename}")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise UnreadableAdvisories(f"{path.name}: {error}") from error


def _parsed(body: bytes, name: str) -> Advisory:
    try:
        return parse_advisory(json.loads(body))
    except (InvalidAdvisory, ValueError, RecursionError) as error:
        raise UnreadableAdvisories(f"{name} is no advisory in the OSV format: {error}") from error
