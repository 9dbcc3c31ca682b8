"""DAEMON services on the simulated engine: one task on each container instance, through all that befalls them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.ecs_scene import refuses
from tests.services.instance_scene import EVERYWHERE, ec2_definition, provide_image, register, run_on_ec2


class Daemons:
    """Cluster `c` with a daemon `agent` of 100 CPU units."""

    def __init__(self, emulator: Emulator, aws: Aws, clock: VirtualClock) -> None:
        self.emulator, self.clock, self.ecs = emulator, clock, aws("ecs")
        provide_image(emulator)
        self.ecs.create_cluster(clusterName="c")
        self.ecs.register_task_definition(**ec2_definition(family="agent", container={"cpu": 100}))
        self.ecs.register_task_definition(**ec2_definition(container={"cpu": 900}))

    def create(self, **members: Any) -> dict[str, Any]:
        request = {
            "cluster": "c",
            "serviceName": "agent",
            "taskDefinition": "agent",
            "launchType": "EC2",
            "schedulingStrategy": "DAEMON",
            "networkConfiguration": EVERYWHERE,
            **members,
        }
        return self.ecs.create_service(**request)["service"]  # type: ignore[no-any-return]

    def pass_time(self, seconds: float = 120) -> None:
        self.emulator.plane.advance(seconds, self.clock.advance)

    def hosts(self, family: str = "agent") -> Counter[str]:
        arns = self.ecs.list_tasks(cluster="c", family=family)["taskArns"]
        tasks = self.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"] if arns else []
        return Counter(t["containerInstanceArn"] for t in tasks if t["lastStatus"] == "RUNNING")

    def shown(self) -> dict[str, Any]:
        return self.ecs.describe_services(cluster="c", services=["agent"])["services"][0]  # type: ignore[no-any-return]

    def messages(self) -> list[str]:
        return [event["message"] for event in self.shown()["events"]]

    def set_state(self, arn: str, status: str) -> None:
        self.ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status=status)

    def stable(self) -> bool:
        service = self.shown()
        return len(service["deployments"]) == 1 and service["runningCount"] == service["desiredCount"]


@pytest.fixture
def daemons(emulator: Emulator, aws: Aws, clock: VirtualClock) -> Daemons:
    return Daemons(emulator, aws, clock)


def test_one_on_each_of_three_instances_and_on_the_next(daemons: Daemons) -> None:
    arns = [register(daemons.ecs, n, zone="abc"[n])["containerInstanceArn"] for n in range(3)]
    made = daemons.create()
    assert made["schedulingStrategy"] == "DAEMON"
    assert made["availabilityZoneRebalancing"] == "DISABLED"
    assert made["deploymentConfiguration"]["minimumHealthyPercent"] == 0
    assert made["deploymentConfiguration"]["maximumPercent"] == 100
    daemons.pass_time()
    assert daemons.hosts() == dict.fromkeys(arns, 1)
    assert daemons.shown()["desiredCount"] == daemons.shown()["runningCount"] == 3
    assert "(service agent) has reached a steady state." in daemons.messages()
    assert daemons.ecs.list_services(cluster="c", schedulingStrategy="DAEMON")["serviceArns"] == [made["serviceArn"]]

    fourth = register(daemons.ecs, 3)["containerInstanceArn"]
    daemons.pass_time()
    assert daemons.hosts() == dict.fromkeys([*arns, fourth], 1)
    assert daemons.stable()


def test_without_instances_none_is_desired(daemons: Daemons) -> None:
    daemons.create()
    daemons.pass_time()
    assert daemons.shown()["desiredCount"] == 0
    assert daemons.stable()


def test_a_killed_daemon_is_replaced_where_it_was(daemons: Daemons) -> None:
    arns = [register(daemons.ecs, n)["containerInstanceArn"] for n in range(2)]
    daemons.create()
    daemons.pass_time()
    [first, _] = daemons.ecs.list_tasks(cluster="c", family="agent")["taskArns"]
    daemons.ecs.stop_task(cluster="c", task=first)
    daemons.pass_time()
    assert daemons.hosts() == dict.fromkeys(arns, 1)
    assert first not in daemons.ecs.list_tasks(cluster="c", family="agent")["taskArns"]


def test_a_draining_instance_loses_its_daemon_last(daemons: Daemons) -> None:
    arns = [register(daemons.ecs, n)["containerInstanceArn"] for n in range(2)]
    daemons.create()
    daemons.pass_time()
    daemons.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="job", desiredCount=2, launchType="EC2",
        networkConfiguration=EVERYWHERE,
    )  # fmt: skip
    alone = run_on_ec2(
        daemons.ecs, placementConstraints=[{"type": "memberOf", "expression": f"ec2InstanceId == i-{0:017x}"}]
    )["tasks"][0]["taskArn"]
    daemons.pass_time()
    daemons.set_state(arns[0], "DRAINING")
    daemons.pass_time()
    assert daemons.hosts("job")[arns[0]] == 1, "the service's task has left, the one run alone stays"
    assert daemons.hosts() == dict.fromkeys(arns, 1)
    assert daemons.shown()["desiredCount"] == 1
    daemons.ecs.stop_task(cluster="c", task=alone)
    daemons.pass_time()
    assert daemons.hosts() == {arns[1]: 1}
    assert daemons.stable()

    daemons.set_state(arns[0], "ACTIVE")
    daemons.pass_time()
    assert daemons.hosts() == dict.fromkeys(arns, 1)


def test_constraints_choose_and_their_violation_stops(daemons: Daemons) -> None:
    arns = [register(daemons.ecs, n)["containerInstanceArn"] for n in range(2)]
    marked = {"name": "stack", "value": "prod", "targetId": arns[0]}
    daemons.ecs.put_attributes(cluster="c", attributes=[marked])
    daemons.create(placementConstraints=[{"type": "memberOf", "expression": "attribute:stack == prod"}])
    daemons.pass_time()
    assert daemons.hosts() == {arns[0]: 1}
    assert daemons.shown()["desiredCount"] == 1
    daemons.ecs.put_attributes(cluster="c", attributes=[{**marked, "targetId": arns[1]}])
    daemons.ecs.delete_attributes(cluster="c", attributes=[marked])
    daemons.pass_time()
    assert daemons.hosts() == {arns[1]: 1}


def test_a_full_instance_is_desired_and_said_to_be_full(daemons: Daemons) -> None:
    full, free = (register(daemons.ecs, n)["containerInstanceArn"] for n in range(2))
    for _ in range(4):
        run_on_ec2(daemons.ecs, placementConstraints=[{"type": "distinctInstance"}])
    daemons.ecs.register_task_definition(**ec2_definition(family="agent", container={"cpu": 1500}))
    daemons.create()
    daemons.pass_time()
    assert daemons.shown()["desiredCount"] == 2
    assert sum("was unable to place a task" in message for message in daemons.messages()) == 1
    for arn in daemons.ecs.list_tasks(cluster="c", family="job")["taskArns"]:
        daemons.ecs.stop_task(cluster="c", task=arn)
    daemons.pass_time()
    assert daemons.hosts() == {full: 1, free: 1}


def test_an_update_replaces_within_the_minimum(daemons: Daemons) -> None:
    arns = [register(daemons.ecs, n)["containerInstanceArn"] for n in range(3)]
    daemons.create(deploymentConfiguration={"minimumHealthyPercent": 50})
    daemons.pass_time()
    daemons.ecs.register_task_definition(**ec2_definition(family="agent", container={"cpu": 120}))
    daemons.ecs.update_service(cluster="c", service="agent", taskDefinition="agent")
    daemons.emulator.plane.settle()
    assert daemons.shown()["runningCount"] >= 2
    daemons.pass_time(300)
    assert daemons.hosts() == dict.fromkeys(arns, 1)
    [deployment] = daemons.shown()["deployments"]
    assert deployment["taskDefinition"].endswith("agent:2")
    assert deployment["rolloutState"] == "COMPLETED"


def test_what_a_daemon_refuses(daemons: Daemons) -> None:
    with refuses(
        "InvalidParameterException",
        "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value "
        "and try again",
    ):
        daemons.create(desiredCount=2)
    with refuses("InvalidParameterException", "placement strategies", part=True):
        daemons.create(placementStrategy=[{"type": "random"}])
    with refuses("InvalidParameterException", "does not support the DAEMON scheduling strategy", part=True):
        daemons.create(launchType="FARGATE")
    with refuses("InvalidParameterException", "does not support values for maximumPercent", part=True):
        daemons.create(deploymentConfiguration={"maximumPercent": 200})
    register(daemons.ecs)
    made = daemons.create()
    assert daemons.create()["serviceArn"] == made["serviceArn"], "the same again is the same service"
    daemons.pass_time()
    with refuses("InvalidParameterException", "desired count", part=True):
        daemons.ecs.update_service(cluster="c", service="agent", desiredCount=1)
    daemons.ecs.update_service(cluster="c", service="agent", enableECSManagedTags=True)
    assert daemons.ecs.delete_service(cluster="c", service="agent")["service"]["status"] == "DRAINING"
    daemons.pass_time()
    assert daemons.shown()["status"] == "INACTIVE"
    assert daemons.hosts() == {}
