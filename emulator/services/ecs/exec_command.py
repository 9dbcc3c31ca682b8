"""ECS Exec: opens a session with a container of a running task."""

from __future__ import annotations

from typing import Final

from api_models._generated import ecs as m
from emulator.domain.ecs_errors import TargetNotConnectedException
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.exec_session import MOST_SESSIONS, ExecSession, WrongCommand, agent_state, words
from emulator.domain.iam.policy_conditions import request_keys
from emulator.domain.iam.policy_evaluation import Access
from emulator.domain.tasks.task import Container, Task
from emulator.events import journal
from emulator.services.ecs import lookup
from emulator.store.ecs_tables import EXEC_SESSIONS
from emulator.store.instance_capacity import instance_named
from emulator.store.permissions import decide, role_standing
from emulator.wire.call import Call

_NOT_ENABLED: Final = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command "
    "agent isn’t running. Wait and try again or run a new task with execute command enabled and try again."
)

_AGENT_REFUSED: Final = "The execute command failed due to an internal error. Try again later."
_AGENT_ACTIONS: Final = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")


def execute_command(call: Call, request: m.ExecuteCommandRequest) -> m.ExecuteCommandResponse:
    cluster = lookup.active_cluster(call, request.get("cluster"))
    if not request["interactive"]:
        raise InvalidParameterException("Interactive is the only mode supported currently.")
    try:
        words(request["command"])
    except WrongCommand as error:  # unconfirmed wording
        raise InvalidParameterException(f"The command cannot be read: {error}.") from error
    task = lookup.find_task(call, cluster, request["task"])
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    container = _container(task, request.get("container"))
    if not task.enable_execute_command or agent_state(container).status != "RUNNING":
        raise InvalidParameterException(_NOT_ENABLED)
    _check_instance(call, task)
    _check_agent_may_connect(call, task)
    _check_room(call, task, container)
    session = _open(call, task, container, request["command"])
    return {
        "clusterArn": task.cluster_arn,
        "containerArn": f"{task.arn.replace(':task/', ':container/')}/{container.id}",
        "containerName": container.name,
        "interactive": True,
        "session": {
            "sessionId": session.id,
            "streamUrl": call.facts.stream_url(session.id),
            "tokenValue": session.token,
        },
        "taskArn": task.arn,
    }


def _check_instance(call: Call, task: Task) -> None:
    """Nothing reaches a container behind an agent that is not connected."""
    instance = instance_named(call.reader, task.container_instance_arn) if task.container_instance_arn else None
    if instance is not None and not instance.agent_connected:
        raise TargetNotConnectedException(_AGENT_REFUSED)


def _check_agent_may_connect(call: Call, task: Task) -> None:
    """The agent in the task speaks to Session Manager as the task's role; where policies are enforced the role must
    allow it (Amazon ECS developer guide, "ECS Exec permissions")."""
    if not call.facts.enforce_iam:
        return
    if task.task_role_arn is None:
        raise TargetNotConnectedException(_AGENT_REFUSED)
    standing = role_standing(call.reader, task.task_role_arn, task.account, call.partition, task.id)
    context = request_keys(task.region, call.now)
    if not all(decide(standing, Access(f"ssmmessages:{name}"), context).allowed for name in _AGENT_ACTIONS):
        raise TargetNotConnectedException(_AGENT_REFUSED)


def _check_room(call: Call, task: Task, container: Container) -> None:
    here = [s for s in call.tx.find(EXEC_SESSIONS, task_arn=task.arn) if s.container == container.name]
    if sum(session.ended_at is None for session in here) >= MOST_SESSIONS:  # unconfirmed wording
        raise ClientException(
            f"The container {container.name} has the maximum of {MOST_SESSIONS} ECS Exec sessions open. "
            "End one and try again."
        )


def _container(task: Task, name: str | None) -> Container:
    """The one that is named; without a name the only one there is."""
    if name is None:
        if len(task.containers) > 1:  # unconfirmed wording
            raise InvalidParameterException(
                "Multiple containers exist in the specified task; a container name must be specified."
            )
        return task.containers[0]
    for container in task.containers:
        if container.name == name:
            return container
    raise InvalidParameterException(f"The container {name[:255]} does not exist in the specified task.")


def _open(call: Call, task: Task, container: Container, command: str) -> ExecSession:
    assert container.runtime_id is not None
    session = ExecSession(
        id=f"ecs-execute-command-{call.ids.hex(17)}",
        account=call.account,
        region=call.region,
        task_arn=task.arn,
        container=container.name,
        runtime_id=container.runtime_id,
        command=command,
        interactive=True,
        token=call.ids.letters(64),
        created_at=call.now,
        last_active=call.now,
    )
    call.tx.insert(EXEC_SESSIONS, session)
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind="task.exec_opened",
        subject=task.arn,
        detail={"container": container.name, "command": command, "sessionId": session.id, "by": call.caller.arn},
    )
    return session
