"""Capacity providers of Auto Scaling groups, whole: tasks wait, hosts appear, tasks run, hosts go."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.admin.explain import explain
from emulator.admin.explain_capacity import capacity_providers
from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.control.world import World
from tests.services.capacity_scene import group, make_group, make_provider, make_template, use_provider, user_data
from tests.services.instance_scene import EVERYWHERE, ec2_definition, provide_image


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    provide_image(emulator)
    make_template(aws)
    return World(emulator, clock, aws)


def scene(world: World, *, protect: bool = False, group_members: dict[str, Any] | None = None, **provider: Any) -> None:
    """Cluster `c` whose default strategy is provider `ec2`; `job` takes half of a host's CPU."""
    arn = make_group(world.aws, NewInstancesProtectedFromScaleIn=protect, **(group_members or {}))
    make_provider(world.aws, arn, managedTerminationProtection="ENABLED" if protect else "DISABLED", **provider)
    use_provider(world.aws, "ec2")
    world.ecs.register_task_definition(**ec2_definition(container={"cpu": 1024, "memory": 256}))
    world.settle()


def run(world: World, count: int = 1, **members: Any) -> list[str]:
    answer = world.ecs.run_task(
        cluster="c", taskDefinition="job", count=count, networkConfiguration=EVERYWHERE, **members
    )
    assert answer["failures"] == []
    return [task["taskArn"] for task in answer["tasks"]]


def tasks(world: World, arns: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"]
    return found


def hosts(world: World, status: str = "ACTIVE") -> list[dict[str, Any]]:
    arns = world.ecs.list_container_instances(cluster="c", status=status)["containerInstanceArns"]
    if not arns:
        return []
    shown: list[dict[str, Any]] = world.ecs.describe_container_instances(cluster="c", containerInstances=arns)[
        "containerInstances"
    ]
    return shown


def test_hosts_come_for_waiting_tasks_and_go_when_they_are_idle(world: World) -> None:
    scene(world, protect=True)
    arns = run(world, 5)
    assert {(t["lastStatus"], t["capacityProviderName"]) for t in tasks(world, arns)} == {("PROVISIONING", "ec2")}
    world.settle()
    assert group(world.aws)["DesiredCapacity"] == 3
    assert {i["LifecycleState"] for i in group(world.aws)["Instances"]} == {"Pending"}
    world.pass_time(10)
    shown = tasks(world, arns)
    assert {t["lastStatus"] for t in shown} == {"RUNNING"}
    assert {t["launchType"] for t in shown} == {"EC2"}
    there = hosts(world)
    assert {t["containerInstanceArn"] for t in shown} == {host["containerInstanceArn"] for host in there}
    assert {host["capacityProviderName"] for host in there} == {"ec2"}
    attributes = [{a["name"]: a.get("value") for a in host["attributes"]} for host in there]
    assert sorted(a["ecs.availability-zone"] for a in attributes) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert {i["LifecycleState"] for i in group(world.aws)["Instances"]} == {"InService"}

    for arn in arns[1:]:
        world.ecs.stop_task(cluster="c", task=arn)
    world.pass_time(300)
    assert len(hosts(world)) == 3
    world.pass_time(16 * 60)
    assert group(world.aws)["DesiredCapacity"] == 1
    [left] = hosts(world)
    [alive] = tasks(world, arns[:1])
    assert (alive["lastStatus"], alive["containerInstanceArn"]) == ("RUNNING", left["containerInstanceArn"])
    activities = world.aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert [a["StatusCode"] for a in activities] == ["Successful"] * 5
    assert "ECSManagedAutoScalingPolicy-" in activities[0]["Cause"]


def test_the_group_never_grows_past_its_maximum_and_tasks_give_up(world: World) -> None:
    scene(world, group_members={"MaxSize": 1})
    arns = run(world, 3)
    world.pass_time(10)
    states = [t["lastStatus"] for t in tasks(world, arns)]
    assert sorted(states) == ["PROVISIONING", "RUNNING", "RUNNING"]
    assert group(world.aws)["DesiredCapacity"] == 1
    world.pass_time(15 * 60)
    [lost] = [t for t in tasks(world, arns) if t["lastStatus"] == "STOPPED"]
    assert (lost["stopCode"], lost["stoppedReason"]) == ("TaskFailedToStart", "TaskFailedToStart: RESOURCE:CPU")


def test_without_any_host_the_reason_says_so(world: World) -> None:
    scene(world, group_members={"MaxSize": 0})
    [arn] = run(world)
    world.pass_time(15 * 60 + 5)
    [lost] = tasks(world, [arn])
    assert lost["stoppedReason"] == "TaskFailedToStart: EMPTY CAPACITY PROVIDER"


def test_a_task_that_no_host_can_take_brings_none(world: World) -> None:
    scene(world)
    world.ecs.register_task_definition(**ec2_definition("big", container={"cpu": 4096, "memory": 256}))
    [arn] = [
        t["taskArn"]
        for t in world.ecs.run_task(cluster="c", taskDefinition="big", networkConfiguration=EVERYWHERE)["tasks"]
    ]
    world.pass_time(60)
    assert group(world.aws)["DesiredCapacity"] == 0
    assert tasks(world, [arn])[0]["lastStatus"] == "PROVISIONING"


def test_a_task_without_an_interface_waits_too(world: World) -> None:
    scene(world)
    bridge = ec2_definition("bridge", networkMode="bridge", container={"cpu": 1024, "memory": 256})
    world.ecs.register_task_definition(**bridge)
    [task] = world.ecs.run_task(cluster="c", taskDefinition="bridge")["tasks"]
    assert task["lastStatus"] == "PROVISIONING"
    world.pass_time(10)
    [task] = tasks(world, [task["taskArn"]])
    assert (task["lastStatus"], task["containerInstanceArn"]) == ("RUNNING", hosts(world)[0]["containerInstanceArn"])


def test_a_waiting_task_can_be_stopped(world: World) -> None:
    scene(world, group_members={"MaxSize": 0})
    [arn] = run(world)
    world.ecs.stop_task(cluster="c", task=arn)
    world.settle()
    [stopped] = tasks(world, [arn])
    assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "UserInitiated")
    assert group(world.aws)["DesiredCapacity"] == 0


