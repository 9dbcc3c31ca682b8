"""Homeport as a container: Dockerfile and docker-compose.yml, on a base image made here by debootstrap.

The base is kept in .work/, so that only the first run needs the half minute that it takes.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docker.homeport import AWSLOGS, GROUP, ROOT, Homeport, Pusher, engine, eventually, free_port, shell

pytestmark = [pytest.mark.docker, pytest.mark.compose, pytest.mark.timeout(900)]

KEPT = ROOT / ".work" / "compose-base.tar"
BASE = "homeport-test/debootstrapped:1"
PROJECT = "homeport-compose-test"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

Compose = Callable[..., str]


def make_base(directory: Path) -> None:
    """A minimal system of this machine's own release, as a tar file.

    It trusts the authorities that this machine trusts: there may be an inspecting proxy between us and the packages.
    """
    release = platform.freedesktop_os_release()
    components = "main,universe" if release["ID"] == "ubuntu" else "main"
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", f"--components={components}"]
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    root = directory / "root"
    subprocess.run([*as_root, *command, release["VERSION_CODENAME"], str(root)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*as_root, "cp", str(AUTHORITIES), f"{root}{AUTHORITIES}"], check=True)
    archive = directory / "base.tar"
    subprocess.run(
        [*as_root, "tar", "-C", str(root), "-cf", str(archive), "--exclude=./var/cache/apt/*", "."], check=True
    )
    KEPT.parent.mkdir(exist_ok=True)
    shutil.copyfile(archive, KEPT)
    subprocess.run([*as_root, "rm", "-rf", str(root)], check=True)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not KEPT.exists():
        make_base(tmp_path_factory.mktemp("base"))
    subprocess.run(["docker", "import", str(KEPT), BASE], check=True, stdout=subprocess.DEVNULL)
    yield BASE
    engine().remove_image(BASE)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def compose(base: str, port: int) -> Iterator[Compose]:
    """`docker-compose`, or compose v2 where that is what there is; at the end all that it made is taken away."""
    command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    env = {
        **os.environ,
        "BASE": base,
        "HOMEPORT_PORT": str(port),
        "DOCKER_BUILDKIT": "0",
        "COMPOSE_DOCKER_CLI_BUILD": "0",
    }

    def run(*words: str) -> str:
        done = subprocess.run(
            [*command, "-p", PROJECT, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield run
    run("down", "--volumes", "--rmi", "all")


@pytest.fixture(scope="module")
def composed(compose: Compose, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeport]:
    """Built and served."""
    compose("build")
    compose("up", "-d")
    made = Homeport(tmp_path_factory.mktemp("composed") / "unused", port)
    answer_of(made)
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    yield made
    made.reset()
    assert made.left() == []


def answer_of(homeport: Homeport) -> str:
    def look() -> str:
        try:
            return str(homeport.admin("health")["instance"])
        except OSError:
            return ""

    homeport.instance = eventually(look)
    return homeport.instance


def test_a_pushed_image_runs_and_reaches_homeport_from_inside(composed: Homeport, pusher: Pusher) -> None:
    uri = composed.client("ecr").create_repository(repositoryName="composed")["repository"]["repositoryUri"]
    assert uri == f"localhost:{composed.port}/composed"
    pusher.push(composed, uri, "1", "<h1>composed</h1>")
    post = (
        "wget -q -O - --header 'X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters' "
        "--header 'Content-Type: application/x-amz-json-1.1' --header 'Authorization: AWS4-HMAC-SHA256 "
        "Credential=test/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0' "
        "--post-data '{}' $AWS_ENDPOINT_URL/; echo"
    )
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/composed:1"
    composed.define("composed", shell(post, image=image, logConfiguration=AWSLOGS))
    said = composed.said("composed")
    assert json.loads(said[0]) == {"clusterArns": ["arn:aws:ecs:us-east-1:123456789012:cluster/default"]}


def test_the_command_works_inside(composed: Homeport, compose: Compose) -> None:
    assert "default  ACTIVE" in compose("exec", "-T", "homeport", "homeport", "status")
    assert "| ecs |" in compose("exec", "-T", "homeport", "homeport", "coverage")


def test_tasks_outlive_a_restart_of_the_container(composed: Homeport, compose: Compose, test_image: str) -> None:
    composed.define("stays", shell("trap 'exit 7' TERM; while :; do sleep 0.1; done", image=test_image))
    arn = composed.run("stays")
    composed.running(arn)
    before = composed.started()
    compose("restart", "--timeout", "10")
    assert answer_of(composed) == composed.instance
    assert composed.task(arn)["lastStatus"] == "RUNNING"
    assert composed.started() == before
    composed.stop_task(arn)
    assert composed.stopped(arn)["containers"][0]["exitCode"] == 7
