"""The headers in RPM's own database (ndb, `Packages.db`), read in memory. The file comes from an image, so it is not
trusted: every place is checked, and the headers together are no longer than the file.

Source: RPM's ndb backend: a page of header and slots, more pages of slots, then blobs in blocks of 16 bytes.
Little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from emulator.domain.ecr.package_inventory import UnreadablePackages

_PAGE = 4096
_BLOCK = 16
_HEADER = struct.Struct("<4s7I")
_SLOT = struct.Struct("<4s3I")
_BLOB = struct.Struct("<4s3I")
_TAIL = struct.Struct("<2I4s")


def ndb_headers(database: bytes) -> list[bytes]:
    """By the numbers of their packages. Raises UnreadablePackages."""
    if len(database) < _PAGE or not database.startswith(b"RpmP"):
        raise UnreadablePackages("the RPM database is damaged")
    _, version, _, pages, *_ = _HEADER.unpack_from(database)
    if version != 0 or not 0 < pages * _PAGE <= len(database):
        raise UnreadablePackages("the RPM database says a version or a size that it does not have")
    found: dict[int, bytes] = {}
    left = len(database)
    for number, start in _slots(database, pages):
        blob = _blob(database, number, start)
        left -= len(blob)
        if left < 0 or number in found:
            raise UnreadablePackages("the RPM database names a header twice")
        found[number] = blob
    return [found[number] for number in sorted(found)]


def _slots(database: bytes, pages: int) -> Iterator[tuple[int, int]]:
    """A package's number, and where its blob begins in bytes. The header takes the place of the first two."""
    for at in range(_HEADER.size, pages * _PAGE, _SLOT.size):
        magic, number, block, _ = _SLOT.unpack_from(database, at)
        if magic != b"Slot":
            raise UnreadablePackages("the RPM database is damaged: a slot is none")
        if block:
            yield number, block * _BLOCK


def _blob(database: bytes, number: int, start: int) -> bytes:
    if start + _BLOB.size > len(database):
        raise UnreadablePackages("the RPM database leads out of the file")
    magic, owner, _, length = _BLOB.unpack_from(database, start)
    begin = start + _BLOB.size
    end = begin + length
    tail = end + (-(length + _TAIL.size) % _BLOCK)
    if magic != b"BlbS" or owner != number or tail + _TAIL.size > len(database):
        raise UnreadablePackages("the RPM database is damaged: a header is not where it should be")
    _, length_again, closing = _TAIL.unpack_from(database, tail)
    if closing != b"BlbE" or length_again != length:
        raise UnreadablePackages("the RPM database is damaged: a header does not end where it should")
    return database[begin:end]
