"""Container output to log streams: the group rule, ordering, several lines, restart, deletion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.clock import VirtualClock
from emulator.control.tasks.log_delivery import DestinationUnavailable, LogDelivery, forget_unknown, sweep_expired
from emulator.domain.logs.log_delivery import Destination
from emulator.domain.logs.log_group import StreamKey
from emulator.engine.base import OutputLine
from emulator.ids import Ids
from emulator.store.database import Database
from emulator.store.log_events import LogEvents
from emulator.store.log_rows import Window
from emulator.store.logs_tables import LOG_GROUPS, LOG_STREAMS, TABLES

ACCOUNT = "123456789012"
START = 1_700_000_000.0
TO = Destination("us-east-1", "/ecs/web", "ecs/web/1", create_group=True)


class House:
    def __init__(self, path: Path) -> None:
        self.clock = VirtualClock(START)
        self.database = Database(path / "main.db", TABLES)
        self.events = LogEvents(path / "logs.db", self.clock)
        self.delivery = LogDelivery(self.events, self.clock)

    def ensure(self, destination: Destination) -> StreamKey:
        with self.database.write() as tx:
            return self.delivery.ensure_destination(tx, ACCOUNT, destination, Ids(1))

    def messages(self, stream: StreamKey) -> list[str]:
        self.events.flush()
        return [event.message for event in self.events.scan(Window(stream.group_id, [stream.stream_id]))]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.events.close()
    house.database.close()


def out(*texts: str, at: float = START) -> list[OutputLine]:
    return [OutputLine("stdout", text.encode(), at + n / 1000) for n, text in enumerate(texts)]


def test_a_missing_group_is_ecs_reason_for_the_stopped_task(house: House) -> None:
    with pytest.raises(DestinationUnavailable) as refused:
        house.ensure(Destination("us-east-1", "/ecs/web", "ecs/web/1"))
    assert str(refused.value) == (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed "
        "to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."
    )
    with house.database.read() as reader:
        assert reader.count(LOG_STREAMS) == 0


def test_create_group_makes_group_and_stream_and_a_second_start_finds_them(house: House) -> None:
    first, second = house.ensure(TO), house.ensure(TO)
    assert first == second
    with house.database.read() as reader:
        assert [g.name for g in reader.find(LOG_GROUPS)] == ["/ecs/web"]
        assert house.delivery.find_destination(reader, ACCOUNT, TO) == first
        assert house.delivery.find_destination(reader, "999999999999", TO) is None


def test_a_hundred_thousand_lines_arrive_whole_and_in_order(house: House) -> None:
    stream = house.ensure(TO)
    house.delivery.open("c1", TO, stream)
    for start in range(0, 100_000, 250):
        house.delivery.lines("c1", out(*(f"line {n}" for n in range(start, start + 250))))
    house.delivery.ended("c1")
    assert house.delivery.dropped("c1") == 0
    # Each call begins its clock anew, so compare in order of arrival, which is what the container wrote.
    house.events.flush()
    tail, seen = house.events.follow(stream.group_id, after=0), []
    while batch := tail.next(0):
        seen += [event.message for event in batch]
    assert seen == [f"line {n}" for n in range(100_000)]


def test_lines_of_an_event_are_gathered_and_given_out_after_five_seconds_or_at_the_end(house: House) -> None:
    gathering = Destination("us-east-1", "/ecs/web", "ecs/web/1", create_group=True, begins_event="^[A-Z]")
    stream = house.ensure(gathering)
    house.delivery.open("c1", gathering, stream)
    house.delivery.lines("c1", out("Error", " at a", " at b"))
    house.clock.advance(4.9)
    house.delivery.flush_aged()
    assert house.messages(stream) == []
    house.clock.advance(0.1)
    house.delivery.flush_aged()
    assert house.messages(stream) == ["Error\n at a\n at b\n"]
    house.delivery.lines("c1", out("Bye", at=START + 6))
    house.delivery.ended("c1")
    assert house.messages(stream)[1:] == ["Bye\n"]


def test_output_of_a_container_that_was_not_opened_goes_nowhere(house: House) -> None:
    stream = house.ensure(TO)
    house.delivery.lines("c2", out("hello"))
    house.delivery.ended("c2")
    assert house.messages(stream) == []


def test_output_for_a_deleted_stream_is_dropped_and_counted(house: House) -> None:
    stream = house.ensure(TO)
    house.delivery.open("c1", TO, stream)
    house.events.delete_stream(stream.group_id, stream.stream_id)
    house.delivery.lines("c1", out("a", "b"))
    assert house.delivery.dropped("c1") == 2
    assert house.messages(stream) == []


def test_after_a_restart_replayed_lines_are_stored_once(house: House) -> None:
    stream = house.ensure(TO)
    house.delivery.open("c1", TO, stream)
    house.delivery.lines("c1", out("a", "b", "c"))
    house.events.flush()
    again = LogDelivery(house.events, house.clock)
    assert again.resume("c1", TO, stream) == pytest.approx(START - 2 + 0.002)
    again.lines("c1", out("b", "c", "d", at=START + 0.001))
    again.lines("c1", out("d", "e", at=START + 1))
    assert house.messages(stream) == ["a", "b", "c", "d", "d", "e"]


def test_a_replay_that_ends_with_what_was_stored_late_is_given_out_when_no_more_comes(house: House) -> None:
    stream = house.ensure(TO)
    house.delivery.open("c1", TO, stream)
    house.delivery.lines("c1", out("a", "b", at=START + 0.5))
    house.events.flush()
    again = LogDelivery(house.events, house.clock)
    again.resume("c1", TO, stream)
    again.lines("c1", out("a", "b", "c", at=START + 0.4))  # the engine's own times are a little earlier
    for _ in range(2):
        again.flush_aged()
    assert house.messages(stream) == ["a", "b", "c"]
    again.lines("c1", out("d", at=START + 0.5))
    again.ended("c1")
    assert house.messages(stream) == ["a", "b", "c", "d"]


def test_events_of_several_lines_are_stored_once_after_a_restart(house: House) -> None:
    gathering = Destination("us-east-1", "/ecs/web", "ecs/web/1", create_group=True, begins_event="^[A-Z]")
    stream = house.ensure(gathering)
    house.delivery.open("c1", gathering, stream)
    house.delivery.lines("c1", out("One", " a", "Two", " b", "Three", at=START))
    house.events.flush()
    again = LogDelivery(house.events, house.clock)
    again.resume("c1", gathering, stream)
    again.lines("c1", out("One", " a", "Two", " b", "Three", " c", at=START))
    again.ended("c1")
    assert house.messages(stream) == ["One\n a\n", "Two\n b\n", "Three\n c\n"]


def test_a_stream_without_events_is_replayed_from_the_beginning(house: House) -> None:
    stream = house.ensure(TO)
    assert house.delivery.resume("c1", TO, stream) == 0.0


def test_events_past_their_groups_retention_are_swept(house: House) -> None:
    stream = house.ensure(TO)
    house.delivery.open("c1", TO, stream)
    house.delivery.lines("c1", out("old"))
    house.delivery.lines("c1", out("new", at=START + 86_000))
    house.events.flush()
    assert sweep_expired(house.database, house.events, START + 86_500) == 0
    with house.database.write() as tx:
        group = tx.find(LOG_GROUPS)[0]
        tx.put(LOG_GROUPS, type(group)(group.account, group.region, group.name, group.id, group.created_ms, 1))
    assert sweep_expired(house.database, house.events, START + 86_500) == 1
    assert house.messages(stream) == ["new"]


def test_at_start_up_events_without_a_stream_are_forgotten(house: House) -> None:
    stream = house.ensure(TO)
    house.delivery.open("c1", TO, stream)
    house.delivery.lines("c1", out("a"))
    house.events.flush()
    forget_unknown(house.database, house.events)
    assert house.messages(stream) == ["a"]
    with house.database.write() as tx:
        tx.delete(LOG_STREAMS, ACCOUNT, "us-east-1", "/ecs/web", "ecs/web/1")
    forget_unknown(house.database, house.events)
    assert house.messages(stream) == []
