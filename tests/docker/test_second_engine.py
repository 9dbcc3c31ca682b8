"""Two engines serve one cluster: two dockerd of this machine, each in a network namespace, joined in a Docker swarm."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import metadata_schema as schema
from tests.docker.homeport import (
    AWSLOGS,
    GROUP,
    NETWORK,
    ROOT,
    Homeport,
    Pusher,
    eventually,
    free_port,
)
from tests.docker.test_relay import ASK
from tests.docker.two_engines import OwnEngine, TwoEngines
from tests.metadata_schema import fits

pytestmark = pytest.mark.docker

ON = {"local": "attribute:homeport.engine !exists", "east": "attribute:homeport.engine == east"}
SERVES = "mkdir -p /www; echo page of {name} >/www/index.html; echo {name} serves; exec httpd -f -v -p 80 -h /www"


@dataclass
class Cluster:
    """Homeport on both engines, an instance on each."""

    engines: TwoEngines
    homeport: Homeport
    instances: dict[str, str]

    def command(self, words: str, *, fails: bool = False) -> str:
        verb, _, rest = words.partition(" ")
        endpoint = f"--endpoint {self.homeport.url}"
        return self.homeport.shell(f"{sys.executable} -m emulator {verb} {endpoint} {rest}", fails=fails)

    def engine(self, name: str) -> OwnEngine:
        return self.engines.one if name == "local" else self.engines.two

    def run(self, name: str) -> str:
        """A task that serves a page of its own, on an engine."""
        family = f"web-{name}"
        definition = {"name": "app", "image": self.image, "entryPoint": ["sh", "-c"], "logConfiguration": AWSLOGS}
        self.homeport.define(
            family,
            {**definition, "command": [SERVES.format(name=name)], "stopTimeout": 2},
            requiresCompatibilities=["EC2"],
            memory="256",
        )
        answer = self.homeport.client("ecs").run_task(
            taskDefinition=family,
            launchType="EC2",
            networkConfiguration=NETWORK,
            placementConstraints=[{"type": "memberOf", "expression": ON[name]}],
        )
        assert answer["failures"] == []
        return str(answer["tasks"][0]["taskArn"])

    image: str = ""

    def address(self, arn: str) -> str:
        [interface] = self.homeport.task(arn)["containers"][0]["networkInterfaces"]
        return str(interface["privateIpv4Address"])

    def reads(self, reader: str, of: str) -> str:
        """What a task reads at the address of another's interface."""
        return self.fetches(reader, f"http://{self.address(of)}/")

    def fetches(self, reader: str, url: str) -> str:
        """Once it can: a task is RUNNING before it listens, and its engine's overlay knows it a moment later."""
        script = shlex.quote(f"until wget -q -O - {url}; do sleep 0.2; done 2>/dev/null")
        return self.command(f"exec {reader.rpartition('/')[2]} -- sh -c {script}")

    def statistics(self, arn: str) -> dict[str, Any]:
        """What a task finds at its own stats endpoint, by container; empty until there are rates."""
        asked = "wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task/stats || true"
        said = self.command(f"exec {arn.rpartition('/')[2]} -- sh -c '{asked}'")
        found: dict[str, Any] = json.loads(said) if said.startswith("{") else {}
        return found if all("network_rate_stats" in (one or {}) for one in found.values()) else {}

    def fetched(self, where: str) -> str:
        try:
            with urllib.request.urlopen(f"http://{where}/", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def connected(self, name: str) -> bool:
        arns = [self.instances[name]]
        found = self.homeport.client("ecs").describe_container_instances(containerInstances=arns)
        return bool(found["containerInstances"][0]["agentConnected"])

    def shown(self, name: str) -> set[str]:
        """The tasks whose containers an engine runs."""
        listed = self.engine(name).api().containers(filters={"label": [f"homeport.instance={self.homeport.instance}"]})
        return {c["Labels"]["homeport.task"] for c in listed}

    def left(self) -> list[str]:
        wanted = {"label": [f"homeport.instance={self.homeport.instance}"]}
        found: list[str] = []
        for name in ON:
            api = self.engine(name).api()
            found += [c["Names"][0] for c in api.containers(all=True, filters=wanted)]
            found += [n["Name"] for n in api.networks(filters=wanted)]
        return found


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoEngines]:
    made = TwoEngines(tmp_path_factory.mktemp("engines"))
    try:
        made.start()
        yield made
    finally:
        made.end()
    assert made.left() == []


