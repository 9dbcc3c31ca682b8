"""All tables of the main database, in one place. A new service adds its TABLES here."""

from __future__ import annotations

from typing import Any

from emulator.store import (
    autoscaling_tables,
    discovery_tables,
    ec2_tables,
    ecr_public_tables,
    ecr_tables,
    ecs_tables,
    faults_table,
    iam_tables,
    logs_tables,
    secrets_tables,
    settings_table,
)
from emulator.store.tables import Table

TABLES: tuple[Table[Any], ...] = (
    *autoscaling_tables.TABLES,
    *discovery_tables.TABLES,
    *ec2_tables.TABLES,
    *ecr_public_tables.TABLES,
    *ecr_tables.TABLES,
    *ecs_tables.TABLES,
    *faults_table.TABLES,
    *iam_tables.TABLES,
    *logs_tables.TABLES,
    *secrets_tables.TABLES,
    *settings_table.TABLES,
)
