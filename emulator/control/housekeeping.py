"""What only time makes due: expired log events, dropped uploads and unneeded layers, old idempotency tokens,
deleted revisions of task definitions, deleted services and the old history of services, deregistered container
instances, old scaling activities, old operations of Cloud Map, the oldest entries of the journal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from emulator.clock import Clock
from emulator.domain.capacity.container_instance import INACTIVE_KEPT_S
from emulator.domain.discovery.operation import KEPT_S as OPERATIONS_KEPT_S
from emulator.domain.service_scheduler.service_deployment import KEPT_S
from emulator.events import journal
from emulator.store.autoscaling_tables import ACTIVITIES
from emulator.store.database import Database
from emulator.store.discovery_tables import OPERATIONS
from emulator.store.ecs_queries import definition_in_use
from emulator.store.ecs_tables import (
    CONTAINER_INSTANCES,
    SERVICE_DEPLOYMENTS,
    SERVICE_REVISIONS,
    SERVICES,
    TASK_DEFINITIONS,
    TASKS,
    TOKENS,
)

_log = logging.getLogger("homeport.control")

EVERY_S = 3600.0
ACTIVITIES_KEPT_S = 6 * 7 * 24 * 3600.0
TOKENS_KEPT_S = 24 * 3600.0
JOURNAL_KEPT = 50_000
"""Entries: an event of a container instance is some kilobytes."""
INACTIVE_SERVICES_KEPT_S = 24 * 3600.0

Chore = Callable[[float], object]


class Housekeeping:
    """A controller. Key: the chore's name; each is done at the start and then hourly by the clock."""

    def __init__(self, clock: Clock, chores: Mapping[str, Chore]) -> None:
        self._clock = clock
        self._chores = chores

    @property
    def keys(self) -> list[tuple[str, str]]:
        return [("housekeeping", name) for name in self._chores]

    def reconcile(self, key: str) -> float | None:
        now = self._clock.now()
        self._chores[key](now)
        return now + EVERY_S


def chores_of(database: Database) -> dict[str, Chore]:
    """Those that need nothing but the database."""
    return {
        "client tokens": forget_tokens(database),
        "journal": forget_old_entries(database),
        "deleted task definitions": forget_deleted_definitions(database),
        "old service deployments": forget_old_deployments(database),
        "deleted services": forget_deleted_services(database),
        "deregistered container instances": forget_deregistered_instances(database),
        "old scaling activities": forget_old_activities(database),
        "old Cloud Map operations": forget_old_operations(database),
    }


def forget_tokens(database: Database) -> Chore:
    """Client tokens are good for 24 hours."""

    def chore(now: float) -> int:
        with database.read() as reader:
            old = [token for token in reader.find(TOKENS) if token.at + TOKENS_KEPT_S < now]
        if old:
            with database.write() as tx:
                for t in old:
                    tx.delete(TOKENS, t.account, t.region, t.operation, t.scope, t.token)
        return len(old)

    return chore


def forget_deregistered_instances(database: Database) -> Chore:
    """A deregistered container instance stays describable for an hour of clock."""

    def chore(now: float) -> int:
        with database.write() as tx:
            old = [
                instance
                for instance in tx.find(CONTAINER_INSTANCES, status="INACTIVE")
                if (instance.deregistered_at or 0.0) + INACTIVE_KEPT_S < now
            ]
            for i in old:
                tx.delete(CONTAINER_INSTANCES, i.account, i.region, i.cluster, i.id)
        return len(old)

    return chore


def forget_deleted_services(database: Database) -> Chore:
    """An INACTIVE service stays describable for a day of clock ("for a while", Amazon ECS developer guide), and as long
    as one of its tasks is not gone."""

    def chore(now: float) -> int:
        with database.write() as tx:
            old = [
                service
                for service in tx.find(SERVICES, status="INACTIVE")
                if (service.inactive_at or service.created_at) + INACTIVE_SERVICES_KEPT_S < now
                and not tx.count(
                    TASKS, account=service.account, region=service.region, cluster=service.cluster,
                    service=service.name, released=False,
                )
            ]  # fmt: skip
            for s in old:
                tx.delete(SERVICES, s.account, s.region, s.cluster, s.name)
        return len(old)

    return chore


def forget_old_activities(database: Database) -> Chore:
    """What Auto Scaling groups did is described for six weeks (Amazon EC2 Auto Scaling user guide)."""

    def chore(now: float) -> int:
        with database.read() as reader:
            old = [a for a in reader.find(ACTIVITIES) if a.started_at + ACTIVITIES_KEPT_S < now]
        if old:
            with database.write() as tx:
                for a in old:
                    tx.delete(ACTIVITIES, a.account, a.region, a.scaling_group, a.number)
        return len(old)

    return chore


def forget_old_operations(database: Database) -> Chore:
    """Ended operations of Cloud Map are told of for some weeks."""

    def chore(now: float) -> int:
        with database.read() as reader:
            ended = [*reader.find(OPERATIONS, status="SUCCESS"), *reader.find(OPERATIONS, status="FAIL")]
            old = [o for o in ended if o.updated_at + OPERATIONS_KEPT_S < now]
        if old:
            with database.write() as tx:
                for o in old:
                    tx.delete(OPERATIONS, o.account, o.region, o.id)
        return len(old)

    return chore


def forget_old_entries(database: Database, kept: int = JOURNAL_KEPT) -> Chore:
    """Of the journal the newest so many entries stay."""

    def chore(now: float) -> int:
        with database.write() as tx:
            return journal.forget(tx, kept)

    return chore


def forget_deleted_definitions(database: Database) -> Chore:
    """A revision that is being deleted goes once no task and no service stands on it (Amazon ECS developer guide)."""

    def chore(now: float) -> int:
        with database.read() as reader:
            deleted = reader.find(TASK_DEFINITIONS, status="DELETE_IN_PROGRESS")
            unused = [d for d in deleted if not definition_in_use(reader, d.arn)]
        if unused:
            with database.write() as tx:
                for d in unused:
                    if not definition_in_use(tx, d.arn):
                        tx.delete(TASK_DEFINITIONS, d.account, d.region, d.family, d.revision)
        return len(unused)

    return chore


def forget_old_deployments(database: Database) -> Chore:
    """A service's history goes back 90 days (Amazon ECS developer guide). What it still runs, or may roll back to,
    stays."""

    def chore(now: float) -> int:
        with database.read() as reader:
            in_use = {
                (service.arn, deployment.number)
                for service in reader.find(SERVICES)
                for deployment in (*service.deployments, *([service.completed] if service.completed else ()))
            }
            ended = [d for d in reader.find(SERVICE_DEPLOYMENTS) if d.ended and (d.finished_at or 0.0) + KEPT_S < now]
            targets = {(d.service_arn, d.target) for d in reader.find(SERVICE_DEPLOYMENTS) if d not in ended}
            old = [
                r
                for r in reader.find(SERVICE_REVISIONS)
                if r.created_at + KEPT_S < now and (r.service_arn, r.number) not in in_use | targets
            ]
        if ended or old:
            with database.write() as tx:
                for d in ended:
                    tx.delete(SERVICE_DEPLOYMENTS, d.account, d.region, d.cluster, d.service, d.id)
                for r in old:
                    tx.delete(SERVICE_REVISIONS, r.account, r.region, r.cluster, r.service, r.number)
        return len(ended) + len(old)

    return chore
