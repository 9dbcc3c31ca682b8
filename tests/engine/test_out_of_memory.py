"""Whether memory ran out for a container that the engine has not marked: by the kernel's log, else by events."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from emulator.clock import SystemClock, monotonic
from emulator.engine.docker import out_of_memory
from emulator.engine.docker.engine import DockerEngine
from emulator.engine.docker.out_of_memory import MemoryEnds
from emulator.engine.kernel_log import KernelLog, MemoryKill, kills_in
from tests.engine.fake_engine import FakeEngine, answer_json

ID = "c4fad6a5d681e6c3749534ab3c2edcb8596040310f673ea6f6287f96fca3accb"
STARTED, ENDED = "2026-11-25T20:00:00.5Z", "2026-11-25T20:00:01.25Z"
ENDED_AT = 1_795_636_801.25
OOM = {"Action": "oom", "Actor": {"ID": ID, "Attributes": {}}}
KILL = {"Action": "kill", "Actor": {"ID": ID, "Attributes": {"signal": "9"}}}
TERM = {"Action": "kill", "Actor": {"ID": ID, "Attributes": {"signal": "15"}}}


def invoked(at: float) -> str:
    return f"4,1,{at * 1e6:.0f},-;tail invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"


def group(at: float, path: str) -> str:
    limit = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/ecs/1/2"
    return f"6,2,{at * 1e6:.0f},-;{limit},task_memcg={path},task=tail,pid=15351,uid=0\n"


def killed(at: float, process: int = 15351) -> str:
    return f"3,3,{at * 1e6:.0f},-;Memory cgroup out of memory: Killed process {process} (tail) total-vm:18184kB\n"


def test_each_end_is_of_the_group_that_was_told_before_it() -> None:
    records = [invoked(5), group(5, "/docker/a"), killed(5.1), invoked(6), group(6, "/docker/b"), killed(6.1)]
    assert kills_in(iter(records), 5.05) == [MemoryKill(5.1, "/docker/a"), MemoryKill(6.1, "/docker/b")]
    assert kills_in(iter(records), 5.2) == [MemoryKill(6.1, "/docker/b")]


def test_an_end_whose_group_was_left_out_is_nobodys() -> None:
    records = [group(5, "/docker/a"), killed(5), killed(5.5)]
    assert kills_in(iter(records), 5) == [MemoryKill(5, "/docker/a"), MemoryKill(5.5, "")]


def test_a_log_that_begins_later_says_nothing() -> None:
    assert kills_in(iter([group(5, "/docker/a"), killed(5)]), 4) is None
    assert kills_in(iter(()), 4) is None


def test_a_log_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert KernelLog(tmp_path / "none").kills(0) is None


class Log:
    """A kernel's log that is read as a list."""

    def __init__(self, *records: str) -> None:
        self.records = records

    def kills(self, since: float) -> list[MemoryKill] | None:
        return kills_in(iter(self.records), since)


class Bench:
    """MemoryEnds over an engine that tells what it is given to tell, and keeps what it was asked."""

    def __init__(self, place: Path, log: Log, *, same_kernel: bool = True) -> None:
        self.told: list[dict[str, object]] = []
        self.asked: list[dict[str, list[str]]] = []
        self.refused = False
        self._fake = FakeEngine(place, self._answer)
        self._engine = DockerEngine(SystemClock(), f"unix://{place}")
        # Now is two seconds after the end; the kernel counts from a hundred seconds before it.
        self._zero = monotonic() - 102
        self.ends = MemoryEnds(
            self._engine._events, lambda: ENDED_AT - 100 + monotonic() - self._zero, lambda: same_kernel, log
        )

    def _answer(self, path: str, connection: socket.socket) -> None:
        self.asked.append(parse_qs(urlsplit(path).query))
        if self.refused:
            answer_json(connection, {"message": "invalid filter 'oom'"}, "400 Bad Request")
        else:
            lines = "".join(json.dumps(message) + "\n" for message in self.told)
            connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{lines}".encode())
        connection.shutdown(socket.SHUT_RDWR)

    def at(self, seconds: float) -> float:
        """A moment after the end, as the kernel counts."""
        return 100 + seconds + self._zero

    def ran_out(self, ended: str = ENDED, **limits: object) -> bool:
        state = {"StartedAt": STARTED, "FinishedAt": ended}
        return self.ends.ran_out({"Id": ID, "State": state, "HostConfig": limits or {"Memory": 1 << 24}})

    def close(self) -> None:
        self._engine.close()
        self._fake.close()


