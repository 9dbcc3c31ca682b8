"""Two engines in one control plane: each task's containers stand on the engine of its instance."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.domain.engines import EngineEndpoint
from emulator.engine.base import EngineUnavailable, NetworkSpec
from emulator.engine.simulated.engine import SimulatedEngine
from tests.conftest import aws_of, call_wsgi, make_environ, observe
from tests.services.instance_scene import EVERYWHERE, ec2_definition

ENGINES = {"local": "attribute:homeport.engine !exists", "east": "attribute:homeport.engine == east"}


class Scene:
    """Two engines, an instance on each, and a definition for them."""

    def __init__(self, config: Config, clock: VirtualClock) -> None:
        self.config, self.clock = config, clock
        self.emulator = self.built()
        self.ecs = aws_of(self.emulator)("ecs")
        self.ecs.create_cluster(clusterName="c")
        self.ecs.register_task_definition(**ec2_definition())
        self.instances = {name: self.add(name) for name in ENGINES}

    def built(self) -> Emulator:
        emulator = build(self.config, clock=self.clock, threaded=False, observer=observe)
        emulator.start()
        for name in emulator.plane.engines.names:
            engine_of(emulator, name).add_image("busybox")
        return emulator

    def admin(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        data = b"" if body is None else json.dumps(body).encode()
        method = "GET" if body is None else "POST"
        environ = make_environ(method, f"/_emulator/{path}", data, {"Content-Type": "application/json"})
        status, _, answer = call_wsgi(self.emulator.wsgi, environ)
        return status, json.loads(answer)

    def add(self, engine: str) -> str:
        wanted = {"type": "m5.large", "zone": "a", "cluster": "c", "engine": engine}
        status, added = self.admin("instances", wanted)
        assert (status, added["warnings"]) == (200, [])
        return str(added["instances"][0]["arn"])

    def run(self, engine: str) -> str:
        """A task that is placed on an engine by a constraint."""
        constraint = {"type": "memberOf", "expression": ENGINES[engine]}
        answer = self.ecs.run_task(
            cluster="c",
            taskDefinition="job",
            launchType="EC2",
            networkConfiguration=EVERYWHERE,
            placementConstraints=[constraint],
        )
        assert answer["failures"] == []
        self.settle()
        return str(answer["tasks"][0]["taskArn"])

    def settle(self) -> None:
        assert self.emulator.plane.settle()

    def task(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]
        return found

    def connected(self, engine: str) -> bool:
        arns = [self.instances[engine]]
        [found] = self.ecs.describe_container_instances(cluster="c", containerInstances=arns)["containerInstances"]
        return bool(found["agentConnected"])

    def tasks_of(self, engine: str) -> set[str]:
        """By what the engine shows."""
        return {state.labels["homeport.task"] for state in engine_of(self.emulator, engine).list_containers({})}


def engine_of(emulator: Emulator, name: str) -> SimulatedEngine:
    one = emulator.engines[name]
    assert isinstance(one, SimulatedEngine)
    return one


@pytest.fixture
def scene(config: Config, clock: VirtualClock) -> Iterator[Scene]:
    made = Scene(replace(config, engine_endpoints=(EngineEndpoint("east", "simulated:"),)), clock)
    yield made
    made.emulator.close()


def down(engine: SimulatedEngine) -> Callable[[], None]:
    """The engine answers nothing until what this gives is called."""

    def refuse(when: str, _: str, __: tuple[object, ...]) -> None:
        if when == "before":
            raise EngineUnavailable("it is down")

    engine.on_call = refuse

    def up() -> None:
        engine.on_call = None

    return up


def test_each_task_stands_on_its_own_engine(scene: Scene) -> None:
    arns = {name: scene.run(name) for name in ENGINES}
    for name, arn in arns.items():
        assert scene.task(arn)["lastStatus"] == "RUNNING"
        assert scene.task(arn)["containerInstanceArn"] == scene.instances[name]
        assert scene.tasks_of(name) == {arn}
    addresses = {
        scene.task(arn)["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for arn in arns.values()
    }
    assert len(addresses) == 2
    _, status = scene.admin("status")
    assert {task["id"]: task["engine"] for task in status["tasks"]} == {
        arn.rpartition("/")[2]: name for name, arn in arns.items()
    }


def test_the_network_is_an_overlay_that_a_manager_makes(scene: Scene) -> None:
    asked: list[NetworkSpec] = []

    def listen(when: str, call: str, arguments: tuple[object, ...]) -> None:
        if (when, call) == ("before", "ensure_network"):
            asked.append(arguments[0])  # type: ignore[arg-type]

    engine_of(scene.emulator, "local").on_call = listen
    engine_of(scene.emulator, "east").on_call = listen
    scene.run("east")
    [spec] = asked
    assert (spec.driver, spec.engine_cidr) == ("overlay", "172.31.255.0/24")
    assert spec.name.endswith("-overlay")


def test_signals_and_removals_go_to_the_tasks_engine(scene: Scene) -> None:
    here, there = scene.run("local"), scene.run("east")
    scene.ecs.stop_task(cluster="c", task=there)
    scene.settle()
    assert scene.task(there)["lastStatus"] == "STOPPED"
    assert scene.tasks_of("east") == set()
    assert scene.task(here)["lastStatus"] == "RUNNING"


def test_an_engine_that_is_down_stops_nobody_else(scene: Scene) -> None:
    there = scene.run("east")
    up = down(engine_of(scene.emulator, "east"))
    scene.settle()
    assert (scene.connected("local"), scene.connected("east")) == (True, False)
    assert scene.task(there)["lastStatus"] == "RUNNING"  # nothing is known against it
    assert scene.task(scene.run("local"))["lastStatus"] == "RUNNING"
    refused = scene.ecs.run_task(
        cluster="c",
        taskDefinition="job",
        launchType="EC2",
        networkConfiguration=EVERYWHERE,
        placementConstraints=[{"type": "memberOf", "expression": ENGINES["east"]}],
    )
    assert {failure["reason"] for failure in refused["failures"]} >= {"AGENT"}
    assert scene.admin("health")[1]["engines"]["east"]["status"] == "unavailable"
    up()
    scene.settle()
    assert scene.connected("east")
    assert scene.task(scene.run("east"))["lastStatus"] == "RUNNING"


def test_homeports_own_engine_may_be_down_too(scene: Scene) -> None:
    up = down(engine_of(scene.emulator, "local"))
    scene.settle()
    assert (scene.connected("local"), scene.connected("east")) == (False, True)
    assert scene.task(scene.run("east"))["lastStatus"] == "RUNNING"
    up()


def test_an_instance_on_an_engine_that_is_down_begins_disconnected(scene: Scene) -> None:
    up = down(engine_of(scene.emulator, "east"))
    scene.settle()
    _, added = scene.admin("instances", {"type": "m5.large", "zone": "b", "cluster": "c", "engine": "east"})
    assert added["warnings"] == ["no engine answers, so that no task will run there now"]
    scene.instances["east"] = added["instances"][0]["arn"]
    assert not scene.connected("east")
    up()
    scene.settle()
    assert scene.connected("east")


def test_engines_that_left_the_swarm_make_no_network(scene: Scene) -> None:
    engine_of(scene.emulator, "east").swarm_node = ""
    task = scene.task(scene.run("east"))
    assert task["lastStatus"] == "STOPPED"
    assert "engine east is in no Docker swarm" in task["stoppedReason"]
    assert "docker swarm join" in task["stoppedReason"]


def test_without_a_manager_there_is_no_network(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    swarm = scene.emulator.plane.swarm
    assert swarm is not None
    workers = {name: replace(member, manager=False) for name, member in swarm.members().items()}
    monkeypatch.setattr(swarm, "members", lambda: workers)
    task = scene.task(scene.run("east"))
    assert "none of the engines that answer (local, east) is a manager of their Docker swarm" in task["stoppedReason"]


def test_after_a_restart_each_engine_is_recovered(scene: Scene) -> None:
    """Adopted on the engine that the task is of; a container elsewhere that says it is the task's is nobody's."""
    arn = scene.run("east")
    engines = {name: engine_of(scene.emulator, name) for name in ENGINES}
    [app] = [s for s in engines["east"].list_containers({}) if s.labels["homeport.kind"] == "app"]
    stray = engines["local"].create_container(replace(engines["east"].spec(app.id), name="stray", join_network_of=None))
    engines["local"].start_container(stray)
    for name in ENGINES:
        one = scene.emulator.plane.engines.named(name)
        assert one is not None
        scene.emulator.plane._recover(one)
    scene.settle()
    assert scene.task(arn)["lastStatus"] == "RUNNING"
    assert engines["local"].list_containers({}) == []
    assert scene.tasks_of("east") == {arn}


def test_a_start_without_the_engine_leaves_its_instances_without_agent(scene: Scene) -> None:
    arn = scene.run("east")
    scene.emulator.close()
    scene.config = replace(scene.config, engine_endpoints=())
    scene.emulator = scene.built()
    scene.ecs = aws_of(scene.emulator)("ecs")
    assert (scene.connected("local"), scene.connected("east")) == (True, False)
    scene.settle()
    assert scene.task(arn)["lastStatus"] == "RUNNING"
    status, answer = scene.admin("instances", {"type": "m5.large", "zone": "a", "cluster": "c", "engine": "east"})
    assert (status, "start it with --engine-endpoint NAME=URL" in answer["error"]) == (400, True)


def test_a_reset_clears_every_engine(scene: Scene) -> None:
    scene.run("local")
    scene.run("east")
    scene.emulator.reset()
    for name in ENGINES:
        assert engine_of(scene.emulator, name).list_containers({}) == []
        assert engine_of(scene.emulator, name).list_networks({}) == []


def test_a_reset_goes_on_without_a_further_engine(scene: Scene) -> None:
    arn = scene.run("east")
    up = down(engine_of(scene.emulator, "east"))
    scene.emulator.reset()
    up()
    assert scene.tasks_of("east") == {arn}
    scene.settle()
    assert scene.tasks_of("east") == set()  # swept as soon as it answered


def test_statistics_are_read_where_the_task_is(scene: Scene) -> None:
    scene.run("east")
    one = scene.emulator.plane.engines.named("east")
    assert one is not None
    one.statistics.look()
    [app] = [s for s in one.engine.list_containers({}) if s.labels["homeport.kind"] == "app"]
    found = scene.emulator.plane.engines.latest_statistics(app.id)
    assert found is not None and found["id"] == app.id
    assert app.id in {state.id for state in scene.emulator.plane.engines.states()}


def test_a_public_address_on_a_further_engine_is_said_to_be_there(scene: Scene) -> None:
    answer = scene.ecs.register_task_definition(
        **ec2_definition(
            "pub",
            networkMode="bridge",
            container={
                "portMappings": [{"containerPort": 80}],
            },
        )
    )
    assert answer["taskDefinition"]["networkMode"] == "bridge"
    ran = scene.ecs.run_task(
        cluster="c",
        taskDefinition="pub",
        launchType="EC2",
        placementConstraints=[{"type": "memberOf", "expression": ENGINES["east"]}],
    )
    scene.settle()
    _, status = scene.admin("status")
    [task] = [t for t in status["tasks"] if ran["tasks"][0]["taskArn"].endswith(t["id"])]
    assert task["warnings"] == [
        "it runs on engine east: its public address and host ports answer on that engine's host alone"
    ]
