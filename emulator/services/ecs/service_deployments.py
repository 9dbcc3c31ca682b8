"""Service deployments and service revisions: the history of a service, stopping what is under way, and answering the
lifecycle hook at which it pauses.

Rows only: a stop or an answer is a wish that the scheduler fulfils. Messages are unconfirmed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from api_models._generated import ecs as m
from emulator.domain.arn import parse_arn
from emulator.domain.ecs_errors import (
    ConflictException,
    ServiceDeploymentNotFoundException,
)
from emulator.domain.errors import InvalidParameterException
from emulator.domain.service_scheduler.lifecycle_stages import HookAction, answered
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_deployment import STOPPABLE, ServiceDeployment, ServiceRevision, Status
from emulator.events import journal
from emulator.services.ecs import lookup
from emulator.services.ecs.service_deployment_shape import brief_shape, revision_shape, service_deployment_shape
from emulator.services.lookup import check_batch, found_and_missing
from emulator.store.ecs_tables import SERVICE_DEPLOYMENTS, SERVICE_REVISIONS
from emulator.wire.call import Call

_MAX_DESCRIBED: Final = 20
_LATEST: Final = 1e11


def list_service_deployments(call: Call, request: m.ListServiceDeploymentsRequest) -> m.ListServiceDeploymentsResponse:
    """Newest first, those of a deleted service too."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    service = lookup.existing_service(call, cluster, request["service"])
    statuses, created = request.get("status") or (), request.get("createdAt") or {}
    after, before = created.get("after"), created.get("before")
    found = [
        deployment
        for deployment in call.reader.find(SERVICE_DEPLOYMENTS, **_of(service))
        if (not statuses or deployment.status in statuses)
        and (after is None or deployment.created_at > after)
        and (before is None or deployment.created_at < before)
    ]
    page = call.page(request, sorted(found, key=_position), key=_position)
    answer: m.ListServiceDeploymentsResponse = {"serviceDeployments": [brief_shape(d) for d in page.items]}
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def describe_service_deployments(
    call: Call, request: m.DescribeServiceDeploymentsRequest
) -> m.DescribeServiceDeploymentsResponse:
    references = request["serviceDeploymentArns"]
    _check_some(references, "serviceDeploymentArns")
    found, failures = found_and_missing(
        references, find=lambda reference: _deployment(call, reference), arn_of=lambda reference: reference
    )
    shapes = [service_deployment_shape(call.reader, deployment) for deployment in found]
    return {"serviceDeployments": shapes, "failures": failures}


def describe_service_revisions(
    call: Call, request: m.DescribeServiceRevisionsRequest
) -> m.DescribeServiceRevisionsResponse:
    references = request["serviceRevisionArns"]
    _check_some(references, "serviceRevisionArns")
    found, failures = found_and_missing(
        references, find=lambda reference: _revision(call, reference), arn_of=lambda reference: reference
    )
    return {"serviceRevisions": [revision_shape(revision) for revision in found], "failures": failures}


def stop_service_deployment(call: Call, request: m.StopServiceDeploymentRequest) -> m.StopServiceDeploymentResponse:
    """ROLLBACK, when nothing is said, or ABORT, which leaves tasks as they are. Asking again is no error."""
    deployment = _existing(call, request["serviceDeploymentArn"])
    status: Status = "STOP_REQUESTED" if request.get("stopType") == "ABORT" else "ROLLBACK_REQUESTED"
    if deployment.status in STOPPABLE:
        call.tx.put(SERVICE_DEPLOYMENTS, replace(deployment, status=status, updated_at=call.now))
        journal.append(
            call.tx,
            at=call.now,
            account=call.account,
            region=call.region,
            kind="service.deployment_stop_requested",
            subject=deployment.service_arn,
            detail={"deployment": deployment.id, "status": status, "by": call.caller.arn},
        )
    elif deployment.status != status:
        raise ConflictException(
            f"The service deployment cannot be stopped because it is in the {deployment.status} state."
        )
    return {"serviceDeploymentArn": deployment.arn}


def continue_service_deployment(
    call: Call, request: m.ContinueServiceDeploymentRequest
) -> m.ContinueServiceDeploymentResponse:
    """CONTINUE, when nothing is said, or ROLLBACK. The same answer again is no error."""
    deployment = _existing(call, request["serviceDeploymentArn"])
    id_ = request["hookId"]
    action: HookAction = "ROLLBACK" if request.get("action") == "ROLLBACK" else "CONTINUE"
    hook = next((hook for hook in deployment.hooks if hook.id == id_), None)
    if hook is None:
        raise InvalidParameterException(f"The service deployment has no lifecycle hook {id_}.")
    if hook.answer == action:
        return {"serviceDeploymentArn": deployment.arn}
    if not hook.waits or call.now >= hook.expires_at:
        how = "TIMED_OUT" if hook.waits else hook.status
        raise InvalidParameterException(f"The lifecycle hook {id_} is not awaiting an action: its status is {how}.")
    if deployment.status != "IN_PROGRESS":
        raise InvalidParameterException(
            f"The service deployment cannot be continued because it is in the {deployment.status} state."
        )
    status: Status = "ROLLBACK_REQUESTED" if action == "ROLLBACK" else "IN_PROGRESS"
    hooks = answered(deployment.hooks, id_, action, call.now)
    call.tx.put(SERVICE_DEPLOYMENTS, replace(deployment, status=status, hooks=hooks, updated_at=call.now))
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind="service.deployment_hook_answered",
        subject=deployment.service_arn,
        detail={
            "deployment": deployment.id,
            "hook": id_,
            "stage": hook.stage,
            "action": action,
            "by": call.caller.arn,
        },
    )
    return {"serviceDeploymentArn": deployment.arn}


def _deployment(call: Call, reference: str) -> ServiceDeployment | None:
    where = _where(call, reference, "service-deployment")
    return None if where is None else call.reader.get(SERVICE_DEPLOYMENTS, call.account, call.region, *where)


def _revision(call: Call, reference: str) -> ServiceRevision | None:
    where = _where(call, reference, "service-revision")
    return None if where is None else call.reader.get(SERVICE_REVISIONS, call.account, call.region, *where)


def _existing(call: Call, reference: str) -> ServiceDeployment:
    found = _deployment(call, reference)
    if found is None:
        raise ServiceDeploymentNotFoundException("Service deployment not found.")
    return found


def _where(call: Call, reference: str, kind: str) -> tuple[str, str, str] | None:
    """Cluster, service and last part of an ARN; None for one of another account or region."""
    arn = parse_arn(reference)
    if arn is None or arn.service != "ecs" or arn.kind != kind or len(arn.path) != 3:
        raise InvalidParameterException("The ARN provided is invalid.")
    cluster, service, last = arn.path
    return (cluster, service, last) if (arn.account, arn.region) == (call.account, call.region) else None


def _of(service: Service) -> dict[str, Any]:
    return {
        "account": service.account,
        "region": service.region,
        "cluster": service.cluster,
        "service": service.name,
    }


def _position(deployment: ServiceDeployment) -> str:
    """Sorts the newest first."""
    return f"{_LATEST - deployment.created_at:018.6f}/{deployment.id}"


def _check_some(references: list[str], noun: str) -> None:
    if not references:
        raise InvalidParameterException(f"{noun} cannot be empty.")
    check_batch(references, _MAX_DESCRIBED, noun)
