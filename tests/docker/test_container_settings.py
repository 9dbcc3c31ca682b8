"""Every member of a container definition acts on a real container: seen from inside it, or as the engine shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.clock import SystemClock
from emulator.engine.base import ContainerSpec, OutputLine
from emulator.engine.container_spec import Surroundings, container_spec
from emulator.engine.docker.engine import DockerEngine
from tests.docker.homeport import AWSLOGS, IMAGE, SLEEP, Homeport, container, engine, eventually, shell

pytestmark = pytest.mark.docker

OWNER = {"homeport-test-settings": str(os.getpid())}
MIB = 1024 * 1024


# -- what EC2 allows beyond Fargate, from a definition to the engine


@pytest.fixture
def real(test_image: str) -> Iterator[DockerEngine]:
    made = DockerEngine(SystemClock())
    yield made
    for left in made.list_containers(OWNER):
        made.remove_container(left.id)
    made.close()


def spec(name: str, definition: dict[str, Any]) -> ContainerSpec:
    around = Surroundings(
        name=f"homeport-test-{name}-{os.getpid()}",
        image=IMAGE,
        image_environment=(),
        labels=OWNER,
        pause_id=None,
        task_cpu_units=0,
        task_memory_mib=0,
        host_cpus=1,
        on_fargate=False,
    )
    return container_spec({"name": name, "image": IMAGE, "entryPoint": ["sh", "-c"], **definition}, around)


def said(real: DockerEngine, name: str, definition: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """What the container wrote until its end, and what the engine shows of it."""
    lines: list[OutputLine] = []
    ended: list[str] = []
    container_id = real.create_container(spec(name, definition))
    real.attach_output(container_id, lambda _, more: lines.extend(more), ended.append)
    real.start_container(container_id)
    eventually(lambda: ended)
    return [line.text.decode().rstrip("\r") for line in lines], engine().inspect_container(container_id)


INSIDE = """
id -u; id -g; pwd; hostname; grep -c 10.9.8.7 /etc/hosts; grep nameserver /etc/resolv.conf; grep search /etc/resolv.conf
ulimit -n; ulimit -Hn; touch /no 2>/dev/null || echo read-only; grep ' /scratch ' /proc/mounts | cut -d' ' -f3
df -m /dev/shm | tail -1 | awk '{print $2}'; cat /proc/sys/kernel/msgmax; grep NoNewPrivs /proc/self/status
grep CapEff /proc/self/status; tty >/dev/null && echo terminal; cat /proc/1/comm
"""


def test_all_settings_of_a_container_at_once(real: DockerEngine) -> None:
    lines, shown = said(
        real,
        "all",
        {
            "command": [INSIDE],
            "user": "1000:100",
            "workingDirectory": "/etc",
            "hostname": "web-1",
            "extraHosts": [{"hostname": "db", "ipAddress": "10.9.8.7"}],
            "dnsServers": ["10.1.1.1"],
            "dnsSearchDomains": ["corp.example"],
            "dockerLabels": {"team": "a"},
            "ulimits": [{"name": "nofile", "softLimit": 1000, "hardLimit": 2000}],
            "readonlyRootFilesystem": True,
            "dockerSecurityOptions": ["no-new-privileges"],
            "interactive": True,
            "pseudoTerminal": True,
            "systemControls": [{"namespace": "kernel.msgmax", "value": "9000"}],
            "cpu": 100,
            "memory": 64,
            "memoryReservation": 32,
            "linuxParameters": {
                "initProcessEnabled": True,
                "sharedMemorySize": 16,
                "tmpfs": [{"containerPath": "/scratch", "size": 8, "mountOptions": ["noexec"]}],
                "capabilities": {"add": ["NET_ADMIN"], "drop": ["MKNOD"]},
                "devices": [{"hostPath": "/dev/zero", "containerPath": "/dev/nought", "permissions": ["read"]}],
                "maxSwap": 32,
                "swappiness": 10,
            },
        },
    )
    assert lines == [
        *("1000", "100", "/etc", "web-1", "1", "nameserver 10.1.1.1", "search corp.example", "1000", "2000"),
        *("read-only", "tmpfs", "16", "9000", "NoNewPrivs:\t1", "CapEff:\t0000000000000000", "terminal"),
        lines[-1],
    ]
    assert "init" in lines[-1]
    config, limits = shown["Config"], shown["HostConfig"]
    assert (config["Labels"]["team"], config["Tty"], config["OpenStdin"]) == ("a", True, True)
    assert (limits["CpuShares"], limits["Memory"], limits["MemorySwap"]) == (100, 64 * MIB, 96 * MIB)
    assert (limits["MemoryReservation"], limits["MemorySwappiness"]) == (32 * MIB, 10)
    assert (limits["CapAdd"], limits["CapDrop"]) == (["NET_ADMIN"], ["MKNOD"])
    device = {"PathOnHost": "/dev/zero", "PathInContainer": "/dev/nought", "CgroupPermissions": "r"}
    assert limits["Devices"] == [device]


def test_a_privileged_container(real: DockerEngine) -> None:
    """Made and not started: an engine that is in a container itself may not give every capability."""
    made = real.create_container(spec("privileged", {"command": ["true"], "privileged": True}))
    assert engine().inspect_container(made)["HostConfig"]["Privileged"]


# -- what Fargate allows, through ECS


def test_settings_of_a_task_on_fargate(homeport: Homeport) -> None:
    """A sidecar is reached over localhost; who runs, where, and with which capabilities."""
    asks = "id -u; pwd; grep CapBnd /proc/self/status; until wget -q -O - http://localhost:8080/; do sleep 0.1; done"
    homeport.define(
        "fargate",
        shell(
            f"{asks}; cat /dev/null | tty >/dev/null || echo no terminal",
            user="1000",
            workingDirectory="/tmp",
            linuxParameters={"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}},
            logConfiguration=AWSLOGS,
            dependsOn=[{"containerName": "side", "condition": "START"}],
        ),
        shell(
            "mkdir -p /www; echo from the sidecar > /www/index.html; exec httpd -f -p 8080 -h /www",
            "side",
            essential=False,
        ),
        ephemeralStorage={"sizeInGiB": 25},
    )
    arn = homeport.run("fargate")
    task = homeport.stopped(arn)
    assert homeport.messages(arn) == ["1000", "/tmp", "CapBnd:\t0000000000080000", "from the sidecar", "no terminal"]
    assert task["ephemeralStorage"] == {"sizeInGiB": 25}
    words = homeport.admin(f"explain?subject=task/{arn.rpartition('/')[2]}")["words"]
    assert any("ephemeralStorage of 25 GiB is reported, not enforced" in word for word in words)


def test_a_file_system_outlives_its_tasks_and_an_access_point_is_another(homeport: Homeport) -> None:
    plain = {"fileSystemId": "fs-0123456789"}
    point = {"transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "fsap-1"}}
    volumes = [
        {"name": "data", "efsVolumeConfiguration": plain},
        {"name": "point", "efsVolumeConfiguration": {**plain, **point}},
    ]
    mounts = [
        {"sourceVolume": "data", "containerPath": "/data"},
        {"sourceVolume": "point", "containerPath": "/point", "readOnly": True},
    ]
    count = "echo x >> /data/runs; wc -l < /data/runs; ls /point | wc -l; touch /point/x 2>/dev/null || echo read-only"
    homeport.define("efs", shell(count, mountPoints=mounts, logConfiguration=AWSLOGS), volumes=volumes)
    assert homeport.said("efs") == ["1", "0", "read-only"]
    assert homeport.said("efs") == ["2", "0", "read-only"]


def test_a_directory_of_a_file_system_is_mounted_or_refused_in_words(homeport: Homeport) -> None:
    """Docker Engine mounts a directory of a volume since version 26."""
    whole = {"fileSystemId": "fs-00000000aa"}
    part = {**whole, "rootDirectory": "/made"}
    mounts = [{"sourceVolume": "data", "containerPath": "/data"}]
    making = shell("mkdir -p /data/made; echo here > /data/made/file; echo done", mountPoints=mounts)
    reading = shell("cat /data/file", mountPoints=mounts)
    for family, app, efs in (("making", making, whole), ("reading", reading, part)):
        app["logConfiguration"] = AWSLOGS
        homeport.define(family, app, volumes=[{"name": "data", "efsVolumeConfiguration": efs}])
    assert homeport.said("making") == ["done"]
    if int(engine().version()["Version"].split(".")[0]) >= 26:
        assert homeport.said("reading") == ["here"]
        return
    task = homeport.stopped(homeport.run("reading"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert "Docker Engine 26 or newer only" in task["stoppedReason"]


@pytest.mark.parametrize("member", [{"enableFaultInjection": True}])
def test_what_is_not_emulated_is_refused_by_name(homeport: Homeport, member: dict[str, Any]) -> None:
    homeport.define("refused", container(command=SLEEP), **member)
    ecs = homeport.client("ecs")
    with pytest.raises(ecs.exceptions.ClientError, match=f"NotEmulatedYet.*{next(iter(member))}"):
        homeport.run("refused")
