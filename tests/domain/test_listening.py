"""Sockets that wait in a task's namespace, and what is said when none waits where a port is mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.domain.networks.listening import Listener, listeners, unheard
from emulator.engine.base import ContainerState
from emulator.engine.process_sockets import sockets_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TCP = (
    HEAD
    + "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
    + "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0\n"
    + "   2: 0404A8C0:1F90 0504A8C0:C001 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0\n"
    + "   3: nonsense:zz 0 0A\n"
)
TCP6 = (
    HEAD
    + "   0: 00000000000000000000000000000000:0051 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0\n"
    + "   1: 00000000000000000000000001000000:0052 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0\n"
    + "   2: 0000000000000000FFFF00000100007F:0053 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0\n"
)
UDP = HEAD + "  10: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9 2 0 0\n"


def test_the_kernels_tables() -> None:
    assert listeners(TCP, "tcp") == [Listener("tcp", "127.0.0.1", 80), Listener("tcp", "0.0.0.0", 8080)]
    assert listeners(TCP6, "tcp") == [
        Listener("tcp", "::", 81), Listener("tcp", "::1", 82), Listener("tcp", "127.0.0.1", 83),
    ]  # fmt: skip
    assert listeners(UDP, "udp") == [Listener("udp", "0.0.0.0", 53)]
    assert listeners("", "tcp") == []


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"containerPort": 8080}, []),
        ({"containerPort": 8080, "protocol": "tcp"}, []),
        ({"containerPort": 53, "protocol": "udp"}, []),
        ({"containerPortRange": "8000-8100"}, []),
        (
            {"containerPort": 80},
            ["port 80/tcp of container app cannot be reached: it listens there on 127.0.0.1 alone"],
        ),
        (
            {"containerPort": 9000},
            ["nothing listens on port 9000/tcp of container app; what listens in the task is on 8080"],
        ),
        ({"containerPort": 8080, "protocol": "udp"}, [
            "nothing listens on port 8080/udp of container app; what listens in the task is on 53",
        ]),
        (
            {"containerPortRange": "90-95"},
            ["nothing listens on ports 90-95/tcp of container app; what listens in the task is on 8080"],
        ),
    ],
)  # fmt: skip
def test_what_nobody_reaches(mapping: dict[str, Any], said: list[str]) -> None:
    assert unheard("app", [mapping], [*listeners(TCP, "tcp"), *listeners(UDP, "udp")]) == said


def test_the_pause_programs_own_port_is_not_told() -> None:
    ours = [Listener("tcp", "169.254.170.2", 51679)]
    assert unheard("app", [{"containerPort": 80}], ours) == ["nothing listens on port 80/tcp of container app"]


def test_a_process_is_believed_to_be_the_containers_by_its_control_group(tmp_path: Path) -> None:
    state = ContainerState(id="c" * 64, name="n", image="i", status="running", labels={}, pid=77)
    assert sockets_of(state, tmp_path) is None
    process = tmp_path / "77"
    (process / "net").mkdir(parents=True)
    (process / "net" / "tcp").write_text(TCP)
    (process / "net" / "udp").write_text(UDP)
    (process / "cgroup").write_text("0::/user.slice\n")
    assert sockets_of(state, tmp_path) is None  # another machine's, or a machine's in a virtual one
    (process / "cgroup").write_text(f"0::/ecs/i/t/{'c' * 64}\n")
    assert sockets_of(state, tmp_path) == [*listeners(TCP, "tcp"), *listeners(UDP, "udp")]
    assert sockets_of(None, tmp_path) is None
