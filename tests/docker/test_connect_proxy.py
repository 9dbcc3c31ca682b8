"""The proxy of Service Connect in real namespaces: names, balancing, failing endpoints, and what it leaves alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from emulator.domain.service_connect.proxy import ProxiedAlias
from emulator.engine.base import NetworkAttachment
from emulator.engine.pause import connect_command, pause_spec
from tests.docker.homeport import engine
from tests.engine_worlds import OWNER, DockerWorld

pytestmark = pytest.mark.docker

WAIT = ("sleep", "1000")


@pytest.fixture
def world() -> Iterator[DockerWorld]:
    made = DockerWorld()
    yield made
    made.close()


class Scene:
    """A client whose name `api` is an alias, and servers that say their own names on port 8080."""

    def __init__(self, world: DockerWorld) -> None:
        self.world = world
        self.engine = world.engine
        self.network = world.network()
        self.engine.ensure_network(self.network)
        self.pause = self._paused(extra_hosts=(("api", "127.255.0.1"),), proxies=True)
        self.client = self._joined(self.pause, WAIT)

    def _paused(self, **more: object) -> str:
        name, image = self.world.name("pause"), self.engine.ensure_pause_image()
        spec = pause_spec(name, image, OWNER, network=NetworkAttachment(self.network.name), **more)  # type: ignore[arg-type]
        pause = self.engine.create_container(spec)
        self.engine.start_container(pause)
        return pause

    def _joined(self, pause: str, command: tuple[str, ...]) -> str:
        container = self.engine.create_container(self.world.spec(command, join_network_of=pause))
        self.engine.start_container(container)
        return container

    def server(self, says: str) -> tuple[str, str]:
        """Its container, and its address once it answers there."""
        pause = self._paused()
        script = f"mkdir -p /tmp/w && echo {says} >/tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w"
        container = self._joined(pause, ("sh", "-c", script))
        state = self.engine.inspect_container(pause)
        assert state is not None
        (address,) = state.ip_addresses.values()
        self.world.until(lambda: says.encode() in self.fetch(f"http://{address}:8080/"))
        return container, address

    def connect(self, *targets: str, protocol: str = "http", idle_s: int = 300) -> None:
        where = tuple((target, 8080) for target in targets)
        alias = ProxiedAlias("api", "127.255.0.1", 8080, protocol, idle_s, where)  # type: ignore[arg-type]
        code, said = self.engine.run_in_container(self.pause, connect_command([alias]), deadline_s=60)
        assert (code, said) == (0, b"")

    def fetch(self, url: str = "http://api:8080/") -> bytes:
        return self.engine.run_in_container(self.client, ("wget", "-q", "-O", "-", url), deadline_s=60)[1]

    def answers(self, count: int) -> Counter[bytes]:
        loop = f"for i in $(seq {count}); do wget -q -O - http://api:8080/ || echo failed; done"
        code, said = self.engine.run_in_container(self.client, ("sh", "-c", loop), deadline_s=60)
        assert code == 0
        return Counter(said.split())


def test_connections_to_an_alias_are_balanced_and_follow_what_the_proxy_is_told(world: DockerWorld) -> None:
    scene = Scene(world)
    (one, first), (_, second) = scene.server("one"), scene.server("two")
    scene.connect(first, second)
    assert scene.answers(10) == {b"one": 5, b"two": 5}
    world.engine.kill_container(one)
    world.until(lambda: world.engine.inspect_container(one).status == "exited")
    assert scene.answers(6) == {b"two": 6}, "an endpoint that refuses is passed over, and no connection is lost"
    scene.connect(first)
    assert b"503" in scene.fetch(), "nobody behind the alias takes connections"
    scene.connect()
    assert b"503" in scene.fetch()
    scene.connect(second)
    assert scene.answers(3) == {b"two": 3}
    told = engine().logs(scene.pause).decode().splitlines()
    assert told[0] == "service connect: api has 2 endpoints"
    assert f"service connect: api: endpoint {first}:8080 does not take connections: Connection refused" in told
    assert "service connect: api: it has no healthy endpoint" in told


def test_the_tasks_own_servers_keep_the_port_of_an_alias_and_its_bytes_arrive_whole(world: DockerWorld) -> None:
    scene = Scene(world)
    server, address = scene.server("one")
    scene.connect(address, protocol="tcp")
    make = ("sh", "-c", "dd if=/dev/urandom of=/tmp/w/big bs=1M count=20 2>/dev/null; md5sum </tmp/w/big")
    fetch = ("sh", "-c", "wget -q -O - http://api:8080/big | md5sum")
    _, made = world.engine.run_in_container(server, make, deadline_s=60)
    assert world.engine.run_in_container(scene.client, fetch, deadline_s=60) == (0, made)
    own = "mkdir -p /tmp/w && echo own >/tmp/w/index.html && httpd -p 8080 -h /tmp/w && echo started"
    assert world.engine.run_in_container(scene.client, ("sh", "-c", own), deadline_s=60) == (0, b"started\n")
    assert (scene.fetch("http://127.0.0.1:8080/"), scene.fetch()) == (b"own\n", b"one\n")
