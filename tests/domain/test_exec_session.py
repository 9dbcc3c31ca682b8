"""Where a session's output is logged, and the state of the agent that runs it."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.domain.exec_session import SessionLog, agent_state, log_of
from emulator.domain.tasks.task import Container

HERE = {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/own", "awslogs-region": "r2"}}}
FLUENT = {"logConfiguration": {"logDriver": "awsfirelens", "options": {"awslogs-group": "/own"}}}
OVERRIDE = {"logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "/exec"}}
TO_S3 = {"logging": "OVERRIDE", "logConfiguration": {"s3BucketName": "b"}}


@pytest.mark.parametrize(
    ("execute", "container", "log"),
    [
        (None, HERE, SessionLog("/own", "r2")),
        ({"logging": "DEFAULT"}, HERE, SessionLog("/own", "r2")),
        ({"kmsKeyId": "k"}, HERE, SessionLog("/own", "r2")),
        (None, {}, None),
        (None, FLUENT, None),
        ({"logging": "NONE"}, HERE, None),
        (OVERRIDE, HERE, SessionLog("/exec", "r1")),
        (TO_S3, HERE, None),
    ],
)
def test_the_cluster_and_the_container_say_where(
    execute: dict[str, Any] | None, container: dict[str, Any], log: SessionLog | None
) -> None:
    configuration = None if execute is None else {"executeCommandConfiguration": execute}
    assert log_of(configuration, container, "r1") == log


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({}, ("PENDING", None)),
        ({"last_status": "RUNNING"}, ("PENDING", None)),
        ({"last_status": "RUNNING", "runtime_id": "x", "started_at": 1.0}, ("RUNNING", 1.0)),
        ({"last_status": "STOPPED", "started_at": 1.0}, ("STOPPED", 1.0)),
        ({"last_status": "RUNNING", "runtime_id": "x", "started_at": 1.0, "read_only_root": True}, ("STOPPED", None)),
        ({"read_only_root": True}, ("PENDING", None)),
    ],
)
def test_the_agent_lives_as_its_container_does(members: dict[str, Any], state: tuple[str, float | None]) -> None:
    agent = agent_state(Container("app", "id", "app:1", essential=True, **members))
    assert (agent.status, agent.started_at) == state
    assert bool(agent.reason) == (agent.status == "STOPPED")
