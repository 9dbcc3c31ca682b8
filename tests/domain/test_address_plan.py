"""Which ranges, slices and addresses are chosen."""

from __future__ import annotations

import itertools

import pytest

from emulator.domain.networks.address_plan import (
    RangeExhausted,
    moved,
    next_address,
    next_slice,
    public_range,
    ranges_to_try,
)


def test_a_vpc_has_its_own_range_where_it_is_free() -> None:
    assert next(ranges_to_try("10.0.0.0/16", None, ())) == "10.0.0.0/16"


def test_a_taken_range_is_left_for_a_quiet_one_of_the_same_size() -> None:
    assert list(itertools.islice(ranges_to_try("10.0.0.0/24", None, ["10.0.0.0/16"]), 2)) == [
        "10.215.0.0/24",
        "10.216.0.0/24",
    ]


def test_the_users_range_is_the_only_one() -> None:
    assert list(ranges_to_try("172.31.0.0/16", "10.9.0.0/16", ())) == ["10.9.0.0/16"]
    assert list(ranges_to_try("172.31.0.0/16", "10.9.0.0/16", ["10.9.4.0/24"])) == []


def test_a_subnet_keeps_its_place_in_a_range_that_moved() -> None:
    assert moved("10.0.3.0/24", "10.0.0.0/16", "10.0.0.0/16") == "10.0.3.0/24"
    assert moved("10.0.3.0/24", "10.0.0.0/16", "10.215.0.0/16") == "10.215.3.0/24"
    assert moved("172.31.32.0/20", "172.31.0.0/16", "10.9.0.0/22") is None
    assert moved("192.168.0.0/24", "10.0.0.0/16", "10.0.0.0/16") is None


def test_a_placeholder_gets_a_slice_that_touches_no_subnet() -> None:
    assert next_slice("172.31.0.0/16", ["172.31.0.0/20", "172.31.16.0/24"]) == "172.31.32.0/20"
    assert next_slice("10.0.0.0/24", []) == "10.0.0.0/28"
    with pytest.raises(RangeExhausted, match=r"every subnet slice of 10\.0\.0\.0/24"):
        next_slice("10.0.0.0/24", ["10.0.0.0/24"])


def test_an_address_is_not_reused_at_once() -> None:
    assert next_address("10.0.0.0/28", lambda _: False, None) == "10.0.0.4"
    assert next_address("10.0.0.0/28", lambda _: False, "10.0.0.4") == "10.0.0.5"
    assert next_address("10.0.0.0/28", ["10.0.0.5"].__contains__, "10.0.0.4") == "10.0.0.6"
    assert next_address("10.0.0.0/28", lambda _: False, "10.0.0.14") == "10.0.0.4"


def test_public_addresses_are_loopback_and_differ_between_emulators() -> None:
    ranges = {public_range(instance) for instance in ("00000000abcd", "00000001abcd", "ffffffffabcd")}
    assert ranges == {"127.64.0.0/16", "127.65.0.0/16", "127.127.0.0/16"}
