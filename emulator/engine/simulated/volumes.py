"""Named volumes of the simulated engine: names without contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from emulator.engine.base import EngineError
from emulator.engine.labels import bears
from emulator.engine.simulated.container import SimulatedContainer
from emulator.engine.volumes import VolumeSpec


class SimulatedVolumes:
    def __init__(self) -> None:
        self._known: dict[str, VolumeSpec] = {}

    def ensure(self, spec: VolumeSpec) -> None:
        known = self._known.setdefault(spec.name, spec)
        if known.driver != spec.driver:
            raise EngineError(f"the volume {spec.name} is there, of the driver {known.driver}", 409)

    def remove(self, name: str, containers: Iterable[SimulatedContainer]) -> None:
        users = [c.id for c in containers if any(m.kind == "volume" and m.source == name for m in c.spec.mounts)]
        if users:
            raise EngineError(f"remove {name}: volume is in use - [{', '.join(users)}]", 409)
        self._known.pop(name, None)

    def named(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        return {name: spec.labels for name, spec in self._known.items() if bears(spec.labels, labels)}