Make = Callable[..., Bench]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Bench] = []

    def bench(log: Log | None = None, *, same_kernel: bool = True) -> Bench:
        made.append(Bench(tmp_path / f"{len(made)}.sock", log or Log(), same_kernel=same_kernel))
        return made[-1]

    yield bench
    for each in made:
        each.close()


@pytest.mark.parametrize("path", [f"/docker/{ID}", f"/ecs/0123/4567/{ID}", f"/system.slice/docker-{ID}.scope"])
def test_the_kernel_says_whose_process_it_killed(make: Make, path: str) -> None:
    bench = make()
    bench.ends._log = Log(invoked(bench.at(-50)), group(bench.at(-0.1), path), killed(bench.at(-0.1)))  # type: ignore[assignment]
    assert bench.ran_out()
    assert bench.asked == []


@pytest.mark.parametrize("when", [-0.1, -30])
def test_it_killed_another_or_long_before(make: Make, when: float) -> None:
    """Another of the task's, whose group is theirs both; or this one before it was started again."""
    bench = make()
    whose = "/ecs/0123/4567/another" if when == -0.1 else f"/docker/{ID}"
    bench.ends._log = Log(invoked(bench.at(-50)), group(bench.at(when), whose), killed(bench.at(when)))  # type: ignore[assignment]
    bench.told = [OOM]
    assert not bench.ran_out()
    assert bench.asked == []


@pytest.mark.parametrize(
    ("told", "expected"), [([OOM], True), ([KILL], False), ([TERM, OOM], True), ([KILL, OOM], False), ([], False)]
)
def test_where_the_kernel_is_not_asked_the_engines_events_tell(
    make: Make, told: list[dict[str, object]], expected: bool
) -> None:
    bench = make(Log(group(1, f"/docker/{ID}"), killed(1)), same_kernel=False)
    bench.told = told
    assert bench.ran_out() == expected
    [asked] = bench.asked
    assert json.loads(asked["filters"][0]) == {"type": ["container"], "container": [ID], "event": ["oom", "kill"]}
    assert float(asked["since"][0]) == pytest.approx(ENDED_AT - 1.75, abs=0.01)
    assert float(asked["until"][0]) == pytest.approx(ENDED_AT + out_of_memory.TOLD_WITHIN_S, abs=0.01)


def test_an_end_that_the_kernel_gives_to_no_group_leaves_it_to_the_events(make: Make) -> None:
    bench = make()
    bench.ends._log = Log(invoked(bench.at(-50)), killed(bench.at(-0.1)))  # type: ignore[assignment]
    bench.told = [OOM]
    assert bench.ran_out()


def test_nobody_is_waited_for_where_nothing_limits_memory(make: Make) -> None:
    bench = make()
    assert not bench.ran_out(Memory=0, CgroupParent="")
    assert float(bench.asked[0]["until"][0]) == pytest.approx(ENDED_AT, abs=0.01)
    assert not make().ran_out(Memory=0, CgroupParent="/ecs/1/2")


def test_what_was_found_out_is_kept_for_that_end(make: Make) -> None:
    """The engine and the kernel forget after a while."""
    bench = make()
    bench.told = [OOM]
    assert bench.ran_out()
    bench.told = []
    assert bench.ran_out()
    assert len(bench.asked) == 1
    assert not bench.ran_out(ended="2026-11-25T20:00:09Z")  # started again, and killed by somebody
    assert len(bench.asked) == 2
    bench.ends.forget(ID)
    assert not bench.ran_out()


def test_an_engine_that_knows_no_such_events_has_said_what_it_knows(make: Make) -> None:
    bench = make()
    bench.refused = True
    assert not bench.ran_out()
