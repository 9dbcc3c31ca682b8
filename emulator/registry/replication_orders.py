"""What a push, an untagging and a deletion order of replication, in the same transaction. Doing it is replication.py's.

An image that arrives by replication orders nothing itself: ECR does not replicate replicas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.replication import IN_PROGRESS, Destination, Replication
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import REPLICATION_CONFIGURATIONS, REPLICATIONS


def order_copies(tx: Transaction, repository: Repository, digest: str, tags: Sequence[str]) -> None:
    """The image is to be at every destination of its repository, with these tags."""
    for destination in _destinations(tx, repository):
        order = _present(tx, repository, digest, destination) or _new(repository, digest, destination)
        tx.put(REPLICATIONS, order.with_tags(tuple(tags)))


def order_untagging(tx: Transaction, repository: Repository, digest: str, tag: str) -> None:
    for destination in _destinations(tx, repository, deletions=True):
        order = _present(tx, repository, digest, destination) or _new(repository, digest, destination)
        tx.put(REPLICATIONS, order.without_tag(tag))


def order_deletion(tx: Transaction, repository: Repository, digest: str, *, replicates: bool) -> None:
    """What was known of the image's replication goes; where deletions are replicated it is deleted there too."""
    for known in _of_image(tx, repository, digest):
        tx.delete(REPLICATIONS, *_key(known))
    for destination in _destinations(tx, repository, deletions=True) if replicates else ():
        tx.put(REPLICATIONS, replace(_new(repository, digest, destination), status=IN_PROGRESS, deleted=True))


def _destinations(reader: Reader, repository: Repository, *, deletions: bool = False) -> list[Destination]:
    found = reader.get(REPLICATION_CONFIGURATIONS, repository.account, repository.region)
    return [] if found is None else found.destinations(repository.name, deletions=deletions)


def _present(reader: Reader, repository: Repository, digest: str, to: Destination) -> Replication | None:
    return reader.get(
        REPLICATIONS, repository.account, repository.region, repository.name, digest, to.account, to.region
    )


def _new(repository: Repository, digest: str, to: Destination) -> Replication:
    return Replication(repository.account, repository.region, repository.name, digest, to.account, to.region)


def _of_image(reader: Reader, repository: Repository, digest: str) -> list[Replication]:
    return reader.find(
        REPLICATIONS, account=repository.account, region=repository.region, repository=repository.name, digest=digest
    )


def _key(order: Replication) -> tuple[str, ...]:
    return (order.account, order.region, order.repository, order.digest, order.to_account, order.to_region)
