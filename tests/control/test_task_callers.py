"""Whose task asks: by its relay's name, or over TCP by its address."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from emulator.engine.base import NetworkAttachment
from emulator.engine.pause import SocketRelay, TcpRelay, caller_of, pause_spec
from emulator.task_endpoints.caller import RELAY_LISTENER, Callers
from tests.control.world import World, container


@pytest.mark.parametrize(
    ("peer", "task"),
    [
        (b"\0homeport:0123abcd:17a", "0123abcd"),
        (b"\0homeport::17a", ""),
        (b"\0other:0123abcd:17a", None),
        (b"homeport:0123abcd:17a", None),
        (b"", None),
        ("", None),
        (("127.0.0.1", 80), None),
    ],
)
def test_the_name_of_the_dialling_socket(peer: object, task: str | None) -> None:
    assert caller_of(peer) == task


def test_a_pause_program_is_told_its_name_where_a_socket_can_bear_one() -> None:
    def environment(relay: SocketRelay | TcpRelay) -> dict[str, str]:
        spec = pause_spec("p", "image", {}, network=NetworkAttachment("n"), relay=relay, relay_name="task")
        return dict(spec.environment)

    assert environment(SocketRelay("/run"))["HOMEPORT_RELAY_NAME"] == "task"
    assert "HOMEPORT_RELAY_NAME" not in environment(TcpRelay("10.0.0.1", 4566))


def test_over_tcp_the_host_header_and_the_address_tell(world: World) -> None:
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    details = {d["name"]: d["value"] for d in world.task(arn)["attachments"][0]["details"]}
    over_tcp = Callers(world.emulator.database, over_tcp=True)
    asked: dict[str, Any] = {"HTTP_HOST": "169.254.170.2", "REMOTE_ADDR": details["privateIPv4Address"]}
    assert over_tcp.came_through_relay(asked)
    assert over_tcp.task_id(asked) == arn.rpartition("/")[2]
    assert over_tcp.task_id({**asked, "REMOTE_ADDR": "192.168.65.1"}) is None
    assert not over_tcp.came_through_relay({**asked, "HTTP_HOST": "localhost:4566"})


def test_over_a_socket_only_its_listener_counts(world: World) -> None:
    callers = Callers(world.emulator.database)
    relay = {"homeport.listener": SimpleNamespace(name=RELAY_LISTENER)}
    assert callers.came_through_relay(relay)
    assert not callers.came_through_relay({"HTTP_HOST": "169.254.170.2"})

    def gone() -> object:
        raise OSError("not connected")

    assert callers.task_id({**relay, "homeport.socket": SimpleNamespace(getpeername=gone)}) is None
