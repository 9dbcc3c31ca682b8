"""Statistics of an engine that is asked for them: followed once, read without waiting, told while they are renewed."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.tasks.container_statistics import InterfaceCounters
from emulator.engine.docker import statistics_streams
from emulator.engine.docker.calls import DockerCalls, EngineAddress
from emulator.engine.docker.statistics_streams import StatisticsStreams, sample_of
from emulator.engine.statistics import Reading
from tests.docker.homeport import eventually
from tests.engine.fake_engine import FakeEngine, answer_json

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"


def told(second: int, cpu: int = 5) -> dict[str, Any]:
    """What Docker 20.10 tells of a container in another's network."""
    return {
        "read": f"2026-01-31T12:00:{second:02}.5Z",
        "pids_stats": {"current": 3},
        "blkio_stats": {
            "io_service_bytes_recursive": [{"major": 8, "minor": 1, "op": "Read", "value": 4096}],
            "io_serviced_recursive": None,
        },
        "cpu_stats": {
            "cpu_usage": {"total_usage": cpu, "usage_in_kernelmode": 2, "usage_in_usermode": 3},
            "system_cpu_usage": 99,
            "online_cpus": 2,
            "throttling_data": {"periods": 7, "throttled_periods": 6, "throttled_time": 5},
        },
        "memory_stats": {"usage": 1000, "max_usage": 2000, "stats": {"rss": 10}, "limit": 4000},
        "networks": {"eth0": {"rx_bytes": 1, "rx_packets": 2, "tx_bytes": 3, "tx_packets": 4}},
    }


class Told:
    """An engine whose containers' statistics a test tells; `gone` is none of its."""

    def __init__(self, path: Path) -> None:
        self.asked: list[str] = []
        self.said: dict[str, socket.socket] = {}
        self.changed = threading.Condition()
        self.engine = FakeEngine(path, self._answer)

    def _answer(self, path: str, connection: socket.socket) -> None:
        container_id = path.split("/")[-2]
        with self.changed:
            self.asked.append(container_id)
            if container_id == "gone":
                answer_json(connection, {"message": "No such container: gone"}, "404 Not Found")
            else:
                self.said[container_id] = connection
            self.changed.notify_all()

    def say(self, container_id: str, data: bytes) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: container_id in self.said, 30)
        self.said[container_id].sendall(data)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Told]:
    made = Told(tmp_path / "engine.sock")
    yield made
    made.engine.close()


@pytest.fixture
def streams(engine: Told, tmp_path: Path) -> Iterator[StatisticsStreams]:
    calls = DockerCalls(EngineAddress.parse(f"unix://{tmp_path / 'engine.sock'}"), 30)
    made = StatisticsStreams(calls, lambda: 1000.0)
    yield made
    made.close()
    calls.close()


def line(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def test_the_newest_whole_answer_is_told_once(engine: Told, streams: StatisticsStreams) -> None:
    assert streams.sample(["a"]) == {}
    engine.say("a", HEAD + line(told(1), told(2, cpu=6)) + b'{"read": "2026-')
    first: Reading = eventually(lambda: streams.sample(["a"]).get("a"), 30)
    assert (first().cpu_total, first().at % 60) == (6, (2.5 + 1000) % 60)
    assert streams.sample(["a"])["a"] is first  # nothing newer
    engine.say("a", line(told(3, cpu=7))[len('{"read": "2026-') :])
    assert eventually(lambda: streams.sample(["a"])["a"] is not first, 30)
    assert streams.sample(["a"])["a"]().cpu_total == 7
    assert engine.asked == ["a"]


def test_what_is_gone_or_ends_is_left_out_and_asked_for_again(engine: Told, streams: StatisticsStreams) -> None:
    streams.sample(["a", "gone"])
    engine.say("a", HEAD + line(told(1)))
    eventually(lambda: streams.sample(["a", "gone"]).keys() == {"a"}, 30)
    engine.said.pop("a").shutdown(socket.SHUT_RDWR)
    eventually(lambda: streams.sample(["a"]) == {}, 30)
    streams.sample(["a"])
    engine.say("a", HEAD + line(told(2)))
    assert eventually(lambda: streams.sample(["a"]).get("a"), 30)
    assert streams.sample([]) == {}


def test_what_is_not_renewed_is_not_told(
    engine: Told, streams: StatisticsStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(statistics_streams, "monotonic", lambda: now[0])
    streams.sample(["a"])
    engine.say("a", HEAD + line(told(1)))
    assert eventually(lambda: streams.sample(["a"]), 30)
    now[0] = statistics_streams.STALE_S
    assert streams.sample(["a"]) == {}


def test_an_engine_that_is_not_there_has_none(tmp_path: Path) -> None:
    calls = DockerCalls(EngineAddress.parse("tcp://127.0.0.1:1"), 1)
    assert StatisticsStreams(calls, lambda: 0.0).sample(["a"]) == {}


def test_every_member() -> None:
    sample = sample_of(told(1))
    assert (sample.cpu_total, sample.cpu_user, sample.cpu_kernel, sample.system_cpu) == (5, 3, 2, 99)
    assert (sample.online_cpus, sample.throttling, sample.pids) == (2, (7, 6, 5), 3)
    assert (sample.memory_usage, sample.memory_max_usage, sample.memory_limit) == (1000, 2000, 4000)
    assert (sample.memory_stat, sample.blkio_bytes) == ({"rss": 10}, ((8, 1, "Read", 4096),))
    assert sample.interfaces == {"eth0": InterfaceCounters(1, 2, 0, 0, 3, 4, 0, 0)}
    with pytest.raises(ValueError, match="does not run"):
        sample_of({**told(1), "read": "0001-01-01T00:00:00Z"})
