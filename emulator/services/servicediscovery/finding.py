"""What the operations of Cloud Map share: finding what a request names, writing an operation, filters.

A message about what is not there is its id alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from emulator.domain.discovery.errors import (
    DuplicateRequest,
    InstanceNotFound,
    InvalidInput,
    NamespaceNotFound,
    ServiceNotFound,
    TooManyTagsException,
)
from emulator.domain.discovery.instance import Instance
from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.operation import Operation
from emulator.domain.discovery.service import DiscoveryService
from emulator.domain.key_value_tags import TAG_LIMIT, repeated_keys, tags_of
from emulator.store import discovery as store
from emulator.store.discovery_tables import DISCOVERY_SERVICES, INSTANCES, NAMESPACES, OPERATIONS
from emulator.wire.call import Call

T = TypeVar("T")


def namespace(call: Call, reference: str) -> Namespace:
    """By id or ARN."""
    found_id = store.id_in(reference, "namespace", call.account, call.region)
    found = call.reader.get(NAMESPACES, call.account, call.region, found_id)
    if found is None:
        raise NamespaceNotFound(found_id)
    return found


def service(call: Call, reference: str) -> DiscoveryService:
    """By id or ARN."""
    found_id = store.id_in(reference, "service", call.account, call.region)
    found = call.reader.get(DISCOVERY_SERVICES, call.account, call.region, found_id)
    if found is None:
        raise ServiceNotFound(found_id)
    return found


def instance(call: Call, service: DiscoveryService, instance_id: str) -> Instance:
    found = call.reader.get(INSTANCES, service.account, service.region, service.id, instance_id)
    if found is None:
        raise InstanceNotFound(instance_id)
    return found


def submit(call: Call, kind: str, targets: Mapping[str, str], change: Mapping[str, Any]) -> dict[str, Any]:
    """The answer, OperationId. DuplicateRequest while an operation on the same targets is under way."""
    for other in under_way(call):
        if other.targets == targets:
            raise duplicate(other)
    operation = Operation(
        call.account, call.region, store.new_operation_id(call.ids), kind, "SUBMITTED", call.now, call.now,
        dict(targets), dict(change),
    )  # fmt: skip
    call.tx.insert(OPERATIONS, operation)
    return {"OperationId": operation.id}


def under_way(call: Call) -> list[Operation]:
    found = [*call.tx.find(OPERATIONS, status="SUBMITTED"), *call.tx.find(OPERATIONS, status="PENDING")]
    return [o for o in found if (o.account, o.region) == (call.account, call.region)]


def duplicate(operation: Operation) -> DuplicateRequest:
    return DuplicateRequest(
        f"Another operation of type {operation.type} and id {operation.id} is in progress",
        {"DuplicateOperationId": operation.id},
    )


def checked_tags(arn: str, current: Mapping[str, str], given: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """The tags with those given. Wordings are unconfirmed."""
    added = list(given or ())
    if repeated_keys(added, fold_case=False):
        raise InvalidInput("Duplicate tag keys")
    if reserved := [tag["Key"] for tag in added if tag["Key"].lower().startswith("aws:")]:
        raise InvalidInput(f"Tag keys that begin with aws: are reserved: {reserved[0]}")
    merged = {**current, **tags_of(added)}
    if len(merged) > TAG_LIMIT:
        raise TooManyTagsException(f"A resource can have at most {TAG_LIMIT} tags", {"ResourceName": arn})
    return merged


def filtered(
    items: Iterable[T],
    filters: Iterable[Mapping[str, Any]] | None,
    values: Mapping[str, Callable[[T], str]],
    conditions: Mapping[str, tuple[str, ...]],
) -> list[T]:
    """Those that match all filters. `conditions`: which each filter takes besides EQ. InvalidInput for another."""
    found = list(items)
    for given in filters or ():
        name, wanted, condition = given["Name"], given["Values"], given.get("Condition") or "EQ"
        value = values[name]
        if condition != "EQ" and condition not in conditions.get(name, ()):
            raise InvalidInput(f"Condition {condition} is not supported for filter {name}")
        if condition in ("EQ", "BEGINS_WITH") and len(wanted) != 1:
            raise InvalidInput(f"Filter {name} with condition {condition} takes one value")
        match condition:
            case "BEGINS_WITH":
                found = [item for item in found if value(item).startswith(wanted[0])]
            case "BETWEEN":
                start, end = _moments(wanted)
                found = [item for item in found if start <= float(value(item)) <= end]
            case _:
                found = [item for item in found if value(item) in wanted]
    return found


def _moments(wanted: list[str]) -> tuple[float, float]:
    try:
        start, end = (float(text) for text in wanted)
    except ValueError as error:
        raise InvalidInput("Condition BETWEEN takes a start and an end date in Unix format") from error
    return start, end