def test_three_hundred_tasks_may_wait(world: World) -> None:
    scene(world, group_members={"MaxSize": 0})
    for _ in range(30):
        run(world, 10)
    with pytest.raises(world.ecs.exceptions.ClientException, match="limit of 300 tasks"):
        run(world, 1)


def test_a_service_has_its_hosts_made(world: World) -> None:
    scene(world)
    world.ecs.create_service(
        cluster="c",
        serviceName="web",
        taskDefinition="job",
        desiredCount=3,
        networkConfiguration=EVERYWHERE,
    )
    world.pass_time(20)
    [service] = world.ecs.describe_services(cluster="c", services=["web"])["services"]
    assert (service["runningCount"], service["capacityProviderStrategy"][0]["capacityProvider"]) == (3, "ec2")
    assert len(hosts(world)) == 2
    [cluster] = world.ecs.describe_clusters(clusters=["c"], include=["STATISTICS"])["clusters"]
    statistics = {s["name"]: s["value"] for s in cluster["statistics"]}
    assert (statistics["activeEC2ServiceCount"], statistics["runningEC2TasksCount"]) == ("1", "3")


def test_a_daemon_keeps_no_host(world: World) -> None:
    scene(world, protect=True)
    world.ecs.register_task_definition(**ec2_definition("agent", container={"cpu": 64, "memory": 64}))
    world.ecs.create_service(
        cluster="c",
        serviceName="agent",
        taskDefinition="agent",
        schedulingStrategy="DAEMON",
        networkConfiguration=EVERYWHERE,
    )
    [arn] = run(world)
    world.pass_time(20)
    [host] = hosts(world)
    assert host["runningTasksCount"] == 2
    world.ecs.stop_task(cluster="c", task=arn)
    world.pass_time(25 * 60)
    assert hosts(world) == []
    assert group(world.aws)["DesiredCapacity"] == 0


def test_managed_draining_moves_tasks_before_a_host_goes(world: World) -> None:
    scene(world, group_members={"MaxSize": 3}, managedDraining="ENABLED")
    world.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="job", desiredCount=2, networkConfiguration=EVERYWHERE
    )
    world.pass_time(20)
    [first] = hosts(world)
    world.aws("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=first["ec2InstanceId"], ShouldDecrementDesiredCapacity=False
    )
    world.settle()
    [draining] = hosts(world, "DRAINING")
    assert draining["containerInstanceArn"] == first["containerInstanceArn"]
    states = {i["InstanceId"]: i["LifecycleState"] for i in group(world.aws)["Instances"]}
    assert states[first["ec2InstanceId"]] == "Terminating:Wait"
    world.pass_time(120)
    [second] = hosts(world)
    assert second["containerInstanceArn"] != first["containerInstanceArn"]
    assert [i["InstanceId"] for i in group(world.aws)["Instances"]] == [second["ec2InstanceId"]]
    [service] = world.ecs.describe_services(cluster="c", services=["web"])["services"]
    assert service["runningCount"] == 2


