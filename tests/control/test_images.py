"""How an image of our registry comes to an engine: pulled where it reaches us, else streamed to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.control.tasks.images import ImageFinder
from emulator.domain.ecr.image_reference import EcrRegistry
from emulator.engine.base import EngineError, ImagePullFailed
from emulator.engine.simulated.behaviour import RemoteImage
from emulator.engine.simulated.engine import SimulatedEngine
from tests.registry.conftest import ACCOUNT, REGION, House, digest

OWN = "localhost:4566"
TAR = "Error processing tar file(exit status 1): archive/tar: invalid tar header"


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (ImagePullFailed(f"failed to register layer: {TAR}"), True),
        (ImagePullFailed("Get http://localhost:4566/v2/: dial tcp 127.0.0.1:4566: connect: connection refused"), False),
    ],
    ids=["a layer it cannot read", "it does not reach us"],
)
def test_whether_the_next_image_is_pulled(tmp_path: Path, failure: EngineError, again: bool) -> None:
    house = House(tmp_path)
    house.create("app")
    calls: list[tuple[str, str]] = []
    engine = SimulatedEngine(house.clock, on_call=lambda when, name, _: calls.append((when, name)))
    registry = EcrRegistry(ACCOUNT, REGION)
    finder = ImageFinder(house.database, engine, house.blobs, OWN, lambda _: "secret", house.clock.now, registry)
    for tag in ("v1", "v2"):
        manifest = house.push_image("app", tag, tag.encode())
        engine.add_remote_image(f"{OWN}/app@{digest(manifest)}", RemoteImage(error=failure))
        assert finder.find(f"{OWN}/app:{tag}").digest == digest(manifest)
    assert [name for when, name in calls if when == "before" and name in ("pull_image", "load_image")] == [
        "pull_image", "load_image", *(["pull_image"] if again else []), "load_image",
    ]  # fmt: skip
    house.close()
