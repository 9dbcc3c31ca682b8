"""Task definitions: families of numbered revisions. What a revision may say is
domain/task_definitions/task_definition.py's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from api_models._generated import ecs as m
from emulator.domain.errors import AwsError, ClientException, InvalidParameterException
from emulator.domain.tags import validate_tags
from emulator.domain.task_definitions.revision import Family, TaskDefinition
from emulator.domain.task_definitions.task_definition import parse_reference, register
from emulator.services.ecs import lookup
from emulator.services.ecs.task_definition_shape import task_definition_shape
from emulator.services.noting import note
from emulator.store.ecs_queries import definition_in_use, families, revisions
from emulator.store.ecs_tables import FAMILIES, TASK_DEFINITIONS
from emulator.wire.call import Call, Paging

_MAX_DELETED: Final = 10
_INVALID_IDENTIFIER: Final = (
    "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
)
_UNKNOWN: Final = (
    "The specified task definition does not exist. Specify a valid account, family, revision and try again."
)
_STILL_ACTIVE: Final = (
    "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
)


def register_task_definition(call: Call, request: m.RegisterTaskDefinitionRequest) -> m.RegisterTaskDefinitionResponse:
    body = register(request, account=call.account, region=call.region, partition=call.partition)
    name = request["family"]
    family = call.tx.get(FAMILIES, call.account, call.region, name)
    revision = 1 if family is None else family.last_revision + 1
    definition = TaskDefinition(
        account=call.account,
        region=call.region,
        family=name,
        revision=revision,
        arn=call.arn(f"task-definition/{name}:{revision}"),
        status="ACTIVE",
        registered_at=call.now,
        registered_by=call.caller.arn,
        body=body,
        tags=validate_tags(request.get("tags", ())),
    )
    call.tx.put(FAMILIES, Family(call.account, call.region, name, revision))
    call.tx.insert(TASK_DEFINITIONS, definition)
    note(call, "task_definition.registered", definition.arn)
    return {"taskDefinition": task_definition_shape(definition), "tags": _tags(definition)}


def describe_task_definition(call: Call, request: m.DescribeTaskDefinitionRequest) -> m.DescribeTaskDefinitionResponse:
    definition = lookup.find_task_definition(call, request["taskDefinition"])
    if definition is None:
        raise ClientException("Unable to describe task definition.")
    tags = _tags(definition) if "TAGS" in request.get("include", ()) else []
    return {"taskDefinition": task_definition_shape(definition), "tags": tags}


def list_task_definitions(call: Call, request: m.ListTaskDefinitionsRequest) -> m.ListTaskDefinitionsResponse:
    """`familyPrefix` is a whole family's name in spite of its own."""
    status, paging = request.get("status", "ACTIVE"), _paging(call)
    size, after = paging.size(request), call.after(request)
    found = revisions(
        call.reader,
        call.account,
        call.region,
        arn_prefix=call.arn("task-definition/"),
        status=status,
        family=request.get("familyPrefix"),
        after=None if after is None else _position(after),
        limit=size + 1,
        descending=request.get("sort") == "DESC",
    )
    arns = [call.arn(f"task-definition/{family}:{revision}") for family, revision in found[:size]]
    answer: m.ListTaskDefinitionsResponse = {"taskDefinitionArns": arns}
    if len(found) > size:
        family, revision = found[size - 1]
        answer["nextToken"] = paging.encode(paging.operation, f"{family}:{revision}")
    return answer


def list_task_definition_families(
    call: Call, request: m.ListTaskDefinitionFamiliesRequest
) -> m.ListTaskDefinitionFamiliesResponse:
    """`familyPrefix` is a true prefix here. By default families without an ACTIVE revision are listed too."""
    paging = _paging(call)
    size = paging.size(request)
    found = families(
        call.reader,
        call.account,
        call.region,
        arn_prefix=call.arn("task-definition/"),
        prefix=request.get("familyPrefix", ""),
        status=request.get("status", "ALL"),
        after=call.after(request),
        limit=size + 1,
    )
    answer: m.ListTaskDefinitionFamiliesResponse = {"families": found[:size]}
    if len(found) > size:
        answer["nextToken"] = paging.encode(paging.operation, found[size - 1])
    return answer


def deregister_task_definition(
    call: Call, request: m.DeregisterTaskDefinitionRequest
) -> m.DeregisterTaskDefinitionResponse:
    reference = request["taskDefinition"]
    if parse_reference(reference).revision is None:
        raise ClientException("Revision is missing.")
    definition = lookup.find_task_definition(call, reference)
    if definition is None:
        raise ClientException("The specified task definition does not exist.")
    if definition.status != "ACTIVE":
        return {"taskDefinition": task_definition_shape(definition)}
    changed = replace(definition, status="INACTIVE", deregistered_at=call.now)
    call.tx.put(TASK_DEFINITIONS, changed)
    note(call, "task_definition.deregistered", changed.arn)
    return {"taskDefinition": task_definition_shape(changed)}


def delete_task_definitions(call: Call, request: m.DeleteTaskDefinitionsRequest) -> m.DeleteTaskDefinitionsResponse:
    references = request["taskDefinitions"]
    if not references:
        raise InvalidParameterException("size of TaskDefinition references list must be greater than 0")
    if len(references) > _MAX_DELETED:
        raise InvalidParameterException(f"Size of TaskDefinition references list cannot exceed {_MAX_DELETED}")
    deleted: list[m.TaskDefinition] = []
    failures: list[m.Failure] = []
    for reference in dict.fromkeys(references):
        try:
            deleted.append(task_definition_shape(_delete(call, reference)))
        except _NotDeleted as failure:
            failures.append({"arn": reference, "reason": str(failure)})
    _sweep(call)
    return {"taskDefinitions": deleted, "failures": failures}


class _NotDeleted(Exception):
    """The text is the failure's reason."""


def _delete(call: Call, reference: str) -> TaskDefinition:
    try:
        revision = parse_reference(reference).revision
    except AwsError as error:
        raise _NotDeleted(_INVALID_IDENTIFIER) from error
    if revision is None:
        raise _NotDeleted(_INVALID_IDENTIFIER)
    definition = lookup.find_task_definition(call, reference)
    if definition is None:
        raise _NotDeleted(_UNKNOWN)
    if definition.status == "ACTIVE":
        raise _NotDeleted(_STILL_ACTIVE)
    if definition.status == "INACTIVE":
        definition = replace(definition, status="DELETE_IN_PROGRESS", delete_requested_at=call.now)
        call.tx.put(TASK_DEFINITIONS, definition)
        note(call, "task_definition.delete_requested", definition.arn)
    return definition


def _sweep(call: Call) -> None:
    """Forgets revisions that are being deleted and that nothing stands on, now or any more."""
    here: dict[str, Any] = {"account": call.account, "region": call.region, "status": "DELETE_IN_PROGRESS"}
    for definition in call.tx.find(TASK_DEFINITIONS, **here):
        if not definition_in_use(call.tx, definition.arn):
            call.tx.delete(TASK_DEFINITIONS, call.account, call.region, definition.family, definition.revision)


def _paging(call: Call) -> Paging:
    assert call.paging is not None, f"{call.operation} pages"
    return call.paging


def _position(token: str) -> tuple[str, int]:
    family, _, revision = token.rpartition(":")
    return family, int(revision)


def _tags(definition: TaskDefinition) -> list[m.Tag]:
    return [{"key": tag["key"], "value": tag["value"]} for tag in definition.tags]
