"""State in SQLite: one writer at a time, readers that see a snapshot, a commit that is the acknowledgement (D3).

WAL keeps what was committed through a `kill -9` (the kernel has it); only a power cut could lose the last moments.
This module knows tables and bytes; it does not know what the records mean.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from emulator.store.memory import Memory, Place
from emulator.store.tables import Table

T = TypeVar("T")

Key = tuple[str, str]
"""(controller kind, key) of something that a commit changed."""

SCHEMA_VERSION = 1
CHECKPOINT_PAGES = 4000
"""How long the log grows (16 MiB) before its pages go into the file and the disk is waited for: four times SQLite's own
default. A page that many tasks change goes once."""


_DISK_ERRORS = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})

GIVE_WAY_S = 0.05
"""At the most, for one that waits to write but does not come to it."""
REMEMBERED = 16_384
"""Records of all remembered tables together: those of tasks under way, some 10 KiB each."""
WRITER_CACHE_KIB = 65_536
"""Pages that the writer keeps at hand, as they are needed; SQLite's own 2 MiB hold a few hundred tasks."""


class AlreadyExists(Exception):
    """An insert met a record of the same key or unique column."""


class DatabaseClosed(Exception):
    """Homeport ends: who still asks is to end, too, and need not say so."""


class CannotOpen(Exception):
    """The file is no database, or cannot be written; the text says which and why, for the user."""


class NewerSchema(CannotOpen):
    """The data directory was written by a newer Homeport."""


class CannotWrite(Exception):
    """The disk is full or failed: nothing of the transaction was kept. The text says so, for the user."""


