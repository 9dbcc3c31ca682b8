"""The log event store: nothing lost, order kept, tokens by position, fair to a quiet stream, safe from kill -9."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.clock import VirtualClock
from emulator.domain.logs.log_group import Position, StreamKey
from emulator.store.log_events import LogEvents
from emulator.store.log_queue import LogQueue, LogStoreClosed, StreamDeleted
from emulator.store.log_rows import Window

WEB = StreamKey("group-1", "stream-web", "/app", "web/web/1")
DB = StreamKey("group-1", "stream-db", "/app", "db/db/1")
OTHER = StreamKey("group-2", "stream-other", "/other", "x")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LogEvents]:
    events = LogEvents(tmp_path / "logs.db", VirtualClock(1_700_000_000.0))
    yield events
    events.close()


def messages(store: LogEvents, window: Window) -> list[str]:
    return [event.message for event in store.scan(window)]


def test_a_hundred_thousand_lines_of_one_stream_come_back_in_order(store: LogEvents) -> None:
    for start in range(0, 100_000, 100):
        store.append(WEB, [(1000 + start // 1000, f"line {n}") for n in range(start, start + 100)])
    store.flush()
    assert messages(store, Window("group-1", ["stream-web"])) == [f"line {n}" for n in range(100_000)]


def test_events_of_one_time_keep_their_order_and_streams_interleave_by_time(store: LogEvents) -> None:
    store.append(WEB, [(10, "w1"), (10, "w2"), (30, "w3")])
    store.append(DB, [(10, "d1"), (20, "d2")])
    store.append(OTHER, [(10, "not ours")])
    store.flush()
    assert messages(store, Window("group-1")) == ["w1", "w2", "d1", "d2", "w3"]
    assert messages(store, Window("group-1", newest_first=True)) == ["w3", "d2", "d1", "w2", "w1"]
    assert messages(store, Window("group-1", ["stream-db"])) == ["d1", "d2"]
    assert messages(store, Window("group-1", ["stream-db", "stream-web"], start_ms=20)) == ["d2", "w3"]
    assert messages(store, Window("group-1", start_ms=20, end_ms=30)) == ["d2"]
    assert messages(store, Window("group-1", ["unknown"])) == []


def test_a_position_splits_the_events_without_loss_or_repeat(store: LogEvents) -> None:
    store.append_durably(WEB, [(10, "a"), (10, "b"), (10, "c")])
    middle = [event.position for event in store.scan(Window("group-1"))][1]
    assert messages(store, Window("group-1", after=middle)) == ["c"]
    assert messages(store, Window("group-1", before=middle)) == ["a"]
    assert Position.of_number(int(middle.event_id)) == middle
    assert len(middle.event_id) == 56
    assert messages(store, Window("group-1", after=Position(2**80, 2**144))) == []


def test_facts_and_bytes_count_26_an_event_and_utf8(store: LogEvents) -> None:
    store.append_durably(WEB, [(20, "é"), (10, "ab")])
    facts = store.facts("group-1")["stream-web"]
    assert (facts.first_event_ms, facts.last_event_ms, facts.stored_bytes) == (10, 20, 2 + 2 + 52)
    assert facts.last_ingestion_ms == 1_700_000_000_000
    assert store.stored_bytes("group-1") == 56
    assert store.stored_bytes("group-2") == 0


def test_a_deleted_stream_shows_nothing_and_takes_nothing(store: LogEvents) -> None:
    store.append(WEB, [(10, "w")])
    store.append(DB, [(10, "d")])
    store.delete_stream("group-1", "stream-web")
    store.flush()
    assert messages(store, Window("group-1")) == ["d"]
    with pytest.raises(StreamDeleted):
        store.append(WEB, [(11, "late")])
    store.delete_group("group-1")
    assert messages(store, Window("group-1")) == []
    with pytest.raises(StreamDeleted):
        store.append(DB, [(11, "late")])
    assert store.facts("group-1") == {}


def test_expiring_deletes_what_is_older_and_corrects_the_facts(store: LogEvents) -> None:
    store.append_durably(WEB, [(n, "x" * 10) for n in range(25_000)])
    assert store.expire("group-1", 24_990) == 24_990
    facts = store.facts("group-1")["stream-web"]
    assert (facts.first_event_ms, facts.last_event_ms, facts.stored_bytes) == (24_990, 24_999, 360)
    assert store.expire("group-1", 10**9) == 10
    assert store.facts("group-1") == {}


def test_a_pouring_stream_does_not_keep_a_quiet_one_from_being_committed(store: LogEvents) -> None:
    stop = threading.Event()

    def pour() -> None:
        while not stop.is_set():
            store.append(WEB, [(1, "x" * 100)] * 1000)

    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        for n in range(20):
            store.append_durably(DB, [(n, f"quiet {n}")], timeout_s=60)
    finally:
        stop.set()
        pouring.join()
    assert messages(store, Window("group-1", ["stream-db"])) == [f"quiet {n}" for n in range(20)]


def test_a_stream_with_a_limit_of_its_own_is_refused_only_when_there_is_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = LogQueue()
    assert waiting.put(WEB, [(1, "x" * 5000)], 0, own_limit_bytes=100)
    monkeypatch.setattr("emulator.store.log_queue.MAXIMUM_QUEUED_BYTES", 1000)
    assert not waiting.put(WEB, [(2, "too much")], 0, own_limit_bytes=100)
    assert waiting.put(DB, [(3, "another stream")], 0, own_limit_bytes=100)
    turn = waiting.take(0)
    assert turn is not None
    waiting.done(turn)
    assert waiting.put(WEB, [(4, "y" * 5000)], 0, own_limit_bytes=100)


def test_a_follower_sees_what_is_committed_from_now_on(store: LogEvents) -> None:
    store.append_durably(WEB, [(1, "before")])
    tail, of_db = store.follow("group-1"), store.follow("group-1", ["stream-db"])
    assert tail.next(0) == []
    store.append_durably(OTHER, [(2, "elsewhere")])
    store.append_durably(DB, [(5, "one")])
    store.append_durably(WEB, [(3, "late but newer")])
    seen: list[str] = []
    while len(seen) < 2:
        seen += [event.message for event in tail.next(10)]
    assert seen == ["one", "late but newer"]
    assert [event.message for event in of_db.next(10)] == ["one"]
    assert of_db.next(0.01) == []


def test_a_follower_is_woken_by_a_commit(store: LogEvents) -> None:
    tail = store.follow("group-1")
    threading.Timer(0.05, lambda: store.append(WEB, [(1, "ping")])).start()
    assert [event.message for event in tail.next(10)] == ["ping"]


def test_text_that_utf8_cannot_hold_is_replaced(store: LogEvents) -> None:
    store.append_durably(WEB, [(1, "a\ud800b"), (2, "nul\0 stays")])
    assert messages(store, Window("group-1")) == ["a\ufffdb", "nul\0 stays"]


def test_closing_writes_what_is_queued_and_then_refuses(tmp_path: Path) -> None:
    store = LogEvents(tmp_path / "logs.db", VirtualClock())
    for n in range(50):
        store.append(WEB, [(n, str(n))])
    store.close()
    with pytest.raises(LogStoreClosed):
        store.append(WEB, [(1, "x")])
    again = LogEvents(tmp_path / "logs.db", VirtualClock())
    assert messages(again, Window("group-1")) == [str(n) for n in range(50)]
    again.clear()
    assert messages(again, Window("group-1")) == []
    again.close()


def test_streams_that_the_main_database_forgot_are_swept_at_start(store: LogEvents) -> None:
    store.append_durably(WEB, [(1, "w")])
    store.append_durably(DB, [(1, "d")])
    store.keep_only(["stream-db"])
    assert messages(store, Window("group-1")) == ["d"]


_CRASHING = """
import os, signal, sys
from pathlib import Path
from emulator.clock import SystemClock
from emulator.domain.logs.log_group import StreamKey
from emulator.store.log_events import LogEvents
store = LogEvents(Path(sys.argv[1]), SystemClock())
stream = StreamKey("group-1", "stream-web", "/app", "web")
for n in range(200):
    store.append_durably(stream, [(n, f"line {n}")])
    print(n, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    ended = subprocess.run([sys.executable, "-c", _CRASHING, str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    acknowledged = ended.stdout.split()
    store = LogEvents(path, VirtualClock())
    assert messages(store, Window("group-1")) == [f"line {n}" for n in acknowledged]
    store.close()
