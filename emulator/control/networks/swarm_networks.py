"""The networks of tasks on several engines: overlays of the swarm that the engines are nodes of.

Made and removed by whichever manager of the swarm answers; a worker joins one as a container of its own is attached.
That the engines are in one swarm is looked at again whenever a network is made, since it may change while we run.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from emulator.clock import monotonic
from emulator.domain.engines import SwarmMembership, swarm_refusal
from emulator.engine.base import Engine, EngineError, EngineUnavailable, NetworkSpec

_log = logging.getLogger("homeport.control")


RELEASED_WITHIN_S = 15.0


class NotOneSwarm(EngineError):
    """The engines cannot have a network in common; the text says why, and what to do."""


class SwarmNetworks:
    """What control.networks needs of an engine, over several by name."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = engines

    def members(self) -> dict[str, SwarmMembership]:
        """The place of each engine that answers."""
        found: dict[str, SwarmMembership] = {}
        for name, engine in self._engines.items():
            try:
                found[name] = engine.info().swarm
            except EngineError as error:
                _log.info("engine %s does not answer: %s", name, error)
        return found

    def ensure_network(self, spec: NetworkSpec) -> None:
        """NotOneSwarm; EngineUnavailable when no manager of the swarm answers."""
        self._manager().ensure_network(spec)

    def remove_network(self, name: str) -> None:
        """A swarm learns a little later than its engines that a container is gone: waited for, not for ever."""
        end, pause = monotonic() + RELEASED_WITHIN_S, threading.Event()
        while True:
            try:
                return self._manager().remove_network(name)
            except EngineError as error:
                if "in use by task" not in str(error) or monotonic() > end:
                    raise
            pause.wait(0.2)

    def list_networks(self, labels: Mapping[str, str]) -> list[str]:
        return self._manager().list_networks(labels)

    def _manager(self) -> Engine:
        members = self.members()
        if why := swarm_refusal(members):
            raise NotOneSwarm(why)
        for name, member in members.items():
            if member.manager:
                return self._engines[name]
        raise EngineUnavailable(
            f"none of the engines that answer ({', '.join(members) or 'none'}) is a manager of their Docker swarm, and "
            "only a manager has networks for several engines"
        )