class Reader:
    """Reads within one snapshot."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, table: Table[T], *key: object) -> T | None:
        row = self._connection.execute(table.get_sql, key).fetchone()
        return None if row is None else table.decode(row[0])

    def find(
        self,
        table: Table[T],
        *,
        after: tuple[object, ...] | None = None,
        limit: int | None = None,
        descending: bool = False,
        **equal: object,
    ) -> list[T]:
        """Records whose columns equal, in key order; `after` is the key (or its tail that `equal` leaves open)
        of the last record already seen."""
        rows = self._select("body", table, after, limit, descending, equal)
        return [table.decode(row[0]) for row in rows]

    def count(self, table: Table[Any], **equal: object) -> int:
        where, values = _where(equal)
        sql = f"SELECT COUNT(*) FROM {table.from_clause(tuple(equal))}{where}"
        return int(self._connection.execute(sql, values).fetchone()[0])

    def column(
        self,
        table: Table[Any],
        column: str,
        *,
        after: tuple[object, ...] | None = None,
        limit: int | None = None,
        **equal: object,
    ) -> list[Any]:
        """One column of the matching records in key order, without decoding them; the rest as in `find`."""
        if column not in table.columns:
            raise ValueError(f"{column} is no column of {table.name}")
        return [row[0] for row in self._select(column, table, after, limit, False, equal)]

    def execute(self, sql: str, values: Iterable[object] = ()) -> sqlite3.Cursor:
        """For the few tables with a shape of their own (the journal)."""
        return self._connection.execute(sql, tuple(values))

    def _select(
        self,
        what: str,
        table: Table[Any],
        after: tuple[object, ...] | None,
        limit: int | None,
        descending: bool,
        equal: dict[str, object],
    ) -> sqlite3.Cursor:
        where, values = _where(equal)
        order = [c for c in table.key if c not in equal] or list(table.key)
        if after is not None:
            columns = ", ".join(order[: len(after)])
            sign = "<" if descending else ">"
            where += f"{' AND' if where else ' WHERE'} ({columns}) {sign} ({', '.join('?' * len(after))})"
            values = (*values, *after)
        direction = " DESC" if descending else ""
        sequence = ", ".join(column + direction for column in order)
        sql = f"SELECT {what} FROM {table.from_clause(tuple(equal))}{where} ORDER BY {sequence}"
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        return self._connection.execute(sql, values)


class Transaction(Reader):
    """Reads and writes of the one writer. Changed records wake their controllers after the commit."""

    def __init__(self, connection: sqlite3.Connection, memory: Memory) -> None:
        super().__init__(connection)
        self.touched: dict[Key, None] = {}
        self.written: dict[Place, Any] = {}  # of tables that are remembered; None for what is deleted
        self.changes = 0  # records inserted, replaced or deleted
        self._memory = memory

    def get(self, table: Table[T], *key: object) -> T | None:
        if not table.remembered:
            return super().get(table, *key)
        if (table.name, key) in self.written:
            found: T | None = self.written[table.name, key]
            return found
        known: T | None = self._memory.get(table, key)
        return super().get(table, *key) if known is None else known

    def insert(self, table: Table[T], record: T) -> None:
        """AlreadyExists when the key, or a unique column, is taken."""
        try:
            self._connection.execute(table.insert_sql, table.values(record))
        except sqlite3.IntegrityError as error:
            raise AlreadyExists(str(error)) from error
        self._note(table, record)

    def put(self, table: Table[T], record: T) -> None:
        """Inserts, or replaces the record of the same key. AlreadyExists when a unique column is taken.

        Only columns that change are written, so that only their indexes are: each is a page more in the log.
        """
        key, columns, body = table.row(record)
        known = self.get(table, *key) if table.remembered else None
        if known is not None:
            before = table.other_columns(known)
        else:
            before = self._connection.execute(table.columns_sql, key).fetchone()
        try:
            if before is None:
                self._connection.execute(table.insert_sql, (*key, *columns, body))
            else:
                sql, changed = table.update(before, columns)
                self._connection.execute(sql, (*changed, body, *key))
        except sqlite3.IntegrityError as error:
            raise AlreadyExists(str(error)) from error
        self._note(table, record)

    def delete(self, table: Table[T], *key: object) -> bool:
        """Whether there was one."""
        record = self.get(table, *key)
        if record is None:
            return False
        self._connection.execute(table.delete_sql, key)
        self._note(table, record)
        if table.remembered:
            self.written[table.name, key] = None
        return True

    def wake(self, kind: str, key: str) -> None:
        """Have a controller look at a key after the commit."""
        self.touched[(kind, key)] = None

    def _note(self, table: Table[T], record: T) -> None:
        """It is written: who wakes after the commit, and what is remembered then."""
        self.changes += 1
        if table.remembered:
            self.written[table.name, table.key_of(record)] = record
        if table.wakes is not None:
            for key in table.wakes(record):
                self.touched[key] = None


class Database:
    """One SQLite file. `listeners` are called after each commit with the keys it touched."""

    def __init__(self, path: Path, tables: Iterable[Table[Any]], *, durable: bool = True) -> None:
        self.path = path
        self._tables = tuple(tables)
        self._durable = durable
        with opening(path):
            self._writer = self._connect()
        self._writer.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KIB}")
        self._lock = threading.RLock()
        self._came = threading.Condition()
        self._open: Transaction | None = None
        self._closed = False
        self._waiting: set[int] = set()  # threads
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._listeners: list[Callable[[list[Key]], None]] = []
        self._memory = Memory()
        with opening(path):
            self._create_schema()

    def listen(self, listener: Callable[[list[Key]], None]) -> None:
        self._listeners.append(listener)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """The one writer. Rolls back when the block raises; commits, then notifies, when it does not.

        DatabaseClosed after the end.
        """
        with self._locked():
            if self._open is not None:
                raise RuntimeError("a transaction is already open in this thread")
            if self._closed:
                raise DatabaseClosed
            with _writing(self.path):
                self._writer.execute("BEGIN IMMEDIATE")
            self._open = transaction = Transaction(self._writer, self._memory)
            try:
                with _writing(self.path):
                    yield transaction
                    self._writer.execute("COMMIT")
                self._memory.keep(transaction.written, REMEMBERED)
            except BaseException:
                if self._writer.in_transaction:  # SQLite itself rolls back when the disk is full
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._open = None
        if transaction.touched:
            keys = list(transaction.touched)
            for listener in self._listeners:
                listener(keys)

    @property
    def awaited(self) -> bool:
        """Whether another thread waits to write."""
        return bool(self._waiting)

    def give_way(self) -> None:
        """For who writes again and again: lets one go first that waits. The lock alone gives it to whoever asks at the
        right moment, which is mostly the thread that has just let go of it."""
        with self._came:
            if self._waiting:
                self._came.wait(GIVE_WAY_S)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            self._waiting.add(threading.get_ident())
            self._lock.acquire()
            with self._came:
                self._waiting.discard(threading.get_ident())
                self._came.notify_all()
        try:
            yield
        finally:
            self._lock.release()

    def latest(self, table: Table[T], *key: object) -> T | None:
        """The newest record, if it is remembered: without a snapshot, and without asking the file."""
        found: T | None = self._memory.get(table, key)
        return found

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """A snapshot. DatabaseClosed after the end."""
        if self._closed:
            raise DatabaseClosed
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            connection.execute("BEGIN")
            yield Reader(connection)
        finally:
            connection.execute("ROLLBACK")
            self._readers.put(connection)

    def clear(self, keep: Iterable[Table[Any]] = ()) -> None:
        """Deletes every record of every other table (`homeport reset`)."""
        kept = {table.name for table in keep}
        with self.write() as tx:
            for table in self._tables:
                if table.name not in kept:
                    tx.execute(f"DELETE FROM {table.name}")
            tx.execute("DELETE FROM journal")
            self._memory.clear()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            while True:
                try:
                    self._readers.get_nowait().close()
                except queue.Empty:
                    break
            self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=30
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'NORMAL' if self._durable else 'OFF'}")
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        return connection

    def _create_schema(self) -> None:
        version = int(self._writer.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise NewerSchema(f"{self.path} has schema {version}; this Homeport knows up to {SCHEMA_VERSION}")
        with self.write() as tx:
            tx.execute(
                "CREATE TABLE IF NOT EXISTS journal (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, "
                "account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, "
                "detail TEXT NOT NULL)"
            )
            tx.execute("CREATE INDEX IF NOT EXISTS journal_by_subject ON journal (subject, sequence)")
            for table in self._tables:
                create, *indexes = table.schema()
                tx.execute(create)
                _add_new_columns(tx, table)
                for statement in indexes:
                    tx.execute(statement)
            tx.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """What SQLite finds wrong with a file, as CannotOpen."""
    try:
        yield
    except (sqlite3.Error, CannotWrite) as error:
        raise CannotOpen(f"{path} cannot be used: {error}") from error


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """What SQLite says when the disk does not take it, as CannotWrite."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK_ERRORS:
            text = f"Homeport's data directory {path.parent} cannot be written, so nothing was kept: {error}"
            raise CannotWrite(text) from error
        raise


def _add_new_columns(tx: Transaction, table: Table[Any]) -> None:
    """A newer Homeport may find records by members that an older one only kept in the body."""
    present = {str(row[1]) for row in tx.execute(f"PRAGMA table_info({table.name})")}
    for column in table.columns:
        if column not in present:
            tx.execute(f"ALTER TABLE {table.name} ADD COLUMN {column}")
            tx.execute(f"UPDATE {table.name} SET {column} = json_extract(body, '$.{column}')")


def _where(equal: dict[str, object]) -> tuple[str, tuple[object, ...]]:
    if not equal:
        return "", ()
    parts = []
    values: list[object] = []
    for column, value in equal.items():
        if value is None:
            parts.append(f"{column} IS NULL")
        else:
            parts.append(f"{column} = ?")
            values.append(value)
    return " WHERE " + " AND ".join(parts), tuple(values)
