"""Each change of a container instance that AWS tells of is an "ECS Container Instance State Change" in the journal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.admin import event_list
from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.events import journal
from tests.conftest import Aws, call_wsgi, make_environ
from tests.control.world import World
from tests.services.instance_scene import EVERYWHERE, ec2_definition, provide_image, register, resources, run_on_ec2


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    world = World(emulator, clock, aws)
    world.ecs.create_cluster(clusterName="c")
    provide_image(emulator)
    world.ecs.register_task_definition(**ec2_definition())
    return world


def told(world: World, **asked: str) -> list[dict[str, Any]]:
    """The whole events of container instances, as /_emulator/events gives them, oldest first."""
    query = "&".join(f"{name}={value}" for name, value in {"type": "container+instance", **asked}.items())
    environ = make_environ("GET", "/_emulator/events", b"", {})
    environ["QUERY_STRING"] = query
    status, _, body = call_wsgi(world.emulator.wsgi, environ)
    assert status == 200, body
    return [json.loads(line) for line in body.splitlines()]


def shown(world: World, arn: str) -> dict[str, Any]:
    found = world.ecs.describe_container_instances(cluster="c", containerInstances=[arn])["containerInstances"]
    return dict(found[0])


def test_an_event_is_the_instance_as_it_is_described(world: World) -> None:
    arn = register(world.ecs, tags=[{"key": "team", "value": "x"}])["containerInstanceArn"]
    [event] = told(world)
    assert {name: event[name] for name in ("version", "detail-type", "source", "account", "region", "resources")} == {
        "version": "0", "detail-type": "ECS Container Instance State Change", "source": "aws.ecs",
        "account": "123456789012", "region": "us-east-1", "resources": [arn],
    }  # fmt: skip
    assert [len(part) for part in event["id"].split("-")] == [8, 4, 4, 4, 12]
    assert event["time"].endswith("Z") and "." not in event["time"]
    detail, described = event["detail"], shown(world, arn)
    same = {n: v for n, v in described.items() if n not in ("registeredAt", "tags", "healthStatus")}
    assert {name: detail[name] for name in same} == same
    assert "tags" not in detail
    assert detail["registeredAt"].endswith("Z") and detail["updatedAt"].endswith("Z")
    assert detail["clusterArn"] == "arn:aws:ecs:us-east-1:123456789012:cluster/c"


def test_a_task_that_takes_and_gives_back_is_told_with_what_is_left(world: World) -> None:
    arn = register(world.ecs)["containerInstanceArn"]
    [first, second] = run_on_ec2(world.ecs, count=2)["tasks"]
    world.pass_time(5)
    counts = [(e["detail"]["version"], resources(e["detail"])["CPU"], pending(e)) for e in told(world)]
    assert counts == [(1, 2048, 0), (2, 1792, 1), (3, 1536, 2)]
    world.ecs.stop_task(cluster="c", task=first["taskArn"])
    world.pass_time(60)
    last = told(world)[-1]["detail"]
    assert (last["version"], resources(last)["CPU"], last["runningTasksCount"]) == (4, 1792, 1)
    assert last["version"] == shown(world, arn)["version"]
    started = world.ecs.start_task(
        cluster="c", taskDefinition="job", containerInstances=[arn], networkConfiguration=EVERYWHERE
    )
    assert not started["failures"]
    assert told(world)[-1]["detail"]["version"] == 5
    assert second["taskArn"] != started["tasks"][0]["taskArn"]


def pending(event: dict[str, Any]) -> int:
    return int(event["detail"]["pendingTasksCount"])


def test_status_agent_and_deregistration(world: World) -> None:
    ecs = world.ecs
    arn = register(ecs, versionInfo={"agentVersion": "1.50.0"})["containerInstanceArn"]
    for status in ("DRAINING", "DRAINING", "ACTIVE"):
        ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status=status)
    ecs.update_container_agent(cluster="c", containerInstance=arn)
    register(ecs)
    run_on_ec2(ecs)
    world.pass_time(5)
    ecs.deregister_container_instance(cluster="c", containerInstance=arn, force=True)
    world.pass_time(60)
    details = [event["detail"] for event in told(world)]
    assert [d["version"] for d in details] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [d["status"] for d in details] == ["ACTIVE", "DRAINING", *["ACTIVE"] * 5, "INACTIVE"]
    assert [d.get("agentUpdateStatus") for d in details][2:6] == [None, "PENDING", "UPDATED", "UPDATED"]
    assert [d["agentConnected"] for d in details] == [*[True] * 7, False]


def test_what_aws_tells_nobody_is_no_new_version(world: World) -> None:
    arn = register(world.ecs)["containerInstanceArn"]
    target = {"targetId": arn, "name": "stack", "value": "blue"}
    world.ecs.put_attributes(cluster="c", attributes=[target])
    world.ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
    assert shown(world, arn)["version"] == 1
    assert len(told(world)) == 1


def test_a_service_and_an_instance_that_was_added(world: World) -> None:
    body = json.dumps({"type": "m5.large", "zone": "a", "cluster": "c"}).encode()
    call_wsgi(world.emulator.wsgi, make_environ("POST", "/_emulator/instances", body, {"Content-Type": "json"}))
    world.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="job", desiredCount=2, launchType="EC2",
        networkConfiguration=EVERYWHERE,
    )  # fmt: skip
    world.pass_time(30)
    assert [(e["detail"]["version"], resources(e["detail"])["CPU"]) for e in told(world)] == [
        (1, 2048), (2, 1792), (3, 1536),
    ]  # fmt: skip


def test_events_are_chosen_by_resource_type_and_count(world: World) -> None:
    first, second = (register(world.ecs, number)["containerInstanceArn"] for number in (1, 2))
    assert [e["resources"] for e in told(world)] == [[first], [second]]
    assert [e["resources"] for e in told(world, count="1")] == [[second]]
    assert [e["resources"] for e in told(world, of=first[-12:])] == [[first]]
    assert told(world, type="service") == []
    assert told(world, count="0") == []
    assert [e["id"] for e in told(world)] == [e["id"] for e in told(world)]
    environ = make_environ("GET", "/_emulator/events", b"", {})
    environ["QUERY_STRING"] = "count=many"
    status, _, body = call_wsgi(world.emulator.wsgi, environ)
    assert (status, json.loads(body)) == (400, {"error": "count is a number from 0 to 10000"})


def test_the_journal_keeps_its_newest_entries(world: World) -> None:
    for number in range(3):
        register(world.ecs, number)
    with world.emulator.database.write() as tx:
        before = journal.entries(tx)
        assert journal.forget(tx, 2) == len(before) - 2
        assert journal.entries(tx) == before[-2:]
        assert journal.forget(tx, 2) == 0


def test_events_are_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_list, "_LOOK_EVERY_S", 0.001)
    first = register(world.ecs, 1)["containerInstanceArn"]
    lines = event_list.event_lines(world.emulator.database, {"type": "instance", "count": "1", "follow": "1"})
    assert first in next(lines).decode()
    assert next(lines) == b""
    second = register(world.ecs, 2)["containerInstanceArn"]
    [event] = [json.loads(line) for line in next(lines).splitlines()]
    assert event["resources"] == [second]
    assert next(lines) == b""
