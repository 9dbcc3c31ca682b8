"""All tables of the main database, in one place. A new service adds its TABLES here."""

from __future__ import annotations

from typing import Any

from emulator.store import ecs_tables, iam_tables, logs_tables, secrets_tables
from emulator.store.tables import Table

TABLES: tuple[Table[Any], ...] = (*ecs_tables.TABLES, *logs_tables.TABLES, *secrets_tables.TABLES, *iam_tables.TABLES)
