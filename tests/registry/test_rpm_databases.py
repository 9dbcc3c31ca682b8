"""RPM's databases in all of their forms: those that its own code and Berkeley DB wrote (rpm_databases/), and what
becomes of damaged ones.

`ndb.gz` was written by RPM 4.18's ndb backend, one package deleted again; the others by Berkeley DB 5.3 with pages of
512 and 4096 bytes, the second in big-endian order. Each holds the headers of two packages that were built for it.
"""

from __future__ import annotations

import gzip
import sqlite3
import struct
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.ecr.package_inventory import UnreadablePackages, inventory, rpm_databases
from emulator.registry.rpm_database import rpm_headers
from tests.synthetic_layers import rpm_database, rpm_header

MADE = Path(__file__).parent / "rpm_databases"
SQLITE, NDB, BERKELEY = (f"var/lib/rpm/{name}" for name in ("rpmdb.sqlite", "Packages.db", "Packages"))


def made(name: str) -> bytes:
    return gzip.decompress((MADE / f"{name}.gz").read_bytes())


@pytest.mark.parametrize(
    ("path", "name", "headers"), [(NDB, "ndb", 5), (BERKELEY, "berkeley", 6), (BERKELEY, "berkeley-big-endian", 6)]
)
def test_as_they_were_written(path: str, name: str, headers: int) -> None:
    found = rpm_headers(path, made(name))
    assert len(found) == headers
    packages = inventory({"etc/os-release": b"ID=rocky\nVERSION_ID=9.3\n"}, {path: found})
    assert {(p.name, p.version, p.source) for p in packages} == {
        ("alpha", "2:1.2-3.x", "alpha"),
        ("alpha-sub", "2:1.2-3.x", "alpha"),
    }
    assert {p.path for p in packages} == {f"/{path}"}


class TestSqlite:
    def test_headers_of_a_database_in_wal_mode(self, tmp_path: Path) -> None:
        assert rpm_headers(SQLITE, rpm_database(tmp_path, b"one", b"two")) == [b"one", b"two"]

    def test_a_view_is_not_run(self, tmp_path: Path) -> None:
        path = tmp_path / "evil.sqlite"
        connection = sqlite3.connect(path)
        forever = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n AS hnum, n AS blob FROM t"
        connection.execute(f"CREATE VIEW Packages AS {forever}")
        connection.commit()
        connection.close()
        with pytest.raises(UnreadablePackages, match="no table"):
            rpm_headers(SQLITE, path.read_bytes())

    def test_rows_may_not_hold_more_than_the_file(self, tmp_path: Path) -> None:
        connection = sqlite3.connect(tmp_path / "evil.sqlite")
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, x, blob BLOB AS (zeroblob(10000000)))")
        connection.executemany("INSERT INTO Packages (x) VALUES (?)", [(1,)] * 1000)
        connection.commit()
        connection.close()
        with pytest.raises(UnreadablePackages, match="twice"):
            rpm_headers(SQLITE, (tmp_path / "evil.sqlite").read_bytes())


@pytest.mark.parametrize("path", [SQLITE, NDB, BERKELEY])
@pytest.mark.parametrize("data", [b"", b"x" * 5000, b"RpmP" + b"\0" * 5000, b"RpmP" + b"\xff" * 5000])
def test_what_is_no_database(path: str, data: bytes) -> None:
    with pytest.raises(UnreadablePackages):
        rpm_headers(path, data)


@pytest.mark.parametrize(("path", "name"), [(NDB, "ndb"), (BERKELEY, "berkeley"), (BERKELEY, "berkeley-big-endian")])
@settings(max_examples=60)
@given(
    cut=st.integers(0, 2**20),
    changes=st.lists(st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=8)), max_size=8),
)
def test_damage_is_said_or_harmless(path: str, name: str, cut: int, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(made(name))
    for at, new in changes:
        at %= len(data)
        data[at : at + len(new)] = new
    if cut % 3 == 0:
        del data[cut % len(data) :]
    began = process_time()
    try:
        found = rpm_headers(path, bytes(data))
        inventory({}, {path: found})
    except UnreadablePackages:
        return
    finally:
        assert process_time() - began < 2
    assert sum(map(len, found)) <= len(data)


def test_one_blob_under_many_numbers_is_refused() -> None:
    data = bytearray(made("ndb"))
    slots = [at for at in range(32, 4096, 16) if struct.unpack_from("<I", data, at + 8)[0]]
    for at in slots[1:]:
        data[at : at + 16] = data[slots[0] : slots[0] + 16]
    with pytest.raises(UnreadablePackages, match="twice"):
        rpm_headers(NDB, bytes(data))


def test_a_chain_that_goes_in_a_circle_is_refused() -> None:
    data = bytearray(made("berkeley"))
    for start in range(512, len(data), 512):
        if data[start + 25] == 7:
            struct.pack_into("<I", data, start + 16, start // 512)
    with pytest.raises(UnreadablePackages, match="pages are not what they should be"):
        rpm_headers(BERKELEY, bytes(data))


def test_of_each_folder_the_newest_form_counts() -> None:
    other = "usr/lib/sysimage/rpm/Packages.db"
    assert rpm_databases({BERKELEY: b"", SQLITE: b"", other: b""}) == [SQLITE, other]


def test_a_header_may_not_hold_more_than_it_says() -> None:
    header = rpm_header(name="a", version="1", release="2")
    for cut in range(len(header)):
        try:
            inventory({}, {NDB: [header[:cut]]})
        except UnreadablePackages:
            continue
