"""The two engines as tests meet them: one image whose programs behave alike, and a way to let time pass."""

from __future__ import annotations

import atexit
import itertools
import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from emulator.clock import SystemClock, VirtualClock, monotonic
from emulator.demo.image import web_image
from emulator.engine.archive import ArchiveFile, ImageRecipe, build_image
from emulator.engine.base import ContainerSpec, Engine, EngineEvent, NetworkSpec, OutputLine, RegistryCredentials
from emulator.engine.docker.engine import DockerEngine
from emulator.engine.simulated.behaviour import Behaviour, HealthTurn, Output, RemoteImage
from emulator.engine.simulated.engine import SimulatedEngine
from tests.small_registry import SmallRegistry

IMAGE = f"hp-eng-test/app-{os.getpid()}:1"
OWNER = {"hp-eng-test": f"{os.getpid()}"}
_CHANCE = random.SystemRandom()
CREDENTIALS = RegistryCredentials("AWS", "right")

# Programs: what the container runs, and the script that stands in for it.
SLEEPER = ("sh", "-c", 'trap "exit 0" TERM; sleep 1000 & wait')
STUBBORN = ("sh", "-c", 'trap "" TERM; while :; do sleep 1; done')
EXITS_3 = ("sh", "-c", "exit 3")
TALKER = ("sh", "-c", "echo one; echo two; printf three; echo oops >&2")
HUNGRY = ("tail", "/dev/zero")
ABSENT = ("no-such-program",)
FAILING_PROBE = ("CMD-SHELL", "echo broken; exit 1")

_EXEC = {("sh", "-c", "echo out; echo err >&2; exit 4"): (4, b"out\nerr\n")}


def simulated_program(spec: ContainerSpec) -> Behaviour:
    """What the simulated engine plays for a command above."""
    failing = spec.health_check is not None and spec.health_check.test == FAILING_PROBE
    health = (HealthTurn(1.0, "unhealthy", "broken\n"),) if failing else ()
    scripts = {
        SLEEPER: Behaviour(health=health, commands=_EXEC),
        STUBBORN: Behaviour(ignores_sigterm=True),
        EXITS_3: Behaviour(runs_for_s=0.1, exit_code=3),
        TALKER: Behaviour(runs_for_s=0.2, output=(Output(0.1, b"one\ntwo\nthree"), Output(0.1, b"oops\n", "stderr"))),
        HUNGRY: Behaviour(out_of_memory_after_s=0.5),
        ABSENT: Behaviour(start_error='exec: "no-such-program": executable file not found in $PATH: unknown'),
    }
    return scripts[spec.command or ()]


def heeds(process: int, number: signal.Signals) -> bool:
    """Whether a process of this host catches the signal, ignores it, or keeps it to fetch it; False when it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigCgt:", "SigIgn:", "SigBlk:"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


class World(Protocol):
    """An engine, names that are nobody else's, and time."""

    engine: Engine

    def name(self, what: str) -> str: ...
    def network(self) -> NetworkSpec: ...
    def until(self, holds: Callable[[], Any], within_s: float = 120.0) -> Any: ...
    def ready(self, container: str) -> str: ...
    def registry(self, kind: str) -> str: ...
    def close(self) -> None: ...


class _Names:
    _numbers = itertools.count()

    def name(self, what: str) -> str:
        return f"hp-eng-{what}-{os.getpid()}-{next(self._numbers)}"

    def spec(self, command: tuple[str, ...] = SLEEPER, **more: Any) -> ContainerSpec:
        given = {"name": self.name("c"), "image": IMAGE, "labels": OWNER, "command": command, "network_mode": "none"}
        if "network" in more or "join_network_of" in more:
            del given["network_mode"]
        return ContainerSpec(**{**given, **more})


