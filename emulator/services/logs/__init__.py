"""CloudWatch Logs: groups, streams, events. Groups and streams are records; events have a store of their own."""

from emulator.services.logs import events, log_groups, log_streams, retention, tags
from emulator.services.logs.authorization import AUTHORIZATION

MODULES = (log_groups, log_streams, events, retention, tags)

__all__ = ["AUTHORIZATION", "MODULES"]
