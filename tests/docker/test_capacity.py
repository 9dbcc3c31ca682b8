"""Capacity providers on the real engine: real containers wait for hosts, run on them, move when one drains or goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.docker.homeport import NETWORK, SLEEP, Homeport, container, eventually
from tests.docker.walkthrough import follow

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


def test_the_lab_runs_as_written(own_homeport: Homeport) -> None:
    counted = "--filter label=com.amazonaws.ecs.container-name=app"  # on an engine that others may use beside us
    own = f"{counted} --filter label=homeport.instance={own_homeport.instance}"
    assert follow(own_homeport, "capacity-lab", within_s=540, **{counted: own}) == 7


def test_managed_instances_come_for_a_task_and_go_when_it_has_stopped(homeport: Homeport) -> None:
    """ECS itself launches a host for a task that waits; the container runs; the idle host goes by the clock."""
    ecs, ec2 = homeport.client("ecs"), homeport.client("ec2")
    ecs.create_cluster(clusterName="managed")
    ecs.create_capacity_provider(
        name="managed",
        cluster="managed",
        managedInstancesProvider={
            "infrastructureRoleArn": "arn:aws:iam::123456789012:role/ecsInfrastructureRole",
            "instanceLaunchTemplate": {
                "ec2InstanceProfileArn": "arn:aws:iam::123456789012:instance-profile/ecsInstanceRole",
                "networkConfiguration": {"subnets": ["subnet-aaaa"]},
                "instanceRequirements": {"vCpuCount": {"min": 2, "max": 4}, "memoryMiB": {"min": 4096, "max": 16384}},
            },
            "infrastructureOptimization": {"scaleInAfter": 300},
        },
    )
    homeport.define(
        "on-managed", container(command=SLEEP), requiresCompatibilities=["MANAGED_INSTANCES"], cpu="1024", memory="512"
    )
    arns = [
        task["taskArn"]
        for task in ecs.run_task(
            cluster="managed",
            taskDefinition="on-managed",
            count=2,
            capacityProviderStrategy=[{"capacityProvider": "managed", "weight": 1}],
            networkConfiguration=NETWORK,
        )["tasks"]
    ]

    def tasks(status: str) -> list[dict[str, Any]]:
        found = ecs.describe_tasks(cluster="managed", tasks=arns)["tasks"]
        return found if {task["lastStatus"] for task in found} == {status} else []

    running = eventually(lambda: tasks("RUNNING"))
    [host] = ecs.list_container_instances(cluster="managed")["containerInstanceArns"]
    assert {(task["containerInstanceArn"], task["launchType"]) for task in running} == {(host, "MANAGED_INSTANCES")}
    for arn in arns:
        assert homeport.containers(arn)["app"]["State"]["Running"]
    [shown] = ecs.describe_container_instances(cluster="managed", containerInstances=[host])["containerInstances"]
    assert shown["capacityProviderName"] == "managed"

    def state() -> str:
        [reservation] = ec2.describe_instances(InstanceIds=[shown["ec2InstanceId"]])["Reservations"]
        return str(reservation["Instances"][0]["State"]["Name"])

    assert state() == "running"
    for arn in arns:
        ecs.stop_task(cluster="managed", task=arn)
    eventually(lambda: tasks("STOPPED"))
    assert state() == "running"
    homeport.pass_time(301)
    eventually(lambda: state() == "terminated")
    assert ecs.list_container_instances(cluster="managed")["containerInstanceArns"] == []