def test_a_terminated_host_takes_its_tasks_with_it_and_is_replaced(world: World) -> None:
    scene(world, group_members={"MinSize": 1})
    [arn] = run(world)
    world.pass_time(10)
    [host] = hosts(world)
    ec2 = world.aws("ec2")
    [change] = ec2.terminate_instances(InstanceIds=[host["ec2InstanceId"]])["TerminatingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "shutting-down")
    world.pass_time(60)
    [lost] = tasks(world, [arn])
    assert lost["stoppedReason"] == f"Host EC2 (instance {host['ec2InstanceId']}) terminated."
    [reservation] = ec2.describe_instances(InstanceIds=[host["ec2InstanceId"]])["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "terminated"
    [other] = hosts(world)
    assert other["ec2InstanceId"] != host["ec2InstanceId"]
    activities = world.aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert [a["StatusCode"] for a in activities] == ["Successful"] * 3
    assert any("EC2 health check" in activity["Cause"] for activity in activities)
    world.pass_time(3601)
    with pytest.raises(ec2.exceptions.ClientError, match="does not exist"):
        ec2.describe_instances(InstanceIds=[host["ec2InstanceId"]])


def test_user_data_names_the_cluster(world: World) -> None:
    make_template(world.aws, "named", UserData=user_data("other"))
    make_group(world.aws, LaunchTemplate={"LaunchTemplateName": "named"}, DesiredCapacity=1)
    world.pass_time(10)
    [instance] = group(world.aws)["Instances"]
    assert instance["LifecycleState"] == "InService"
    world.ecs.create_cluster(clusterName="other")
    world.pass_time(31)
    [arn] = world.ecs.list_container_instances(cluster="other")["containerInstanceArns"]
    [host] = world.ecs.describe_container_instances(cluster="other", containerInstances=[arn])["containerInstances"]
    assert host["ec2InstanceId"] == instance["InstanceId"]
    assert "capacityProviderName" not in host


def test_hosts_that_were_there_before_the_provider_become_its_own(world: World) -> None:
    make_template(world.aws, "named", UserData=user_data("c"))
    world.ecs.create_cluster(clusterName="c")
    arn = make_group(world.aws, LaunchTemplate={"LaunchTemplateName": "named"}, DesiredCapacity=1)
    world.pass_time(10)
    assert "capacityProviderName" not in hosts(world)[0]
    make_provider(world.aws, arn)
    world.ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=["ec2"], defaultCapacityProviderStrategy=[])
    world.settle()
    assert hosts(world)[0]["capacityProviderName"] == "ec2"


def test_a_strategy_shares_tasks_out_between_groups(world: World) -> None:
    scene(world)
    make_provider(world.aws, make_group(world.aws, "more"), "more")
    world.ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["ec2", "more"], defaultCapacityProviderStrategy=[]
    )
    strategy = [
        {"capacityProvider": "ec2", "base": 1, "weight": 1},
        {"capacityProvider": "more", "weight": 3},
    ]
    arns = run(world, 9, capacityProviderStrategy=strategy)
    world.pass_time(10)
    shown = tasks(world, arns)
    assert {t["lastStatus"] for t in shown} == {"RUNNING"}
    assert sorted(t["capacityProviderName"] for t in shown) == ["ec2"] * 3 + ["more"] * 6
    assert (group(world.aws)["DesiredCapacity"], group(world.aws, "more")["DesiredCapacity"]) == (2, 3)
    with pytest.raises(world.ecs.exceptions.ResourceInUseException):
        world.ecs.put_cluster_capacity_providers(
            cluster="c", capacityProviders=["ec2"], defaultCapacityProviderStrategy=[]
        )


def test_without_managed_scaling_tasks_need_room_now(world: World) -> None:
    scene(world, group_members={"DesiredCapacity": 1}, managedScaling=None)
    with pytest.raises(world.ecs.exceptions.InvalidParameterException, match="found in your capacity provider"):
        run(world)
    world.pass_time(10)
    answer = world.ecs.run_task(cluster="c", taskDefinition="job", count=3, networkConfiguration=EVERYWHERE)
    assert (len(answer["tasks"]), answer["failures"][0]["reason"]) == (2, "RESOURCE:CPU")
    world.pass_time(10)
    assert group(world.aws)["DesiredCapacity"] == 1


def test_a_group_that_cannot_launch_says_why(world: World) -> None:
    template = make_template(world.aws, "odd")
    make_group(world.aws, LaunchTemplate={"LaunchTemplateName": "odd", "Version": "$Latest"}, DesiredCapacity=0)
    world.aws("ec2").create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "p5.48xlarge"}
    )
    world.aws("autoscaling").set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=1)
    world.pass_time(1)
    autoscaling = world.aws("autoscaling")
    [activity] = autoscaling.describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert activity["StatusCode"] == "Failed"
    assert "Invalid value 'p5.48xlarge' for InstanceType." in activity["StatusMessage"]


