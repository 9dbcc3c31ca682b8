"""Addresses, TLS and plain HTTP on one port, coming and going while the server runs, and its end."""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from emulator.serve import Listener, Server
from tests.docker.homeport import free_port
from tests.serve.conftest import Serve
from tests.serve.conversation import DEADLINE_S, Client, answer, echo, request

Tls = tuple[ssl.SSLContext, ssl.SSLContext]


def named(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    return answer(start_response, environ["homeport.listener"].name.encode())


def test_several_listeners_serve_one_application(serve: Serve, tmp_path: Path) -> None:
    path = str(tmp_path / "server.sock")
    third = Listener(unix_path=path, name="third")
    server = serve(named, Listener(name="first"), Listener(name="second"), third)
    assert server.addresses[2] == path
    for address, name in zip(server.addresses, [b"first", b"second", b"third"], strict=True):
        with Client(address) as client:
            assert client.ask(request()).body == name


def test_a_unix_socket_has_a_complete_environ(serve: Serve, tmp_path: Path) -> None:
    server = serve(echo, Listener(unix_path=str(tmp_path / "s"), unix_mode=0o666))
    assert os.stat(tmp_path / "s").st_mode & 0o777 == 0o666
    with Client(server.addresses[0]) as client:
        seen = client.ask(request("/", "POST", b"body")).json()
    assert seen["SERVER_NAME"]
    assert seen["SERVER_PORT"]
    assert (seen["REMOTE_ADDR"], seen["body"]) == ("", "body")


def test_ipv6(serve: Serve) -> None:
    server = serve(echo, Listener(host="::1"), Listener(host="localhost"))
    host, port = server.addresses[0]
    assert host == "::1"
    with Client((host, int(port))) as client:
        assert client.ask(request()).json()["REMOTE_ADDR"] == "::1"
    assert server.addresses[1][0] == "127.0.0.1"


def test_http_and_tls_share_a_port(serve: Serve, tls: Tls) -> None:
    server = serve(echo, Listener(tls=tls[0]))
    with Client(server.addresses[0]) as plain, Client(server.addresses[0], tls[1]) as secure:
        for _ in range(2):
            assert plain.ask(request()).json()["wsgi.url_scheme"] == "http"
            assert secure.ask(request()).json()["wsgi.url_scheme"] == "https"
        body = os.urandom(3_000_000)
        assert secure.ask(request("/", "PUT", body)).json()["body"] == len(body)


def test_a_tls_connection_is_closed_properly(serve: Serve, tls: Tls) -> None:
    """Without close_notify, a body that ends with the connection could have been cut by anyone."""
    server = serve(lambda environ, start: start("200 OK", []) and iter([b"a", b"b"]), Listener(tls=tls[0]))
    host, port = server.addresses[0]
    raw = socket.create_connection((host, int(port)), timeout=DEADLINE_S)
    with tls[1].wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as secure:
        secure.sendall(request(version="1.0"))
        said = b""
        while piece := secure.recv(1000):
            said += piece
    assert said.endswith(b"\r\n\r\nab")


def test_a_client_without_trust_harms_nobody(serve: Serve, tls: Tls) -> None:
    server = serve(echo, Listener(tls=tls[0]))
    with pytest.raises(ssl.SSLError):
        Client(server.addresses[0], ssl.create_default_context())
    with Client(server.addresses[0], tls[1]) as client:
        assert client.ask(request()).status == 200


def test_a_stalled_handshake_does_not_hold_up_others(serve: Serve, tls: Tls) -> None:
    server = serve(echo, Listener(tls=tls[0]), handshake_timeout_s=2)
    with Client(server.addresses[0]) as silent, Client(server.addresses[0]) as stalled:
        stalled.say(b"\x16\x03\x01")
        with Client(server.addresses[0], tls[1]) as client:
            assert client.ask(request()).status == 200
        assert stalled.hear_end() == b""
        assert silent.ask(request()).status == 200


def test_a_bind_that_fails_leaves_nothing_bound(serve: Serve, tmp_path: Path) -> None:
    taken = serve(echo).addresses[0]
    free = free_port()
    path = tmp_path / "s"
    server = Server(
        echo,
        [Listener(port=free), Listener(unix_path=str(path)), Listener(host=taken[0], port=int(taken[1]))],
    )
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{taken[1]}: Address already in use"):
        server.start()
    assert not path.exists()
    with pytest.raises(ConnectionRefusedError):
        Client(("127.0.0.1", free))
    serve(echo, Listener(port=free))


@pytest.mark.parametrize("listener", [Listener(host="203.0.113.7"), Listener(unix_path="/no/where.sock")])
def test_an_impossible_address_is_an_oserror_naming_it(listener: Listener) -> None:
    with pytest.raises(OSError, match=f"cannot listen on {listener}"):
        Server(echo, [listener]).start()


def test_tls_on_a_unix_socket_is_refused(tls: Tls) -> None:
    with pytest.raises(ValueError, match="TCP"):
        Listener(unix_path="x", tls=tls[0])


def test_the_socket_file_of_a_killed_server_is_replaced(serve: Serve, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    serve(echo, Listener(unix_path=path))
    with Client(path) as client:
        assert client.ask(request()).status == 200


def test_a_living_servers_socket_file_is_not_taken(serve: Serve, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    serve(named, Listener(unix_path=path, name="living"))
    with pytest.raises(OSError, match="in use"):
        Server(echo, [Listener(unix_path=path)]).start()
    (tmp_path / "file").write_text("not a socket")
    with pytest.raises(OSError, match="in use"):
        Server(echo, [Listener(unix_path=str(tmp_path / "file"))]).start()
    with Client(path) as client:
        assert client.ask(request()).body == b"living"


def test_listeners_come_and_go_while_the_server_runs(serve: Serve, tmp_path: Path) -> None:
    server = serve(named, Listener(name="stays"))
    goes = Listener(unix_path=str(tmp_path / "s"), name="goes")
    address = server.add_listener(goes)
    with Client(server.addresses[0]) as stays, Client(address) as client:
        assert (stays.ask(request()).body, client.ask(request()).body) == (b"stays", b"goes")
        server.remove_listener(goes)
        assert client.hear_end() == b""
        assert not os.path.exists(str(address))
        assert stays.ask(request()).body == b"stays"
    assert len(server.addresses) == 1
    with pytest.raises(ValueError, match="not listening"):
        server.remove_listener(goes)
    server.add_listener(goes)
    with Client(address) as client:
        assert client.ask(request()).body == b"goes"


def test_a_server_without_listeners_may_start(serve: Serve) -> None:
    server = Server(named, [])
    server.start()
    with Client(server.add_listener(Listener(name="later"))) as client:
        assert client.ask(request()).body == b"later"
    server.stop()


# --- the end ---


class Gate:
    """An application that waits in the middle of a request."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/wait":
            self.entered.set()
            assert self.leave.wait(DEADLINE_S)
        return answer(start_response, b"done")


def test_stop_closes_idle_connections_at_once(serve: Serve, tmp_path: Path) -> None:
    server = serve(echo, Listener(), Listener(unix_path=str(tmp_path / "s")))
    with (
        Client(server.addresses[0]) as used,
        Client(server.addresses[0]) as fresh,
        Client(str(tmp_path / "s")) as u,
    ):
        assert used.ask(request()).status == u.ask(request()).status == 200
        began = time.monotonic()
        server.stop(grace_s=DEADLINE_S)
        assert time.monotonic() - began < DEADLINE_S / 2
        assert used.hear_end() == fresh.hear_end() == u.hear_end() == b""
    assert not (tmp_path / "s").exists()
    server.wait()


def test_stop_lets_a_running_request_end(serve: Serve) -> None:
    gate = Gate()
    server = serve(gate)
    address = server.addresses[0]
    with Client(address) as client:
        client.say(request("/wait"))
        assert gate.entered.wait(DEADLINE_S)
        stopping = threading.Thread(target=server.stop, args=(DEADLINE_S,))
        stopping.start()
        _until_refused(address)
        gate.leave.set()
        reply = client.hear()
        assert (reply.body, reply.headers["connection"]) == (b"done", "close")
        assert client.hear_end() == b""
        stopping.join(DEADLINE_S)
        assert not stopping.is_alive()


def test_stop_cuts_off_what_does_not_end(serve: Serve) -> None:
    def endless(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        while True:
            yield bytes(100_000)

    server = serve(endless)
    with Client(server.addresses[0]) as client:
        client.say(request())
        client.hear_until(b"\r\n\r\n")
        began = time.monotonic()
        server.stop(grace_s=0.2)
        assert 0.2 <= time.monotonic() - began < DEADLINE_S / 2
        client.hear_end()


def test_a_request_may_stop_the_server(serve: Serve) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        server.stop(grace_s=DEADLINE_S)
        return answer(start_response, b"bye")

    server = serve(app)
    with Client(server.addresses[0]) as client:
        assert client.ask(request()).body == b"bye"
    server.wait()


def test_stop_twice_and_never_again(serve: Serve) -> None:
    server = serve(echo)
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError):
        server.start()
    with pytest.raises(RuntimeError):
        server.add_listener(Listener())


def test_wait_ends_with_stop(serve: Serve) -> None:
    server = serve(echo)
    waiting = threading.Thread(target=server.wait)
    waiting.start()
    server.stop()
    waiting.join(DEADLINE_S)
    assert not waiting.is_alive()


# --- many ---


def test_hundreds_of_idle_streams_do_not_hold_up_a_request(serve: Serve) -> None:
    """Event streams of consoles and log tails take a thread each, for hours."""
    over = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] != "/events":
            return answer(start_response, b"quick")
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return _events()

    def _events() -> Any:
        yield b"data: hello\n\n"
        over.wait(60)

    server = serve(app)
    clients = [Client(server.addresses[0]) for _ in range(300)]
    try:
        for client in clients:
            client.say(request("/events"))
        for client in clients:
            client.hear_until(b"\r\n\r\n")
            assert client.hear_chunk() == b"data: hello\n\n"
        with Client(server.addresses[0]) as other:
            assert other.ask(request()).body == b"quick"
    finally:
        over.set()
        for client in clients:
            client.sock.close()


def test_a_hundred_connections_are_kept_alive_by_default(serve: Serve) -> None:
    """Pools of SDKs hold ten each; closing them early makes their next request fail or wait."""
    server = serve(echo)
    clients = [Client(server.addresses[0]) for _ in range(100)]
    for _ in range(2):
        for client in clients:
            assert client.ask(request()).status == 200
    for client in clients:
        client.sock.close()


def test_at_the_limit_an_idle_connection_makes_room(serve: Serve) -> None:
    server = serve(echo, max_connections=3)
    clients = [Client(server.addresses[0]) for _ in range(3)]
    for client in clients:
        assert client.ask(request()).status == 200
    with Client(server.addresses[0]) as newcomer:
        assert newcomer.ask(request()).status == 200
        closed, _, _ = select.select([client.sock for client in clients], [], [], DEADLINE_S)
        assert [sock.recv(1) for sock in closed] == [b""] * len(closed) != []
    for client in clients:
        client.sock.close()


def test_at_the_limit_with_nobody_idle_newcomers_wait(serve: Serve) -> None:
    gate = Gate()
    server = serve(gate, max_connections=1)
    with Client(server.addresses[0]) as busy:
        busy.say(request("/wait"))
        assert gate.entered.wait(DEADLINE_S)
        with Client(server.addresses[0]) as newcomer:
            newcomer.say(request())
            gate.leave.set()
            assert busy.hear().body == b"done"
            assert newcomer.hear().body == b"done"


def _until_refused(address: Any) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            Client(address).sock.close()
        except ConnectionError:  # refused, or reset while the listening socket is being closed
            return
    raise AssertionError("still accepting")
