"""The pause program in real namespaces: shared localhost, the way to 169.254.170.2, and its end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.engine.base import ContainerSpec, NetworkAttachment
from emulator.engine.pause import SocketRelay, TcpRelay, caller_of, pause_spec
from emulator.engine.pause.build import ARCHITECTURES, build
from tests.engine_worlds import OWNER, DockerWorld, Heard

pytestmark = pytest.mark.docker

WEB = ("sh", "-c", "httpd -p 80 -h /www; trap 'exit 0' TERM; sleep 1000 & wait")


class Listener:
    """Answers each connection with what it sent, behind a name; closes like an HTTP/1.0 server."""

    def __init__(self, sock: socket.socket, name: bytes) -> None:
        self._sock = sock
        self._name = name
        self.peers: list[object] = []
        threading.Thread(target=self._run, daemon=True).start()

    @classmethod
    def on(cls, path: Path, name: bytes) -> Listener:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(path))
        path.chmod(0o666)
        sock.listen()
        return cls(sock, name)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._sock.accept()
            except OSError:
                return
            self.peers.append(connection.getpeername())
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head and (data := connection.recv(65536)):
                head += data
            path = head.split(b" ")[1] if b" " in head else b"?"
            if path == b"/upload":  # echoes what comes until the client has said all
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                total = len(head.partition(b"\r\n\r\n")[2])
                while data := connection.recv(65536):
                    total += len(data)
                connection.sendall(b"%d bytes" % total)
                return
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + self._name + b" " + path)

    def close(self) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


@pytest.fixture
def world() -> Iterator[DockerWorld]:
    made = DockerWorld()
    yield made
    made.close()


def paused(world: DockerWorld, **more: object) -> str:
    network = world.network()
    world.engine.ensure_network(network)
    image = world.engine.ensure_pause_image()
    spec = pause_spec(world.name("pause"), image, OWNER, network=NetworkAttachment(network.name), **more)
    pause = world.engine.create_container(spec)
    world.engine.start_container(pause)
    return pause


def app(world: DockerWorld, pause: str, command: tuple[str, ...] = WEB) -> str:
    container = world.engine.create_container(world.spec(command, join_network_of=pause))
    world.engine.start_container(container)
    return container


def listens(world: DockerWorld, container: str) -> None:
    """Waits for the pause program, which begins beside what joins it."""
    world.until(lambda: fetch(world, container, "http://169.254.170.2/").startswith((b"emulator", b"x ")))


def fetch(world: DockerWorld, container: str, url: str) -> bytes:
    return world.engine.run_in_container(container, ("wget", "-q", "-O", "-", url), deadline_s=60)[1]


def test_containers_of_a_task_share_localhost_and_its_address(world: DockerWorld) -> None:
    pause = paused(world)
    app(world, pause)
    sidecar = app(world, pause, ("sleep", "1000"))
    world.until(lambda: b"Hello from a task" in fetch(world, sidecar, "http://127.0.0.1/"))
    (address,) = world.engine.inspect_container(pause).ip_addresses.values()
    with socket.create_connection((address, 80), timeout=60) as web:
        web.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert web.recv(100).startswith(b"HTTP/1.1 200")


def test_hosts_and_names_set_on_the_pause_container_are_every_containers(world: DockerWorld) -> None:
    pause = paused(world, hostname="ip-10-0-0-9", extra_hosts=(("db.internal", "10.9.9.9"),))
    container = app(world, pause, ("sleep", "1000"))
    code, output = world.engine.run_in_container(container, ("sh", "-c", "hostname; cat /etc/hosts"), deadline_s=60)
    assert code == 0
    assert output.startswith(b"ip-10-0-0-9\n")
    assert b"10.9.9.9\tdb.internal" in output


def test_the_relay_leaves_port_80_to_the_task(world: DockerWorld, tmp_path: Path) -> None:
    listener = Listener.on(tmp_path / "relay.sock", b"emulator")
    container = app(world, paused(world, relay=SocketRelay(str(tmp_path))))
    world.until(lambda: b"Hello from a task" in fetch(world, container, "http://127.0.0.1/"))
    listens(world, container)
    assert fetch(world, container, "http://169.254.170.2/v4/abc") == b"emulator /v4/abc"
    listener.close()


def test_the_relay_says_whose_it_is_and_each_connection_has_a_name_of_its_own(
    world: DockerWorld, tmp_path: Path
) -> None:
    listener = Listener.on(tmp_path / "relay.sock", b"emulator")
    task = app(world, paused(world, relay=SocketRelay(str(tmp_path)), relay_name="a" * 32), ("sleep", "1000"))
    other = app(world, paused(world, relay=SocketRelay(str(tmp_path)), relay_name="b" * 64), ("sleep", "1000"))
    nameless = app(world, paused(world, relay=SocketRelay(str(tmp_path))), ("sleep", "1000"))
    at_once = "for i in 1 2 3 4 5 6 7 8; do wget -q -O - http://169.254.170.2/v4/abc & done; wait"
    for container in (task, other, nameless):
        listens(world, container)
    listener.peers.clear()
    said = world.engine.run_in_container(task, ("sh", "-c", at_once), deadline_s=60)[1]
    assert said == b"emulator /v4/abc" * 8
    assert [caller_of(peer) for peer in listener.peers] == ["a" * 32] * 8
    assert len(set(listener.peers)) == 8
    for container in (other, nameless):
        assert fetch(world, container, "http://169.254.170.2/x") == b"emulator /x"
    assert [caller_of(peer) for peer in listener.peers[8:]] == ["b" * 64, None]
    listener.close()


def test_a_restarted_listener_is_found_again(world: DockerWorld, tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"
    first = Listener.on(path, b"first")
    container = app(world, paused(world, relay=SocketRelay(str(tmp_path))), ("sleep", "1000"))
    world.until(lambda: fetch(world, container, "http://169.254.170.2/a") == b"first /a")
    first.close()
    path.unlink()
    assert b"503 Service Unavailable" in fetch(world, container, "http://169.254.170.2/b")
    second = Listener.on(path, b"second")
    assert fetch(world, container, "http://169.254.170.2/c") == b"second /c"
    second.close()


def test_half_closed_uploads_arrive_whole(world: DockerWorld, tmp_path: Path) -> None:
    listener = Listener.on(tmp_path / "relay.sock", b"")
    container = app(world, paused(world, relay=SocketRelay(str(tmp_path))), ("sleep", "1000"))
    upload = "(printf 'PUT /upload HTTP/1.0\\r\\n\\r\\n'; head -c 5000000 /dev/zero) | nc -w 5 169.254.170.2 80"
    command = ("sh", "-c", upload)
    world.until(lambda: b"5000000 bytes" in world.engine.run_in_container(container, command, deadline_s=60)[1])
    listener.close()


def test_many_connections_at_once(world: DockerWorld, tmp_path: Path) -> None:
    listener = Listener.on(tmp_path / "relay.sock", b"x")
    container = app(world, paused(world, relay=SocketRelay(str(tmp_path))), ("sleep", "1000"))
    listens(world, container)
    fetches = "for n in $(seq 100); do wget -q -O - http://169.254.170.2/n & done; wait"
    _, output = world.engine.run_in_container(container, ("sh", "-c", fetches), deadline_s=60)
    assert output == b"x /n" * 100
    listener.close()


def test_the_relay_over_tcp(world: DockerWorld) -> None:
    network = world.network()
    world.engine.ensure_network(network)
    sock = socket.create_server((network.gateway, 0))
    listener = Listener(sock, b"tcp")
    spec = pause_spec(
        world.name("pause"),
        world.engine.ensure_pause_image(),
        OWNER,
        network=NetworkAttachment(network.name),
        relay=TcpRelay(network.gateway, sock.getsockname()[1]),
    )
    pause = world.engine.create_container(spec)
    world.engine.start_container(pause)
    container = app(world, pause, ("sleep", "1000"))
    world.until(lambda: fetch(world, container, "http://169.254.170.2/v4") == b"tcp /v4")
    listener.close()


def test_a_relay_that_cannot_be_set_up_ends_the_pause_container_and_says_why(world: DockerWorld) -> None:
    network, heard = world.network(), Heard()
    world.engine.ensure_network(network)
    image = world.engine.ensure_pause_image()
    spec = ContainerSpec(
        world.name("pause"),
        image,
        OWNER,
        network=NetworkAttachment(network.name),
        environment=(("HOMEPORT_RELAY", "unix:/homeport/relay.sock"),),
        capabilities_drop=("ALL",),
    )
    pause = world.engine.create_container(spec)
    world.engine.attach_output(pause, heard.sink, heard.end)
    world.engine.start_container(pause)
    world.until(heard.ended.is_set)
    world.until(lambda: world.engine.inspect_container(pause).status == "exited")
    assert world.engine.inspect_container(pause).exit_code == 1
    assert heard.texts("stderr") == [b"pause: cannot add 169.254.170.2 to lo: Operation not permitted"]


def test_the_pause_program_reaps_what_is_left_to_it(world: DockerWorld) -> None:
    pause = paused(world)
    orphan = ("sh", "-c", "(sleep 0.2 &) ; exit 0")
    container = world.engine.create_container(
        world.spec(("sleep", "1000"), join_network_of=pause, pid_mode=f"container:{pause}")
    )
    world.engine.start_container(container)
    assert world.engine.run_in_container(container, orphan, deadline_s=60)[0] == 0

    def processes() -> bytes:
        return world.engine.run_in_container(container, ("ps", "-o", "stat,args"), deadline_s=60)[1]

    world.until(lambda: b"sleep 0.2" not in processes())
    world.until(lambda: b"Z" not in b"".join(line.split()[0] for line in processes().splitlines()[1:]))


@pytest.mark.timeout(600)  # compiles a C library for each architecture when the compiler's cache is empty
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_shipped_binaries_are_what_the_source_builds(architecture: str, tmp_path: Path) -> None:
    import emulator.engine.pause as package

    shipped = Path(package.__file__).with_name(f"pause-{architecture}")
    assert build(architecture, tmp_path).read_bytes() == shipped.read_bytes()


class Questions(Listener):
    """Answers DNS questions that come as HTTP requests: each with itself, as an answer without records."""

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as said:
            path = said.readline().split()[1]
            length = 0
            while (line := said.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            message = bytearray(said.read(length))
            message[2:4] = b"\x84\x00" if path == b"/dns-query" else b"\x84\x03"
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(message) + message)


def test_the_resolver_hands_on_what_is_asked_over_udp_and_tcp(world: DockerWorld, tmp_path: Path) -> None:
    listener = Questions.on(tmp_path / "relay.sock", b"")
    relay = SocketRelay(str(tmp_path))
    container = app(world, paused(world, relay=relay, relay_name="a" * 32, resolves=True), ("sleep", "1000"))

    def run(script: str) -> bytes:
        return world.engine.run_in_container(container, ("sh", "-c", script), deadline_s=20)[1]

    assert b"NXDOMAIN" in run("nslookup web.example.local 169.254.170.2")
    assert b"NXDOMAIN" in run("nslookup web.example.local")  # through the engine's own resolver
    assert {caller_of(peer) for peer in listener.peers} == {"a" * 32}
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x05local\x00\x00\x01\x00\x01"
    framed = b"\x00" + bytes([len(question)]) + question
    octal = "".join(f"\\{byte:03o}" for byte in framed * 2)
    answered = run(f"(printf '{octal}'; sleep 1) | nc 169.254.170.2 53 | od -An -v -tx1").split()
    expected = framed[:4] + b"\x84\x00" + framed[6:]
    assert bytes.fromhex(b"".join(answered).decode()) == expected * 2
    listens = "nc -l -p 53 < /dev/null & for i in $(seq 200); do netstat -ltn | grep ':53 ' && break; sleep 0.05; done"
    assert b":53 " in run(listens)  # the port is the task's own
    listener.close()
    (tmp_path / "relay.sock").unlink()
    assert b"SERVFAIL" in run("nslookup web.example.local 169.254.170.2")
