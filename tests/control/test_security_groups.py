"""Which packets the pause containers of tasks are told to let through, with --enforce-security-groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from emulator.admin.explain import explain
from emulator.app import build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.domain.networks.packet_filter import OPEN_EGRESS, Allow
from emulator.domain.tasks.task import Task
from emulator.engine.base import EngineError, EngineUnavailable
from emulator.engine.simulated.engine import SimulatedEngine
from emulator.store import vpc_queries
from emulator.store.ecs_tables import TASKS
from tests.conftest import aws_of, observe
from tests.control.world import World, container

HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}


@pytest.fixture
def guarded(config: Config, clock: VirtualClock) -> Iterator[World]:
    emulator = build(replace(config, enforce_security_groups=True), clock=clock, threaded=False, observer=observe)
    emulator.start()
    made = World(emulator, clock, aws_of(emulator))
    made.cluster()
    made.image()
    made.define(container())
    yield made
    emulator.close()


def group(world: World, name: str) -> str:
    return str(world.aws("ec2").create_security_group(GroupName=name, Description=name)["GroupId"])


def launch(world: World, *groups: str) -> str:
    network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"], "securityGroups": list(groups)}}
    answer = world.ecs.run_task(taskDefinition="web", launchType="FARGATE", networkConfiguration=network)
    world.settle()
    return str(answer["tasks"][0]["taskArn"])


def record(world: World, arn: str) -> Task:
    with world.emulator.database.read() as reader:
        return next(task for task in reader.find(TASKS) if task.arn == arn)


def allowed(world: World, arn: str) -> set[Allow]:
    pause = record(world, arn).pause_id
    assert pause is not None
    applied = world.emulator.plane.guards.applied(pause)
    assert applied is not None
    return set(applied)


def address(world: World, arn: str) -> str:
    eni = record(world, arn).eni
    assert eni is not None and eni.private_ip is not None
    return eni.private_ip


def test_a_filter_stands_before_the_first_container_starts(guarded: World) -> None:
    seen: list[str] = []
    guarded.engine.on_call = lambda when, call, _: seen.append(call) if when == "before" else None
    launch(guarded, group(guarded, "g"))
    starts = [index for index, call in enumerate(seen) if call == "start_container"]
    assert starts[0] < seen.index("run_in_container") < starts[1]


def test_rules_act_at_once_and_only_where_they_change_something(guarded: World) -> None:
    servers, clients = group(guarded, "servers"), group(guarded, "clients")
    server, client = launch(guarded, servers), launch(guarded, clients)
    assert allowed(guarded, server) == {OPEN_EGRESS}
    ec2 = guarded.aws("ec2")
    pair = [{**HTTP, "UserIdGroupPairs": [{"GroupId": clients}]}]
    ec2.authorize_security_group_ingress(GroupId=servers, IpPermissions=pair)
    guarded.settle()
    here = Allow(False, "tcp", 80, 80, addresses=(address(guarded, client),))
    assert allowed(guarded, server) == {OPEN_EGRESS, here}
    filtered: list[Any] = []
    guarded.engine.on_call = lambda when, call, a: (
        filtered.append(a[0]) if (when, call) == ("before", "run_in_container") else None
    )
    second = launch(guarded, clients)
    pauses = [record(guarded, arn).pause_id for arn in (second, server)]
    assert filtered == pauses  # its own, and who lets its group in; not the other client
    both = tuple(sorted([address(guarded, client), address(guarded, second)]))
    assert Allow(False, "tcp", 80, 80, addresses=both) in allowed(guarded, server)
    guarded.ecs.stop_task(task=client)
    guarded.pass_time(1)
    assert Allow(False, "tcp", 80, 80, addresses=(address(guarded, second),)) in allowed(guarded, server)
    ec2.revoke_security_group_ingress(GroupId=servers, IpPermissions=pair)
    guarded.settle()
    assert allowed(guarded, server) == {OPEN_EGRESS}


def test_groups_add_up_and_one_that_nobody_made_lets_everything_out(guarded: World) -> None:
    web = group(guarded, "web")
    ec2 = guarded.aws("ec2")
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[{**HTTP, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=web, IpPermissions=everything)
    rule = Allow(False, "tcp", 80, 80, cidr="10.0.0.0/8")
    assert allowed(guarded, launch(guarded, web)) == {rule}
    assert allowed(guarded, launch(guarded, web, "sg-12345678")) == {rule, OPEN_EGRESS}


def test_a_task_that_cannot_be_filtered_does_not_run(guarded: World) -> None:
    guarded.engine.fail("run_in_container", EngineError("no nf_tables here"))
    arn = launch(guarded, group(guarded, "g"))
    code, reason = guarded.stopped(arn)
    assert (code, reason) == ("TaskFailedToStart", "ResourceInitializationError: no nf_tables here")
    assert guarded.containers() == []


def test_a_task_that_cannot_be_filtered_any_more_is_stopped(guarded: World) -> None:
    web = group(guarded, "web")
    arn = launch(guarded, web)
    guarded.engine.fail("run_in_container", EngineError("the kernel refuses"))
    guarded.aws("ec2").authorize_security_group_ingress(
        GroupId=web, IpPermissions=[{**HTTP, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    )
    guarded.pass_time(1)
    code, reason = guarded.stopped(arn)
    assert (code, reason) == (
        "InfrastructureHealth",
        "Its security groups cannot be enforced any more: the kernel refuses",
    )


def test_an_engine_that_is_away_is_waited_for(guarded: World) -> None:
    web = group(guarded, "web")
    arn = launch(guarded, web)
    guarded.engine.fail("run_in_container", EngineUnavailable("away"))
    guarded.aws("ec2").authorize_security_group_ingress(
        GroupId=web, IpPermissions=[{**HTTP, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    )
    guarded.pass_time(30)
    assert guarded.task(arn)["lastStatus"] == "RUNNING"
    assert Allow(False, "tcp", 80, 80, cidr="10.0.0.0/8") in allowed(guarded, arn)


def test_a_start_reads_no_other_task(guarded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    web = group(guarded, "web")
    pair = [{**HTTP, "UserIdGroupPairs": [{"GroupId": web}]}]
    guarded.aws("ec2").authorize_security_group_ingress(GroupId=web, IpPermissions=pair)
    first = launch(guarded, web)

    def refuse(*_: object) -> list[Task]:
        raise AssertionError("all tasks are read")

    monkeypatch.setattr(vpc_queries, "tasks_with_interface", refuse)
    second = launch(guarded, web)
    both = tuple(sorted([address(guarded, first), address(guarded, second)]))
    assert Allow(False, "tcp", 80, 80, addresses=both) in allowed(guarded, first)
    assert allowed(guarded, first) == allowed(guarded, second)


@pytest.mark.parametrize("before", [True, False])
def test_who_was_there_before_this_process_is_in_his_groups(config: Config, clock: VirtualClock, before: bool) -> None:
    """Also when the groups were not enforced then, and nobody kept who is in them."""
    engine = SimulatedEngine(clock)
    emulator = build(replace(config, enforce_security_groups=before), clock=clock, threaded=False, engine=engine)
    emulator.start()
    world = World(emulator, clock, aws_of(emulator))
    world.cluster()
    world.image()
    world.define(container())
    web = group(world, "web")
    pair = [{**HTTP, "UserIdGroupPairs": [{"GroupId": web}]}]
    world.aws("ec2").authorize_security_group_ingress(GroupId=web, IpPermissions=pair)
    first = launch(world, web)
    emulator.close()
    emulator = build(replace(config, enforce_security_groups=True), clock=clock, threaded=False, engine=engine)
    emulator.start()
    world = World(emulator, clock, aws_of(emulator))
    second = launch(world, web)
    both = tuple(sorted([address(world, first), address(world, second)]))
    assert allowed(world, first) == allowed(world, second) == {
        OPEN_EGRESS, Allow(False, "tcp", 80, 80, addresses=both)
    }  # fmt: skip
    world.ecs.stop_task(task=first)
    world.pass_time(1)
    assert Allow(False, "tcp", 80, 80, addresses=(address(world, second),)) in allowed(world, second)
    emulator.close()


def test_without_the_flag_nothing_is_filtered_and_the_answers_say_so(world: World) -> None:
    world.image()
    world.define(container())
    arn = launch(world, group(world, "g"))
    pause = record(world, arn).pause_id
    assert pause is not None and world.engine.packet_filter(pause) is None
    answer = world.aws("ec2").authorize_security_group_ingress(
        GroupName="g", IpPermissions=[{**HTTP, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    )
    said = answer["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    assert "--enforce-security-groups only" in said


def test_what_this_host_cannot_reach_is_explained(guarded: World) -> None:
    guarded.define(container(portMappings=[{"containerPort": 80}, {"containerPort": 443}]))
    closed = group(guarded, "closed")
    arn = launch(guarded, closed)
    emulator = guarded.emulator

    def but() -> list[str]:
        words = explain(emulator.database, emulator.plane, arn, guarded.clock.now())["words"]
        return [text for text in words if text.startswith("But ")]

    assert but() == ["But its security groups do not let this host (172.31.0.1) in on port 80/tcp, 443/tcp."]
    rule = [{**HTTP, "IpRanges": [{"CidrIp": "172.31.0.1/32"}]}]
    guarded.aws("ec2").authorize_security_group_ingress(GroupId=closed, IpPermissions=rule)
    guarded.settle()
    assert but() == ["But its security groups do not let this host (172.31.0.1) in on port 443/tcp."]
