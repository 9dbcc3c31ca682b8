"""Carries out the operations of AWS Cloud Map: one look has it PENDING, the next does it, or says why it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase, digits
from typing import Final

from emulator.clock import Clock
from emulator.control.discovery.registrations import Registrations
from emulator.control.loop import Controller
from emulator.domain.discovery.namespace import DNS_PRIVATE, overlaps
from emulator.domain.discovery.operation import Operation
from emulator.domain.discovery.service import DiscoveryService, DnsConfig, DnsRecord
from emulator.domain.records import replace
from emulator.ids import Ids
from emulator.store import discovery as store
from emulator.store.database import Database, Transaction
from emulator.store.discovery_tables import DISCOVERY_SERVICES, NAMESPACES, OPERATIONS
from emulator.store.ecs_tables import TASKS
from emulator.store.vpc_queries import tasks_with_interface

NO_HOSTED_ZONE: Final = "CANNOT_CREATE_HOSTED_ZONE"
GONE: Final = "RESOURCE_NOT_FOUND"
IN_USE: Final = "RESOURCE_IN_USE"


def discovery_controllers(clock: Clock, database: Database, ids: Ids) -> dict[str, Controller]:
    """Who decides about the keys of Cloud Map, and of ECS service discovery."""
    return {
        "discovery_operation": DiscoveryOperations(clock, database, ids),
        "registration": Registrations(clock, database),
    }


TOO_EARLY: Final = (
    "names of the private namespaces of its VPC do not resolve in it: it was started when the VPC had none; a task "
    "that is started now resolves them"
)


class _Fails(Exception):
    """Why an operation cannot be done. Codes beyond those of the API reference are unconfirmed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DiscoveryOperations:
    """A controller. Key: account/region/operation id."""

    def __init__(self, clock: Clock, database: Database, ids: Ids) -> None:
        self._clock = clock
        self._database = database
        self._ids = ids
        self._do: dict[str, Callable[[Transaction, Operation], None]] = {
            "CREATE_NAMESPACE": self._create_namespace,
            "UPDATE_NAMESPACE": _update_namespace,
            "DELETE_NAMESPACE": _delete_namespace,
            "UPDATE_SERVICE": _update_service,
            "REGISTER_INSTANCE": self._register,
            "DEREGISTER_INSTANCE": _deregister,
        }

    def reconcile(self, key: str) -> float | None:
        now = self._clock.now()
        with self._database.write() as tx:
            operation = tx.get(OPERATIONS, *key.split("/"))
            if operation is None or operation.ended:
                return None
            if operation.status == "SUBMITTED":
                tx.put(OPERATIONS, replace(operation, status="PENDING", updated_at=now))
                return None
            try:
                self._do[operation.type](tx, operation)
                ended = replace(operation, status="SUCCESS", updated_at=now)
            except _Fails as error:
                ended = replace(
                    operation, status="FAIL", updated_at=now, error_code=error.code, error_message=str(error)
                )
            tx.put(OPERATIONS, ended)
        return None

    def _create_namespace(self, tx: Transaction, operation: Operation) -> None:
        change, account, region = operation.change, operation.account, operation.region
        name, vpc_id = change["name"], change.get("vpc_id") or ""
        if change.get("no_such_vpc"):
            raise _Fails(NO_HOSTED_ZONE, f"The VPC {vpc_id} in region {region} that you provided does not exist.")
        if any(vpc_id and overlaps(other, name, vpc_id) for other in store.namespaces_of(tx, account, region)):
            raise _Fails(
                NO_HOSTED_ZONE,
                f"The VPC that you chose, {vpc_id} in region {region}, is already associated with another private "
                f"hosted zone that has an overlapping name space, {name}. (Service: AmazonRoute53; Status Code: 400; "
                "Error Code: ConflictingDomainExists)",
            )
        target = operation.targets["NAMESPACE"]
        made = store.make_namespace(
            self._ids, account, region, change["partition"], name, self._clock.now(), namespace_id=target
        )
        made = replace(
            made,
            description=change.get("description"),
            creator_request_id=change.get("creator_request_id"),
            tags=change["tags"],
        )
        if change["type"] == DNS_PRIVATE:
            zone = f"Z{self._ids.letters(20, ascii_uppercase + digits)}"
            made = replace(made, type=DNS_PRIVATE, vpc_id=vpc_id, hosted_zone_id=zone, soa_ttl=change["soa_ttl"])
            if not store.private_namespaces(tx, account, region, vpc_id):
                _tell_running_tasks(tx, account, region, vpc_id)
        store.insert_namespace(tx, made)

    def _register(self, tx: Transaction, operation: Operation) -> None:
        change = operation.change
        store.register(
            tx,
            _service(tx, operation),
            operation.targets["INSTANCE"],
            change["attributes"],
            self._clock.now(),
            healthy=change["healthy"],
            creator_request_id=change.get("creator_request_id"),
        )


def _tell_running_tasks(tx: Transaction, account: str, region: str, vpc_id: str) -> None:
    """A VPC's tasks have a resolver of ours once it has a private namespace; who runs already has none."""
    for task in tasks_with_interface(tx, account, region):
        if task.eni is not None and task.eni.vpc_id == vpc_id and TOO_EARLY not in task.warnings:
            tx.put(TASKS, replace(task, warnings=[*task.warnings, TOO_EARLY]))


def _update_namespace(tx: Transaction, operation: Operation) -> None:
    found = tx.get(NAMESPACES, operation.account, operation.region, operation.targets["NAMESPACE"])
    if found is None:
        raise _Fails(GONE, operation.targets["NAMESPACE"])
    tx.put(NAMESPACES, replace(found, **operation.change))


def _delete_namespace(tx: Transaction, operation: Operation) -> None:
    found = tx.get(NAMESPACES, operation.account, operation.region, operation.targets["NAMESPACE"])
    if found is None:
        return
    if store.service_count(tx, found):
        raise _Fails(IN_USE, "Namespace has associated services")
    tx.delete(NAMESPACES, found.account, found.region, found.id)


def _update_service(tx: Transaction, operation: Operation) -> None:
    service, change = _service(tx, operation), operation.change
    if "description" in change:
        service = replace(service, description=change["description"])
    if "ttls" in change and service.dns is not None:
        records = tuple(DnsRecord(r.type, change["ttls"].get(r.type, r.ttl)) for r in service.dns.records)
        service = replace(service, dns=DnsConfig(records, service.dns.routing_policy))
    tx.put(DISCOVERY_SERVICES, service)


def _deregister(tx: Transaction, operation: Operation) -> None:
    store.deregister(tx, _service(tx, operation), operation.targets["INSTANCE"])


def _service(tx: Transaction, operation: Operation) -> DiscoveryService:
    found = tx.get(DISCOVERY_SERVICES, operation.account, operation.region, operation.targets["SERVICE"])
    if found is None:
        raise _Fails(GONE, operation.targets["SERVICE"])
    return found
