"""A process that is started in a running container, with its input, output and terminal (`docker exec -i`)."""

from __future__ import annotations

from typing import Literal, Protocol

ExecOutput = tuple[Literal["stdout", "stderr"], bytes]


class ExecSession(Protocol):
    """One such process. `read` is called by one thread, the others by any."""

    @property
    def id(self) -> str:
        """The engine's, with which it can be ended when the connection to it is lost."""
        ...

    def read(self) -> ExecOutput | None:
        """What it wrote next, as soon as there is something; None when it has ended. With a terminal all is stdout."""
        ...

    def write(self, data: bytes) -> None:
        """To its input; nothing happens when it has ended."""
        ...

    def end_input(self) -> None:
        """It reads the end of its input next."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Of its terminal; without one, or when it has ended, nothing happens."""
        ...

    def exit_code(self) -> int | None:
        """None while it runs."""
        ...

    def close(self) -> None:
        """Ends the process, as far as the engine lets us, and the connection to it."""
        ...


class ExecSource(Protocol):
    """A part of every Engine."""

    def run_in_container(self, container_id: str, command: tuple[str, ...], *, deadline_s: float) -> tuple[int, bytes]:
        """Exit code and combined output of a short command inside a running container.

        NotFound without the container, EngineError when it does not run. EngineNotResponding past the deadline; the
        command itself is not ended then, as the engine has no way to.
        """
        ...

    def start_exec(self, container_id: str, command: tuple[str, ...], *, terminal: bool, user: str = "") -> ExecSession:
        """NotFound without the container; EngineError when it does not run or the command cannot be started."""
        ...

    def end_exec(self, exec_id: str) -> None:
        """Ends a process of `start_exec`, as far as the engine lets us; nothing happens when it has ended."""
        ...
