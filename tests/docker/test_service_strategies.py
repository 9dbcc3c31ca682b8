"""Daemons and task sets on the real engine, each by its events, counts and containers."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest

from tests.docker.homeport import NETWORK, SLEEP, Homeport, container, eventually

pytestmark = pytest.mark.docker

CLUSTER = "daemons"


class Daemons:
    """Cluster `daemons` with three t3.medium, added by the command, and a daemon `agent`."""

    def __init__(self, homeport: Homeport) -> None:
        self.homeport = homeport
        self.ecs = homeport.client("ecs")
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.arns = [self.add(zone) for zone in "abc"]
        self.define("agent", 128)
        self.define("job", 512)
        self.ecs.create_service(
            cluster=CLUSTER,
            serviceName="agent",
            taskDefinition="agent",
            schedulingStrategy="DAEMON",
            launchType="EC2",
            networkConfiguration=NETWORK,
        )

    def add(self, zone: str) -> str:
        command = f"{sys.executable} -m emulator add-instance --endpoint {self.homeport.url}"
        return self.homeport.shell(f"{command} --type t3.medium --az {zone} --cluster {CLUSTER}").split()[-1]

    def define(self, family: str, cpu: int) -> None:
        image = container(command=SLEEP, cpu=cpu)
        self.homeport.define(family, image, requiresCompatibilities=["EC2"], cpu=str(cpu), memory="128")

    def hosts(self, family: str) -> Counter[str]:
        """Tasks by instance, each with its container running on the engine."""
        arns = self.ecs.list_tasks(cluster=CLUSTER, family=family)["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []
        running = [t for t in tasks if t["lastStatus"] == "RUNNING"]
        return Counter(t["containerInstanceArn"] for t in running if self.homeport.shows_running(t["taskArn"]))

    def shown(self) -> dict[str, Any]:
        return self.ecs.describe_services(cluster=CLUSTER, services=["agent"])["services"][0]  # type: ignore[no-any-return]


def test_a_daemon_on_three_instances_of_which_one_is_drained(own_homeport: Homeport) -> None:
    daemons = Daemons(own_homeport)
    first, second, third = daemons.arns
    eventually(lambda: daemons.hosts("agent") == dict.fromkeys(daemons.arns, 1))
    waits = f"aws --endpoint-url {own_homeport.url} ecs wait services-stable --cluster {CLUSTER} --services agent"
    own_homeport.shell(waits)
    assert (daemons.shown()["desiredCount"], daemons.shown()["runningCount"]) == (3, 3)
    own_homeport.pass_time(41)
    steady = "(service agent) has reached a steady state."
    eventually(lambda: daemons.shown()["events"][0]["message"] == steady)

    request = {"cluster": CLUSTER, "taskDefinition": "job", "networkConfiguration": NETWORK}
    alone = daemons.ecs.start_task(containerInstances=[first], **request)["tasks"][0]["taskArn"]
    eventually(lambda: daemons.hosts("job") == {first: 1})
    daemons.ecs.update_container_instances_state(cluster=CLUSTER, containerInstances=[first], status="DRAINING")
    eventually(lambda: daemons.shown()["desiredCount"] == 2)
    assert daemons.hosts("agent")[first] == 1, "it goes last"
    daemons.ecs.stop_task(cluster=CLUSTER, task=alone)
    eventually(lambda: daemons.hosts("agent") == {second: 1, third: 1})
    fourth = daemons.add("a")
    eventually(lambda: daemons.hosts("agent") == {second: 1, third: 1, fourth: 1})
    assert len(own_homeport.apps("agent")) == 3

    daemons.ecs.delete_service(cluster=CLUSTER, service="agent")
    eventually(lambda: daemons.shown()["status"] == "INACTIVE")
    eventually(lambda: not own_homeport.apps("agent"))


def test_task_sets_run_scale_take_turns_and_go(own_homeport: Homeport) -> None:
    ecs = own_homeport.client("ecs")
    for cpu in (10, 20):
        own_homeport.define("sets", container(command=SLEEP, cpu=cpu))
    where = {"cluster": "default", "service": "sets"}
    ecs.create_service(serviceName="sets", deploymentController={"type": "EXTERNAL"}, desiredCount=2)

    def make(revision: int, scale: float) -> str:
        made = ecs.create_task_set(
            **where,
            taskDefinition=f"sets:{revision}",
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            scale={"value": scale, "unit": "PERCENT"},
        )["taskSet"]
        return str(made["id"])

    def stable(id_: str) -> bool:
        own_homeport.pass_time(10)
        [found] = ecs.describe_task_sets(**where, taskSets=[id_])["taskSets"]
        return bool(found["stabilityStatus"] == "STEADY_STATE")

    def revisions() -> Counter[str]:
        return Counter(own_homeport.apps("sets").values())

    blue = make(1, 100.0)
    ecs.update_service_primary_task_set(**where, primaryTaskSet=blue)
    eventually(lambda: stable(blue))
    assert revisions() == {"1": 2}
    before = set(own_homeport.apps("sets"))
    green = make(2, 50.0)
    eventually(lambda: stable(green))
    assert revisions() == {"1": 2, "2": 1}
    ecs.update_task_set(**where, taskSet=green, scale={"value": 100.0, "unit": "PERCENT"})
    eventually(lambda: stable(green))
    assert revisions() == {"1": 2, "2": 2}
    assert before <= set(own_homeport.apps("sets"))
    ecs.update_service(service="sets", desiredCount=3)
    eventually(lambda: revisions() == {"1": 3, "2": 3})
    ecs.update_service_primary_task_set(**where, primaryTaskSet=green)
    ecs.delete_task_set(**where, taskSet=blue, force=True)
    eventually(lambda: revisions() == {"2": 3})
    [service] = ecs.describe_services(services=["sets"])["services"]
    assert [(s["id"], s["status"]) for s in service["taskSets"]] == [(green, "PRIMARY")]
    assert service["taskDefinition"].endswith("sets:2")
    assert (service["desiredCount"], service["runningCount"], service["deployments"]) == (3, 3, [])
    said = [event["message"] for event in service["events"]]
    assert any(text.startswith(f"(service sets, taskSet {green}) has started 1 tasks: (task ") for text in said)
    assert any(text.startswith(f"(service sets, taskSet {blue}) has stopped 3 running tasks: ") for text in said)

    own_homeport.kill()
    running = own_homeport.apps("sets")
    own_homeport.start()
    own_homeport.pass_time(60)
    assert own_homeport.apps("sets") == running, "they are adopted"
    ecs.delete_service(service="sets", force=True)
    eventually(lambda: not own_homeport.apps("sets"))
