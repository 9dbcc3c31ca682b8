"""`kill -9` at any moment, then up again: what was answered is there, what ran runs on, nothing is left over."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from tests.docker.homeport import (
    ACCOUNT,
    IMAGE,
    NETWORK,
    REGION,
    SLEEP,
    SOON_S,
    STUBBORN,
    Homeport,
    Pusher,
    container,
    engine,
    eventually,
    left_of,
)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

SERVICE_OF_FOUR: dict[str, Any] = {
    "launchType": "FARGATE",
    "networkConfiguration": NETWORK,
    "desiredCount": 4,
    "deploymentConfiguration": {"minimumHealthyPercent": 50, "maximumPercent": 150},
}


def _whose(labels: dict[str, str]) -> tuple[str, str]:
    return labels["homeport.task"], labels["homeport.container"]


def _all_accounted_for(homeport: Homeport) -> None:
    """Each container of this emulator is one of a task that is RUNNING, and each such task has its own once."""
    ecs = homeport.client("ecs")
    arns = ecs.list_tasks()["taskArns"]
    tasks = ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
    wanted = [(t["taskArn"], c["name"]) for t in tasks for c in t["containers"] if t["lastStatus"] == "RUNNING"]
    labels = [f"homeport.instance={homeport.instance}"]
    listed = engine().containers(all=True, filters={"label": labels})
    apps = [_whose(c["Labels"]) for c in listed if c["Labels"]["homeport.kind"] == "app"]
    pauses = [c["Labels"]["homeport.task"] for c in listed if c["Labels"]["homeport.kind"] == "pause"]
    assert sorted(apps) == sorted(wanted)
    assert sorted(pauses) == sorted(task["taskArn"] for task in tasks)


def test_what_runs_is_adopted_as_it_is(own_homeport: Homeport) -> None:
    ecs = own_homeport.client("ecs")
    own_homeport.define("keep", container(command=SLEEP), container("side", command=SLEEP))
    ecs.create_service(serviceName="keep", taskDefinition="keep", **{**SERVICE_OF_FOUR, "desiredCount": 2})
    arn = own_homeport.run("keep")
    before = own_homeport.running(arn)
    eventually(lambda: ecs.describe_services(services=["keep"])["services"][0]["runningCount"] == 2)
    containers = own_homeport.started()
    assert len(containers) == 9
    own_homeport.kill()
    own_homeport.start()
    assert own_homeport.task(arn) == before
    own_homeport.pass_time(60)
    assert own_homeport.started() == containers
    _all_accounted_for(own_homeport)


def test_what_ended_meanwhile_is_seen_and_replaced(own_homeport: Homeport) -> None:
    api, ecs = engine(), own_homeport.client("ecs")
    own_homeport.define("ends", container(command=SLEEP))
    ecs.create_service(serviceName="ends", taskDefinition="ends", **SERVICE_OF_FOUR)
    arn = own_homeport.run("ends")
    own_homeport.running(arn)
    eventually(lambda: ecs.describe_services(services=["ends"])["services"][0]["runningCount"] == 4)
    first, second, third, fourth = own_homeport.apps("ends")
    single = own_homeport.containers(arn)["app"]["Id"]
    own_homeport.kill()
    api.kill(first)
    api.remove_container(second, force=True)
    api.kill(single, "SIGTERM")
    own_homeport.start()
    task = own_homeport.stopped(arn)
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 7)
    eventually(lambda: len(own_homeport.apps("ends")) == 4)
    assert {third, fourth} <= own_homeport.apps("ends").keys()
    eventually(lambda: ecs.describe_services(services=["ends"])["services"][0]["runningCount"] == 4)
    eventually(lambda: _passes(lambda: _all_accounted_for(own_homeport)))


def _passes(check: Callable[[], None]) -> bool:
    try:
        check()
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("after_s", [0.0, 0.15, 0.3, 0.45, 0.6, 0.8])
def test_in_the_middle_of_a_start(own_homeport: Homeport, after_s: float) -> None:
    """Applications run on. A pause container that was not on record yet is made anew: nobody had joined it."""
    own_homeport.define("start", container(command=SLEEP), container("side", command=SLEEP))
    arns = [own_homeport.run("start") for _ in range(3)]
    time.sleep(after_s)
    ran = own_homeport.started("homeport.kind=app")
    own_homeport.kill()
    own_homeport.start()
    for arn in arns:
        own_homeport.running(arn)
    eventually(lambda: _passes(lambda: _all_accounted_for(own_homeport)))
    assert len(own_homeport.started()) == 9
    assert ran.items() <= own_homeport.started().items()


def test_in_the_middle_of_stopping(own_homeport: Homeport) -> None:
    own_homeport.define("stubborn", container(command=STUBBORN, stopTimeout=3), container("side", command=SLEEP))
    arn = own_homeport.run("stubborn")
    own_homeport.running(arn)
    own_homeport.client("ecs").stop_task(task=arn, reason="by hand")
    eventually(lambda: own_homeport.task(arn)["lastStatus"] == "STOPPING")
    own_homeport.kill()
    own_homeport.start()
    task = own_homeport.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "by hand")
    assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"app": 137, "side": 7}


def test_in_the_middle_of_rolling(own_homeport: Homeport) -> None:
    ecs = own_homeport.client("ecs")
    own_homeport.define("roll", container(command=SLEEP))
    ecs.create_service(serviceName="roll", taskDefinition="roll", **SERVICE_OF_FOUR)
    eventually(lambda: ecs.describe_services(services=["roll"])["services"][0]["runningCount"] == 4)
    own_homeport.pass_time(41)
    second = own_homeport.define("roll", container(command=SLEEP, cpu=64))
    ecs.update_service(service="roll", taskDefinition=second)
    eventually(lambda: "2" in own_homeport.apps("roll").values())
    own_homeport.kill()
    own_homeport.start()

    def rolled() -> bool:
        own_homeport.pass_time(41)
        (service,) = ecs.describe_services(services=["roll"])["services"]
        return [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"]

    eventually(rolled)
    eventually(lambda: list(own_homeport.apps("roll").values()) == ["2"] * 4)
    eventually(lambda: _passes(lambda: _all_accounted_for(own_homeport)))


def test_in_the_middle_of_pulling(own_homeport: Homeport, pusher: Pusher) -> None:
    arn = _pulling(own_homeport, pusher)
    own_homeport.kill()
    own_homeport.start()
    own_homeport.running(arn)
    own_homeport.stop_task(arn)
    own_homeport.stopped(arn)


def _pulling(homeport: Homeport, pusher: Pusher) -> str:
    """A task whose image is being pulled: another one, where the pull was over before we could look."""
    uri = homeport.client("ecr").create_repository(repositoryName="pulled")["repository"]["repositoryUri"]
    for number in range(5):
        pusher.push(homeport, uri, f"v{number}", _incompressible(30_000_000, number))
        image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/pulled:v{number}"
        homeport.define("pull", container(image=image, command=SLEEP))
        arn = homeport.run("pull")
        eventually(lambda arn=arn: "pullStartedAt" in homeport.task(arn), every_s=0.005)
        if "pullStoppedAt" not in homeport.task(arn):
            return arn
    raise AssertionError("every pull was over at once")


def test_in_the_middle_of_a_push(own_homeport: Homeport, pusher: Pusher) -> None:
    """What the registry then lists can be pulled; what was not pushed whole is not there; a new push completes it."""
    ecr = own_homeport.client("ecr")
    uri = ecr.create_repository(repositoryName="broken")["repository"]["repositoryUri"]
    first = pusher.push(own_homeport, uri, "v1", "the first\n")
    big = _incompressible(40_000_000)

    def push() -> None:
        try:
            pusher.push(own_homeport, uri, "v2", big)
        except Exception as error:  # noqa: BLE001 - whatever way the engine says it
            failures.append(error)

    failures: list[Exception] = []
    blobs = own_homeport.directory / "registry"
    before = _size(blobs)
    pushing = threading.Thread(target=push)
    pushing.start()
    eventually(lambda: before + 2_000_000 < _size(blobs), every_s=0.005)
    own_homeport.kill()
    time.sleep(0.5)
    own_homeport.start()
    pushing.join(150)
    assert not pushing.is_alive()

    def listed() -> dict[str, str]:
        images = ecr.describe_images(repositoryName="broken")["imageDetails"]
        return {tag: image["imageDigest"] for image in images for tag in image.get("imageTags", [])}

    assert listed()["v1"] == first
    assert ("v2" in listed()) == (not failures)  # docker tries again by itself, and may have got through
    second = pusher.push(own_homeport, uri, "v2", big)
    assert listed() == {"v1": first, "v2": second}
    own_homeport.define("whole", container(image=f"{uri}@{second}", command=["wc", "-c", "/www/index.html"]))
    assert own_homeport.stopped(own_homeport.run("whole"))["containers"][0]["exitCode"] == 0


def _size(directory: Path) -> int:
    """Of all its files; those that are renamed or removed meanwhile do not count."""
    found = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found += path.stat().st_size if path.is_file() else 0
    return found


def _incompressible(size: int, seed: int = 7) -> str:
    return random.Random(seed).randbytes(size // 2).hex()


def test_answered_writes_are_there(own_homeport: Homeport) -> None:
    """Writers go on until the kill; everything that was answered is there afterwards."""
    answered: list[str] = []

    def write(number: int) -> None:
        store = own_homeport.client("ssm")
        try:
            for n in range(10_000):
                store.put_parameter(Name=f"/w{number}/p{n}", Value="v", Type="String")
                answered.append(f"/w{number}/p{n}")
        except botocore.exceptions.BotoCoreError:
            return

    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for writer in writers:
        writer.start()
    eventually(lambda: len(answered) > 100)
    own_homeport.kill()
    for writer in writers:
        writer.join(150)
    own_homeport.start()
    pages = own_homeport.client("ssm").get_paginator("describe_parameters").paginate()
    assert set(answered) <= {p["Name"] for page in pages for p in page["Parameters"]}


def test_a_killed_ephemeral_run_is_swept_by_the_next_start(tmp_path: Path, test_image: str) -> None:
    dead = Homeport(tmp_path / "unused", options=("--ephemeral",))
    dead.start()
    dead.client("ecs").create_cluster()
    dead.define("gone", container(image=IMAGE, command=SLEEP))
    dead.running(dead.run("gone"))
    alive = Homeport(tmp_path / "unused-too", options=("--ephemeral",))
    alive.start()
    assert len(dead.left()) == 3  # it lives still, so nobody sweeps it
    dead.kill()
    after = Homeport(tmp_path / "data")
    after.start()
    assert eventually(lambda: not left_of(dead.instance))
    after.end()
    alive.client("ecs").create_cluster()
    alive.define("ends", container(image=IMAGE, command=SLEEP))
    alive.running(alive.run("ends"))
    assert alive.stop() < SOON_S
    assert alive.left() == []  # an ephemeral run leaves nothing
    assert not (tmp_path / "unused").exists()
