"""A task's cpu and memory on the real engine: by a control group of its own where Homeport is root on the engine's
host, else container by container. Each scenario is held against the kernel's own files."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from emulator.engine.group_files import GroupFiles
from tests.docker.homeport import SLEEP, STUBBORN, Homeport, container, engine, eventually, shell

pytestmark = pytest.mark.docker

BUSY = "trap 'exit 0' TERM; while :; do :; done"
MEASURED_S = 2.0
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
FILES = GroupFiles()


def states(task: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {c["name"]: (c.get("exitCode"), c.get("reason")) for c in task["containers"]}


def test_two_busy_containers_of_a_quarter_vcpu_share_it(homeport: Homeport) -> None:
    homeport.define("busy", shell(BUSY), shell(BUSY, "side"))
    arn = homeport.run("busy")
    homeport.running(arn)
    group = homeport.group(arn)
    if group is None:
        assert homeport.cpus(arn) == 0.25
    else:
        before, began = FILES.cpu_used(group), time.monotonic()
        time.sleep(MEASURED_S)
        share = (FILES.cpu_used(group) - before) / (time.monotonic() - began) / 1e9
        assert 0.01 < share < 0.3, share  # a busy machine may not even give them that
    homeport.stop_task(arn)
    homeport.stopped(arn)
    assert arn.rpartition("/")[2] not in left(homeport)


def left(homeport: Homeport) -> str:
    """All paths of control groups that name this emulator."""
    walked = os.walk("/sys/fs/cgroup")  # which bears that others come and go beside us
    return " ".join(f"{path}/{name}" for path, names, _ in walked for name in names if homeport.instance in path)


def test_memory_is_the_tasks_and_the_hog_alone_runs_out_of_it(homeport: Homeport) -> None:
    """The engine marks every container of the group OOMKilled; the one that we kill later did not die of it."""
    homeport.define(
        "hog",
        container("calm", command=STUBBORN, stopTimeout=2),
        shell("sleep 1; exec tail /dev/zero", "hog", essential=False),
    )
    arn = homeport.run("hog")
    homeport.running(arn)
    group = homeport.group(arn)
    found = eventually(lambda: (s := states(homeport.task(arn))) and s["hog"][0] is not None and s)
    assert found == {"calm": (None, None), "hog": (137, OUT_OF_MEMORY)}
    calm = homeport.containers(arn)["calm"]
    assert calm["State"]["Running"]
    assert group is None or calm["HostConfig"]["Memory"] == 0
    homeport.stop_task(arn)
    assert states(homeport.stopped(arn)) == {"calm": (137, None), "hog": (137, OUT_OF_MEMORY)}
    assert arn.rpartition("/")[2] not in left(homeport)


def test_a_child_that_runs_out_of_memory_is_not_its_container(homeport: Homeport) -> None:
    homeport.define("child", shell("tail /dev/zero; exit 3"))
    arn = homeport.run("child")
    assert states(homeport.stopped(arn)) == {"app": (3, None)}


def test_a_containers_own_memory_is_within_the_tasks(homeport: Homeport) -> None:
    homeport.define("own", container(command=SLEEP), shell("exec tail /dev/zero", "hog", memory=32, essential=False))
    arn = homeport.run("own")
    homeport.running(arn)
    shown = eventually(lambda: (s := homeport.containers(arn)) and s["hog"]["State"]["Status"] == "exited" and s)
    assert shown["hog"]["HostConfig"]["Memory"] == 32 * 1024 * 1024
    eventually(lambda: states(homeport.task(arn))["hog"] == (137, OUT_OF_MEMORY))
    homeport.stop_task(arn)
    homeport.stopped(arn)


def test_shares_and_reservations_are_each_containers(homeport: Homeport) -> None:
    homeport.define(
        "shares", container(command=SLEEP, cpu=192, memoryReservation=100), container("side", command=SLEEP, cpu=1)
    )
    arn = homeport.run("shares")
    homeport.running(arn)
    shown = homeport.containers(arn)
    limits = {name: shown[name]["HostConfig"] for name in ("app", "side")}
    assert {name: found["CpuShares"] for name, found in limits.items()} == {"app": 192, "side": 2}
    assert limits["app"]["MemoryReservation"] == 100 * 1024 * 1024
    homeport.stop_task(arn)
    homeport.stopped(arn)


def test_groups_outlive_a_crash_with_their_task_and_not_without(own_homeport: Homeport) -> None:
    own_homeport.define("crash", container(command=SLEEP))
    first, second = own_homeport.run("crash"), own_homeport.run("crash")
    own_homeport.running(first)
    own_homeport.running(second)
    group = own_homeport.group(first)
    own_homeport.kill()
    for shown in own_homeport.containers(second).values():
        engine().remove_container(shown["Id"], force=True)
    if group is not None and not group.endswith(".slice"):
        FILES.make(f"/ecs/{own_homeport.instance}/{'0' * 32}")
    own_homeport.start()
    own_homeport.stopped(second)
    own_homeport.running(first)
    assert "0" * 32 not in left(own_homeport)
    assert second.rpartition("/")[2] not in left(own_homeport)
    assert group is None or first.rpartition("/")[2] in left(own_homeport)
    own_homeport.reset()
    assert left(own_homeport) == ""


def test_fargates_open_files(homeport: Homeport) -> None:
    """Where the engine may not give that many, the task says so."""
    homeport.define("files", container(command=SLEEP))
    arn = homeport.run("files")
    homeport.running(arn)
    limits = homeport.containers(arn)["app"]["HostConfig"]["Ulimits"]
    told = " ".join(homeport.admin(f"explain?subject=task/{arn.rpartition('/')[2]}")["words"])
    given = limits == [{"Name": "nofile", "Soft": 65535, "Hard": 65535}]
    assert given != ("may not give that many" in told)
    assert "Limits: " in told
    homeport.stop_task(arn)
    homeport.stopped(arn)
