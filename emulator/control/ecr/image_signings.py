"""Images that are to be signed are signed, one at a time. What signing is: registry/image_signer.py."""

from __future__ import annotations

import logging

from emulator.clock import Clock
from emulator.domain.ecr.image_signing import IN_PROGRESS
from emulator.registry.image_signer import ImageSigner
from emulator.store.database import Database
from emulator.store.ecr_tables import IMAGE_SIGNINGS, signing_key

_log = logging.getLogger("homeport.control")


class ImageSignings:
    """A controller. Key: what `signing_key` makes of an image and a profile."""

    def __init__(self, clock: Clock, database: Database, signer: ImageSigner | None) -> None:
        self._clock = clock
        self._database = database
        self._signer = signer

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Of those that a stop of the emulator interrupted."""
        with self._database.read() as reader:
            return [key for order in reader.find(IMAGE_SIGNINGS, status=IN_PROGRESS) for key in signing_key(order)]

    def reconcile(self, key: str) -> float | None:
        if self._signer is None:
            return None
        where = tuple(key.split("|"))
        try:
            self._signer.carry_out(where, self._clock.now())
        except Exception:  # noqa: BLE001 - a bug must not leave a signing in progress for ever; it is in the log
            _log.exception("the signing of %s failed", where[3])
            self._signer.give_up(where, "The signer failed; Homeport's log says why")
        return None
