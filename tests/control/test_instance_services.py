"""Services on container instances, on the simulated engine: placed, waiting for room, drained, deregistered."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.instance_scene import EVERYWHERE, ec2_definition, provide_image, register, run_on_ec2


class Cluster:
    """Cluster `c`, the definition `job` of 900 CPU units, so that two tasks fit on an m5.large."""

    def __init__(self, emulator: Emulator, aws: Aws, clock: VirtualClock) -> None:
        self.emulator, self.clock, self.ecs = emulator, clock, aws("ecs")
        provide_image(emulator)
        self.ecs.create_cluster(clusterName="c")
        self.ecs.register_task_definition(**ec2_definition(container={"cpu": 900}))

    def serve(self, count: int, **members: Any) -> None:
        self.ecs.create_service(
            cluster="c",
            serviceName="web",
            taskDefinition="job",
            desiredCount=count,
            launchType="EC2",
            networkConfiguration=EVERYWHERE,
            **members,
        )

    def pass_time(self, seconds: float = 300) -> None:
        self.emulator.plane.advance(seconds, self.clock.advance)

    def hosts(self) -> Counter[str]:
        arns = self.ecs.list_tasks(cluster="c")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"] if arns else []
        return Counter(t["containerInstanceArn"] for t in tasks if t["lastStatus"] == "RUNNING")

    def drain(self, arn: str) -> None:
        self.ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status="DRAINING")

    def messages(self) -> list[str]:
        [service] = self.ecs.describe_services(cluster="c", services=["web"])["services"]
        return [event["message"] for event in service["events"]]


@pytest.fixture
def cluster(emulator: Emulator, aws: Aws, clock: VirtualClock) -> Cluster:
    return Cluster(emulator, aws, clock)


def test_tasks_are_spread_over_zones_and_instances(cluster: Cluster) -> None:
    arns = [register(cluster.ecs, n, zone="aab"[n])["containerInstanceArn"] for n in range(3)]
    cluster.serve(4)
    cluster.pass_time()
    assert cluster.hosts() == {arns[0]: 1, arns[1]: 1, arns[2]: 2}
    assert any("has reached a steady state" in message for message in cluster.messages())
    counts = [
        i["runningTasksCount"]
        for i in cluster.ecs.describe_container_instances(cluster="c", containerInstances=arns)["containerInstances"]
    ]
    assert counts == [1, 1, 2]


def test_room_that_comes_is_used_at_once(cluster: Cluster) -> None:
    [first] = [register(cluster.ecs)["containerInstanceArn"]]
    cluster.serve(3)
    cluster.pass_time()
    assert cluster.hosts() == {first: 2}
    full = f"The closest matching (container-instance {first.rpartition('/')[2]}) has insufficient CPU units available."
    assert sum(full in message for message in cluster.messages()) == 1
    second = register(cluster.ecs, 1)["containerInstanceArn"]
    cluster.emulator.plane.settle()
    assert cluster.hosts() == {first: 2, second: 1}


def test_room_that_a_stopped_task_gives_back_is_used(cluster: Cluster) -> None:
    [arn] = [register(cluster.ecs)["containerInstanceArn"]]
    alone = run_on_ec2(cluster.ecs)["tasks"][0]["taskArn"]
    cluster.serve(2)
    cluster.pass_time()
    assert cluster.hosts() == {arn: 2}
    cluster.ecs.stop_task(cluster="c", task=alone)
    cluster.pass_time(60)
    assert cluster.hosts() == {arn: 2}
    assert len(cluster.ecs.list_tasks(cluster="c", serviceName="web")["taskArns"]) == 2


def test_draining_moves_service_tasks_and_leaves_others(cluster: Cluster) -> None:
    first = register(cluster.ecs, 0)["containerInstanceArn"]
    alone = run_on_ec2(cluster.ecs)["tasks"][0]["taskArn"]
    cluster.serve(1)
    cluster.pass_time()
    assert cluster.hosts() == {first: 2}
    second = register(cluster.ecs, 1)["containerInstanceArn"]
    cluster.drain(first)
    cluster.pass_time()
    assert cluster.hosts() == {first: 1, second: 1}
    [left] = cluster.ecs.list_tasks(cluster="c", containerInstance=first)["taskArns"]
    assert left == alone
    [service] = cluster.ecs.describe_services(cluster="c", services=["web"])["services"]
    counts = (service["desiredCount"], service["runningCount"], service["pendingCount"], len(service["deployments"]))
    assert counts == (1, 1, 0, 1)
    told = [message.partition("has ")[2].partition(":")[0].rstrip(".") for message in reversed(cluster.messages())]
    assert told[-3:] == ["started 1 tasks", "stopped 1 running tasks", "reached a steady state"]
    # What is active again takes tasks again.
    cluster.ecs.update_container_instances_state(cluster="c", containerInstances=[first], status="ACTIVE")
    cluster.ecs.update_service(cluster="c", service="web", desiredCount=3)
    cluster.pass_time()
    assert cluster.hosts() == {first: 2, second: 2}


def test_tasks_of_a_deregistered_instance_are_replaced(cluster: Cluster) -> None:
    first, second = (register(cluster.ecs, n)["containerInstanceArn"] for n in range(2))
    cluster.serve(2)
    cluster.pass_time()
    assert cluster.hosts() == {first: 1, second: 1}
    cluster.ecs.deregister_container_instance(cluster="c", containerInstance=first, force=True)
    cluster.pass_time()
    assert cluster.hosts() == {second: 2}
    stopped = cluster.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"]
    [task] = cluster.ecs.describe_tasks(cluster="c", tasks=stopped)["tasks"]
    assert task["stoppedReason"] == "Container instance deregistration forced by user."


def test_constraints_and_strategies_of_a_service(cluster: Cluster) -> None:
    arns = [register(cluster.ecs, n, zone="ab"[n % 2])["containerInstanceArn"] for n in range(4)]
    cluster.ecs.put_attributes(
        cluster="c", attributes=[{"name": "stack", "value": "prod", "targetId": arn} for arn in arns[:3]]
    )
    cluster.serve(
        4,
        placementConstraints=[
            {"type": "distinctInstance"},
            {"type": "memberOf", "expression": "attribute:stack == prod"},
        ],
        placementStrategy=[{"type": "binpack", "field": "memory"}],
    )
    cluster.pass_time()
    assert cluster.hosts() == dict.fromkeys(arns[:3], 1)
    text = 'encountered error "DistinctInstance placement constraint unsatisfied.".'
    assert any(text in message for message in cluster.messages())


def test_a_rolling_update_fits_into_what_is_left(cluster: Cluster) -> None:
    """With no room for a second copy, minimumHealthyPercent 0 lets the old task go first."""
    [arn] = [register(cluster.ecs)["containerInstanceArn"]]
    cluster.serve(2, deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 100})
    cluster.pass_time()
    cluster.ecs.register_task_definition(**ec2_definition(container={"cpu": 1000}))
    cluster.ecs.update_service(cluster="c", service="web", taskDefinition="job")
    cluster.pass_time(900)
    assert cluster.hosts() == {arn: 2}
    [service] = cluster.ecs.describe_services(cluster="c", services=["web"])["services"]
    assert [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"]


def test_zones_are_evened_out_when_an_instance_comes(cluster: Cluster) -> None:
    first = register(cluster.ecs, 0, kind="m5.xlarge")["containerInstanceArn"]
    cluster.serve(3)
    cluster.pass_time()
    assert cluster.hosts() == {first: 3}
    second = register(cluster.ecs, 1, zone="b")["containerInstanceArn"]
    cluster.pass_time()
    assert cluster.hosts() == {first: 2, second: 1}
    told = [message for message in cluster.messages() if "AZ" in message]
    assert any("is AZ balanced with 2 tasks in us-east-1a, 1 in us-east-1b." in message for message in told)
    stopped = cluster.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"]
    reasons = {t["stoppedReason"] for t in cluster.ecs.describe_tasks(cluster="c", tasks=stopped)["tasks"]}
    assert len(reasons) == 1
    assert reasons.pop().startswith("Availability-zone rebalancing initiated by (deployment ecs-svc/")


def test_zones_stay_as_they_are_when_that_is_wished(cluster: Cluster) -> None:
    first = register(cluster.ecs, 0, kind="m5.xlarge")["containerInstanceArn"]
    cluster.serve(3, availabilityZoneRebalancing="DISABLED")
    cluster.pass_time()
    register(cluster.ecs, 1, zone="b")
    cluster.pass_time()
    assert cluster.hosts() == {first: 3}
