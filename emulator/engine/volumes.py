"""Named volumes: what the engine keeps beside containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """`options` are the driver's."""

    name: str
    labels: Mapping[str, str]
    driver: str = "local"
    options: Mapping[str, str] = field(default_factory=dict)


class VolumeStore(Protocol):
    """A part of every Engine."""

    def ensure_volume(self, spec: VolumeSpec) -> None:
        """Creates it; one of that name and driver is taken as it is. EngineError with the engine's text otherwise."""
        ...

    def remove_volume(self, name: str) -> None:
        """No error when it is not there; EngineError while a container uses it."""
        ...

    def list_volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Volumes that bear all the labels: their names, and all labels of each."""
        ...
