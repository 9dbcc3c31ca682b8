"""Bytes from a container become lines: whole, in order, never longer than one log event."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from emulator.engine.docker.output import FrameDecoder, TerminalDecoder
from emulator.engine.line_splitter import MOST_LINE_BYTES, LineSplitter


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(payload)) + payload


def fed(splitter: LineSplitter, *parts: bytes) -> list[bytes]:
    lines = [line.text for at, part in enumerate(parts) for line in splitter.feed(part, float(at))]
    return lines + [line.text for line in splitter.end()]


def test_a_line_over_several_writes_has_the_time_of_its_first_byte() -> None:
    splitter = LineSplitter("stdout")
    assert list(splitter.feed(b"on", 1.0)) == []
    (line,) = splitter.feed(b"e\ntw", 2.0)
    assert (line.text, line.at) == (b"one", 1.0)
    (rest,) = splitter.end()
    assert (rest.text, rest.at) == (b"tw", 2.0)


def test_empty_lines_are_lines_and_nothing_is_none() -> None:
    assert fed(LineSplitter("stdout"), b"\n\na\n") == [b"", b"", b"a"]
    assert fed(LineSplitter("stdout"), b"") == []


def test_a_line_of_exactly_one_event_is_one_line() -> None:
    assert fed(LineSplitter("stdout", 4), b"abcd\nef") == [b"abcd", b"ef"]


def test_a_long_line_is_cut_but_no_character_is() -> None:
    assert fed(LineSplitter("stdout", 4), b"abcdefghij\n") == [b"abcd", b"efgh", b"ij"]
    assert fed(LineSplitter("stdout", 4), "abcé€".encode()) == [b"abc", "é".encode(), "€".encode()]
    assert fed(LineSplitter("stdout", 4), b"\xbf" * 6) == [b"\xbf" * 4, b"\xbf" * 2]
    assert MOST_LINE_BYTES == 262_118


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40))), st.integers(1, 30))
def test_however_the_stream_is_cut_nothing_is_lost(writes: list[tuple[int, bytes]], step: int) -> None:
    wire = b"".join(frame(kind, payload) for kind, payload in writes)
    decoder = FrameDecoder()
    lines = [line for at in range(0, len(wire), step) for line in decoder.feed(wire[at : at + step], 0.0)]
    lines += decoder.end()
    for kind, stream in ((1, "stdout"), (2, "stderr")):
        written = b"".join(payload for each, payload in writes if each == kind)
        expected = written.split(b"\n")
        if not expected[-1]:
            expected.pop()
        assert [line.text for line in lines if line.stream == stream] == expected


def test_stamped_frames_carry_their_own_time() -> None:
    decoder = FrameDecoder(stamped=True, offset_s=100.0)
    (line,) = decoder.feed(frame(2, b"1970-01-01T00:00:05.250000000Z a b\n"), 0.0)
    assert (line.stream, line.text, line.at) == ("stderr", b"a b", 105.25)
    # Docker stores what is longer than 16 KiB in pieces and stamps each of them
    assert decoder.feed(frame(1, b"1970-01-01T00:00:01Z first "), 0.0) == []
    (joined,) = decoder.feed(frame(1, b"1970-01-01T00:00:02Z second\n"), 0.0)
    assert (joined.text, joined.at) == (b"first second", 101.0)


def test_a_terminal_has_one_stream_without_frames() -> None:
    (line,) = TerminalDecoder().feed(b"hello\r\n", 7.0)
    assert (line.stream, line.text, line.at) == ("stdout", b"hello\r", 7.0)
    (stamped,) = TerminalDecoder(stamped=True).feed(b"1970-01-01T00:00:05Z hi\n", 7.0)
    assert (stamped.text, stamped.at) == (b"hi", 5.0)
