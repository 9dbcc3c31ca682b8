"""Tasks on container instances in each network mode, reached as DescribeTasks says they are."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.docker.homeport import GROUP, IMAGE, SLEEP, Homeport, container, engine, eventually, free_port, shell

pytestmark = pytest.mark.docker

CLUSTER = "modes"


class Modes:
    """A cluster with two virtual hosts."""

    def __init__(self, homeport: Homeport) -> None:
        self.homeport = homeport
        self.ecs = homeport.client("ecs")
        self.ecs.create_cluster(clusterName=CLUSTER)
        for number in range(2):
            self.add_instance(number)

    def add_instance(self, number: int) -> None:
        document = {"instanceId": f"i-0123456789abcde{number:02x}", "instanceType": "m5.large", "region": "us-east-1"}
        self.ecs.register_container_instance(
            cluster=CLUSTER, instanceIdentityDocument=json.dumps({**document, "availabilityZone": "us-east-1a"})
        )

    def define(self, family: str, mode: str, *containers: dict[str, Any], **members: Any) -> None:
        self.homeport.define(
            family, *containers, networkMode=mode, requiresCompatibilities=["EC2"], cpu="128", memory="128", **members
        )

    def start(self, family: str, **members: Any) -> str:
        answer = self.ecs.run_task(cluster=CLUSTER, taskDefinition=family, launchType="EC2", **members)
        assert answer["failures"] == []
        return str(answer["tasks"][0]["taskArn"])

    def run(self, family: str, **members: Any) -> dict[str, Any]:
        return self.homeport.running(self.start(family, **members))


@pytest.fixture(scope="module")
def modes(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[Modes]:
    homeport = Homeport(tmp_path_factory.mktemp("modes") / "data", options=("--allow-host-network",))
    homeport.start()
    homeport.client("logs").create_log_group(logGroupName=GROUP)
    yield Modes(homeport)
    homeport.end()


def bindings(task: dict[str, Any], name: str = "app") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(c for c in task["containers"] if c["name"] == name)["networkBindings"]
    return found


def answers(address: str) -> str:
    def look() -> str:
        try:
            return str(urllib.request.urlopen(f"http://{address}/", timeout=2).read())
        except OSError:
            return ""

    return str(eventually(look))


def stop(modes: Modes, *tasks: dict[str, Any]) -> None:
    for task in tasks:
        modes.ecs.stop_task(cluster=CLUSTER, task=task["taskArn"])
    for task in tasks:
        modes.homeport.stopped(task["taskArn"])


def test_tasks_on_one_container_port_get_host_ports_of_their_own(modes: Modes) -> None:
    modes.define("bridge", "bridge", container(portMappings=[{"containerPort": 80}]))
    tasks = [modes.run("bridge") for _ in range(3)]
    ports = set()
    for task in tasks:
        [binding] = bindings(task)
        assert (binding["bindIP"], binding["containerPort"], binding["protocol"]) == ("127.0.0.1", 80, "tcp")
        assert 49153 <= binding["hostPort"] <= 65535
        assert answers(f"127.0.0.1:{binding['hostPort']}")
        ports.add(binding["hostPort"])
        assert task["containers"][0]["networkInterfaces"] == task["attachments"] == []
    assert len(ports) == 3
    stop(modes, *tasks)


def test_containers_of_a_bridge_task_are_apart_and_find_each_other_by_links(modes: Modes) -> None:
    ask = "until wget -q -O - http://backend/; do sleep 0.2; done; wget -q -O - $ECS_CONTAINER_METADATA_URI_V4; echo"
    modes.define(
        "linked",
        "bridge",
        container(portMappings=[{"containerPort": 80}, {"containerPortRange": "9000-9003"}]),
        shell(
            f"httpd -p 80 -h /tmp; {ask}; {SLEEP[-1]}",
            "front",
            links=["app:backend"],
            hostname="front-end",
            logConfiguration={
                "logDriver": "awslogs",
                "options": {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t"},
            },
        ),
    )
    task = modes.run("linked")
    single, ranged = bindings(task)
    assert ranged["containerPortRange"] == "9000-9003"
    first, last = map(int, ranged["hostPortRange"].split("-"))
    assert last - first == 3
    assert bindings(task, "front") == []
    said = eventually(lambda: [m for m in modes.homeport.messages(task["taskArn"], "front") if "DockerId" in m])
    told = json.loads(said[0])
    assert told["Networks"][0]["NetworkMode"] == "bridge"
    assert "Hello" in answers(f"127.0.0.1:{single['hostPort']}")
    shown = modes.homeport.containers(task["taskArn"])
    assert sorted(shown) == ["app", "front", "~internal~ecs~pause-app", "~internal~ecs~pause-front"]
    assert shown["~internal~ecs~pause-front"]["Config"]["Hostname"] == "front-end"
    stop(modes, task)


def test_a_fixed_port_is_one_tasks_of_a_virtual_host(modes: Modes) -> None:
    port = free_port()
    modes.define("fixed", "bridge", container(portMappings=[{"containerPort": 80, "hostPort": port}]))
    first, second = modes.run("fixed"), modes.run("fixed")
    assert first["containerInstanceArn"] != second["containerInstanceArn"]
    assert bindings(first)[0]["bindIP"] == "127.0.0.1"
    [elsewhere] = bindings(second)
    assert elsewhere["hostPort"] == port and elsewhere["bindIP"] != "127.0.0.1"
    for [binding] in (bindings(first), bindings(second)):
        assert answers(f"{binding['bindIP']}:{port}")
    third = modes.ecs.run_task(cluster=CLUSTER, taskDefinition="fixed", launchType="EC2")
    assert {failure["reason"] for failure in third["failures"]} == {"RESOURCE:PORTS"}
    stop(modes, first, second)


def test_a_fixed_port_that_a_stranger_has_fails_as_on_aws(modes: Modes) -> None:
    port = free_port()
    stranger = engine().create_container(
        IMAGE,
        host_config=engine().create_host_config(port_bindings={80: ("127.0.0.1", port)}),
        ports=[80],
    )["Id"]
    try:
        engine().start(stranger)
        modes.define("late", "bridge", container(portMappings=[{"containerPort": 80, "hostPort": port}]))
        task = modes.homeport.stopped(modes.start("late"))
        assert task["stopCode"] == "TaskFailedToStart"
        assert task["stoppedReason"].startswith("CannotStartContainerError: Error response from daemon: ")
        assert "port is already allocated" in task["stoppedReason"]
    finally:
        engine().remove_container(stranger, force=True)


def test_a_restarted_container_keeps_its_port(modes: Modes) -> None:
    modes.define(
        "again",
        "bridge",
        container(portMappings=[{"containerPort": 80}], restartPolicy={"enabled": True, "restartAttemptPeriod": 60}),
    )
    task = modes.run("again")
    [binding] = bindings(task)
    address = f"127.0.0.1:{binding['hostPort']}"
    assert answers(address)
    modes.homeport.pass_time(61)
    app = modes.homeport.containers(task["taskArn"])["app"]
    engine().kill(app["Id"], "SIGKILL")
    eventually(
        lambda: modes.homeport.containers(task["taskArn"])["app"]["State"]["StartedAt"] != app["State"]["StartedAt"]
    )
    assert answers(address)
    eventually(lambda: bindings(modes.homeport.task(task["taskArn"])) == [binding])
    stop(modes, task)


def test_host_mode_is_this_hosts_network(modes: Modes) -> None:
    port = free_port()
    ask = f"wget -q -O - $ECS_CONTAINER_METADATA_URI_V4 > /www/index.html; httpd -f -p 127.0.0.1:{port} -h /www"
    modes.define("host", "host", shell(ask, portMappings=[{"containerPort": port}]))
    task = modes.run("host")
    assert bindings(task) == [{"bindIP": "0.0.0.0", "containerPort": port, "hostPort": port, "protocol": "tcp"}]
    assert "DockerId" in answers(f"127.0.0.1:{port}")
    assert modes.homeport.containers(task["taskArn"])["app"]["HostConfig"]["NetworkMode"] == "host"
    stop(modes, task)


def test_none_has_only_its_own_loopback(modes: Modes) -> None:
    modes.define(
        "none", "none", shell("ip -o link | grep -vq LOOPBACK && exit 3; env | grep -q 169.254 && exit 4; exit 5")
    )
    task = modes.homeport.stopped(modes.start("none"))
    assert task["containers"][0]["exitCode"] == 5
    assert bindings(task) == []


def test_awsvpc_on_an_instance(modes: Modes) -> None:
    modes.define("vpc", "awsvpc", container(portMappings=[{"containerPort": 80}]))
    network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}
    task = modes.run("vpc", networkConfiguration=network)
    assert bindings(task) == []
    assert answers(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])
    stop(modes, task)


def test_bridge_tasks_outlive_a_crash_of_the_emulator(modes: Modes) -> None:
    modes.define("lasting", "bridge", container(portMappings=[{"containerPort": 80}]))
    task = modes.run("lasting")
    [binding] = bindings(task)
    modes.homeport.kill()
    assert answers(f"127.0.0.1:{binding['hostPort']}")
    modes.homeport.start()
    after = modes.homeport.running(task["taskArn"])
    assert bindings(after) == [binding]
    other = modes.run("lasting")
    assert bindings(other)[0]["hostPort"] != binding["hostPort"]
    stop(modes, task, other)
