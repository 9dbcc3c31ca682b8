"""Images on their way back from the archive: they can be pulled again when their time has come by the clock."""

from __future__ import annotations

from emulator.clock import Clock
from emulator.domain.ecr.image import ACTIVATING
from emulator.registry.repository import repository_of_key
from emulator.registry.storage_class import finish_restores
from emulator.store.database import Database
from emulator.store.ecr_tables import IMAGES


class ImageRestores:
    """A controller. Key: account/region/repository."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Of every repository with such an image, for the start."""
        with self._database.read() as reader:
            images = reader.find(IMAGES, status=ACTIVATING)
        return [("image_restore", key) for key in sorted({f"{i.account}/{i.region}/{i.repository}" for i in images})]

    def reconcile(self, key: str) -> float | None:
        with self._database.write() as tx:
            repository = repository_of_key(tx, key)
            return None if repository is None else finish_restores(tx, repository, self._clock.now())
