"""Amazon ECS Managed Instances, whole: tasks wait, ECS launches hosts that fit, tasks run, idle hosts go."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.admin.explain import explain
from emulator.admin.explain_capacity import capacity_providers
from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.control.test_faults import add as add_fault
from tests.control.test_faults import clear
from tests.control.world import World
from tests.services.instance_scene import SUBNETS, provide_image
from tests.services.managed_scene import SMALL, hosts_of, make_managed, managed_definition, settings

STRATEGY = [{"capacityProvider": "mi", "weight": 1}]


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    provide_image(emulator)
    aws("ecs").create_cluster(clusterName="c")
    return World(emulator, clock, aws)


def scene(world: World, **members: Any) -> None:
    make_managed(world.aws, **{"requirements": SMALL, "after": 60, **members})
    world.ecs.register_task_definition(**managed_definition())
    world.settle()


def run(world: World, count: int = 1, definition: str = "job", **members: Any) -> list[str]:
    answer = world.ecs.run_task(
        cluster="c", taskDefinition=definition, count=count, capacityProviderStrategy=STRATEGY, **members
    )
    assert answer["failures"] == []
    return [task["taskArn"] for task in answer["tasks"]]


def tasks(world: World, arns: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"]
    return found


def instances(world: World, *states: str) -> list[dict[str, Any]]:
    asked = {"Name": "instance-state-name", "Values": list(states or ("pending", "running"))}
    answer = world.aws("ec2").describe_instances(Filters=[asked])
    return [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]


def explained(world: World) -> dict[str, Any]:
    return explain(world.emulator.database, world.emulator.plane, "capacity-provider/mi", world.clock.now())


def wait(world: World, seconds: float) -> None:
    """In one go: nothing runs that takes its time."""
    world.emulator.plane.advance(seconds, world.clock.advance)


def test_hosts_come_for_waiting_tasks_and_go_when_they_are_idle(world: World) -> None:
    scene(world, monitoring="DETAILED", tags=[{"key": "team", "value": "a"}], propagate="CAPACITY_PROVIDER")
    arns = run(world, 4)
    assert {(t["lastStatus"], t["launchType"], t["capacityProviderName"]) for t in tasks(world, arns)} == {
        ("PROVISIONING", "MANAGED_INSTANCES", "mi")
    }
    world.settle()
    assert [i["State"]["Name"] for i in instances(world)] == ["pending"] * 2
    world.pass_time(10)
    assert {t["lastStatus"] for t in tasks(world, arns)} == {"RUNNING"}
    there = hosts_of(world.aws)
    assert {t["containerInstanceArn"] for t in tasks(world, arns)} == {host["containerInstanceArn"] for host in there}
    assert [(h["capacityProviderName"], h["status"], h["runningTasksCount"]) for h in there] == [
        ("mi", "ACTIVE", 2)
    ] * 2
    assert there[0]["tags"] == [{"key": "team", "value": "a"}]
    for shown in instances(world):
        assert shown["Operator"] == {"Managed": True, "Principal": "ecs.amazonaws.com"}
        assert (shown["Monitoring"]["State"], shown["SubnetId"]) == ("enabled", SUBNETS[0])
        assert shown["Tags"] == [{"Key": "team", "Value": "a"}]
    for arn in arns[:2]:
        world.ecs.stop_task(cluster="c", task=arn)
    world.pass_time(45)
    assert len(instances(world)) == 2
    stopped_on = {t["containerInstanceArn"] for t in tasks(world, arns[:2])}
    world.pass_time(80)
    # Whichever hosts the two tasks stood on: one is idle, or each has one task left.
    assert len(instances(world)) == (1 if len(stopped_on) == 1 else 2)
    for arn in arns[2:]:
        world.ecs.stop_task(cluster="c", task=arn)
    world.pass_time(150)
    assert instances(world) == [] and hosts_of(world.aws) == []
    assert len(instances(world, "terminated")) == 2


def test_tasks_of_a_service_are_spread_over_zones_and_others_are_packed(world: World) -> None:
    scene(world, networkConfiguration={"subnets": SUBNETS})
    world.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="job", desiredCount=3, capacityProviderStrategy=STRATEGY
    )
    world.pass_time(30)
    [service] = world.ecs.describe_services(cluster="c", services=["web"])["services"]
    assert service["runningCount"] == 3
    assert sorted(i["Placement"]["AvailabilityZone"][-1] for i in instances(world)) == ["a", "b", "c"]
    # Three halves are free: no host is launched for as many more tasks, and one for a fourth.
    world.pass_time(1)
    run(world, 3)
    world.pass_time(10)
    assert len(instances(world)) == 3
    run(world, 2)
    world.pass_time(10)
    assert len(instances(world)) == 4


def test_a_task_that_no_permitted_type_takes_brings_no_host_and_fails(world: World) -> None:
    scene(world)
    world.ecs.register_task_definition(**managed_definition("big", cpu=4096))
    [arn] = run(world, definition="big")
    world.settle()
    assert instances(world) == []
    told = explained(world)
    assert any("no instance type that it may launch takes 1 of the waiting tasks" in word for word in told["words"])
    wait(world, 16 * 60)
    [task] = tasks(world, [arn])
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")


def test_what_explain_and_status_say(world: World) -> None:
    scene(world)
    arns = run(world, 3)
    world.settle()
    told = explained(world)
    with world.emulator.database.read() as reader:
        [line] = capacity_providers(reader)
    text = " ".join(told["words"])
    assert "Its hosts are Amazon ECS Managed Instances of the cluster c" in text
    assert "boots for 2 tasks" in text and "boots for 1 tasks" in text
    assert (line["group"], line["hosts"], line["waiting"]) == ("managed instances", 2, 3)
    world.pass_time(10)
    for arn in arns:
        world.ecs.stop_task(cluster="c", task=arn)
    world.pass_time(35)
    told = explained(world)
    assert any("idle" in word for word in told["words"])
    assert "host_launched" in str(told["history"])


def test_a_drained_host_is_replaced_and_ended(world: World) -> None:
    scene(world)
    world.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="job", desiredCount=2, capacityProviderStrategy=STRATEGY
    )
    world.pass_time(30)
    [host] = hosts_of(world.aws)
    world.ecs.update_container_instances_state(
        cluster="c", containerInstances=[host["containerInstanceArn"]], status="DRAINING"
    )
    world.pass_time(120)
    [other] = hosts_of(world.aws)
    assert other["containerInstanceArn"] != host["containerInstanceArn"]
    [service] = world.ecs.describe_services(cluster="c", services=["web"])["services"]
    assert service["runningCount"] == 2
    assert [i["InstanceId"] for i in instances(world)] == [other["ec2InstanceId"]]


def test_a_host_is_replaced_when_it_is_two_weeks_old(world: World) -> None:
    scene(world)
    world.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="job", desiredCount=1, capacityProviderStrategy=STRATEGY
    )
    world.pass_time(30)
    [before] = hosts_of(world.aws)
    wait(world, 14 * 86_400.0)
    world.pass_time(120)
    [after] = hosts_of(world.aws)
    assert after["containerInstanceArn"] != before["containerInstanceArn"]


def test_idle_hosts_stay_when_optimization_is_off_and_a_change_holds_for_them(world: World) -> None:
    scene(world, after=-1)
    [arn] = run(world)
    world.pass_time(10)
    world.ecs.stop_task(cluster="c", task=arn)
    wait(world, 7200)
    assert len(hosts_of(world.aws)) == 1
    changed = settings(requirements=SMALL, after=0)
    world.ecs.update_capacity_provider(name="mi", cluster="c", managedInstancesProvider=changed)
    world.pass_time(10)
    assert hosts_of(world.aws) == []


def test_a_deregistered_host_ends_and_its_tasks_with_it(world: World) -> None:
    scene(world)
    [arn] = run(world)
    world.pass_time(10)
    [host] = hosts_of(world.aws)
    world.ecs.deregister_container_instance(cluster="c", containerInstance=host["containerInstanceArn"], force=True)
    world.pass_time(60)
    assert instances(world) == []
    assert tasks(world, [arn])[0]["lastStatus"] == "STOPPED"


def test_no_host_follows_another_without_end(world: World) -> None:
    """In a zone that is lost no host is launched; one that is cut off is followed by another after a minute."""
    scene(world)
    lost = add_fault(world, "zone-loss", zone="us-east-1a")
    run(world)
    world.pass_time(30)
    assert instances(world) == []
    clear(world, lost["id"])
    world.settle()
    assert len(instances(world)) == 1
    cut = add_fault(world, "zone-loss", zone="us-east-1a")
    world.pass_time(50)
    assert len(instances(world)) == 1 and hosts_of(world.aws)[0]["agentConnected"] is False
    clear(world, cut["id"])
    world.pass_time(20)
    assert len(instances(world)) == 1 and hosts_of(world.aws)[0]["runningTasksCount"] == 1


def test_tasks_of_launch_type_ec2_do_not_go_there(world: World) -> None:
    scene(world)
    run(world)
    world.pass_time(10)
    world.ecs.register_task_definition(**managed_definition("plain", requiresCompatibilities=["EC2"]))
    with pytest.raises(Exception, match="No Container Instances were found"):
        world.ecs.run_task(cluster="c", taskDefinition="plain", launchType="EC2")


def test_deletion_ends_the_hosts_and_frees_the_cluster(world: World) -> None:
    scene(world, after=3600)
    [arn] = run(world)
    world.pass_time(10)
    kept = world.ecs.delete_capacity_provider(capacityProvider="mi")["capacityProvider"]
    assert kept["updateStatus"] == "DELETE_FAILED" and "tasks that have not stopped" in kept["updateStatusReason"]
    world.ecs.stop_task(cluster="c", task=arn)
    world.pass_time(40)
    gone = world.ecs.delete_capacity_provider(capacityProvider="mi", cluster="c")["capacityProvider"]
    assert (gone["status"], gone["updateStatus"]) == ("DEPROVISIONING", "DELETE_IN_PROGRESS")
    world.pass_time(60)
    [gone] = world.ecs.describe_capacity_providers(capacityProviders=["mi"])["capacityProviders"]
    assert (gone["status"], gone["updateStatus"], gone["type"]) == ("INACTIVE", "DELETE_COMPLETE", "MANAGED_INSTANCES")
    assert instances(world) == [] and hosts_of(world.aws) == []
    [cluster] = world.ecs.describe_clusters(clusters=["c"])["clusters"]
    assert cluster["capacityProviders"] == []
    assert world.ecs.delete_cluster(cluster="c")["cluster"]["status"] == "INACTIVE"


def test_an_impaired_host_is_replaced_where_repair_is_on(world: World) -> None:
    asked = {**settings(requirements=SMALL), "autoRepairConfiguration": {"actionsStatus": "ENABLED"}}
    world.ecs.create_capacity_provider(name="mi", cluster="c", managedInstancesProvider=asked)
    world.ecs.register_task_definition(**managed_definition())
    world.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="job", desiredCount=1, capacityProviderStrategy=STRATEGY
    )
    world.pass_time(30)
    [before] = hosts_of(world.aws)
    add_fault(world, "agent-disconnect", instance=before["containerInstanceArn"])
    world.pass_time(120)
    [after] = [host for host in hosts_of(world.aws) if host["agentConnected"]]
    assert after["containerInstanceArn"] != before["containerInstanceArn"]
