"""What of a replayed output is new: whatever the pieces it comes in, however alike its lines are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.logs.log_replay import Event, Replay, overlap


def events(text: str, start_ms: int = 1000, step_ms: int = 10) -> list[Event]:
    """One event for each letter."""
    return [(start_ms + step_ms * n, letter) for n, letter in enumerate(text)]


def new(replay: Replay, replayed: list[Event], piece: int = 1000) -> str:
    found: list[Event] = []
    for start in range(0, len(replayed), piece):
        found += replay.feed(replayed[start : start + piece])
    return "".join(text for _, text in [*found, *replay.flush()])


def test_the_stored_end_is_found_in_the_replay() -> None:
    stored = events("abc")
    assert overlap(stored, events("bcd", 1010)) == (2, 0)
    assert overlap(stored, events("zzabcd", 980)) == (5, 0)
    assert overlap(stored, events("de", 1030)) is None


def test_of_lines_all_alike_the_time_tells() -> None:
    stored = events("aaaa")
    assert overlap(stored, events("aaaaaa", 1018)) == (2, -2)
    assert new(Replay(stored), events("aaaaaa", 1018)) == "aaaa"


def test_a_replay_that_goes_further_back_than_what_is_remembered() -> None:
    assert new(Replay(events("mnop", 1120)), events("abcdefghijklmnopqr", 998)) == "qr"


def test_another_order_than_the_stored_one_is_told_apart_by_time() -> None:
    assert new(Replay(events("abcd")), events("bacdef")) == "ef"


def test_a_stream_without_events_gets_all() -> None:
    assert new(Replay([]), events("abc")) == "abc"


def test_new_events_are_not_put_before_stored_ones() -> None:
    replay = Replay([(1000, "a"), (1050, "b")])
    assert [*replay.feed([(1000, "a"), (1001, "b"), (1002, "c"), (1060, "d")]), *replay.flush()] == [
        (1050, "c"),
        (1060, "d"),
    ]


def test_what_is_quiet_is_decided() -> None:
    replay = Replay(events("abc"))
    assert replay.feed(events("bcd", 1003)) == []  # the last could still be found later, and nearer in time
    assert replay.flush_quiet() == []
    assert [text for _, text in replay.flush_quiet()] == ["d"]
    assert replay.decided


@given(
    text=st.text("ab", min_size=1, max_size=40),
    known=st.integers(1, 40),
    remembered=st.integers(1, 40),
    since=st.integers(0, 40),
    lag_ms=st.integers(-4, 4),
    piece=st.integers(1, 10),
)
def test_every_line_is_stored_once(text: str, known: int, remembered: int, since: int, lag_ms: int, piece: int) -> None:
    """A stream of which `known` events are stored and the newest `remembered`; the replay begins at any of them."""
    known = min(known, len(text))
    since = min(since, known - 1)
    stored = events(text)[:known]
    replayed = [(at + lag_ms, letter) for at, letter in events(text)[since:]]
    assert new(Replay(stored[-remembered:]), replayed, piece) == text[known:]
