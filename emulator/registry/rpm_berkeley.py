"""The headers in RPM's Berkeley DB (`Packages`, a hash table), read in memory. The file comes from an image, so it is
not trusted: every place is checked, no page is read twice, and the headers together are no longer than the file.

Source: Berkeley DB's page layouts (db_page.h): a page of metadata, pages of pairs of keys and values, chains of
overflow pages for values that are longer than a page. In the byte order of the machine that wrote it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.domain.ecr.package_inventory import UnreadablePackages

_MAGIC = 0x00061561
_METADATA, _HASH_UNSORTED, _OVERFLOW, _HASH = 8, 2, 7, 13
_IN_PAGE, _OFF_PAGE = 1, 3
_PAGE_HEADER = 26
_SHORTEST_HEADER = 16


def berkeley_headers(database: bytes) -> list[bytes]:
    """In the order of the pages. Raises UnreadablePackages."""
    if len(database) < 512:
        raise UnreadablePackages("the RPM database is damaged")
    order = next((one for one in "<>" if struct.unpack_from(f"{one}I", database, 12)[0] == _MAGIC), None)
    if order is None or database[25] != _METADATA or database[24]:
        raise UnreadablePackages("the RPM database is no hash table of Berkeley DB, or it is encrypted")
    (size,) = struct.unpack_from(f"{order}I", database, 20)
    if size not in (512 << power for power in range(8)):
        raise UnreadablePackages("the RPM database has pages of a size that there is not")
    return list(_File(database, order, size).values())


@dataclass(slots=True)
class _File:
    """`order` is struct's sign of the byte order, `size` that of a page, in bytes."""

    data: bytes
    order: str
    size: int
    chained: set[int] = field(default_factory=set)
    length: int = 0

    def values(self) -> Iterator[bytes]:
        """Those that may be headers; the first value of all counts packages, and is short."""
        for number in range(1, len(self.data) // self.size):
            start = number * self.size
            if self.data[start + 25] in (_HASH, _HASH_UNSORTED):
                for value in self._on_page(start):
                    self.length += len(value)
                    if self.length > len(self.data):
                        raise UnreadablePackages("the RPM database names a header twice")
                    if len(value) >= _SHORTEST_HEADER:
                        yield value

    def _on_page(self, start: int) -> Iterator[bytes]:
        """Keys and values lie in turns from the page's end downwards; places say where."""
        (count,) = struct.unpack_from(f"{self.order}H", self.data, start + 20)
        if count % 2 or _PAGE_HEADER + 2 * count > self.size:
            raise UnreadablePackages("the RPM database is damaged: a page has more entries than room")
        places = struct.unpack_from(f"{self.order}{count}H", self.data, start + _PAGE_HEADER)
        for index in range(1, count, 2):
            begin, end = places[index], places[index - 1]
            if not _PAGE_HEADER <= begin < end <= self.size:
                raise UnreadablePackages("the RPM database is damaged: an entry lies outside of its page")
            item = self.data[start + begin : start + end]
            if item[0] == _IN_PAGE:
                yield item[1:]
            elif item[0] == _OFF_PAGE and len(item) >= 12:
                yield self._chain(*struct.unpack_from(f"{self.order}II", item, 4))
            else:
                raise UnreadablePackages("the RPM database is damaged: an entry is of an unknown kind")

    def _chain(self, number: int, length: int) -> bytes:
        """A value on pages of its own."""
        if length > len(self.data):
            raise UnreadablePackages("the RPM database says a header that is longer than the file")
        parts, left = [], length
        while left:
            start = number * self.size
            outside = not number or start + self.size > len(self.data)
            if outside or number in self.chained or self.data[start + 25] != _OVERFLOW:
                raise UnreadablePackages("the RPM database is damaged: a header's pages are not what they should be")
            self.chained.add(number)
            following, _, here = struct.unpack_from(f"{self.order}IHH", self.data, start + 16)
            if not 0 < here <= min(left, self.size - _PAGE_HEADER):
                raise UnreadablePackages("the RPM database is damaged: a page says more than it holds")
            parts.append(self.data[start + _PAGE_HEADER : start + _PAGE_HEADER + here])
            left -= here
            number = following
        return b"".join(parts)
