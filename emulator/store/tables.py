"""What a table is: a kind of record, the columns that find it, and which controller wakes when it changes.

A record is a frozen dataclass (domain) or msgspec Struct. Its key and index columns are attributes of the
record; the whole record is stored beside them as JSON with a revision that grows with every write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec

T = TypeVar("T")

_SQLITE_TYPES: Final = {"IntType": "INTEGER", "FloatType": "REAL", "BoolType": "INTEGER"}


@dataclass(frozen=True)
class Table(Generic[T]):
    """`key`, `indexes` and `unique` name attributes of `record`; index columns may be None in a record.

    `wakes` turns a changed record into the keys of controllers to look at after the commit, e.g.
    `lambda task: [("task", task.arn)]`. `remembered`: its newest records are kept in memory.
    """

    name: str
    record: type[T]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    wakes: Callable[[T], list[tuple[str, str]]] | None = None
    remembered: bool = False

    def __post_init__(self) -> None:
        columns = list(self.key)
        for group in (*self.indexes, *self.unique):
            columns.extend(column for column in group if column not in columns)
        decoder = msgspec.json.Decoder(self.record, strict=False)
        set_once = object.__setattr__
        set_once(self, "columns", tuple(columns))
        set_once(self, "_ways", {})
        set_once(self, "decode", decoder.decode)
        set_once(self, "get_sql", f"SELECT body FROM {self.name} WHERE {self._equal(self.key)}")
        set_once(self, "delete_sql", f"DELETE FROM {self.name} WHERE {self._equal(self.key)}")
        set_once(self, "insert_sql", self._insert())
        others = [column for column in columns if column not in self.key]
        set_once(self, "others", tuple(others))
        set_once(self, "columns_sql", f"SELECT {', '.join(others) or 1} FROM {self.name} WHERE {self._equal(self.key)}")
        set_once(self, "_updates", {})
        set_once(self, "_types", {})

    columns: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    _updates: dict[tuple[int, ...], str] = field(default_factory=dict, compare=False)
    _ways: dict[tuple[str, ...], str] = field(default_factory=dict, compare=False)
    _types: dict[str, str] = field(default_factory=dict, compare=False)
    decode: Callable[[bytes | str], T] = msgspec.json.decode
    get_sql: str = ""
    delete_sql: str = ""
    insert_sql: str = ""
    columns_sql: str = ""

    def values(self, record: T) -> tuple[Any, ...]:
        """The column values and the body of a record, in the order of `insert_sql`."""
        return (*(getattr(record, c) for c in self.columns), msgspec.json.encode(record).decode())

    def row(self, record: T) -> tuple[tuple[Any, ...], tuple[Any, ...], str]:
        """The key, the other columns and the body of a record."""
        return self.key_of(record), self.other_columns(record), msgspec.json.encode(record).decode()

    def key_of(self, record: T) -> tuple[Any, ...]:
        return tuple([getattr(record, c) for c in self.key])

    def other_columns(self, record: T) -> tuple[Any, ...]:
        """Those that are not of the key."""
        return tuple([getattr(record, c) for c in self.others])

    def update(self, before: Sequence[Any], after: Sequence[Any]) -> tuple[str, list[Any]]:
        """The statement that replaces a record whose other columns were `before`, and the values of those that change.
        It takes these, the body and the key."""
        changed = tuple([n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new])
        sql = self._updates.get(changed)
        if sql is None:
            sets = "".join(f"{self.others[n]} = ?, " for n in changed)
            sql = self._updates[changed] = (
                f"UPDATE {self.name} SET {sets}body = ?, row_revision = row_revision + 1 WHERE {self._equal(self.key)}"
            )
        return sql, [after[n] for n in changed]

    def from_clause(self, equal: tuple[str, ...]) -> str:
        """The table, and by which index to find the records whose columns `equal` are given.

        Left to itself, SQLite goes through all records of a cluster for those of one service: that the first columns of
        the key are given, too, weighs more with it than an index of all that is given.
        """
        way = self._ways.get(equal)
        if way is None:
            given = set(equal)
            best, most = "", _leading(self.key, given)
            for group in (*self.unique, *self.indexes):
                if (leading := _leading(group, given)) > most:
                    best, most = f" INDEXED BY {self.index_name(group)}", leading
            way = self._ways[equal] = self.name + best
        return way

    def index_name(self, columns: tuple[str, ...]) -> str:
        return f"{self.name}_by_{'_'.join(columns)}"

    def schema(self) -> list[str]:
        """CREATE statements; all idempotent."""
        types = self._column_types()
        columns = ", ".join(f"{c} {types[c]}{' NOT NULL' if c in self.key else ''}" for c in self.columns)
        statements = [
            f"CREATE TABLE IF NOT EXISTS {self.name} ({columns}, row_revision INTEGER NOT NULL DEFAULT 1, "
            f"body TEXT NOT NULL, PRIMARY KEY ({', '.join(self.key)})) WITHOUT ROWID"
        ]
        for word, groups in (("INDEX", self.indexes), ("UNIQUE INDEX", self.unique)):
            statements += [
                f"CREATE {word} IF NOT EXISTS {self.index_name(group)} ON {self.name} ({', '.join(group)})"
                for group in groups
            ]
        return statements

    def _column_types(self) -> dict[str, str]:
        """SQLite's, found out once: to read the hints of all records takes longer than to make all tables."""
        if not self._types:
            kinds: dict[str, str] = {}
            for member in getattr(msgspec.inspect.type_info(self.record), "fields", ()):
                kinds[member.name] = _SQLITE_TYPES.get(type(member.type).__name__, "TEXT")
            self._types.update({column: kinds.get(column, "TEXT") for column in self.columns})
        return self._types

    def _insert(self) -> str:
        marks = ", ".join("?" * (len(self.columns) + 1))
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}, body) VALUES ({marks})"

    @staticmethod
    def _equal(columns: tuple[str, ...]) -> str:
        return " AND ".join(f"{c} = ?" for c in columns)


def _leading(columns: tuple[str, ...], given: set[str]) -> int:
    """How many of the first columns are given."""
    return next((n for n, column in enumerate(columns) if column not in given), len(columns))
