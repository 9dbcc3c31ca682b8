"""Replication and its backfills, done image by image. What copying is: registry/replication.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.clock import Clock
from emulator.domain.ecr.replication import (
    BACKFILLS_KEPT_S,
    COMPLETE,
    FAILED,
    IN_PROGRESS,
    PREPARING,
    STOPPED,
    Backfill,
    BackfillItem,
    Destination,
)
from emulator.registry.replication import NOT_FOUND, carry_out, copy_image, waiting
from emulator.registry.repository import find_image, list_images, tags_of
from emulator.store.database import Database, Transaction
from emulator.store.ecr_tables import (
    BACKFILL_ITEMS,
    BACKFILLS,
    REPLICATION_CONFIGURATIONS,
    REPLICATIONS,
    REPOSITORIES,
    backfill_key,
    replication_key,
)

_AT_ONCE = 50
"""Images of a backfill for each look: pushes and replications go on in between."""


class Replications:
    """A controller. Key: what `replication_key` makes of one image on its way to one destination."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Of those that a stop of the emulator interrupted."""
        with self._database.read() as reader:
            return [key for order in waiting(reader) for key in replication_key(order)]

    def reconcile(self, key: str) -> float | None:
        with self._database.write() as tx:
            order = tx.get(REPLICATIONS, *key.split("|"))
            if order is not None and order.status == IN_PROGRESS:
                carry_out(tx, order, self._clock.now())
        return None


class Backfills:
    """A controller. Key: what `backfill_key` makes of a backfill."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database

    @property
    def keys(self) -> list[tuple[str, str]]:
        with self._database.read() as reader:
            return [key for backfill in reader.find(BACKFILLS) for key in backfill_key(backfill)]

    def reconcile(self, key: str) -> float | None:
        now = self._clock.now()
        with self._database.write() as tx:
            backfill = tx.get(BACKFILLS, *key.split("|"))
            if backfill is None:
                return None
            match backfill.status:
                case "PREPARING":
                    self._prepare(tx, backfill, now)
                case "IN_PROGRESS":
                    self._go_on(tx, backfill, now)
                case "STOPPING":
                    tx.put(BACKFILLS, replace(backfill, status=STOPPED, ended_at=now))
                case _:
                    return self._forget(tx, backfill, now)
        return None  # what was written wakes it again

    def _prepare(self, tx: Transaction, backfill: Backfill, now: float) -> None:
        """Lists the images of all repositories that a rule sends to the destination."""
        configuration = tx.get(REPLICATION_CONFIGURATIONS, backfill.account, backfill.region)
        to = Destination(backfill.to_account, backfill.to_region)
        names = [
            repository
            for repository in tx.find(REPOSITORIES, account=backfill.account, region=backfill.region)
            if configuration is not None and to in configuration.destinations(repository.name)
        ]
        number = 0
        for repository in names:
            for image in list_images(tx, repository):
                tags: list[str | None] = [*tags_of(tx, repository, image.digest)]
                for tag in tags or [None]:
                    number += 1
                    where = (backfill.account, backfill.region, backfill.id, number)
                    tx.put(BACKFILL_ITEMS, BackfillItem(*where, repository.name, image.digest, tag))
        tx.put(BACKFILLS, replace(backfill, status=IN_PROGRESS, total=number))

    def _go_on(self, tx: Transaction, backfill: Backfill, now: float) -> None:
        where: dict[str, Any] = {"account": backfill.account, "region": backfill.region, "backfill": backfill.id}
        for item in tx.find(BACKFILL_ITEMS, limit=_AT_ONCE, status=PREPARING, **where):
            source = tx.get(REPOSITORIES, item.account, item.region, item.repository)
            image = None if source is None else find_image(tx, source, item.digest)
            failure: str | None = NOT_FOUND
            if source is not None and image is not None:
                tags = () if item.tag is None else (item.tag,)
                to = Destination(backfill.to_account, backfill.to_region)
                failure = copy_image(tx, source, image, tags, to, now)
            tx.put(BACKFILL_ITEMS, replace(item, status=FAILED if failure else COMPLETE, failure_code=failure))
        done = not tx.count(BACKFILL_ITEMS, status=PREPARING, **where)
        tx.put(BACKFILLS, replace(backfill, status=COMPLETE, ended_at=now) if done else backfill)

    def _forget(self, tx: Transaction, backfill: Backfill, now: float) -> float | None:
        """90 days after its end."""
        until = (backfill.ended_at or 0.0) + BACKFILLS_KEPT_S
        if now < until:
            return until
        where: dict[str, Any] = {"account": backfill.account, "region": backfill.region, "backfill": backfill.id}
        for item in tx.find(BACKFILL_ITEMS, **where):
            tx.delete(BACKFILL_ITEMS, item.account, item.region, item.backfill, item.number)
        tx.delete(BACKFILLS, backfill.account, backfill.region, backfill.id)
        return None
