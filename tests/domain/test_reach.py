"""Where a task is said to be reached: on this host, on another engine's, or by tasks alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.domain.engines import host_elsewhere
from emulator.domain.networks.host_ports import NetworkBinding
from emulator.domain.networks.reach import HERE, Vantage, addresses, sentences
from emulator.domain.tasks.task import Container, Eni, Task

AWSVPC = Task(
    account="1", region="r", cluster="c", id="t", arn="a", cluster_arn="ca", definition_arn="d:1", family="f",
    group="g", launch_type="EC2", cpu="0", memory="0", desired_status="RUNNING", last_status="RUNNING",
    created_at=0.0, containers=[], engine="east",
    eni=Eni("x", "eni-1", "subnet-1", "ATTACHED", private_ip="172.31.0.4", public_ip="127.70.0.4",
            public_ports=[NetworkBinding("127.70.0.4", "tcp", 80, 80)]),
)  # fmt: skip
BRIDGE = replace(
    AWSVPC,
    eni=None,
    containers=[
        Container(
            id="i", name="app", image="im", essential=True,
            network_bindings=[
                NetworkBinding("127.0.0.1", "tcp", 80, 49153), NetworkBinding("0.0.0.0", "udp", 53, 49154),
            ],
        )
    ],
)  # fmt: skip
ELSEWHERE = Vantage("10.0.0.9")
OVERLAY = Vantage("", overlay=True)


def test_on_this_host() -> None:
    assert addresses(AWSVPC) == ["127.70.0.4:80", "172.31.0.4"]
    assert addresses(BRIDGE, HERE) == ["127.0.0.1:49153", "udp 127.0.0.1:49154"]
    assert sentences(AWSVPC) == [
        "Its public address is on this host alone: 127.70.0.4:80.",
        "Its private address is 172.31.0.4, reachable from this host if that runs Linux.",
    ]


def test_on_the_host_of_another_engine() -> None:
    assert addresses(AWSVPC, ELSEWHERE) == ["127.70.0.4:80 on east's host", "172.31.0.4 on its engine's host"]
    assert addresses(BRIDGE, ELSEWHERE) == ["127.0.0.1:49153 on east's host", "udp 10.0.0.9:49154"]
    assert sentences(BRIDGE, ELSEWHERE)[1] == "Container app is reached at udp 10.0.0.9:49154."
    assert sentences(AWSVPC, ELSEWHERE)[0].startswith("Its public address is on east's host alone: ")


def test_no_host_is_on_an_overlay() -> None:
    assert addresses(AWSVPC, OVERLAY) == ["127.70.0.4:80", "172.31.0.4 for tasks"]
    assert "not from a host: their network is an overlay" in sentences(AWSVPC, OVERLAY)[1]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("unix:///var/run/docker.sock", ""),
        ("simulated:", ""),
        ("tcp://10.0.0.9:2375", "10.0.0.9"),
        ("http://docker.example:2375", "docker.example"),
        ("tcp://docker.example", "docker.example"),
        ("tcp://[fd00::1]:2375", "fd00::1"),
    ],
)
def test_the_host_of_an_engine(url: str, host: str) -> None:
    assert host_elsewhere(url) == host
