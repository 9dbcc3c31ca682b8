"""Further engines: how they are named, and when they can serve one cluster."""

from __future__ import annotations

import pytest

from emulator.domain.engines import BadEndpoint, EngineEndpoint, SwarmMembership, engine_endpoints, swarm_refusal
from emulator.domain.networks.address_plan import engine_range, gateway_of, overlap

EAST = SwarmMembership("e", manager=True, managers=("e",))
WEST = SwarmMembership("w", managers=("e",))


def test_endpoints_are_named_by_the_user() -> None:
    given = ["east=unix:///run/east.sock", "far-1=tcp://10.0.0.9:2375"]
    east, far = engine_endpoints(given, simulated=False)
    assert (east, far.name, far.url) == (
        EngineEndpoint("east", "unix:///run/east.sock"),
        "far-1",
        "tcp://10.0.0.9:2375",
    )
    assert east.on_this_host and not far.on_this_host
    [simulated] = engine_endpoints(["b=simulated:"], simulated=True)
    assert simulated.on_this_host


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("unix:///x", "is NAME=URL"),
        ("East=unix:///x", "is NAME=URL"),
        ("east=ssh://h", "unix:///PATH or tcp://HOST:PORT, not 'ssh://h'"),
        ("east=", "unix:///PATH or tcp://HOST:PORT"),
        ("local=unix:///x", "there is an engine 'local' already"),
        ("a=unix:///y", "there is an engine 'a' already"),
        ("b=unix:///a", "unix:///a is named twice"),
        ("b=simulated:", "unix:///PATH or tcp://HOST:PORT"),
    ],
)
def test_what_is_no_endpoint(given: str, text: str) -> None:
    with pytest.raises(BadEndpoint, match=text):
        engine_endpoints(["a=unix:///a", given], simulated=False)


def test_simulated_engines_are_by_themselves() -> None:
    with pytest.raises(BadEndpoint, match="'simulated:' with --engine simulated"):
        engine_endpoints(["b=tcp://h:1"], simulated=True)


def test_engines_of_one_swarm_serve_one_cluster() -> None:
    assert swarm_refusal({"local": EAST, "west": WEST}) == ""
    assert swarm_refusal({"local": WEST}) == ""
    assert swarm_refusal({}) == ""


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (SwarmMembership(), "engine b is in no Docker swarm.*docker swarm join"),
        (EAST, "local and b are the same engine"),
        (SwarmMembership("z", manager=True, managers=("z",)), "different Docker swarms.*docker swarm leave"),
    ],
)
def test_others_are_refused_with_what_to_do(other: SwarmMembership, text: str) -> None:
    with pytest.raises(AssertionError, match=text):
        raise AssertionError(swarm_refusal({"local": EAST, "b": other}))


def test_both_outside_are_named() -> None:
    assert swarm_refusal({"local": SwarmMembership(), "b": SwarmMembership()}).startswith("engines local, b are in no")


@pytest.mark.parametrize(
    ("vpc", "end"),
    [("172.31.0.0/16", "172.31.255.0/24"), ("10.0.0.0/24", "10.0.0.192/26"), ("10.0.0.0/28", "10.0.0.12/30")],
)
def test_an_overlays_engines_keep_to_the_end_of_its_range(vpc: str, end: str) -> None:
    assert engine_range(vpc) == end
    assert overlap(vpc, end) and not overlap(f"{gateway_of(vpc)}/32", end)
