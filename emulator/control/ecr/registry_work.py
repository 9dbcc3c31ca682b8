"""What control does for the registry beside lifecycle policies: the controllers, and what to look at first."""

from __future__ import annotations

from emulator.clock import Clock
from emulator.control.ecr.image_signings import ImageSignings
from emulator.control.ecr.replication import Backfills, Replications
from emulator.control.loop import Controller
from emulator.control.service_scheduler.redeploy_on_push import RedeployOnPush
from emulator.ids import Ids
from emulator.registry.image_signer import ImageSigner
from emulator.store.database import Database
from emulator.store.image_users import Naming


class RegistryWork:
    """`redeploy_on_push`: how references name our registry, where pushes redeploy services; None: they do not."""

    def __init__(
        self, clock: Clock, database: Database, ids: Ids, redeploy_on_push: Naming | None, signer: ImageSigner | None
    ) -> None:
        self._signings = ImageSignings(clock, database, signer)
        self._redeployments = RedeployOnPush(clock, database, ids, redeploy_on_push)
        self._replications = Replications(clock, database)
        self._backfills = Backfills(clock, database)
        self.controllers: dict[str, Controller] = {
            "pushed_tag": self._redeployments,
            "image_signing": self._signings,
            "replication": self._replications,
            "replication_backfill": self._backfills,
        }

    @property
    def keys(self) -> list[tuple[str, str]]:
        """What a stop of the emulator may have interrupted."""
        return [
            *self._redeployments.keys,
            *self._signings.keys,
            *self._replications.keys,
            *self._backfills.keys,
        ]
