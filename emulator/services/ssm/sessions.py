"""Sessions of Session Manager: those that ECS Exec opened. There are no managed nodes to start others with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import AwsError
from emulator.domain.exec_session import ExecSession
from emulator.store.ecs_tables import EXEC_SESSIONS
from emulator.wire.call import Call


class DoesNotExistException(AwsError):
    """No such session."""


def terminate_session(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ends it for good; one that had ended, or never was, is no error (observed on AWS)."""
    session = _session(call, request["SessionId"])
    if session is not None and session.ended_at is None:
        over = replace(session, ended_at=call.now, reason=f"Session terminated by {call.caller.arn}", token="")
        call.tx.put(EXEC_SESSIONS, over)
    return {"SessionId": request["SessionId"]}


def resume_session(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """A new token for a session whose connection was lost; the process in the container has run on."""
    session = _session(call, request["SessionId"])
    if session is None or session.ended_at is not None:
        raise DoesNotExistException(f"Session {request['SessionId'][:96]} does not exist.")
    resumed = replace(session, token=call.ids.letters(64), last_active=call.now)
    call.tx.put(EXEC_SESSIONS, resumed)
    return {
        "SessionId": session.id,
        "TokenValue": resumed.token,
        "StreamUrl": call.facts.stream_url(session.id),
    }


def _session(call: Call, session_id: str) -> ExecSession | None:
    found = call.reader.get(EXEC_SESSIONS, session_id)
    return found if found is not None and (found.account, found.region) == (call.account, call.region) else None
