"""Faults of what tasks run on: an agent that loses its connection, a Spot Instance, a zone, the engine."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.events import journal
from tests.conftest import Aws
from tests.control.test_faults import add, ask, clear, events, explained, shown
from tests.control.world import World
from tests.services.ecs_scene import fargate_definition, refuses
from tests.services.instance_scene import EVERYWHERE, SUBNETS, ec2_definition, provide_image, register, run_on_ec2


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    """Cluster `c` with definitions `job` for instances and `web` for Fargate."""
    world = World(emulator, clock, aws)
    world.cluster()
    world.ecs.create_cluster(clusterName="c")
    provide_image(emulator)
    world.ecs.register_task_definition(**ec2_definition())
    world.ecs.register_task_definition(**fargate_definition())
    return world


def host(world: World, number: int = 0, zone: str = "a") -> str:
    return str(register(world.ecs, number, zone=zone)["containerInstanceArn"])


def instance(world: World, arn: str) -> dict[str, Any]:
    answer = world.ecs.describe_container_instances(cluster="c", containerInstances=[arn])
    return dict(answer["containerInstances"][0])


def on_host(world: World) -> str:
    [task] = run_on_ec2(world.ecs)["tasks"]
    world.pass_time(5)
    return str(task["taskArn"])


def on_fargate(world: World, subnets: list[str] = SUBNETS, **members: Any) -> dict[str, Any]:
    network = {"awsvpcConfiguration": {"subnets": subnets}}
    answer = world.ecs.run_task(
        cluster="c", taskDefinition="web", launchType="FARGATE", networkConfiguration=network, **members
    )
    world.pass_time(5)
    return dict(answer)


def task_of(world: World, arn: str) -> dict[str, Any]:
    return dict(world.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0])


def instance_events(world: World, arn: str) -> list[tuple[str, bool]]:
    with world.emulator.database.read() as reader:
        entries = journal.entries(reader, subject=arn)
    changes = [e.detail for e in entries if e.kind == "ECS Container Instance State Change"]
    assert all(d["version"] and d["updatedAt"].endswith("Z") for d in changes)
    return [(d["status"], d["agentConnected"]) for d in changes]


# -- agents


def test_a_disconnected_agent_takes_and_reports_nothing_until_it_is_back(world: World) -> None:
    arn = host(world)
    task = on_host(world)
    fault = add(world, "agent-disconnect", instance="i-00000000000000000", duration=300)
    assert instance(world, arn)["agentConnected"] is False
    assert run_on_ec2(world.ecs)["failures"] == [{"arn": arn, "reason": "AGENT"}]
    started = world.ecs.start_task(
        cluster="c", taskDefinition="job", containerInstances=[arn], networkConfiguration=EVERYWHERE
    )
    assert [f["reason"] for f in started["failures"]] == ["AGENT"]
    # What is asked of a task there waits for the agent.
    world.ecs.stop_task(cluster="c", task=task)
    world.pass_time(60)
    assert (task_of(world, task)["lastStatus"], task_of(world, task)["desiredStatus"]) == ("RUNNING", "STOPPED")
    assert any("is not connected" in words and fault["id"] in words for words in explained(world, task))
    world.pass_time(245)
    assert instance(world, arn)["agentConnected"] is True
    assert task_of(world, task)["lastStatus"] == "STOPPED"
    connected = [agent for _, agent in instance_events(world, arn)]
    assert connected == [True, True, False, True, True]  # registered, a task, the fault, its end, the task's end
    assert shown(world, fault["id"])["struck"] == [arn]
    assert len(run_on_ec2(world.ecs)["tasks"]) == 1


def test_a_task_that_ends_unseen_is_reported_when_the_agent_is_back(world: World) -> None:
    arn = host(world)
    task = on_host(world)
    fault = add(world, "agent-disconnect", instance=arn)
    app = next(s for s in world.engine.list_containers({}) if s.labels.get("homeport.container") == "app")
    world.engine.kill_container(app.id, "SIGKILL")
    world.pass_time(30)
    assert task_of(world, task)["lastStatus"] == "RUNNING"
    clear(world, fault["id"])
    world.pass_time(5)
    ended = task_of(world, task)
    assert (ended["stopCode"], ended["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)


def test_no_command_reaches_a_task_behind_a_disconnected_agent(world: World) -> None:
    role = "arn:aws:iam::123456789012:role/task"
    world.ecs.register_task_definition(**ec2_definition(family="job", taskRoleArn=role))
    arn = host(world)
    [task] = run_on_ec2(world.ecs, enableExecuteCommand=True)["tasks"]
    world.pass_time(5)
    add(world, "agent-disconnect", instance=arn)
    with refuses("TargetNotConnectedException"):
        world.ecs.execute_command(cluster="c", task=task["taskArn"], interactive=True, command="sh")


def test_a_zone_of_another_region_is_named_whole(world: World) -> None:
    assert add(world, "zone-loss", zone="eu-west-1b")["hits"] == "zone=eu-west-1b"


def test_an_agent_that_registers_again_stays_cut_off(world: World) -> None:
    arn = host(world)
    add(world, "agent-disconnect", instance=arn)
    assert register(world.ecs)["agentConnected"] is False
    world.ecs.deregister_container_instance(cluster="c", containerInstance=arn, force=True)
    assert instance(world, arn)["status"] == "INACTIVE"


def test_a_disconnected_instance_that_is_deregistered_by_force_lets_its_tasks_go(world: World) -> None:
    arn = host(world)
    task = on_host(world)
    add(world, "agent-disconnect", instance=arn)
    world.ecs.deregister_container_instance(cluster="c", containerInstance=arn, force=True)
    world.pass_time(40)
    assert task_of(world, task)["stoppedReason"] == "Container instance deregistration forced by user."
    assert task_of(world, task)["lastStatus"] == "STOPPED"


# -- a Spot Instance


def test_a_spot_instance_drains_and_is_terminated(world: World) -> None:
    first, second = host(world), host(world, 1, "b")
    world.ecs.create_service(
        cluster="c",
        serviceName="web",
        taskDefinition="job",
        desiredCount=1,
        launchType="EC2",
        networkConfiguration=EVERYWHERE,
        placementConstraints=[{"type": "memberOf", "expression": "attribute:ecs.availability-zone == us-east-1a"}],
    )
    world.pass_time(5)
    [task] = world.ecs.list_tasks(cluster="c", serviceName="web")["taskArns"]
    standalone = world.ecs.start_task(
        cluster="c", taskDefinition="job", containerInstances=[first], networkConfiguration=EVERYWHERE
    )["tasks"][0]["taskArn"]
    fault = add(world, "spot-interruption", instance=first)
    assert fault["until"] == fault["since"] + 120
    assert instance(world, first)["status"] == "DRAINING"
    world.pass_time(100)
    assert task_of(world, standalone)["lastStatus"] == "RUNNING"
    world.pass_time(25)
    assert instance(world, first)["status"] == "INACTIVE"
    for ended in (task, standalone):
        stopped = task_of(world, ended)
        assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "InfrastructureHealth")
        assert stopped["stoppedReason"] == "Host EC2 (instance i-00000000000000000) terminated."
        assert stopped["containers"][0]["exitCode"] == 137
    assert instance(world, second)["status"] == "ACTIVE"
    assert instance_events(world, first)[-1] == ("INACTIVE", False)


def test_an_interruption_that_is_cleared_is_called_off(world: World) -> None:
    arn = host(world)
    task = on_host(world)
    fault = add(world, "spot-interruption", instance=arn)
    clear(world, fault["id"])
    assert instance(world, arn)["status"] == "ACTIVE"
    world.pass_time(200)
    assert task_of(world, task)["lastStatus"] == "RUNNING"


def test_an_instance_that_was_draining_already_goes_on_draining(world: World) -> None:
    arn = host(world)
    world.ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status="DRAINING")
    clear(world, add(world, "spot-interruption", instance=arn)["id"])
    assert instance(world, arn)["status"] == "DRAINING"


# -- a zone


def test_a_lost_zone_takes_its_instances_and_fargate_tasks(world: World) -> None:
    lost, kept = host(world), host(world, 1, "b")
    started = world.ecs.start_task(
        cluster="c", taskDefinition="job", containerInstances=[lost, kept], networkConfiguration=EVERYWHERE
    )["tasks"]
    in_a = on_fargate(world, SUBNETS[:1])["tasks"][0]["taskArn"]
    in_b = on_fargate(world, SUBNETS[1:2])["tasks"][0]["taskArn"]
    fault = add(world, "zone-loss", zone="a")
    assert set(fault["struck"]) == {lost, started[0]["taskArn"], in_a}
    world.pass_time(5)
    assert task_of(world, started[0]["taskArn"])["stoppedReason"] == "Host EC2 (instance i-00000000000000000) stopped."
    assert task_of(world, in_a)["stoppedReason"] == "The Availability Zone us-east-1a is not available."
    assert {task_of(world, t)["lastStatus"] for t in (started[0]["taskArn"], in_a)} == {"STOPPED"}
    assert {task_of(world, t)["lastStatus"] for t in (started[1]["taskArn"], in_b)} == {"RUNNING"}
    assert events(world, in_a)[-1] == ("STOPPED", "STOPPED", "InfrastructureHealth")
    assert any(fault["id"] in words for words in explained(world, in_a))
    # Nothing is placed there, on old instances or on new ones.
    assert instance(world, lost)["agentConnected"] is False
    assert register(world.ecs, 2, zone="a")["agentConnected"] is False
    assert run_on_ec2(world.ecs)["tasks"][0]["containerInstanceArn"] == kept
    assert {on_fargate(world)["tasks"][0]["availabilityZone"] for _ in range(4)} == {"us-east-1b"}
    refused = on_fargate(world, SUBNETS[:1])
    assert refused["tasks"] == []
    assert refused["failures"][0]["reason"].startswith("Capacity is unavailable at this time.")
    zones = world.aws("ec2").describe_availability_zones()["AvailabilityZones"]
    assert {z["ZoneName"] for z in zones if z["State"] == "unavailable"} == {"us-east-1a"}
    clear(world, fault["id"])
    assert instance(world, lost)["agentConnected"] is True
    assert len(on_fargate(world, SUBNETS[:1])["tasks"]) == 1


def test_a_service_waits_for_its_zone(world: World) -> None:
    world.ecs.create_service(
        cluster="c",
        serviceName="web",
        taskDefinition="web",
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": SUBNETS[:1]}},
    )
    world.pass_time(5)
    fault = add(world, "zone-loss", zone="us-east-1a")
    world.pass_time(30)

    def service() -> dict[str, Any]:
        return dict(world.ecs.describe_services(cluster="c", services=["web"])["services"][0])

    assert service()["runningCount"] == 0
    assert service()["events"][0]["message"].startswith(
        "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again"
    )
    assert f"This is on: fault {fault['id']} (zone-loss: all that runs there ends), for zone=us-east-1a." in explained(
        world, "service/web"
    )
    assert ask(world, path="status")[1]["faults"] == [
        f"fault {fault['id']} (zone-loss: all that runs there ends), for zone=us-east-1a"
    ]
    clear(world, fault["id"])
    world.pass_time(60)
    assert service()["runningCount"] == 2


def test_an_instance_stays_cut_off_while_another_fault_wants_it(world: World) -> None:
    arn = host(world)
    zone, agent = add(world, "zone-loss", zone="a"), add(world, "agent-disconnect", instance=arn)
    clear(world, zone["id"])
    assert instance(world, arn)["agentConnected"] is False
    clear(world, agent["id"])
    assert instance(world, arn)["agentConnected"] is True


# -- the engine


def test_an_outage_of_the_engine_falsifies_nothing(world: World) -> None:
    runs, ends = (on_fargate(world)["tasks"][0]["taskArn"] for _ in range(2))
    [ending] = [
        s.id
        for s in world.engine.list_containers({})
        if s.labels.get("homeport.task") == ends and s.labels.get("homeport.container") == "app"
    ]
    fault = add(world, "engine-outage", duration=60)
    health = ask(world, path="health")[1]["engine"]
    assert (health["status"], fault["id"] in health["error"]) == ("unavailable", True)
    world.engine.kill_container(ending, "SIGKILL")
    failed = on_fargate(world)["tasks"][0]["taskArn"]
    world.pass_time(30)
    assert {task_of(world, t)["lastStatus"] for t in (runs, ends)} == {"RUNNING"}
    stopped = task_of(world, failed)
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("ResourceInitializationError: no container engine answers")
    assert any(f"struck by fault {fault['id']}" in words for words in explained(world, failed))
    assert shown(world, fault["id"])["struck"] == [failed]
    world.pass_time(35)
    assert task_of(world, runs)["lastStatus"] == "RUNNING"
    assert task_of(world, ends)["stopCode"] == "EssentialContainerExited"
    assert ask(world, path="health")[1]["engine"]["status"] == "ok"
    again = on_fargate(world)["tasks"][0]["taskArn"]
    assert task_of(world, again)["lastStatus"] == "RUNNING"


def test_what_was_stopped_during_an_outage_ends_after_it(world: World) -> None:
    task = on_fargate(world)["tasks"][0]["taskArn"]
    fault = add(world, "engine-outage")
    world.ecs.stop_task(cluster="c", task=task)
    world.pass_time(60)
    assert task_of(world, task)["lastStatus"] != "STOPPED"
    clear(world, fault["id"])
    world.pass_time(60)
    assert task_of(world, task)["lastStatus"] == "STOPPED"
