"""Settings that the emulator makes once and keeps with its data, such as the secret that signs registry tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.store.database import Database
from emulator.store.tables import Table


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str


SETTINGS = Table("settings", Setting, key=("name",))

TABLES = (SETTINGS,)


def setting(database: Database, name: str, make: Callable[[], str]) -> str:
    """The value kept under `name`; made and kept when there is none."""
    with database.write() as tx:
        kept = tx.get(SETTINGS, name)
        if kept is None:
            kept = Setting(name, make())
            tx.insert(SETTINGS, kept)
        return kept.value
