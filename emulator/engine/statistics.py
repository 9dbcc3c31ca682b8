"""What an engine can tell of its running containers' use of CPU, memory, disks and network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from emulator.domain.tasks.container_statistics import Sample

if TYPE_CHECKING:
    from emulator.engine.base import ContainerState

Reading: TypeAlias = Callable[[], Sample]
"""What was read of a container at one moment; understood when it is called. Most readings are never asked for, and to
understand one costs more than to make it. ValueError or KeyError when the files did not say what they should."""


@dataclass(frozen=True, slots=True)
class StorageUse:
    """Bytes of a container's root file system: those of its image, which others share, and those that it wrote."""

    image: int
    written: int


class StatisticsSource(Protocol):
    """A part of every Engine."""

    def sample_statistics(self, running: Sequence[ContainerState]) -> Mapping[str, Reading]:
        """One reading of each, by its id; what cannot be read (ended meanwhile, on another host) is left out."""
        ...

    def measure_storage(self, container_id: str) -> StorageUse | None:
        """None for a container that is gone. Takes the engine a while when much was written."""
        ...
