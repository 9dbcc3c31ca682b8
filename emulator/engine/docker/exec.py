"""Processes in running containers, over the Docker API's exec."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import threading
from typing import Any, Literal

from emulator.clock import monotonic
from emulator.engine.base import EngineError
from emulator.engine.docker.calls import ApiRefusal, DockerCalls
from emulator.engine.docker.stream import Deadline, DockerStream, open_stream
from emulator.engine.exec_session import ExecOutput

_FRAME = struct.Struct(">BxxxL")
_CHUNK = 16 * 1024
_TERMINAL = ["TERM=xterm-256color"]
PID_KNOWN_WITHIN_S = 2.0


class DockerExec:
    """`run` is the exec's id. `local` tells whether its process is one of this host's, which we can end."""

    def __init__(self, calls: DockerCalls, run: str, stream: DockerStream, *, terminal: bool, local: bool) -> None:
        self._calls = calls
        self._run = run
        self._stream = stream
        self._terminal = terminal
        self._local = local
        self._rest = stream.take_first()
        self._closed = threading.Event()
        stream.socket.settimeout(None)

    @property
    def id(self) -> str:
        return self._run

    def read(self) -> ExecOutput | None:
        if self._terminal:
            some = self._some(_CHUNK)
            return ("stdout", some) if some else None
        head = self._exactly(_FRAME.size)
        if head is None:
            return None
        kind, size = _FRAME.unpack(head)
        data = self._exactly(size)
        name: Literal["stdout", "stderr"] = "stderr" if kind == 2 else "stdout"
        return None if data is None else (name, data)

    def _some(self, size: int) -> bytes:
        if self._rest:
            data, self._rest = self._rest[:size], self._rest[size:]
            return data
        try:
            return self._stream.socket.recv(size)
        except OSError:
            return b""

    def _exactly(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            more = self._some(size - len(data))
            if not more:
                return None
            data += more
        return data

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._stream.socket.sendall(data)

    def end_input(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.socket.shutdown(socket.SHUT_WR)

    def resize(self, columns: int, rows: int) -> None:
        if not self._terminal:
            return
        with contextlib.suppress(EngineError), self._calls.client() as client:
            client.exec_resize(self._run, height=rows, width=columns)

    def exit_code(self) -> int | None:
        state = self._inspect()
        return None if state.get("Running") or state.get("ExitCode") is None else int(state["ExitCode"])

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if self._local:
            with contextlib.suppress(EngineError):
                end_docker_exec(self._calls, self._run)
        with contextlib.suppress(OSError):
            self._stream.socket.shutdown(socket.SHUT_RDWR)
        self._stream.close()

    def _inspect(self) -> dict[str, Any]:
        with self._calls.client() as client:
            state: dict[str, Any] = client.exec_inspect(self._run)
            return state


def end_docker_exec(calls: DockerCalls, run: str) -> None:
    """The engine has no call for it: only a process of this host can be ended. It leads its terminal, so that what else
    runs there hears of its end."""
    if not calls.address.unix_path:
        return
    end, pause = monotonic() + PID_KNOWN_WITHIN_S, threading.Event()
    with contextlib.suppress(ApiRefusal, ProcessLookupError, PermissionError), calls.client() as client:
        # A terminal echoes before the engine has noted the process that leads it.
        while not (state := client.exec_inspect(run)).get("Pid") and state.get("ExitCode") is None:
            if monotonic() > end:
                return
            pause.wait(0.02)
        if state.get("Running") and state.get("Pid"):
            os.kill(int(state["Pid"]), signal.SIGKILL)


def start_docker_exec(
    calls: DockerCalls, container_id: str, command: tuple[str, ...], *, terminal: bool, user: str
) -> DockerExec:
    version = calls.api_version
    with calls.client() as client:
        made = client.exec_create(
            container_id,
            list(command),
            stdin=True,
            tty=terminal,
            user=user,
            environment=_TERMINAL if terminal else None,
        )
    run = str(made["Id"])
    stream = open_stream(
        calls.address,
        "POST",
        f"/v{version}/exec/{run}/start",
        body={"Detach": False, "Tty": terminal},
        takes_over=True,
        deadline=Deadline(calls.deadline_s),
    )
    return DockerExec(calls, run, stream, terminal=terminal, local=bool(calls.address.unix_path))
