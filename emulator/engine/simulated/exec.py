"""A process in a simulated container: it writes what its image's script says, or repeats what it reads."""

from __future__ import annotations

import queue
from itertools import count

from emulator.engine.base import EngineError
from emulator.engine.exec_session import ExecOutput
from emulator.engine.pause import CONNECT, FILTER
from emulator.engine.simulated.container import SimulatedContainer

_NUMBERS = (f"simulated-exec-{number}" for number in count(1))

ECHO = ("cat",)
"""The one command that every simulated image has: it writes what it reads, and ends with its input."""


def run_script(container: SimulatedContainer, command: tuple[str, ...]) -> tuple[int, bytes]:
    """Exit code and output of a command in a running container."""
    if container.status != "running":
        raise EngineError(f"Container {container.id} is not running", 409)
    if command[:2] == FILTER:
        container.packet_filter = bytes.fromhex("".join(command[2:]))
        return 0, b""
    if command[:2] == CONNECT:
        container.aliases = "".join(command[command.index("--") + 1 :])
        return 0, b""
    missing = (
        "OCI runtime exec failed: exec failed: unable to start container process: "
        f'exec: "{command[0]}": executable file not found in $PATH: unknown\r\n'
    )
    return container.behaviour.commands.get(command, (127, missing.encode()))


class SimulatedExec:
    """`script` is (exit code, output) of any other command than the echo. Its terminal's size stands in `size`."""

    def __init__(self, script: tuple[int, bytes], command: tuple[str, ...], *, terminal: bool) -> None:
        self.id = next(_NUMBERS)
        self._output: queue.Queue[bytes | None] = queue.Queue()
        self._code: int | None = None
        self._terminal = terminal
        self.size: tuple[int, int] | None = None
        if command != ECHO:
            self._output.put(script[1])
            self._finish(script[0])

    def read(self) -> ExecOutput | None:
        data = self._output.get()
        if data is None:
            self._output.put(None)
            return None
        return "stdout", data

    def write(self, data: bytes) -> None:
        if self._code is None:
            self._output.put(data)
            if self._terminal and b"\x04" in data:  # Ctrl-D
                self._finish(0)

    def end_input(self) -> None:
        self._finish(0)

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal:
            self.size = (columns, rows)

    def exit_code(self) -> int | None:
        return self._code

    def close(self) -> None:
        self._finish(137)

    def _finish(self, code: int) -> None:
        if self._code is None:
            self._code = code
            self._output.put(None)
