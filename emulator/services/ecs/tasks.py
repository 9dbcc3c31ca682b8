"""Tasks: asked to run, anywhere or on named instances, asked to stop, described. Rows only; control makes them so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

from api_models._generated import ecs as m
from emulator.domain.capacity.capacity_strategy import share_out
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.errors import ClientException, InvalidParameterException, NotEmulatedYet
from emulator.domain.fault_words import CAPACITY
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_launch import Launch, new_task, outside
from emulator.domain.tasks.task_progress import stop
from emulator.domain.tasks.task_shape import task_shape
from emulator.events.task_changes import write_task
from emulator.services.ecs import client_tokens, lookup
from emulator.services.ecs.placed_tasks import run_on_instances, run_on_providers, start_on_instances, write_new
from emulator.services.ecs.run_request import (
    MAX_COUNT,
    check_client_token,
    check_count,
    run_launch,
    start_launch,
)
from emulator.services.lookup import Failure, check_batch, found_and_missing
from emulator.services.noting import note
from emulator.store.ecs_tables import TASKS
from emulator.store.faults_table import lost_zones
from emulator.wire.call import Call

_MAX_DESCRIBED: Final = 100
_ASKED: Final = (
    "capacityProviderStrategy", "cluster", "count", "enableECSManagedTags", "enableExecuteCommand", "group",
    "launchType", "networkConfiguration", "overrides", "placementConstraints", "placementStrategy",
    "platformVersion", "propagateTags", "startedBy", "tags", "taskDefinition", "volumeConfigurations",
)  # fmt: skip
"""What two RunTask requests with one client token must agree in."""


def run_task(call: Call, request: m.RunTaskRequest) -> m.RunTaskResponse:
    cluster = lookup.active_cluster(call, request.get("cluster"))
    token, asked = request.get("clientToken"), ""
    if token is not None:
        asked = client_tokens.fingerprint(request, _ASKED)
        earlier = client_tokens.earlier_result(call, cluster.name, check_client_token(token), asked)
        if earlier is not None:
            again = (lookup.find_task(call, cluster, arn) for arn in earlier)
            return {"tasks": [_shown(task) for task in again if task is not None], "failures": []}
    count = check_count(request)
    launch, strategy = run_launch(call, cluster, request)
    failures: list[Failure] = []
    if launch.launch_type == "FARGATE":
        somewhere = outside(launch, lost_zones(call.tx))
        tasks = _tasks_on_fargate(call, somewhere, strategy, count) if somewhere else []
        failures = [] if somewhere else [{"reason": CAPACITY}]
    elif strategy:
        tasks, failures = run_on_providers(call, launch, request, share_out(strategy, {}, count))
    else:
        tasks, failures = run_on_instances(call, launch, request, count)
    if token is not None:
        client_tokens.keep(call, cluster.name, token, asked, [task.arn for task in tasks])
    return {"tasks": [_shown(task) for task in tasks], "failures": failures}


def start_task(call: Call, request: m.StartTaskRequest) -> m.StartTaskResponse:
    """On the instances that the request names: no strategy and no constraint chooses, but each must have room."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    instances = request["containerInstances"]
    if not instances:
        raise ClientException("Container Instances cannot be empty.")
    check_batch(instances, MAX_COUNT, "Container Instances")
    launch = start_launch(call, cluster, request)
    tasks, failures = start_on_instances(call, launch, instances)
    return {"tasks": [_shown(task) for task in tasks], "failures": failures}


def stop_task(call: Call, request: m.StopTaskRequest) -> m.StopTaskResponse:
    """Stopping a task that stops already changes nothing. Its tags go, as the API reference says."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    task = lookup.find_task(call, cluster, request["task"])
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    reason = request.get("reason") or "Task stopped by user"
    if task.desired_status != "STOPPED":
        stopping = replace(stop(task, "UserInitiated", reason, call.now), tags=[])
        note(call, "task.stop_requested", task.arn, {"reason": reason, "by": call.caller.arn})
        task = write_task(call.tx, task, stopping, call.now)
    return {"task": _shown(task)}


def describe_tasks(call: Call, request: m.DescribeTasksRequest) -> m.DescribeTasksResponse:
    cluster = lookup.active_cluster(call, request.get("cluster"))
    references = request["tasks"]
    if not references:
        raise InvalidParameterException("Tasks cannot be empty.")
    check_batch(references, _MAX_DESCRIBED, "Tasks")
    found, failures = found_and_missing(
        references,
        find=lambda reference: lookup.find_task(call, cluster, reference),
        arn_of=lambda reference: lookup.member_arn(cluster, reference, "task"),
    )
    tags = "TAGS" in request.get("include", ())
    return {"tasks": [_shown(task, tags=tags) for task in found], "failures": failures}


def list_tasks(call: Call, request: m.ListTasksRequest) -> m.ListTasksResponse:
    """The filter is on the *desired* status, which is never PENDING."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    wanted = _filters(call, cluster, request)
    ids = call.reader.column(TASKS, "id", account=call.account, region=call.region, cluster=cluster.name, **wanted)
    page = call.page(request, ids, key=str)
    prefix = cluster.arn.replace(":cluster/", ":task/")
    answer: m.ListTasksResponse = {"taskArns": [f"{prefix}/{task_id}" for task_id in page.items]}
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def _tasks_on_fargate(call: Call, launch: Launch, strategy: list[dict[str, Any]], count: int) -> list[Task]:
    providers: list[str | None] = [*share_out(strategy, {}, count)] if strategy else [None] * count
    tasks = [
        new_task(launch, number=number, capacity_provider=provider, now=call.now, ids=call.ids)
        for number, provider in enumerate(providers)
    ]
    for task in tasks:
        write_new(call, task)
    return tasks


def _filters(call: Call, cluster: Cluster, request: m.ListTasksRequest) -> dict[str, Any]:
    """Columns and their values."""
    wanted: dict[str, Any] = {"desired_status": request.get("desiredStatus", "RUNNING")}
    others = [name for name in ("containerInstance", "family", "serviceName", "daemonName") if name in request]
    if "startedBy" in request:
        if others:  # unconfirmed wording
            raise InvalidParameterException(f"startedBy must be the only filter, but {others[0]} was given too.")
        wanted["started_by"] = request["startedBy"]
    if "family" in request:
        wanted["family"] = request["family"]
    if "serviceName" in request:
        wanted["service"] = lookup.existing_service(call, cluster, request["serviceName"]).name
    if "launchType" in request:
        wanted["launch_type"] = request["launchType"]
    if "containerInstance" in request:
        wanted["container_instance_arn"] = lookup.existing_instance(call, cluster, request["containerInstance"]).arn
    if "daemonName" in request:
        raise NotEmulatedYet("Homeport does not emulate daemonName (daemons) yet.")
    return wanted


def _shown(task: Task, *, tags: bool = True) -> m.Task:
    return cast(m.Task, task_shape(task, tags=tags))
