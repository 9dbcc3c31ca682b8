"""What an event of EventBridge's says, in a line for people. Pure; knows the details of ECS's, ECR's, EC2's events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def event_words(event: Mapping[str, Any]) -> str:
    """E.g. `RUNNING (wanted: STOPPED)`, `ACTIVE, 2 tasks, left: cpu 1792, memory 7372`, `SERVICE_STEADY_STATE`."""
    detail: Mapping[str, Any] = event["detail"]
    match event["detail-type"]:
        case "ECS Task State Change":
            return _task(detail)
        case "ECS Container Instance State Change":
            return _instance(detail)
    if "AutoScalingGroupName" in detail:
        instance = detail["EC2InstanceId"]
        return f"{instance}: {detail['Cause']}" if instance else str(detail["StatusMessage"])
    if "eventName" in detail:
        said = ("reason", "desiredCount", "lifecycleStage", "hookId")
        rest = [str(detail[name]) for name in said if name in detail]
        return " ".join([str(detail["eventName"]), *rest])
    told = {name: value for name, value in detail.items() if isinstance(value, str)}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def resource_of(event: Mapping[str, Any]) -> str:
    """The resource's name within its ARN; of an event without resources the repository's."""
    resources = event.get("resources") or []
    return str(resources[0]).split(":", 5)[5] if resources else str(event["detail"].get("repository-name", "-"))


def _task(task: Mapping[str, Any]) -> str:
    wanted = f" (wanted: {task['desiredStatus']})" if task["desiredStatus"] != task["lastStatus"] else ""
    why = f", {task['stopCode']}: {task.get('stoppedReason', '')}" if task.get("stopCode") else ""
    return f"{task['lastStatus']}{wanted}{why}"


def _instance(instance: Mapping[str, Any]) -> str:
    agent = "" if instance["agentConnected"] else ", agent not connected"
    tasks = instance["runningTasksCount"] + instance["pendingTasksCount"]
    left = {r["name"]: r for r in instance["remainingResources"]}
    room = f"cpu {left['CPU']['integerValue']}, memory {left['MEMORY']['integerValue']}"
    if "GPU" in left:
        room += f", {len(left['GPU']['stringSetValue'])} GPUs"
    return f"{instance['status']}{agent}, {tasks} task{'' if tasks == 1 else 's'}, left: {room}"
