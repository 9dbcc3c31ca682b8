"""How a simulated container behaves: the script that stands in for a program. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from emulator.engine.base import EngineError


@dataclass(frozen=True, slots=True)
class Output:
    """What is written `after_s` seconds after the start; newlines end lines, as in a container."""

    after_s: float
    text: bytes
    stream: Literal["stdout", "stderr"] = "stdout"


@dataclass(frozen=True, slots=True)
class HealthTurn:
    """The probe's verdict from `after_s` seconds after the start on. Needs a health check in the spec or the image."""

    after_s: float
    status: Literal["healthy", "unhealthy"]
    output: str = ""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One image's program. All times are seconds of the clock after the container's start.

    Without anything set it runs until it is stopped, and leaves with `stop_exit_code` at once on SIGTERM.
    """

    runs_for_s: float | None = None  # None: until it is stopped
    exit_code: int = 0
    ignores_sigterm: bool = False
    stop_exit_code: int = 0
    stops_in_s: float = 0.0  # how long it takes to leave after SIGTERM
    out_of_memory_after_s: float | None = None
    oom_seen_after_s: float | None = None  # another of its control group, or a child of its own, is killed
    output: tuple[Output, ...] = ()
    health: tuple[HealthTurn, ...] = ()  # empty: healthy after the first interval
    commands: Mapping[tuple[str, ...], tuple[int, bytes]] = field(default_factory=dict)  # for run_in_container
    create_error: EngineError | None = None
    start_error: str = ""  # the runtime's text, e.g. exec: "x": executable file not found in $PATH


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image that a registry would give: pulled, it is held and behaves so. `error` is raised by every pull."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    error: EngineError | None = None
    takes_s: float = 0.0
    needs: tuple[str, str] | None = None  # user name and password
