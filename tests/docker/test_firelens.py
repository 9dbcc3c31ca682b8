"""The example of a log router on the real engine: Docker's own Forward sender, and an independent receiver."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import docker.errors
import pytest

from tests.docker.homeport import AWSLOGS, ROOT, RUN, Homeport, container, engine, eventually
from tests.docker.python_image import python_archive

pytestmark = pytest.mark.docker

EXAMPLE = ROOT / "examples" / "firelens"
BLOCK = re.compile(r"^```(bash|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
VARYING = {"TASK": "[0-9a-f]{32}", "CONTAINER": "[0-9a-f]{64}", "SHORT": "[0-9a-f]{12}"}
PYTHON = f"homeport-test/python:{RUN}"
BUILT = f"homeport-test/firelens:{RUN}"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of it, on this machine's Python, with an image's name that is nobody else's."""
    copy = tmp_path_factory.mktemp("example") / "firelens"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("packages"))
    for name in ("image/Dockerfile", "README.md", "task-definition.json"):
        text = (copy / name).read_text().replace("python:3-slim", PYTHON).replace("firelens-example:latest", BUILT)
        (copy / name).write_text(text)
    engine().load_image(python_archive(PYTHON, RUN))
    yield copy
    for image in (BUILT, PYTHON):
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine().remove_image(image, force=True)


def test_the_example_of_a_log_router_runs_as_written(homeport: Homeport, example: Path) -> None:
    ((_, commands), (_, text)) = BLOCK.findall((example / "README.md").read_text())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = homeport.shell(f"set -e; cd {example}; {commands}", within_s=540, PATH=path)
    shown = [line for line in said.splitlines() if line.startswith(("routing ", "app-firelens-", "audit."))]
    expected = sorted(text.splitlines())
    assert len(shown) == len(expected), said
    for line, wanted in zip(sorted(shown), expected, strict=True):
        pattern = re.escape(wanted)
        for word, form in VARYING.items():
            pattern = re.sub(rf"\b{word}\b", form, pattern)
        assert re.fullmatch(pattern, line), said
    homeport.client("logs").delete_log_group(logGroupName="/ecs/firelens")


def test_a_router_outlives_the_emulator_and_its_volumes_go_with_it(own_homeport: Homeport, example: Path) -> None:
    definition = json.loads((example / "task-definition.json").read_text())
    router = definition["containerDefinitions"][1]
    app = container(
        command=["python", "-c", "import itertools, time\nfor i in itertools.count(): print(i); time.sleep(0.2)"],
        image=BUILT,
        logConfiguration={"logDriver": "awsfirelens", "options": {"Name": "stdout"}},
    )
    own_homeport.define("routed", app, {**router, "logConfiguration": AWSLOGS})
    arn = own_homeport.run("routed")
    own_homeport.running(arn)
    eventually(lambda: len(own_homeport.messages(arn, "log_router")) > 5)
    volumes = [mount["Name"] for mount in own_homeport.containers(arn)["log_router"]["Mounts"]]
    assert len(volumes) == 2
    own_homeport.kill()
    own_homeport.start()
    own_homeport.running(arn)
    seen = len(own_homeport.messages(arn, "log_router"))
    eventually(lambda: len(own_homeport.messages(arn, "log_router")) > seen + 5)
    records = [json.loads(line.partition(" ")[2]) for line in own_homeport.messages(arn, "log_router")[1:]]
    assert [record["log"] for record in records] == [str(number) for number in range(len(records))]
    own_homeport.stop_task(arn)
    own_homeport.stopped(arn)
    for volume in volumes:
        eventually(lambda volume=volume: is_gone(volume))


def is_gone(volume: str) -> bool:
    try:
        engine().inspect_volume(volume)
    except docker.errors.NotFound:
        return True
    return False
