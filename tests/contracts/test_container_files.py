"""Files put into containers, and volumes that a container has for itself, on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.engine.base import Mount, NotFound
from tests.engine_worlds import SLEEPER, DockerWorld, SimulatedWorld

AnyWorld = DockerWorld | SimulatedWorld


@pytest.fixture(params=["simulated", pytest.param("docker", marks=pytest.mark.docker)])
def world(request: pytest.FixtureRequest) -> Iterator[AnyWorld]:
    made = DockerWorld() if request.param == "docker" else SimulatedWorld()
    yield made
    made.close()


def test_a_file_is_put_into_a_volume_of_a_container_with_a_read_only_root(world: AnyWorld) -> None:
    spec = world.spec(SLEEPER, mounts=(Mount("volume", "/etc/router"),), read_only_root=True)
    container = world.engine.create_container(spec)
    world.engine.put_file(container, "/etc/router/router.conf", b"[INPUT]\n")
    world.engine.put_file(container, "/etc/router/router.conf", b"[OUTPUT]\n")
    world.engine.start_container(container)
    state = world.engine.inspect_container(container)
    assert state is not None
    (mount,) = state.mounts
    assert mount.destination == "/etc/router"
    assert mount.source.startswith("/")
    assert mount.name


def test_a_file_for_nobody(world: AnyWorld) -> None:
    with pytest.raises(NotFound):
        world.engine.put_file("0" * 64, "/etc/router.conf", b"")
