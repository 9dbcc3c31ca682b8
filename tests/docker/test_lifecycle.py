"""Lifecycle policies as a user meets them: docker pushes, the AWS CLI puts the policy, the clock goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.homeport import Homeport, engine
from tests.docker.walkthrough import follow

pytestmark = pytest.mark.docker


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Homeport]:
    made = Homeport(tmp_path / "data")
    made.start()
    yield made
    made.end()
    for one in engine().images(filters={"reference": f"localhost:{made.port}/lifecycle"}):
        engine().remove_image(one["Id"], force=True)


def test_the_example_runs_as_written(own: Homeport) -> None:
    assert follow(own, "lifecycle") == 3
