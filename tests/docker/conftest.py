"""A real `homeport up` on the real engine, for scenarios; it must leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.demo import waiters
from emulator.demo.image import web_image
from tests.docker.homeport import GROUP, IMAGE, RUN, Homeport, Pusher, engine

LONGEST_FIRST = (
    "test_compose", "test_demo", "test_deployments", "test_crash", "test_sdks_inside", "test_terraform",
    "test_capacity", "test_faults", "test_ecr_features", "test_inside_task", "test_instances", "test_process",
    "test_lifecycle",
)  # fmt: skip
"""Files by how long they take, so that of two workers none is left alone with a long one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)) if "docker" in item.keywords else -1)


@pytest.fixture(scope="session", autouse=True)
def _waiters_ask_every_second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DATA_PATH", str(waiters.write(tmp_path_factory.mktemp("waiters"))))
        yield


@pytest.fixture(scope="session")
def test_image() -> Iterator[str]:
    api = engine()
    api.load_image(web_image(labels={"run": RUN}).docker_archive(IMAGE))
    yield IMAGE
    api.remove_image(IMAGE, force=True)


@pytest.fixture(scope="session")
def homeport(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[Homeport]:
    """One emulator for many scenarios."""
    made = Homeport(tmp_path_factory.mktemp("homeport") / "data")
    made.start()
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    yield made
    made.end()


@pytest.fixture
def own_homeport(tmp_path: Path, test_image: str) -> Iterator[Homeport]:
    """An emulator that a scenario may kill."""
    made = Homeport(tmp_path / "data")
    made.start()
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    yield made
    made.end()


@pytest.fixture
def pusher() -> Iterator[Pusher]:
    made = Pusher()
    yield made
    made.forget_in_engine()
