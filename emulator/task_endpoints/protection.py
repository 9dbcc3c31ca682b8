"""A task's own view of its scale-in protection: `${ECS_AGENT_URI}/task-protection/v1/state`.

The ECS agent asks the API with the credentials of the task's role; a task without one is refused as the agent does.
Source: Amazon ECS developer guide, "Task scale-in protection endpoint"; the agent's error codes.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

from emulator.clock import Clock
from emulator.domain.errors import InvalidParameterException
from emulator.domain.iam.policy_conditions import request_keys, resource_tags
from emulator.domain.iam.policy_evaluation import Access, denial_text
from emulator.domain.service_scheduler.task_protection import (
    check_minutes,
    is_deployment_blocked,
    is_protected,
    protected,
    why_not,
)
from emulator.domain.tasks.task import Task
from emulator.events import journal
from emulator.ids import Ids
from emulator.store.database import Database
from emulator.store.ecs_tables import TASKS
from emulator.store.permissions import decide, role_standing
from emulator.store.service_queries import service_around
from emulator.task_endpoints.room import Asked, Route, Told
from emulator.task_endpoints.views import TaskViews

_PATH: Final = re.compile(r"/api/(?P<id>[^/]+)/task-protection/v1/state/?")
_MEMBERS: Final = {"ProtectionEnabled": bool, "ExpiresInMinutes": int}
_IN_LOWER_CASE: Final = {name.lower(): name for name in _MEMBERS}
_DETAIL: Final = "The task is not a running task of a service"
_BLOCKED: Final = "Protected tasks of the service keep its deployment from ending"


class _Undecodable(ValueError):
    """The body of a PUT is not what the agent reads."""


def routes(views: TaskViews, database: Database, clock: Clock, ids: Ids, *, enforce_iam: bool = False) -> list[Route]:
    """`enforce_iam`: the task's role needs ecs:GetTaskProtection and ecs:UpdateTaskProtection, as at AWS."""
    endpoint = _Protection(views, database, clock, ids, enforce_iam=enforce_iam)
    failed = {"Arn": "", "Code": "ServerException", "Message": "Homeport failed; its log has the details"}
    broken = {"error": failed}
    return [Route("GET", _PATH, endpoint.get, broken), Route("PUT", _PATH, endpoint.put, broken)]


class _Protection:
    def __init__(self, views: TaskViews, database: Database, clock: Clock, ids: Ids, *, enforce_iam: bool) -> None:
        self._enforce_iam = enforce_iam
        self._views = views
        self._database = database
        self._clock = clock
        self._ids = ids

    def get(self, asked: Asked) -> Told:
        found = self._views.find(asked)
        if found is None:
            return _unknown(asked)
        task = found[0]
        refused = self._refusal(task, "ecs:GetTaskProtection")
        return refused or Told(200, {"protection": _protection(task, self._clock.now())})

    def put(self, asked: Asked) -> Told:
        found = self._views.find(asked)
        if found is None:
            return _unknown(asked)
        task = found[0]
        try:
            wanted = _read(asked.body)
        except _Undecodable:
            return _error(400, task, "InvalidParameterException", "UpdateTaskProtection: failed to decode request")
        if "ProtectionEnabled" not in wanted:
            text = "Invalid request: does not contain 'ProtectionEnabled' field"
            return _error(400, task, "InvalidParameterException", text)
        refused = self._refusal(task, "ecs:UpdateTaskProtection")
        if refused is not None:
            return refused
        return self._change(task, wanted)

    def _change(self, task: Task, wanted: dict[str, Any]) -> Told:
        now = self._clock.now()
        try:
            minutes = check_minutes(wanted.get("ExpiresInMinutes"), enabled=wanted["ProtectionEnabled"])
        except InvalidParameterException as error:
            return self._answered(400, task, "InvalidParameterException", error.message)
        with self._database.write() as tx:
            current = tx.get(TASKS, task.account, task.region, task.cluster, task.id)
            if current is None or why_not(current) is not None:
                return Told(200, {"failure": {"Arn": task.arn, "Detail": _DETAIL, "Reason": "TASK_NOT_VALID"}})
            around = service_around(tx, current)
            if minutes is not None and around is not None and is_deployment_blocked(*around, now):
                return Told(200, {"failure": {"Arn": task.arn, "Detail": _BLOCKED, "Reason": "DEPLOYMENT_BLOCKED"}})
            changed = protected(current, minutes, now)
            tx.put(TASKS, changed)
            journal.append(
                tx,
                at=now,
                account=task.account,
                region=task.region,
                kind="task.protection_changed",
                subject=task.arn,
                detail={"protectionEnabled": changed.protection_enabled, "expiresInMinutes": minutes, "by": "the task"},
            )
        return Told(200, {"protection": _protection(changed, now)})

    def _refusal(self, task: Task, action: str) -> Told | None:
        if task.task_role_arn is None:
            text = "Invalid Request: no task IAM role credentials available for task"
            return _error(403, task, "AccessDeniedException", text)
        denied = self._denied(task, task.task_role_arn, action) if self._enforce_iam else None
        if denied is not None:
            return self._answered(400, task, "AccessDeniedException", denied)
        reason = why_not(task)
        if reason is not None:
            return Told(200, {"failure": {"Arn": task.arn, "Detail": _DETAIL, "Reason": reason}})
        return None

    def _denied(self, task: Task, role: str, action: str) -> str | None:
        """What the API answers to the role's session."""
        cluster = (task.cluster_arn,)
        access = Access(action, task.arn, {"ecs:cluster": cluster, **resource_tags("ecs", _tags(task))})
        with self._database.read() as reader:
            standing = role_standing(reader, role, task.account, task.arn.split(":", 2)[1], task.id)
            decision = decide(standing, access, request_keys(task.region, self._clock.now()))
        return None if decision.allowed else denial_text(standing.who.arn, access, decision)

    def _answered(self, status: int, task: Task, code: str, message: str) -> Told:
        """The API's own refusal, which has a request's id."""
        refused = _error(status, task, code, message)
        return Told(status, {"requestID": self._ids.uuid(), **refused.body})


def _error(status: int, task: Task, code: str, message: str) -> Told:
    """The agent's, before it asks the API."""
    return Told(status, {"error": {"Arn": task.arn, "Code": code, "Message": message}})


def _tags(task: Task) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in task.tags}


def _read(body: bytes) -> dict[str, Any]:
    """The agent takes no member that it does not know, names in any case, and null for nothing: as Go decodes JSON."""
    try:
        told = json.loads(body)
    except ValueError as error:
        raise _Undecodable from error
    if not isinstance(told, dict):
        raise _Undecodable
    members: dict[str, Any] = {}
    for given, value in told.items():
        name = _IN_LOWER_CASE.get(given.lower())
        if name is None or (value is not None and type(value) is not _MEMBERS[name]):
            raise _Undecodable
        if value is not None:
            members[name] = value
    return members


def _protection(task: Task, now: float) -> dict[str, Any]:
    on = is_protected(task, now)
    expires = task.protection_expires_at if on else None
    return {
        "ExpirationDate": None if expires is None else f"{datetime.fromtimestamp(expires, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "ProtectionEnabled": on,
        "TaskArn": task.arn,
    }


def _unknown(asked: Asked) -> Told:
    own = asked.parts["id"][:128]
    message = f"unable to get task arn from request: unable to get task Arn from v3 endpoint ID: {own}"
    return Told(404, {"error": {"Arn": "", "Code": "ResourceNotFoundException", "Message": message}})
