"""What containers take of the disk: measured seldom, and nobody waits long for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.control.tasks import statistics
from emulator.control.tasks.statistics import MIB, Statistics
from emulator.domain.tasks.container_statistics import Sample
from emulator.engine.base import EngineUnavailable
from emulator.engine.statistics import StorageUse

A, B, C = (("a", "image-1"), ("b", "image-1"), ("c", "image-2"))


@dataclass
class Engine:
    """Answers when `ready` is set; a container that is not in `uses` is gone."""

    uses: dict[str, StorageUse]
    ready: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    down: bool = False

    def measure_storage(self, container_id: str) -> StorageUse | None:
        self.asked.append(container_id)
        assert self.ready.wait(60)
        if self.down:
            raise EngineUnavailable("no engine")
        return self.uses.get(container_id)


def make(monkeypatch: pytest.MonkeyPatch) -> tuple[Engine, Any, list[float]]:
    now = [1000.0]
    monkeypatch.setattr(statistics, "monotonic", lambda: now[0])
    monkeypatch.setattr(statistics, "STORAGE_PATIENCE_S", 60.0)
    engine: Any = Engine({"a": StorageUse(10 * MIB, 1), "b": StorageUse(10 * MIB, MIB), "c": StorageUse(MIB, 0)})
    engine.ready.set()
    return engine, Statistics(engine, list), now


def test_an_image_of_several_counts_once_and_what_began_counts_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    _, kept, _ = make(monkeypatch)
    assert kept.storage_mib([A, B, C]) == 13  # 10 + 1 of images, 1 MiB and a byte written


def test_measured_at_most_every_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, kept, now = make(monkeypatch)
    assert kept.storage_mib([A]) == 11
    engine.uses["a"] = StorageUse(10 * MIB, 5 * MIB)
    now[0] += 29
    assert (kept.storage_mib([A]), engine.asked) == (11, ["a"])
    now[0] += 1
    assert (kept.storage_mib([A]), engine.asked) == (15, ["a", "a"])


def test_a_slow_engine_is_not_waited_for_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, kept, _ = make(monkeypatch)
    monkeypatch.setattr(statistics, "STORAGE_PATIENCE_S", 0.01)
    engine.ready.clear()
    assert kept.storage_mib([A]) is None
    assert kept.storage_mib([A]) is None
    assert engine.asked == ["a"]
    engine.ready.set()
    for thread in [each for each in threading.enumerate() if each.name == "homeport-storage"]:
        thread.join(60)
    assert kept.storage_mib([A]) == 11


def test_without_an_answer_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, kept, now = make(monkeypatch)
    assert kept.storage_mib([A, ("gone", "image-1")]) is None
    engine.down = True
    now[0] += 60
    assert kept.storage_mib([B]) is None
    assert kept.storage_mib([A]) == 11  # as it was last measured


def test_a_reading_that_is_not_renewed_keeps_what_was_before_it() -> None:
    """An engine that is asked may have nothing newer at a look; rates need two readings that differ."""
    first, second = Sample(1.0, 10), Sample(2.0, 20)
    readings = [lambda: first, lambda: second]
    told = [readings[0], readings[1], readings[1]]

    class Telling:
        def info(self) -> Any:
            return SimpleNamespace(memory_mib=1)

        def sample_statistics(self, running: Any) -> Any:
            return {"a": told.pop(0)}

    state: Any = SimpleNamespace(id="a", name="app", status="running", pid=1, labels={})
    engine: Any = Telling()
    kept = Statistics(engine, lambda: [state])
    for _ in range(3):
        kept.look()
    document = kept.latest("a")
    assert document is not None
    assert document["cpu_stats"]["cpu_usage"]["total_usage"] == 20
    assert document["precpu_stats"]["cpu_usage"]["total_usage"] == 10
    assert "network_rate_stats" in document
