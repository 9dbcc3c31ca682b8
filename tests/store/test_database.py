"""The database: one writer, snapshots, wake-ups after the commit, and data of an older Homeport."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.store import database as store
from emulator.store.database import AlreadyExists, Database, NewerSchema
from emulator.store.tables import Table
from tests.docker.homeport import eventually


@dataclass(frozen=True, slots=True)
class Boat:
    harbour: str
    name: str
    colour: str | None = None
    berths: int = 0


BOATS = Table("boats", Boat, key=("harbour", "name"), wakes=lambda boat: [("boat", boat.name)])
BOATS_BY_COLOUR = Table("boats", Boat, key=("harbour", "name"), indexes=(("colour",),), unique=(("berths",),))


def _open(path: Path, table: Table[Boat] = BOATS) -> Database:
    return Database(path / "boats.db", [table])


def test_a_commit_is_kept_and_wakes(tmp_path: Path) -> None:
    database, woken = _open(tmp_path), []
    database.listen(woken.extend)
    with database.write() as tx:
        tx.insert(BOATS, Boat("kiel", "anna"))
        assert woken == []
    assert woken == [("boat", "anna")]
    database.close()
    with _open(tmp_path).read() as reader:
        assert reader.get(BOATS, "kiel", "anna") == Boat("kiel", "anna")


def test_an_error_takes_everything_back(tmp_path: Path) -> None:
    database, woken = _open(tmp_path), []
    database.listen(woken.extend)
    with pytest.raises(AlreadyExists), database.write() as tx:
        tx.insert(BOATS, Boat("kiel", "anna"))
        tx.insert(BOATS, Boat("kiel", "anna"))
    with database.read() as reader:
        assert reader.count(BOATS) == 0
    assert woken == []


def test_readers_see_a_snapshot(tmp_path: Path) -> None:
    database = _open(tmp_path)
    with database.read() as reader:
        assert reader.count(BOATS) == 0
        with database.write() as tx:
            tx.insert(BOATS, Boat("kiel", "anna"))
        assert reader.count(BOATS) == 0
    with database.read() as reader:
        assert reader.count(BOATS) == 1


def test_a_key_is_taken_once(tmp_path: Path) -> None:
    database = _open(tmp_path)
    with database.write() as tx:
        tx.insert(BOATS, Boat("kiel", "anna"))
        with pytest.raises(AlreadyExists):
            tx.insert(BOATS, Boat("kiel", "anna", "red"))
        tx.put(BOATS, Boat("kiel", "anna", "blue"))
    with database.read() as reader:
        assert reader.find(BOATS, harbour="kiel") == [Boat("kiel", "anna", "blue")]


def test_pages_go_on_after_a_key(tmp_path: Path) -> None:
    database = _open(tmp_path)
    with database.write() as tx:
        for name in "dcba":
            tx.insert(BOATS, Boat("kiel", name))
    with database.read() as reader:
        assert [b.name for b in reader.find(BOATS, harbour="kiel", after=("b",), limit=1)] == ["c"]
        assert reader.column(BOATS, "name", harbour="kiel") == ["a", "b", "c", "d"]
        assert [b.name for b in reader.find(BOATS, descending=True, limit=2)] == ["d", "c"]


def test_a_newer_homeport_finds_by_what_an_older_one_only_kept(tmp_path: Path) -> None:
    older = _open(tmp_path)
    with older.write() as tx:
        tx.insert(BOATS, Boat("kiel", "anna", "red", 2))
    older.close()
    with _open(tmp_path, BOATS_BY_COLOUR).read() as reader:
        assert [b.name for b in reader.find(BOATS_BY_COLOUR, colour="red")] == ["anna"]


def test_data_of_a_newer_homeport_is_refused(tmp_path: Path) -> None:
    database = _open(tmp_path)
    with database.write() as tx:
        tx.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(NewerSchema):
        _open(tmp_path)


def test_records_are_found_by_the_index_of_what_is_given(tmp_path: Path) -> None:
    fleet = Table(
        "boats", Boat, key=("harbour", "name"), indexes=(("harbour", "colour"), ("harbour", "colour", "berths"))
    )
    assert fleet.from_clause(("harbour",)) == "boats"
    assert fleet.from_clause(("harbour", "name", "colour")) == "boats"  # by the key there is one at most
    assert fleet.from_clause(("colour", "harbour")) == "boats INDEXED BY boats_by_harbour_colour"
    assert fleet.from_clause(("harbour", "colour", "berths")) == "boats INDEXED BY boats_by_harbour_colour_berths"
    assert fleet.from_clause(("berths",)) == "boats"
    with _open(tmp_path, fleet).write() as tx:
        for name, colour in (("dora", "red"), ("anna", "red"), ("bert", None), ("carl", "red")):
            tx.insert(fleet, Boat("kiel", name, colour))
        assert [b.name for b in tx.find(fleet, harbour="kiel", colour="red", after=("anna",))] == ["carl", "dora"]
        assert [b.name for b in tx.find(fleet, harbour="kiel", colour="red", descending=True, limit=1)] == ["dora"]
        assert tx.column(fleet, "name", harbour="kiel", colour=None) == ["bert"]
        assert tx.count(fleet, harbour="kiel", colour="red", berths=0) == 3


REMEMBERED = Table(
    "boats", Boat, key=("harbour", "name"), indexes=(("colour",),), unique=(("berths",),), remembered=True
)


@pytest.mark.parametrize("table", [BOATS_BY_COLOUR, REMEMBERED])
def test_a_put_changes_what_the_record_is_found_by(tmp_path: Path, table: Table[Boat]) -> None:
    database = _open(tmp_path, table)
    with database.write() as tx:
        tx.put(table, Boat("kiel", "anna", None, 1))
        tx.put(table, Boat("kiel", "anna", "red", 1))
    with database.write() as tx:
        tx.put(table, Boat("kiel", "anna", "blue", 2))
        assert tx.get(table, "kiel", "anna") == Boat("kiel", "anna", "blue", 2)
        tx.put(table, Boat("kiel", "berta", "red", 1))
    with pytest.raises(AlreadyExists), database.write() as tx:
        tx.put(table, Boat("kiel", "berta", "red", 2))
    with database.read() as reader:
        assert [b.name for b in reader.find(table, colour="blue")] == ["anna"]
        assert [b.name for b in reader.find(table, colour="red")] == ["berta"]
        assert reader.get(table, "kiel", "berta") == Boat("kiel", "berta", "red", 1)


def test_what_is_remembered_is_what_was_committed(tmp_path: Path) -> None:
    database = _open(tmp_path, REMEMBERED)
    anna = Boat("kiel", "anna", "red")
    with database.write() as tx:
        tx.insert(REMEMBERED, anna)
        assert database.latest(REMEMBERED, "kiel", "anna") is None
        assert tx.get(REMEMBERED, "kiel", "anna") == anna
    assert database.latest(REMEMBERED, "kiel", "anna") == anna
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        tx.put(REMEMBERED, Boat("kiel", "anna", "blue"))
        tx.delete(REMEMBERED, "kiel", "anna")
        assert tx.get(REMEMBERED, "kiel", "anna") is None
        raise ZeroDivisionError
    assert database.latest(REMEMBERED, "kiel", "anna") == anna
    with database.write() as tx:
        assert tx.get(REMEMBERED, "kiel", "anna") == anna
        assert tx.delete(REMEMBERED, "kiel", "anna")
    assert database.latest(REMEMBERED, "kiel", "anna") is None
    with database.write() as tx:
        tx.insert(REMEMBERED, anna)
    database.clear()
    assert database.latest(REMEMBERED, "kiel", "anna") is None


def test_only_the_newest_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "REMEMBERED", 2)
    database = _open(tmp_path, REMEMBERED)
    for number, name in enumerate("abc"):
        with database.write() as tx:
            tx.insert(REMEMBERED, Boat("kiel", name, None, number))
    assert [database.latest(REMEMBERED, "kiel", name) is None for name in "abc"] == [True, False, False]
    with database.write() as tx:
        assert tx.get(REMEMBERED, "kiel", "a") == Boat("kiel", "a", None, 0)


def test_who_waits_to_write_goes_before_who_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop writes turn after turn; an API call is not to wait until it has nothing to do."""
    monkeypatch.setattr(store, "GIVE_WAY_S", 30.0)
    database = Database(tmp_path / "x.db", ())
    order: list[str] = []

    def other() -> None:
        with database.write():
            order.append("other")

    for _ in range(5):
        thread = threading.Thread(target=other)
        with database.write():
            thread.start()
            eventually(lambda: database.awaited, 30)
        database.give_way()
        with database.write():
            order.append("own")
        thread.join(30)
    assert order == ["other", "own"] * 5
    database.give_way()  # for nobody: at once
    database.close()
