"""Task sets of services with the EXTERNAL or CODE_DEPLOY deployment controller. Rows only; the scheduler runs them.

Source: ECS API model (CreateTaskSet and its siblings). Wordings are unconfirmed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from api_models._generated import ecs as m
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.ecs_errors import (
    ConflictException,
    ServiceNotActiveException,
    TaskSetNotFoundException,
)
from emulator.domain.errors import InvalidParameterException, LimitExceededException
from emulator.domain.service_scheduler import deployment as deployments
from emulator.domain.service_scheduler import task_sets as domain
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.tags import validate_tags
from emulator.services.ecs import client_tokens, lookup
from emulator.services.ecs.service_request import task_set_settings
from emulator.services.ecs.task_set_beginning import begin_task_set, task_set_arn
from emulator.services.ecs.task_set_shape import task_set_shape
from emulator.services.lookup import found_and_missing
from emulator.services.noting import note
from emulator.store.ecs_tables import SERVICES
from emulator.store.service_queries import Counts, deployment_counts
from emulator.wire.call import Call

MOST: Final = 5
_MAX_TOKEN: Final = 36
_TOKEN_MEMBERS: Final = (
    "service", "externalId", "taskDefinition", "networkConfiguration", "loadBalancers", "serviceRegistries",
    "launchType", "capacityProviderStrategy", "platformVersion", "scale", "tags",
)  # fmt: skip


def create_task_set(call: Call, request: m.CreateTaskSetRequest) -> m.CreateTaskSetResponse:
    """Its scale is 0 per cent unless it says otherwise; the same client token again names the same task set."""
    cluster, service = _controlled(call, request.get("cluster"), request["service"])
    token, asked = request.get("clientToken"), client_tokens.fingerprint(request, _TOKEN_MEMBERS)
    earlier = _earlier(call, service, token, asked)
    if earlier is not None:
        return {"taskSet": _shape(call, service, earlier, tags=True)}
    if len(service.deployments) >= MOST:
        raise LimitExceededException(f"A service can have at most {MOST} task sets.")
    scale = _scale(request.get("scale"))
    tags = validate_tags(request.get("tags", ()))
    definition, spec = task_set_settings(call, cluster, service, request)
    made = begin_task_set(call, service, definition, spec, scale)
    assert made.task_set is not None
    named = replace(made.task_set, external_id=request.get("externalId"), tags=tags)
    made = replace(made, task_set=named)
    changed = replace(service, deployments=[*service.deployments, made])
    call.tx.put(SERVICES, changed)
    if token is not None:
        client_tokens.keep(call, service.arn, token, asked, [named.arn])
    _note(call, "task_set.created", changed, made)
    return {"taskSet": _shape(call, changed, made, tags=True)}


def update_task_set(call: Call, request: m.UpdateTaskSetRequest) -> m.UpdateTaskSetResponse:
    """Changes its scale, and nothing else."""
    _, service = _controlled(call, request["cluster"], request["service"])
    chosen = _existing(call, service, request["taskSet"])
    if chosen.status == "DRAINING" or chosen.task_set is None:
        raise InvalidParameterException("The task set cannot be updated while it is DRAINING.")
    scaled = replace(chosen.task_set, scale=_scale(request["scale"]), stability="STABILIZING", stability_at=call.now)
    if scaled.scale == chosen.task_set.scale:
        return {"taskSet": _shape(call, service, chosen, tags=False)}
    changed = _with(service, replace(chosen, task_set=scaled, updated_at=call.now))
    call.tx.put(SERVICES, deployments.without_back_off(changed))
    _note(call, "task_set.updated", changed, _existing(call, changed, chosen.id))
    return {"taskSet": _shape(call, changed, _existing(call, changed, chosen.id), tags=False)}


def delete_task_set(call: Call, request: m.DeleteTaskSetRequest) -> m.DeleteTaskSetResponse:
    """One that is PRIMARY, or scaled above zero, needs `force`. It is DRAINING until its tasks have gone."""
    _, service = _controlled(call, request["cluster"], request["service"])
    chosen = _existing(call, service, request["taskSet"])
    if chosen.task_set is None or chosen.status == "DRAINING":
        return {"taskSet": _shape(call, service, chosen, tags=False)}
    if not request.get("force"):
        if chosen.task_set.scale > 0:
            raise InvalidParameterException("The task set cannot be deleted while it is scaled above 0.")
        if chosen.status == "PRIMARY":
            raise InvalidParameterException("The task set cannot be deleted while it is the primary task set.")
    stabilizing = replace(chosen.task_set, stability="STABILIZING", stability_at=call.now)
    draining = replace(chosen, status="DRAINING", task_set=stabilizing, updated_at=call.now)
    changed = _with(service, draining)
    call.tx.put(SERVICES, changed)
    _note(call, "task_set.deleted", changed, draining)
    return {"taskSet": _shape(call, changed, draining, tags=False)}


def describe_task_sets(call: Call, request: m.DescribeTaskSetsRequest) -> m.DescribeTaskSetsResponse:
    """All of the service, or those named."""
    _, service = _controlled(call, request["cluster"], request["service"])
    tags = "TAGS" in request.get("include", ())
    references = request.get("taskSets")
    if not references:
        return {"taskSets": [_shape(call, service, d, tags=tags) for d in service.deployments], "failures": []}
    found, failures = found_and_missing(
        references,
        find=lambda reference: _find(service, reference),
        arn_of=lambda reference: reference if reference.startswith("arn:") else task_set_arn(service, reference),
    )
    return {"taskSets": [_shape(call, service, d, tags=tags) for d in found], "failures": failures}


def update_service_primary_task_set(
    call: Call, request: m.UpdateServicePrimaryTaskSetRequest
) -> m.UpdateServicePrimaryTaskSetResponse:
    """The one before becomes ACTIVE; the service's own settings are the new one's."""
    _, service = _controlled(call, request["cluster"], request["service"])
    chosen = _existing(call, service, request["primaryTaskSet"])
    if chosen.status == "DRAINING":
        raise InvalidParameterException("A task set that is DRAINING cannot be the primary task set.")
    if chosen.status == "PRIMARY":
        return {"taskSet": _shape(call, service, chosen, tags=False)}
    changed = domain.promoted(service, chosen, call.now)
    primary = _existing(call, changed, chosen.id)
    call.tx.put(SERVICES, changed)
    _note(call, "task_set.promoted", changed, primary)
    return {"taskSet": _shape(call, changed, primary, tags=False)}


def _controlled(call: Call, cluster_reference: str | None, reference: str) -> tuple[Cluster, Service]:
    """An ACTIVE service whose deployments are task sets, and its cluster."""
    cluster = lookup.active_cluster(call, cluster_reference)
    service = lookup.existing_service(call, cluster, reference)
    if service.status != "ACTIVE":
        raise ServiceNotActiveException("Service was not ACTIVE.")
    if not service.has_task_sets:
        raise InvalidParameterException(
            "Amazon ECS only supports task sets for services with an EXTERNAL deployment controller."
        )
    return cluster, service


def _earlier(call: Call, service: Service, token: str | None, asked: str) -> Deployment | None:
    """The task set that this very request made before."""
    if token is None:
        return None
    if not (1 <= len(token) <= _MAX_TOKEN and all("!" <= letter <= "~" for letter in token)):
        raise InvalidParameterException("clientToken must be 1 to 36 ASCII characters in the range of 33-126.")
    try:
        result = client_tokens.earlier_result(call, service.arn, token, asked)
    except ConflictException as conflict:
        raise InvalidParameterException("Creation of task set was not idempotent.") from conflict
    return _find(service, result[0]) if result else None


def _scale(scale: m.Scale | None) -> float:
    """0 to 100 per cent."""
    value = float((scale or {}).get("value", 0.0))
    if math.isnan(value) or not 0.0 <= value <= 100.0:
        raise InvalidParameterException("The scale value must be between 0.0 and 100.0.")
    return value


def _find(service: Service, reference: str) -> Deployment | None:
    """By id, by the number in it, or by ARN."""
    for deployment in service.deployments:
        arn = deployment.task_set.arn if deployment.task_set else ""
        if reference in (deployment.id, deployment.number, arn):
            return deployment
    return None


def _existing(call: Call, service: Service, reference: str) -> Deployment:
    found = _find(service, reference)
    if found is None:
        raise TaskSetNotFoundException("The specified task set does not exist.")
    return found


def _with(service: Service, changed: Deployment) -> Service:
    return replace(service, deployments=[changed if d.id == changed.id else d for d in service.deployments])


def _shape(call: Call, service: Service, deployment: Deployment, *, tags: bool) -> m.TaskSet:
    counts = deployment_counts(call.reader, service).get(deployment.id, Counts())
    return task_set_shape(service, deployment, counts, tags=tags)


def _note(call: Call, kind: str, service: Service, deployment: Deployment) -> None:
    scale = deployment.task_set.scale if deployment.task_set else None
    by = call.caller.arn
    note(call, kind, service.arn, {"taskSet": deployment.id, "status": deployment.status, "scale": scale, "by": by})