def test_a_group_deleted_by_force_ends_its_hosts(world: World) -> None:
    scene(world)
    arns = run(world, 2)
    world.pass_time(10)
    autoscaling = world.aws("autoscaling")
    with pytest.raises(autoscaling.exceptions.ResourceInUseFault):
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="hosts")
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="hosts", ForceDelete=True)
    assert group(world.aws)["Status"] == "Delete in progress"
    world.pass_time(60)
    assert autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert hosts(world) == []
    assert {t["lastStatus"] for t in tasks(world, arns)} == {"STOPPED"}


def told(world: World) -> dict[str, Any]:
    return explain(world.emulator.database, world.emulator.plane, "capacity-provider/ec2", world.clock.now())


def test_a_provider_is_explained(world: World) -> None:
    arn = make_group(world.aws, MaxSize=1)
    make_provider(world.aws, arn, managedTerminationProtection="DISABLED")
    assert "Nobody scales it: no cluster has it." in told(world)["words"]
    use_provider(world.aws, "ec2")
    world.ecs.register_task_definition(**ec2_definition(container={"cpu": 1024, "memory": 256}))
    world.settle()
    arns = run(world, 3)
    world.pass_time(10)
    said = told(world)
    assert said["words"][:2] == [
        "It is ACTIVE, of the cluster c.",
        "Its Auto Scaling group hosts has 1 hosts and wants 1, from 0 to 1.",
    ]
    assert "CapacityProviderReservation is 200 (2 hosts needed, 1 there)" in said["because"]
    assert "1 tasks wait for it: RESOURCE:CPU." in said["words"]
    assert any(line.startswith("Host i-") and line.endswith("is InService, with 2 tasks.") for line in said["words"])
    assert {"capacity_provider.created", "capacity_provider.scaled"} <= {entry["kind"] for entry in said["history"]}
    with world.emulator.database.read() as reader:
        [standing] = capacity_providers(reader)
    assert (standing["clusters"], standing["hosts"], standing["bounds"], standing["waiting"]) == ("c", 1, "0-1", 1)
    for arn in arns:
        world.ecs.stop_task(cluster="c", task=arn)
    world.pass_time(400)
    said = told(world)
    assert "(0 hosts needed, 1 there); hosts go in" in said["because"] and said["nextLook"] > world.clock.now()
    world.aws("ecs").update_capacity_provider(
        name="ec2", autoScalingGroupProvider={"managedScaling": {"status": "DISABLED"}}
    )
    assert "Nobody scales it: managed scaling is off." in told(world)["words"]


def test_a_lost_host_is_replaced_for_another_reason(world: World) -> None:
    """The activity says so, and not what made the group as large as it is."""
    make_group(world.aws, DesiredCapacity=1)
    world.pass_time(10)
    [instance] = group(world.aws)["Instances"]
    world.aws("ec2").terminate_instances(InstanceIds=[instance["InstanceId"]])
    world.pass_time(10)
    activities = world.aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"]
    assert [a["Description"].partition(":")[0] for a in activities] == [
        "Launching a new EC2 instance", "Terminating EC2 instance", "Launching a new EC2 instance",
    ]  # fmt: skip
    assert "in response to an unhealthy instance needing to be replaced." in activities[0]["Cause"]
    assert "EC2 health check" in activities[1]["Cause"]
    assert "increasing the capacity from 0 to 1" in activities[2]["Cause"]


def test_managed_scaling_waits_while_alarms_are_suspended(world: World) -> None:
    scene(world)
    autoscaling = world.aws("autoscaling")
    autoscaling.suspend_processes(AutoScalingGroupName="hosts", ScalingProcesses=["AlarmNotification"])
    run(world, 2)
    world.pass_time(20)
    assert group(world.aws)["DesiredCapacity"] == 0
    assert any("suspended: AlarmNotification" in line for line in told(world)["words"])
    autoscaling.resume_processes(AutoScalingGroupName="hosts")
    world.pass_time(10)
    assert len(hosts(world)) == 1


def test_tasks_that_wait_get_hosts_when_their_group_may_be_larger(world: World) -> None:
    scene(world, group_members={"MaxSize": 1})
    arns = run(world, 4)
    world.pass_time(10)
    assert sorted(t["lastStatus"] for t in tasks(world, arns)) == ["PROVISIONING"] * 2 + ["RUNNING"] * 2
    world.aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName="hosts", MaxSize=2)
    world.pass_time(10)
    assert {t["lastStatus"] for t in tasks(world, arns)} == {"RUNNING"}
