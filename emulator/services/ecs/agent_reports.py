"""What an ECS agent says to ECS: where it may poll, and how its tasks, containers and attachments fare.

Homeport runs tasks itself and takes their state from the engine alone. A report that agrees with it, or lags behind, is
acknowledged and noted in the journal; one that claims more than the engine shows is refused and changes nothing.
Source: ECS API model; the acknowledgment's word and the refusals' are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api_models._generated import ecs as m
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.tasks.task import LADDER, Container, Task, runtime_id
from emulator.events import journal
from emulator.services.ecs import lookup
from emulator.store.ecs_tables import TASKS
from emulator.wire.call import Call

_ACKNOWLEDGED: Final = "ACK"
_TASK_STATES: Final[Sequence[str]] = ("NONE", "MANIFEST_PULLED", "PULLED", "CREATED", *LADDER)
_BEFORE_RUNNING: Final = ("NONE", "MANIFEST_PULLED", "PULLED", "CREATED", "RESOURCES_PROVISIONED", "PENDING")
_CONTAINER_STATES: Final[Sequence[str]] = (*_BEFORE_RUNNING, "RUNNING", "STOPPED")
_ATTACHMENT_STATES: Final[Sequence[str]] = (
    "PRECREATED", "CREATED", "ATTACHING", "ATTACHED", "DETACHING", "DETACHED", "DELETED",
)  # fmt: skip


def discover_poll_endpoint(call: Call, request: m.DiscoverPollEndpointRequest) -> m.DiscoverPollEndpointResponse:
    """This emulator's own endpoint, with the warning that no agent can be led from it."""
    if "containerInstance" in request:
        cluster = lookup.active_cluster(call, request.get("cluster"))
        lookup.existing_instance(call, cluster, request["containerInstance"])
    elif "cluster" in request:
        lookup.active_cluster(call, request["cluster"])
    call.warn("Homeport runs tasks itself: an ECS agent that polls this endpoint is told nothing")
    endpoint = f"{call.facts.endpoint}/"
    return {"endpoint": endpoint, "telemetryEndpoint": endpoint, "serviceConnectEndpoint": endpoint}


def submit_task_state_change(call: Call, request: m.SubmitTaskStateChangeRequest) -> m.SubmitTaskStateChangeResponse:
    task = _task(call, request.get("cluster"), request.get("task"))
    if "status" in request:
        _check("task", task.id, request["status"], task.last_status, _TASK_STATES)
    for report in request.get("containers", ()):
        _check_container(task, report.get("containerName"), report.get("status"), report.get("exitCode"))
    for attachment in request.get("attachments", ()):
        _check_attachment(task, attachment)
    return {"acknowledgment": _acknowledge(call, task, {"status": request.get("status")}, request.get("reason"))}


def submit_container_state_change(
    call: Call, request: m.SubmitContainerStateChangeRequest
) -> m.SubmitContainerStateChangeResponse:
    task = _task(call, request.get("cluster"), request.get("task"))
    name = request.get("containerName")
    container = _check_container(task, name, request.get("status"), request.get("exitCode"))
    if "runtimeId" in request and request["runtimeId"] != runtime_id(task, container):
        raise ClientException(f"The container {container.name} is not {request['runtimeId'][:512]}.")
    claims = {"container": container.name, "status": request.get("status"), "exitCode": request.get("exitCode")}
    return {"acknowledgment": _acknowledge(call, task, claims, request.get("reason"))}


def submit_attachment_state_changes(
    call: Call, request: m.SubmitAttachmentStateChangesRequest
) -> m.SubmitAttachmentStateChangesResponse:
    cluster = lookup.active_cluster(call, request.get("cluster"))
    here = call.reader.find(TASKS, account=call.account, region=call.region, cluster=cluster.name)
    by_attachment = {task.eni.attachment_id: task for task in here if task.eni is not None}
    found = [(_attached_to(by_attachment, a["attachmentArn"]), a) for a in request["attachments"]]
    for task, attachment in found:
        _check_attachment(task, attachment)
    for task, attachment in found:
        _acknowledge(call, task, {"attachment": attachment["attachmentArn"], "status": attachment["status"]}, None)
    return {"acknowledgment": _ACKNOWLEDGED}


def _task(call: Call, cluster: str | None, reference: str | None) -> Task:
    home = lookup.active_cluster(call, cluster)
    task = lookup.find_task(call, home, reference) if reference else None
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    return task


def _check_container(task: Task, name: str | None, status: str | None, exit_code: int | None) -> Container:
    container = next((c for c in task.containers if c.name == name), None)
    if container is None:
        raise InvalidParameterException("The referenced container was not found.")
    if status is not None:
        _check("container", container.name, status, container.last_status, _CONTAINER_STATES)
    if exit_code is not None and exit_code != container.exit_code:
        known = "has not exited" if container.exit_code is None else f"exited with {container.exit_code}"
        raise ClientException(f"The container {container.name} {known} on the engine, not with {exit_code}.")
    return container


def _check_attachment(task: Task, attachment: m.AttachmentStateChange) -> None:
    if task.eni is None or not attachment["attachmentArn"].endswith(f"/{task.eni.attachment_id}"):
        raise InvalidParameterException("The referenced attachment was not found.")
    _check("attachment", task.eni.attachment_id, attachment["status"], task.eni.status, _ATTACHMENT_STATES)


def _attached_to(tasks: dict[str, Task], arn: str) -> Task:
    task = tasks.get(arn.rpartition("/")[2])
    if task is None:
        raise InvalidParameterException("The referenced attachment was not found.")
    return task


def _check(noun: str, name: str, claimed: str, shown: str, ladder: Sequence[str]) -> None:
    """A claim may lag behind what the engine shows; it may not run ahead of it."""
    if claimed not in ladder:
        raise InvalidParameterException(f"{claimed[:128]} is no status of a {noun}.")
    if ladder.index(claimed) > ladder.index(shown):
        raise ClientException(f"The engine shows the {noun} {name} as {shown}; a report of {claimed} is not taken.")


def _acknowledge(call: Call, task: Task, claims: dict[str, Any], reason: str | None) -> str:
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind="task.state_submitted",
        subject=task.arn,
        detail={key: value for key, value in {**claims, "reason": reason}.items() if value is not None},
    )
    return _ACKNOWLEDGED
