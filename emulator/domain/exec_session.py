"""A session of ECS Exec: whose it is, where it leads, and when it is over. Pure.

Source: Amazon ECS developer guide, "Monitor Amazon ECS containers with ECS Exec": commands run as root, an idle
session ends after 20 minutes; the agent runs the words of the command, not a shell.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from emulator.domain.tasks.task import Container

IDLE_S: Final = 20 * 60.0
UNOPENED_S: Final = 60.0
"""A token that nobody used by then opens nothing any more."""
MOST_SESSIONS: Final = 20
"""Open at once in one container."""
KEPT_S: Final = 3600.0
"""How long an ended session can still be asked for its exit code."""

_NOT_STARTED: Final = "ExecuteCommandAgent Initialization failed - "


@dataclass(frozen=True, slots=True)
class ExecSession:
    """`token` opens the data channel once; resuming the session gives another. `last_active` is the last input."""

    id: str
    account: str
    region: str
    task_arn: str
    container: str
    runtime_id: str
    command: str
    interactive: bool
    token: str
    created_at: float
    last_active: float
    opened: bool = False
    ended_at: float | None = None
    reason: str = ""
    exit_code: int | None = None
    process_id: str = ""  # the engine's, while it runs


@dataclass(frozen=True, slots=True)
class AgentState:
    """Of the managed agent ExecuteCommandAgent; `started_at` also when it has ended since."""

    status: Literal["PENDING", "RUNNING", "STOPPED"]
    started_at: float | None = None
    reason: str = ""


def agent_state(container: Container) -> AgentState:
    """Commands can be run as long as the container runs: the engine itself is the agent.

    AWS's own needs to write below `/`, so that a read-only root file system has none (developer guide). The reasons
    are the ECS agent's, the end of the second is unconfirmed.
    """
    if container.read_only_root and container.last_status != "PENDING":
        return AgentState("STOPPED", reason=f"{_NOT_STARTED}the root file system of the container is read-only")
    if container.last_status == "STOPPED":
        return AgentState("STOPPED", container.started_at, "Received Container Stopped event")
    if container.last_status == "RUNNING" and container.runtime_id is not None:
        return AgentState("RUNNING", container.started_at)
    return AgentState("PENDING")


@dataclass(frozen=True, slots=True)
class SessionLog:
    """Where the output of a session goes, besides the session."""

    group: str
    region: str


def log_of(configuration: Mapping[str, Any] | None, container: Mapping[str, Any], region: str) -> SessionLog | None:
    """By the cluster's `configuration` (None: none given) and the container's definition.

    DEFAULT, which holds when nothing is said, is the container's own awslogs group, or nothing; OVERRIDE the group that
    the configuration names; NONE nothing (Amazon ECS developer guide, "Logging using Amazon ECS Exec").
    """
    execute = (configuration or {}).get("executeCommandConfiguration") or {}
    match execute.get("logging", "DEFAULT"):
        case "OVERRIDE":
            group = (execute.get("logConfiguration") or {}).get("cloudWatchLogGroupName")
        case "DEFAULT":
            logging = container.get("logConfiguration") or {}
            options = logging.get("options") or {}
            group = options.get("awslogs-group") if logging.get("logDriver") == "awslogs" else None
            region = options.get("awslogs-region") or region
        case _:
            group = None
    return SessionLog(group, region) if group else None


class WrongCommand(ValueError):
    """The command is no words."""


def words(command: str) -> tuple[str, ...]:
    """The command's words, by the quoting of a shell; WrongCommand when there are none."""
    try:
        found = tuple(shlex.split(command))
    except ValueError as error:
        raise WrongCommand(str(error)) from error
    if not found:
        raise WrongCommand("it is empty")
    return found


def ends_at(session: ExecSession) -> float:
    """When it ends, or is forgotten, if nothing happens until then."""
    if session.ended_at is not None:
        return session.ended_at + KEPT_S
    return session.last_active + (IDLE_S if session.opened else UNOPENED_S)
