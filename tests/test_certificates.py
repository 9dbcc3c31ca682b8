"""The emulator's own certificate authority."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.certificates import server_context
from emulator.serve import Listener, Server


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    keys = tmp_path / "keys"
    keys.mkdir()
    context = server_context(keys, tmp_path / "tls", ["localhost", "127.0.0.1"], time.time())
    server = Server(_answer, [Listener(tls=context)])
    server.start()
    yield str(server.addresses[0][1])
    server.stop()


def _answer(environ: object, start_response: object) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "2")])  # type: ignore[operator]
    return [b"ok"]


def test_clients_that_trust_the_authority_are_served(served: str, tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.crt"))
    raw = socket.create_connection(("127.0.0.1", int(served)), timeout=60)
    with trusting.wrap_socket(raw, server_hostname="localhost") as connection:
        assert connection.getpeercert() is not None


def test_private_keys_are_for_their_owner_alone(served: str, tmp_path: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert [path.name for path in (tmp_path / "tls").iterdir()] == ["ca.crt"]


def test_the_authority_is_kept(served: str, tmp_path: Path) -> None:
    before = (tmp_path / "tls" / "ca.crt").read_bytes()
    server_context(tmp_path / "keys", tmp_path / "tls", ["localhost"], time.time())
    assert (tmp_path / "tls" / "ca.crt").read_bytes() == before
