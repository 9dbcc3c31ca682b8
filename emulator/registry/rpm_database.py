"""The headers in RPM's databases: SQLite (rpmdb.sqlite) here, ndb and Berkeley DB in modules of their own.

Read in memory. The file comes from an image, so it is not trusted: what it defines beside its table is not run, and a
query that takes long is ended."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from emulator.domain.ecr.package_inventory import UnreadablePackages
from emulator.registry.rpm_berkeley import berkeley_headers
from emulator.registry.rpm_ndb import ndb_headers

_STEPS = 100_000
_MOST_ROUNDS = 1_000
_LONGEST_HEADER = 32 * 1024**2


def rpm_headers(path: str, database: bytes) -> list[bytes]:
    """Of the database at a path, whose name says its form. Raises UnreadablePackages."""
    read = {"rpmdb.sqlite": _of_sqlite, "Packages.db": ndb_headers, "Packages": berkeley_headers}
    return read[path.rpartition("/")[2]](database)


def _of_sqlite(database: bytes) -> list[bytes]:
    if len(database) < 100:
        raise UnreadablePackages("the RPM database is damaged")
    # A database in WAL mode wants its log beside it; in memory it has none. Bytes 18 and 19 say the mode.
    plain = database[:18] + b"\x01\x01" + database[20:]
    rounds = iter(range(_MOST_ROUNDS))
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(plain)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_HEADER)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            connection.set_progress_handler(lambda: next(rounds, None) is None, _STEPS)
            kind = connection.execute("SELECT type FROM sqlite_master WHERE name = 'Packages'").fetchone()
            if kind != ("table",):
                raise UnreadablePackages("the RPM database has no table of packages")
            found = []
            left = len(database)
            for (blob,) in connection.execute("SELECT blob FROM Packages"):
                if isinstance(blob, bytes):
                    left -= len(blob)
                    found.append(blob)
                if left < 0:  # rows may share their pages
                    raise UnreadablePackages("the RPM database names a header twice")
        except sqlite3.Error as error:
            raise UnreadablePackages(f"the RPM database cannot be read: {error}") from error
    return found
