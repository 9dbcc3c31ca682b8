"""Log groups and streams in the main database. Their events are in a store of their own (log_events.py)."""

from __future__ import annotations

from emulator.domain.logs.log_group import LogGroup, LogStream
from emulator.store.tables import Table

LOG_GROUPS = Table("log_groups", LogGroup, key=("account", "region", "name"))
LOG_STREAMS = Table("log_streams", LogStream, key=("account", "region", "group_name", "name"))

TABLES = (LOG_GROUPS, LOG_STREAMS)
