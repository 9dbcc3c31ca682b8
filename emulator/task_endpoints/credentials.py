"""The credentials of a task's role, at the relative URI that every SDK knows.

They are STS's own, of the assumed role with the task's id as the session's name; whoever has them is that principal.
A role that ECS may not assume any more is not renewed: the task keeps what it has until that ends.
Amazon ECS developer guide, "Task IAM role"; the ECS agent's credentials endpoint: six hours, given anew before the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from emulator.clock import Clock
from emulator.domain.iam.identity import RoleName, TemporaryCredentials, adopted_role_id, role_name
from emulator.domain.tasks.task import Task, TaskCredentials
from emulator.ids import Ids
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecs_tables import TASK_CREDENTIALS, TASKS
from emulator.store.iam_tables import ROLES
from emulator.store.principals import Holder, credentials_of, issue
from emulator.task_endpoints.room import Asked, Route, Told

LIFETIME_S: Final = 6 * 3600.0
RENEWED_BEFORE_S: Final = 3600.0
"""SDKs ask again when a quarter of an hour is left, so they never get what they have."""


Assumable = Callable[[Reader, Task, str], bool]
"""Whether ECS may assume a role, by its ARN, for a task now."""


def routes(database: Database, clock: Clock, ids: Ids, assumable: Assumable) -> list[Route]:
    endpoint = _Credentials(database, clock, ids, assumable)
    broken = _refusal(500, "InternalServerError", "Homeport failed; its log has the details").body
    return [
        Route("GET", re.compile(r"/v2/credentials/?"), endpoint.without_id, broken),
        Route("GET", re.compile(r"/v2/credentials/(?P<id>[^/]+)"), endpoint.version_2, broken),
        Route("GET", re.compile(r"/v1/credentials/?"), endpoint.version_1, broken),
    ]


class _Credentials:
    def __init__(self, database: Database, clock: Clock, ids: Ids, assumable: Assumable) -> None:
        self._assumable = assumable
        self._database = database
        self._clock = clock
        self._ids = ids

    def without_id(self, _: Asked) -> Told:
        return _refusal(400, "NoIdInRequest", "CredentialsV2Request: No Credential ID in the request")

    def version_2(self, asked: Asked) -> Told:
        return self._answer(asked, asked.parts["id"], "CredentialsV2Request")

    def version_1(self, asked: Asked) -> Told:
        wanted = asked.query.get("id", "")
        if not wanted:
            return _refusal(400, "NoIdInRequest", "CredentialsV1Request: No ID in the request")
        return self._answer(asked, wanted, "CredentialsV1Request")

    def _answer(self, asked: Asked, wanted: str, request: str) -> Told:
        now = self._clock.now()
        with self._database.read() as reader:
            task = _task_of(reader, wanted, asked)
            kept = _kept(reader, wanted, now) if task else None
        if task is None:
            return _refusal(400, "InvalidIdInRequest", f"{request}: Credentials not found")
        if kept is None:
            with self._database.write() as tx:
                kept = _kept(tx, wanted, now) or self._renew(tx, task, now)
        if kept is None:
            return _refusal(503, "CredentialsUninitialized", f"{request}: Credentials uninitialized for ID")
        return Told(200, _shown(task, kept))

    def _renew(self, tx: Transaction, task: Task, now: float) -> TemporaryCredentials | None:
        """None for a role that may not be assumed and never was."""
        assert task.task_role_arn is not None
        assert task.credentials_id is not None
        if not self._assumable(tx, task, task.task_role_arn):
            last = tx.get(TASK_CREDENTIALS, task.credentials_id)
            return None if last is None else credentials_of(tx, last.access_key_id)
        issued = issue(tx, self._ids, holder(tx, task, task.task_role_arn), now, LIFETIME_S)
        tx.put(TASK_CREDENTIALS, TaskCredentials(task.credentials_id, task.arn, issued.id, issued.expires_at))
        return issued


def holder(reader: Reader, task: Task, role_arn: str) -> Holder:
    """The session of a role that a task has: its name is the task's id."""
    named = role_name(role_arn) or RoleName(task.arn.split(":", 2)[1], task.account, "/", role_arn)
    role = reader.get(ROLES, named.account, named.name)
    role_id = role.id if role is not None else adopted_role_id(named.arn)
    return Holder(named.account, named.session_arn(task.id), f"{role_id}:{task.id}", named.arn)


def _task_of(reader: Reader, credentials_id: str, asked: Asked) -> Task | None:
    for task in reader.find(TASKS, credentials_id=credentials_id):
        if task.task_role_arn and not task.stopped and asked.may_see(task):
            return task
    return None


def _kept(reader: Reader, credentials_id: str, now: float) -> TemporaryCredentials | None:
    """What was given before, if enough of its life is left."""
    last = reader.get(TASK_CREDENTIALS, credentials_id)
    if last is None or last.expires_at - now <= RENEWED_BEFORE_S:
        return None
    return credentials_of(reader, last.access_key_id)


def _shown(task: Task, issued: TemporaryCredentials) -> dict[str, Any]:
    return {
        "RoleArn": task.task_role_arn,
        "AccessKeyId": issued.id,
        "SecretAccessKey": issued.secret_key,
        "Token": issued.session_token,
        "Expiration": f"{datetime.fromtimestamp(int(issued.expires_at), UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def _refusal(status: int, code: str, message: str) -> Told:
    return Told(status, {"code": code, "message": message, "HTTPErrorCode": status})