class DockerWorld(_Names):
    """The real engine. Everything it makes bears OWNER and is removed, one at a time, by close()."""

    def __init__(self) -> None:
        self.engine: Engine = DockerEngine(SystemClock())
        self._registries: list[SmallRegistry] = []
        if self.engine.find_image(IMAGE) is None:
            self.engine.load_image([web_image().docker_archive(IMAGE)])
            atexit.register(lambda: DockerEngine(SystemClock()).remove_image(IMAGE))

    def network(self) -> NetworkSpec:
        """By chance: the tests of another process make networks beside us."""
        cidr = f"10.{_CHANCE.randrange(128, 208)}.{_CHANCE.randrange(256)}"
        return NetworkSpec(self.name("net"), f"{cidr}.0/24", f"{cidr}.1", OWNER)

    def until(self, holds: Callable[[], Any], within_s: float = 120.0) -> Any:
        end, tick = monotonic() + within_s, threading.Event()
        while not (answer := holds()):
            assert monotonic() < end, "it did not come about in time"
            tick.wait(0.02)
        return answer

    def ready(self, container: str) -> str:
        """The container, once it has set its trap: before that a process 1 does not heed the signal."""
        self.until(lambda: heeds(self.engine.inspect_container(container).pid, signal.SIGTERM))
        return container

    def registry(self, kind: str) -> str:
        """A reference: of an image to be had, `missing`, `stalled`, or one that needs CREDENTIALS (`private`)."""
        needs = ("AWS", "right") if kind == "private" else None
        made = SmallRegistry(tiny_image(kind), needs)
        self._registries.append(made)
        return f"{made.host}/{kind}:1"

    def close(self) -> None:
        for container in self.engine.list_containers(OWNER):
            self.engine.remove_container(container.id)
        for network in self.engine.list_networks(OWNER):
            self.engine.remove_network(network)
        for made in self._registries:
            self.engine.remove_image(f"{made.host}/good:1")
            self.engine.remove_image(f"{made.host}/private:1")
            made.close()
        self.engine.close()


class SimulatedWorld(_Names):
    """The simulated engine on a clock that moves only while a test waits."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.engine: Engine = SimulatedEngine(
            self.clock,
            images={IMAGE: simulated_program},
            remote_images={
                "registry/good:1": RemoteImage(),
                "registry/private:1": RemoteImage(needs=("AWS", "right")),
                "registry/stalled:1": RemoteImage(takes_s=1e9),
            },
        )
        self._ranges = itertools.count()

    def network(self) -> NetworkSpec:
        cidr = f"10.222.{next(self._ranges)}"
        return NetworkSpec(self.name("net"), f"{cidr}.0/24", f"{cidr}.1", OWNER)

    def until(self, holds: Callable[[], Any], within_s: float = 120.0) -> Any:
        end, others = self.clock.now() + within_s, threading.Event()
        while not (answer := holds()):
            assert self.clock.now() < end, "it did not come about in time"
            self.clock.advance(0.1)
            self.engine.settle()  # type: ignore[attr-defined]
            others.wait(0.002)  # lets a thread that reads events have its turn
        return answer

    def ready(self, container: str) -> str:
        return container

    def registry(self, kind: str) -> str:
        return f"registry/{kind}:1"

    def close(self) -> None:
        self.engine.close()


class Heard:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.lines: list[OutputLine] = []
        self.ended = threading.Event()

    def sink(self, _: str, lines: list[OutputLine]) -> None:
        self.lines += lines

    def end(self, _: str) -> None:
        self.ended.set()

    def texts(self, stream: str = "stdout") -> list[bytes]:
        return [line.text for line in self.lines if line.stream == stream]


class EventLog:
    """Collects an engine's events in a thread that ends with the engine."""

    def __init__(self, engine: Engine, labels: dict[str, str]) -> None:
        self.events: list[EngineEvent] = []
        stream = engine.events(labels)
        self.thread = threading.Thread(target=lambda: self.events.extend(_each(stream, self.events)), daemon=True)
        self.thread.start()

    def actions(self, container_id: str) -> list[str]:
        return [f"{e.action} {e.detail}".strip() for e in list(self.events) if e.container_id == container_id]


def _each(stream: Any, into: list[EngineEvent]) -> list[EngineEvent]:
    for event in stream:
        into.append(event)
    return []


def tiny_image(text: str = "tiny") -> Any:
    """An image with one file and every default set."""
    return build_image(
        ImageRecipe(
            "x86_64",
            [[ArchiveFile("word", text.encode())]],
            entry_point=("/word",),
            command=("a", "b"),
            environment=("A=1",),
            user="7",
            working_directory="/w",
            stop_signal="SIGINT",
            labels={"l": "v"},
        )
    )
