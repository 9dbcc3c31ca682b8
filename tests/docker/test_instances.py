"""Container instances on the real engine: real containers placed on two virtual hosts, drained, and deregistered."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import Any

import pytest

from tests.docker.homeport import AWSLOGS, NETWORK, ROOT, SLEEP, Homeport, container, eventually, shell
from tests.docker.walkthrough import follow

pytestmark = pytest.mark.docker

CLUSTER = "hosts"
TOLD = (
    "env | grep -E '^AWS_EXECUTION_ENV='; wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task; echo; "
    "trap 'exit 0' TERM; while :; do sleep 0.1; done"
)


class Hosts:
    """Cluster `hosts` with two m5.large, in zones a and b, added by the command; a task takes 900 of 2048 units."""

    def __init__(self, homeport: Homeport) -> None:
        self.homeport = homeport
        self.ecs = homeport.client("ecs")
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.arns = [self.add(zone) for zone in "ab"]

    def add(self, zone: str) -> str:
        command = f"{sys.executable} -m emulator add-instance --endpoint {self.homeport.url}"
        said = self.homeport.shell(f"{command} --type m5.large --az {zone} --cluster {CLUSTER}")
        return said.split()[-1]

    def define(self, family: str, definition: dict[str, Any]) -> None:
        self.homeport.define(
            family, {**definition, "cpu": 900}, requiresCompatibilities=["EC2"], cpu="900", memory="256"
        )

    def tasks(self, **filters: Any) -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster=CLUSTER, **filters)["taskArns"]
        found: list[dict[str, Any]] = self.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []
        return found

    def running(self) -> Counter[str]:
        """Tasks by instance whose container runs on the engine."""
        found = [t for t in self.tasks() if t["lastStatus"] == "RUNNING"]
        return Counter(t["containerInstanceArn"] for t in found if self.homeport.shows_running(t["taskArn"]))

    def stays(self, expected: dict[str, int], within_s: float = 110) -> None:
        """Until the tasks run so, moving the clock past the 40 seconds after which a task counts as healthy."""

        def look() -> bool:
            if self.running() == expected and len(self.tasks()) == sum(expected.values()):
                return True
            self.homeport.pass_time(41)
            return False

        eventually(look, within_s)


@pytest.fixture
def hosts(own_homeport: Homeport) -> Hosts:
    return Hosts(own_homeport)


def test_a_service_on_two_hosts_is_drained_and_comes_back(hosts: Hosts) -> None:
    first, second = hosts.arns
    hosts.define("web", container(command=SLEEP))
    hosts.ecs.create_service(
        cluster=CLUSTER,
        serviceName="web",
        taskDefinition="web",
        desiredCount=2,
        launchType="EC2",
        networkConfiguration=NETWORK,
    )
    hosts.stays({first: 1, second: 1})
    shown = hosts.homeport.shell(f"{sys.executable} -m emulator status --endpoint {hosts.homeport.url}")
    assert "1148/2048" in shown and "us-east-1b" in shown
    hosts.ecs.update_container_instances_state(cluster=CLUSTER, containerInstances=[first], status="DRAINING")
    hosts.stays({second: 2})

    def left() -> tuple[int, int]:
        [drained] = hosts.ecs.describe_container_instances(cluster=CLUSTER, containerInstances=[first])[
            "containerInstances"
        ]
        return drained["runningTasksCount"], drained["pendingTasksCount"]

    eventually(lambda: left() == (0, 0))
    # The other one goes: its tasks stop, and their replacements wait until there is room.
    hosts.ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=second, force=True)
    eventually(lambda: not hosts.running())

    def newest_event() -> str:
        [web] = hosts.ecs.describe_services(cluster=CLUSTER, services=["web"])["services"]
        return str(web["events"][0]["message"])

    # The scheduler looks once the tasks have stopped on record, a moment after their containers.
    eventually(lambda: "No Container Instances were found in your cluster." in newest_event())
    hosts.ecs.update_container_instances_state(cluster=CLUSTER, containerInstances=[first], status="ACTIVE")
    hosts.stays({first: 2})
    # A host in another zone: one task more there, and once it is healthy one fewer here.
    hosts.homeport.pass_time(41)
    third = hosts.add("b")
    hosts.stays({first: 1, third: 1})
    hosts.homeport.pass_time(41)

    def service() -> dict[str, Any]:
        [found] = hosts.ecs.describe_services(cluster=CLUSTER, services=["web"])["services"]
        return found  # type: ignore[no-any-return]

    eventually(lambda: any("is AZ balanced" in event["message"] for event in service()["events"]))
    web = service()
    assert (web["desiredCount"], web["runningCount"], len(web["deployments"])) == (2, 2, 1)
    told = [re.sub(r"[0-9a-f]{32}", "T", event["message"]) for event in reversed(web["events"])]
    zones = "us-east-1a", "us-east-1b"
    assert [text for text in told if "AZ" in text] == [
        f"(service web) is not AZ balanced with 2 tasks in {zones[0]}, 0 in {zones[1]}. AZ Rebalancing in progress.",
        f"web has started 1 tasks in {zones[1]} to AZ Rebalance: (task T).",
        f"web has stopped 1 running tasks in {zones[0]} due to AZ rebalancing: (task T).",
        f"(service web) is AZ balanced with 1 tasks in {zones[0]}, 1 in {zones[1]}.",
    ]


def test_a_task_on_an_instance_knows_where_it_is(hosts: Hosts) -> None:
    hosts.homeport.client("logs")
    hosts.define("told", shell(TOLD, logConfiguration=AWSLOGS))
    answer = hosts.ecs.start_task(
        cluster=CLUSTER, taskDefinition="told", containerInstances=[hosts.arns[1]], networkConfiguration=NETWORK
    )
    task = answer["tasks"][0]["taskArn"]
    hosts.homeport.running(task)
    environment, document = eventually(lambda: (said := hosts.homeport.messages(task))[1:] and said[:2])
    assert environment == "AWS_EXECUTION_ENV=AWS_ECS_EC2"
    told = json.loads(document)
    assert (told["LaunchType"], told["Cluster"], told["AvailabilityZone"]) == ("EC2", CLUSTER, "us-east-1b")
    assert told["VPCID"].startswith("vpc-")
    assert [(c["Name"], c["Type"]) for c in told["Containers"]] == [
        ("app", "NORMAL"),
        ("~internal~ecs~pause", "CNI_PAUSE"),
    ]


def test_instances_and_their_tasks_survive_a_crash(hosts: Hosts) -> None:
    hosts.define("web", container(command=SLEEP))
    request = {"cluster": CLUSTER, "taskDefinition": "web", "launchType": "EC2", "networkConfiguration": NETWORK}
    tasks = hosts.ecs.run_task(count=4, **request)["tasks"]
    for task in tasks:
        hosts.homeport.running(task["taskArn"])
    started = hosts.homeport.started()
    hosts.homeport.kill()
    hosts.homeport.start()
    assert hosts.homeport.started() == started
    assert hosts.running() == dict.fromkeys(hosts.arns, 2)
    # What they hold is still held.
    answer = hosts.ecs.run_task(**request)
    assert answer["tasks"] == []
    assert {f["reason"] for f in answer["failures"]} == {"RESOURCE:CPU"}
    hosts.ecs.stop_task(cluster=CLUSTER, task=tasks[0]["taskArn"])
    hosts.homeport.stopped(tasks[0]["taskArn"])
    assert len(hosts.ecs.run_task(**request)["tasks"]) == 1


def test_the_example_runs_as_written(own_homeport: Homeport) -> None:
    command = f"{sys.executable} -m emulator"
    words = {verb: f"{command} {verb} --endpoint {own_homeport.url}" for verb in ("add-instance", "clock")}
    replaced = {f"homeport {verb}": f"PYTHONPATH={ROOT} {words[verb]}" for verb in words}
    assert follow(own_homeport, "instances", **replaced) == 3
