"""Scans as a user meets them: docker pushes an image with Debian's package database, the AWS CLI waits and reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.homeport import ROOT, Homeport, engine
from tests.docker.walkthrough import follow

pytestmark = pytest.mark.docker


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Homeport]:
    advisories = shutil.copytree(ROOT / "examples" / "scanning" / "advisories", tmp_path / "advisories")
    made = Homeport(tmp_path / "data", options=("--advisories", str(advisories)))
    made.start()
    yield made
    made.end()
    for one in engine().images(filters={"reference": f"localhost:{made.port}/scanning"}):
        engine().remove_image(one["Id"], force=True)


def test_the_example_runs_as_written(own: Homeport) -> None:
    assert follow(own, "scanning") == 3
