"""All tables of the main database, in one place. A new service adds its TABLES here."""

from __future__ import annotations

from typing import Any

from emulator.store import ecs_tables, logs_tables
from emulator.store.tables import Table

TABLES: tuple[Table[Any], ...] = (*ecs_tables.TABLES, *logs_tables.TABLES)
