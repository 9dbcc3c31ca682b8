"""Whether a task's addresses answer on this host or on another: what domain/networks/reach.py needs. Only reads."""

from __future__ import annotations

from emulator.config import Config
from emulator.control.networks.networks import is_overlay
from emulator.domain.engines import DEFAULT_ADDRESS, LOCAL, host_elsewhere
from emulator.domain.networks.reach import Vantage
from emulator.domain.tasks.task import Task
from emulator.store.database import Reader
from emulator.store.ecs_tables import ADDRESSES


class Vantages:
    """Of all engines."""

    def __init__(self, config: Config) -> None:
        urls = {LOCAL: config.docker_host or DEFAULT_ADDRESS, **{e.name: e.url for e in config.engine_endpoints}}
        self._hosts = {name: host_elsewhere(url) for name, url in urls.items()}

    def of(self, reader: Reader, task: Task) -> Vantage:
        """A task that began when there was one engine alone is on no overlay."""
        networks = (row.network for row in reader.find(ADDRESSES, task_arn=task.arn)) if task.eni else ()
        return Vantage(self._hosts.get(task.engine, ""), any(is_overlay(network) for network in networks))