def options(engines: TwoEngines, tcp_relay_port: int = 0) -> tuple[str, ...]:
    """With the port of a relay over TCP, the second engine is another machine's."""
    first = ("--docker-host", engines.one.url, "--engine-endpoint")
    if not tcp_relay_port:
        return (*first, f"east={engines.two.url}")
    relay = ("--host", "0.0.0.0", "--relay-host", f"{engines.here}:{tcp_relay_port}")
    return (*first, f"east={engines.two.tcp_url}", *relay)


def test_engines_that_are_in_no_swarm_are_refused(engines: TwoEngines, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emulator", "up", "--data-dir", str(tmp_path / "d"), "--registry-port", "0"]
    command += ["--port", str(free_port()), *options(engines)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 1
    assert "engines local, east are in no Docker swarm" in ran.stderr
    assert "Run `docker swarm init` on one engine and the `docker swarm join ...` that it prints" in ran.stderr


@pytest.fixture
def cluster(engines: TwoEngines, tmp_path: Path, pusher: Pusher, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    engines.join()
    homeport = Homeport(tmp_path / "data")
    homeport.options = options(engines, homeport.port if request.param == "tcp" else 0)
    try:
        homeport.start()
        homeport.client("ecs").create_cluster()
        homeport.client("logs").create_log_group(logGroupName=GROUP)
        made = Cluster(engines, homeport, {})
        repository = homeport.client("ecr").create_repository(repositoryName="web")["repository"]
        pusher.push(homeport, repository["repositoryUri"], "1", "hello")
        made.image = f"{repository['repositoryUri']}:1"
        for name in ON:
            said = made.command(f"add-instance --type m5.large --az a --engine {name}")
            made.instances[name] = said.split()[-1]
        yield made
        homeport.reset()
        eventually(lambda: not made.left())  # a swarm shows a network for a moment after it was removed
    finally:
        if homeport.process is not None and homeport.process.poll() is None:
            homeport.stop()
    assert "Traceback" not in homeport.log.read_text(), homeport.log.read_text()


@pytest.mark.parametrize("cluster", ["unix"], indirect=True)
def test_tasks_on_two_engines_reach_each_other_and_outlive_the_other_engine(cluster: Cluster) -> None:
    homeport = cluster.homeport
    arns = {name: cluster.run(name) for name in ON}
    here, there = arns["local"], arns["east"]
    for name, arn in arns.items():
        assert homeport.running(arn)["containerInstanceArn"] == cluster.instances[name]
        assert cluster.shown(name) == {arn}

    # Over HTTP, both directions, by the addresses of their interfaces; the command runs on the reader's engine.
    assert cluster.reads(here, of=there) == "page of east"
    assert cluster.reads(there, of=here) == "page of local"

    # Their output, and their endpoints, come from both.
    for name, arn in arns.items():
        assert eventually(lambda arn=arn: homeport.messages(arn))[0] == f"{name} serves"
        asked = f"exec {arn.rpartition('/')[2]} -- sh -c 'wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task'"
        assert f'"TaskARN":"{arn}"' in cluster.command(asked).replace(" ", "")

    # After a crash of Homeport each is adopted on its engine.
    before = {name: cluster.engine(name).api().containers(quiet=True) for name in ON}
    homeport.kill()
    homeport.start()
    for arn in arns.values():
        homeport.running(arn)
    assert {name: cluster.engine(name).api().containers(quiet=True) for name in ON} == before
    eventually(lambda: cluster.connected("east"))

    # One engine dies: its instance has no agent, nothing is concluded about its task, and the other goes on.
    cluster.engine("east").kill()
    eventually(lambda: not cluster.connected("east"))
    assert cluster.connected("local")
    assert homeport.task(there)["lastStatus"] == "RUNNING"
    another = cluster.run("local")
    homeport.running(another)
    assert cluster.reads(another, of=here) == "page of local"
    refused: dict[str, Any] = homeport.client("ecs").run_task(
        taskDefinition="web-east",
        launchType="EC2",
        networkConfiguration=NETWORK,
        placementConstraints=[{"type": "memberOf", "expression": ON["east"]}],
    )
    assert "AGENT" in {failure["reason"] for failure in refused["failures"]}

    # It comes back: its instance too, and what had run there has ended.
    cluster.engine("east").start()
    eventually(cluster.engine("east").ready)
    eventually(lambda: cluster.connected("east"))
    eventually(lambda: homeport.task(there)["lastStatus"] == "STOPPED")
    assert homeport.task(here)["lastStatus"] == "RUNNING"


@pytest.mark.parametrize("cluster", ["tcp"], indirect=True)
def test_an_engine_over_tcp_serves_as_well(cluster: Cluster) -> None:
    """As on another machine: no file and no socket in common, images over HTTP, endpoints through `--relay-host`."""
    homeport = cluster.homeport
    arns = {name: cluster.run(name) for name in ON}
    here, there = arns["local"], arns["east"]
    for name, arn in arns.items():
        assert homeport.running(arn)["containerInstanceArn"] == cluster.instances[name]
        assert cluster.shown(name) == {arn}
    assert cluster.reads(here, of=there) == "page of east"
    assert cluster.reads(there, of=here) == "page of local"
    name = {d["name"]: d["value"] for d in homeport.task(there)["attachments"][0]["details"]}["privateDnsName"]
    assert cluster.fetches(here, f"http://{name}/") == "page of east"
    for name, arn in arns.items():
        assert eventually(lambda arn=arn: homeport.messages(arn))[0] == f"{name} serves"
        inside = f"exec {arn.rpartition('/')[2]} -- sh -c"
        metadata = cluster.command(f"{inside} 'wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task'")
        assert f'"TaskARN":"{arn}"' in metadata.replace(" ", "")
        assert "cluster/default" in cluster.command(f"{inside} {shlex.quote(ASK)}")

    # Its statistics are told by its engine, in the shape and with the rates that this host's have.
    [stats] = eventually(lambda: cluster.statistics(there)).values()
    fits(stats, {**schema.STATS, "id": "[0-9a-f]{64}"})
    [app] = cluster.engine("east").api().containers(filters={"label": ["homeport.kind=app"]})
    assert stats["id"] == app["Id"]
    assert stats["memory_stats"]["limit"] == 256 * 1024 * 1024
    assert 0 < stats["precpu_stats"]["cpu_usage"]["total_usage"] <= stats["cpu_stats"]["cpu_usage"]["total_usage"]

    # What is said of its addresses is so from here: no host is on an overlay, published ports are on the engine's host.
    ecs = homeport.client("ecs")
    ecs.run_task(
        taskDefinition=homeport.define(
            "ports",
            {"name": "app", "image": cluster.image, "portMappings": [{"containerPort": 80}], "stopTimeout": 2},
            requiresCompatibilities=["EC2"],
            networkMode="bridge",
            memory="64",
        ),
        launchType="EC2",
        placementConstraints=[{"type": "memberOf", "expression": ON["east"]}],
    )
    [bridged] = ecs.list_tasks(family="ports")["taskArns"]
    homeport.running(bridged)
    status = {task["id"]: task["reach"] for task in homeport.admin("status")["tasks"]}
    assert status[there.rpartition("/")[2]] == [f"{cluster.address(there)} for tasks"]
    [reached] = status[bridged.rpartition("/")[2]]
    assert reached.startswith(f"{cluster.engines.two.uplink}:")
    assert eventually(lambda: cluster.fetched(reached)) == "hello"

    # After a crash of Homeport it is adopted there.
    before = cluster.engine("east").api().containers(quiet=True)
    homeport.kill()
    homeport.start()
    homeport.running(there)
    assert cluster.engine("east").api().containers(quiet=True) == before
    ecs.stop_task(task=there)
    homeport.stopped(there)
