"""Which host ports containers get, and how they are shown."""

from __future__ import annotations

import pytest

from emulator.domain.networks import host_ports
from emulator.domain.networks.host_ports import (
    FIRST_DYNAMIC,
    LAST_DYNAMIC,
    NoPortFree,
    bindings,
    fixed_bindings,
    link_order,
    linked,
    shown,
)

HERE = "127.0.0.1"


def test_dynamic_ports_are_the_lowest_free_ones() -> None:
    mappings = [{"containerPort": 80, "hostPort": 0}, {"containerPort": 53, "protocol": "udp"}, {"containerPort": 81}]
    made = bindings(mappings, HERE, {("tcp", FIRST_DYNAMIC)})
    assert [(b.container_port, b.protocol, b.host_port) for b in made] == [
        (80, "tcp", 49154),
        (53, "udp", 49153),
        (81, "tcp", 49155),
    ]
    assert shown(made[0]) == {"bindIP": HERE, "protocol": "tcp", "containerPort": 80, "hostPort": 49154}


def test_fixed_ports_are_given_as_asked_and_no_dynamic_one_takes_them() -> None:
    mappings = [{"containerPort": 1}, {"containerPort": 2, "hostPort": 49153}]
    assert [b.host_port for b in bindings(mappings, HERE, ())] == [49154, 49153]


def test_a_range_gets_a_run_of_host_ports() -> None:
    [made] = bindings([{"containerPortRange": "8000-8009"}], HERE, {("tcp", 49155)})
    assert shown(made) == {
        "bindIP": HERE,
        "protocol": "tcp",
        "containerPortRange": "8000-8009",
        "hostPortRange": "49156-49165",
    }
    assert list(made.ports)[-1] == (8009, 49165)
    assert len(made.claims) == 10


def test_no_port_left_is_said() -> None:
    taken = {("tcp", port) for port in range(FIRST_DYNAMIC, LAST_DYNAMIC + 1)}
    with pytest.raises(NoPortFree, match=r"no 1 dynamic tcp ports are free on 127\.0\.0\.1"):
        bindings([{"containerPort": 80}], HERE, taken)


def test_where_a_port_is_the_same_outside() -> None:
    containers = [{"portMappings": [{"containerPort": 80, "protocol": "udp"}]}, {}]
    [made] = fixed_bindings(containers, host_ports.EVERYWHERE)
    assert (made.bind_ip, made.protocol, made.container_port, made.host_port) == ("0.0.0.0", "udp", 80, 80)


def test_who_is_linked_to_comes_first() -> None:
    containers = [{"name": "web", "links": ["api:backend"]}, {"name": "api", "links": ["db"]}, {"name": "db"}]
    assert [c["name"] for c in link_order(containers)] == ["db", "api", "web"]
    assert (linked("api:backend"), linked("db")) == (("api", "backend"), ("db", "db"))
