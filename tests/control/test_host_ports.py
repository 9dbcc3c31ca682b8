"""Host ports of tasks in bridge mode, and the other networks of tasks on container instances."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from emulator.app import build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.engine.base import ContainerStartFailed
from emulator.store.ecs_tables import HOST_PORTS
from tests.conftest import aws_of, observe
from tests.control.world import World, container
from tests.services.ecs_scene import refuses


@pytest.fixture
def hosts(world: World) -> World:
    world.image()
    for number in range(2):
        add_instance(world, number)
    return world


def add_instance(world: World, number: int) -> None:
    document = {"instanceId": f"i-0123456789abcde{number:02x}", "instanceType": "m5.large", "region": "us-east-1"}
    world.ecs.register_container_instance(
        instanceIdentityDocument=json.dumps({**document, "availabilityZone": "us-east-1a"})
    )


def define(world: World, mode: str, *containers: dict[str, Any], **members: Any) -> None:
    world.ecs.register_task_definition(
        family="web", networkMode=mode, memory="128", containerDefinitions=list(containers), **members
    )


def start(world: World) -> str:
    answer = world.ecs.run_task(taskDefinition="web", launchType="EC2")
    assert answer["failures"] == []
    return str(answer["tasks"][0]["taskArn"])


def run(world: World) -> dict[str, Any]:
    arn = start(world)
    world.settle()
    return world.task(arn)


def bindings(task: dict[str, Any]) -> list[tuple[str, int]]:
    return [(b["bindIP"], b["hostPort"]) for c in task["containers"] for b in c["networkBindings"]]


def test_dynamic_ports_are_unique_and_given_back(hosts: World) -> None:
    define(hosts, "bridge", container(portMappings=[{"containerPort": 80}]))
    first, second = run(hosts), run(hosts)
    assert (bindings(first), bindings(second)) == ([("127.0.0.1", 49153)], [("127.0.0.1", 49154)])
    assert first["attachments"] == []
    hosts.ecs.stop_task(task=first["taskArn"])
    hosts.pass_time(1)
    assert bindings(run(hosts)) == [("127.0.0.1", 49153)]


def test_a_task_without_an_interface_begins_pending(hosts: World) -> None:
    define(hosts, "bridge", container())
    arn = start(hosts)
    assert hosts.task(arn)["lastStatus"] == "PENDING"
    hosts.settle()
    assert hosts.task(arn)["lastStatus"] == "RUNNING"


def test_a_port_that_a_stranger_has_is_left_for_the_next(hosts: World) -> None:
    define(hosts, "bridge", container(portMappings=[{"containerPort": 80}]))

    def refuse(when: str, call: str, arguments: tuple[Any, ...]) -> None:
        if (when, call) == ("before", "start_container"):
            for port in hosts.engine.spec(arguments[0]).ports:
                if port.host_port in (49153, 49154):
                    raise ContainerStartFailed(f"Bind for 127.0.0.1:{port.host_port} failed: port is already allocated")

    hosts.engine.on_call = refuse
    task = run(hosts)
    assert bindings(task) == [("127.0.0.1", 49155)]
    hosts.ecs.stop_task(task=task["taskArn"])
    hosts.pass_time(1)
    with hosts.emulator.database.read() as reader:
        assert reader.find(HOST_PORTS) == []


def test_a_fixed_port_that_a_stranger_has_fails_the_task(hosts: World) -> None:
    define(hosts, "bridge", container(portMappings=[{"containerPort": 80, "hostPort": 8080}]))
    words = "driver failed programming external connectivity: Bind for 127.0.0.1:8080 failed: port is already allocated"
    hosts.engine.fail("start_container", ContainerStartFailed(words))
    arn = start(hosts)
    hosts.pass_time(1)
    assert hosts.stopped(arn) == (
        "TaskFailedToStart",
        f"CannotStartContainerError: Error response from daemon: {words}",
    )
    assert hosts.containers() == []


def test_virtual_hosts_have_all_ports_each(hosts: World) -> None:
    define(hosts, "bridge", container(portMappings=[{"containerPort": 80, "hostPort": 8080}]))
    first, second = run(hosts), run(hosts)
    assert bindings(first) == [("127.0.0.1", 8080)]
    [(address, port)] = bindings(second)
    assert port == 8080 and address.startswith("127.") and address != "127.0.0.1"
    refused = hosts.ecs.run_task(taskDefinition="web", launchType="EC2")
    assert {failure["reason"] for failure in refused["failures"]} == {"RESOURCE:PORTS"}


def test_links_name_the_addresses_of_the_linked(hosts: World) -> None:
    define(
        hosts,
        "bridge",
        container("web", links=["db:database"], extraHosts=[{"hostname": "x", "ipAddress": "10.0.0.1"}], hostname="w"),
        container("db"),
    )
    run(hosts)
    specs = {s.labels["homeport.container"]: hosts.engine.spec(s.id) for s in hosts.engine.list_containers({})}
    database = specs["~internal~ecs~pause-db"]
    web = specs["~internal~ecs~pause-web"]
    assert database.network_mode == web.network_mode == "bridge"
    assert web.hostname == "w"
    [extra, alias, name] = web.extra_hosts
    assert extra == ("x", "10.0.0.1")
    assert (alias[0], name[0]) == ("database", "db") and alias[1] == name[1] != ""
    assert specs["web"].join_network_of is not None
    assert specs["web"].join_network_of != specs["db"].join_network_of


def test_none_has_no_network_and_no_endpoint(hosts: World) -> None:
    define(hosts, "none", container(), pidMode="task")
    task = run(hosts)
    assert task["lastStatus"] == "RUNNING"
    specs = {s.labels["homeport.container"]: hosts.engine.spec(s.id) for s in hosts.engine.list_containers({})}
    assert specs["app"].network_mode == "none" == specs["~internal~ecs~pause"].network_mode
    assert (specs["app"].pid_mode or "").startswith("container:")
    assert not [name for name, _ in specs["app"].environment if name.startswith("ECS_")]


def test_host_mode_needs_consent(hosts: World, config: Config, clock: VirtualClock) -> None:
    define(hosts, "host", container(portMappings=[{"containerPort": 80}]))
    with refuses("NotEmulatedYet", part=True, message="start Homeport with --allow-host-network"):
        start(hosts)
    other = replace(config, allow_host_network=True, data_dir=config.data_dir.with_name("other"))
    emulator = build(other, clock=clock, threaded=False, observer=observe)
    emulator.start()
    allowed = World(emulator, clock, aws_of(emulator))
    allowed.cluster()
    allowed.image()
    add_instance(allowed, 0)
    define(allowed, "host", container(portMappings=[{"containerPort": 80}]))
    task = run(allowed)
    assert bindings(task) == [("0.0.0.0", 80)]
    [app] = [allowed.engine.spec(s.id) for s in allowed.engine.list_containers({})]
    assert app.network_mode == "host"
    endpoint = f"http://127.0.0.1:{emulator.host_endpoint_port}"
    assert dict(app.environment)["AWS_ENDPOINT_URL"] == endpoint
    assert dict(app.environment)["ECS_CONTAINER_METADATA_URI_V4"].startswith(f"{endpoint}/v4/")
    emulator.close()


def test_virtual_hosts_share_the_ports_of_mode_host(config: Config, clock: VirtualClock) -> None:
    """Containers there listen on the one real host, whichever virtual host they are on: who comes second is told so."""
    emulator = build(replace(config, allow_host_network=True), clock=clock, threaded=False, observer=observe)
    emulator.start()
    world = World(emulator, clock, aws_of(emulator))
    world.cluster()
    world.image()
    for number in range(3):
        add_instance(world, number)
    define(world, "host", container(portMappings=[{"containerPort": 8080}, {"containerPort": 49153}]))
    first = run(world)
    second, why = start(world), f"of this host is in use by task {first['taskArn'].rpartition('/')[2]} on another"
    world.pass_time(1)
    code, reason = world.stopped(second)
    assert code == "TaskFailedToStart"
    assert reason.startswith(f"CannotStartContainerError: port 8080/tcp {why} container instance; ")
    define(world, "bridge", container(portMappings=[{"containerPort": 80, "hostPort": 8080}]))
    third = start(world)
    world.pass_time(1)
    assert f"port 8080/tcp {why}" in world.stopped(third)[1]
    define(world, "bridge", container(portMappings=[{"containerPort": 80}]))
    assert bindings(run(world)) == [("127.0.0.1", 49154)]
    world.ecs.stop_task(task=first["taskArn"])
    world.pass_time(1)
    define(world, "host", container(portMappings=[{"containerPort": 8080}]))
    assert run(world)["lastStatus"] == "RUNNING"
    emulator.close()


def test_a_dead_namespace_ends_the_task(hosts: World) -> None:
    define(hosts, "bridge", container("a"), container("b"))
    task = run(hosts)
    pauses = {s.labels["homeport.container"]: s.id for s in hosts.engine.list_containers({})}
    hosts.engine.kill_container(pauses["~internal~ecs~pause-b"])
    hosts.pass_time(60)
    code, reason = hosts.stopped(task["taskArn"])
    assert (code, reason) == (
        "InfrastructureHealth",
        "The task's network namespace is gone: its pause container ended",
    )
    assert hosts.containers() == []
