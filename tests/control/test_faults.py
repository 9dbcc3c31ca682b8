"""Faults on demand: asked for at /_emulator/faults, seen by boto3, explained, listed and cleared."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.control.faults import Faults
from emulator.engine.simulated.behaviour import Behaviour
from emulator.events.task_changes import state_changes
from tests.conftest import Aws, call_wsgi, make_environ
from tests.control.world import NETWORK, World, container
from tests.services.ecs_scene import refuses

PULL = "CannotPullContainerError: "
DENIED = (
    f"{PULL}pull image manifest has been retried 1 time(s): failed to resolve ref app:1: pull access denied, "
    "repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
)


def ask(world: World, method: str = "GET", path: str = "faults", **body: Any) -> tuple[int, Any]:
    environ = make_environ(method, f"/_emulator/{path.partition('?')[0]}", json.dumps(body).encode(), {})
    environ["QUERY_STRING"] = path.partition("?")[2]
    status, _, answer = call_wsgi(world.emulator.wsgi, environ)
    return status, json.loads(answer)


def add(world: World, kind: str, **members: Any) -> dict[str, Any]:
    status, answer = ask(world, "POST", kind=kind, **members)
    assert status == 201, answer
    [added] = answer["faults"]
    return dict(added)


def shown(world: World, fault: str) -> dict[str, Any]:
    return next(f for f in ask(world)[1]["faults"] if f["id"] == fault)


def clear(world: World, fault: str) -> None:
    assert ask(world, "DELETE", f"faults/{fault}") == (200, {"cleared": [fault], "over": []})


def explained(world: World, subject: str) -> list[str]:
    status, found = ask(world, path=f"explain?subject={subject}")
    assert status == 200, found
    return list(found["words"])


def events(world: World, arn: str) -> list[tuple[str, str, str | None]]:
    """(lastStatus, desiredStatus, stopCode) of each state change event."""
    with world.emulator.database.read() as reader:
        return [(e["lastStatus"], e["desiredStatus"], e.get("stopCode")) for e in state_changes(reader, arn)]


def spot(world: World, **members: Any) -> str:
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    answer = world.ecs.run_task(
        taskDefinition="web", capacityProviderStrategy=strategy, networkConfiguration=NETWORK, **members
    )
    return str(answer["tasks"][0]["taskArn"])


@pytest.fixture
def world(world: World) -> World:
    world.ecs.put_cluster_capacity_providers(
        cluster="default", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    world.image()
    world.define(container())
    return world


# -- pulls and starts


def test_a_denied_pull_fails_as_on_fargate_and_says_who_did_it(world: World) -> None:
    fault = add(world, "pull", image="app", error="denied")
    arn = world.run()
    world.pass_time(5)
    assert world.stopped(arn) == ("TaskFailedToStart", DENIED)
    assert world.task(arn)["containers"][0]["reason"] == DENIED
    assert f"It was struck by fault {fault['id']} (pull: fails: denied)." in explained(world, arn)
    known = shown(world, fault["id"])
    assert (known["strikes"], known["struck"], known["state"]) == (1, [arn], "on")
    clear(world, fault["id"])
    fine = world.run()
    world.pass_time(5)
    assert world.task(fine)["lastStatus"] == "RUNNING"
    assert ask(world)[1] == {"faults": []}


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        ("pull", "rate-limit", f"{PULL}toomanyrequests: You have reached your pull rate limit."),
        ("pull", "not-found", f"{PULL}pull image manifest has been retried 1 time(s): failed to resolve ref app:1: "),
        ("pull", "disk-full", f"{PULL}write /var/lib/containerd"),
        ("pull", "no route to host {x}", f"{PULL}no route to host {{x}}"),
        ("start", "bad-command", "CannotStartContainerError: failed to create task: OCI runtime create failed"),
        ("start", "create", "CannotCreateContainerError: "),
        ("start", "timeout", "ContainerRuntimeTimeoutError: Could not transition to running; timed out"),
        ("start", "out of luck", "CannotStartContainerError: out of luck"),
        ("start", "ResourceInitializationError: x", "ResourceInitializationError: x"),
    ],
)
def test_each_error_has_its_reason(world: World, kind: str, error: str, reason: str) -> None:
    add(world, kind, error=error)
    arn = world.run()
    world.pass_time(5)
    code, said = world.stopped(arn)
    assert code == "TaskFailedToStart"
    assert said.startswith(reason)


def test_a_count_is_struck_and_no_more(world: World) -> None:
    fault = add(world, "start", family="web", error="runtime", count=1)
    first = world.run()
    world.pass_time(5)
    second = world.run()
    world.pass_time(5)
    assert world.stopped(first)[0] == "TaskFailedToStart"
    assert world.task(second)["lastStatus"] == "RUNNING"
    known = shown(world, fault["id"])
    assert (known["state"], known["because"], known["strikes"]) == ("over", "it struck 1 times", 1)
    world.pass_time(3601)
    assert ask(world)[1] == {"faults": []}


def test_a_slow_pull_takes_its_time_and_can_be_stopped(world: World) -> None:
    fault = add(world, "pull", delay=30, image="app:*")
    slow, stopped = world.run(), world.run()
    world.pass_time(20)
    assert world.task(slow)["lastStatus"] == "PENDING"
    assert any(fault["id"] in words for words in explained(world, slow))
    world.ecs.stop_task(task=stopped)
    world.pass_time(2)
    assert world.stopped(stopped)[0] == "UserInitiated"
    world.pass_time(15)
    task = world.task(slow)
    assert task["lastStatus"] == "RUNNING"
    assert (task["pullStoppedAt"] - task["pullStartedAt"]).total_seconds() == pytest.approx(30, abs=2)


def test_a_slow_start_that_fails_in_the_end(world: World) -> None:
    add(world, "start", delay=180, error="timeout", count=1)
    arn = world.run()
    world.pass_time(170)
    assert world.task(arn)["lastStatus"] == "PENDING"
    world.pass_time(20)
    assert world.stopped(arn)[1].startswith("ContainerRuntimeTimeoutError: ")


def test_two_slow_faults_are_had_one_after_the_other(world: World) -> None:
    add(world, "pull", delay=10), add(world, "pull", delay=20), add(world, "start", delay=5)
    arn = world.run()
    world.pass_time(33)
    assert world.task(arn)["lastStatus"] == "PENDING"
    world.pass_time(5)
    assert world.task(arn)["lastStatus"] == "RUNNING"


@pytest.mark.parametrize(
    ("target", "hit"),
    [
        ({"service": "we*"}, True),
        ({"service": "other"}, False),
        ({"container": "app", "cluster": "default"}, True),
        ({"container": "side"}, False),
        ({"family": "web", "image": "app:2"}, False),
        ({"cluster": "elsewhere"}, False),
    ],
)
def test_whom_it_hits(world: World, target: dict[str, str], hit: bool) -> None:
    add(world, "pull", error="denied", **target)
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
    )
    world.pass_time(5)
    running = world.ecs.describe_services(services=["web"])["services"][0]["runningCount"]
    assert running == (0 if hit else 1)


def test_a_fault_ends_when_its_time_is_over(world: World) -> None:
    fault = add(world, "pull", error="denied", duration=60)
    assert fault["until"] == fault["since"] + 60
    world.pass_time(61)
    assert (shown(world, fault["id"])["state"], shown(world, fault["id"])["because"]) == ("over", "its time was over")
    arn = world.run()
    world.pass_time(5)
    assert world.task(arn)["lastStatus"] == "RUNNING"


# -- throttling


def test_throttling_answers_as_each_protocol_does(world: World, aws: Aws) -> None:
    fault = add(world, "throttling", api="ecs", operation="List*", count=1)
    with refuses("ThrottlingException", "Rate exceeded"):
        world.ecs.list_clusters()
    assert shown(world, fault["id"])["struck"] == ["ecs:ListClusters"]
    assert world.ecs.list_clusters()["clusterArns"]
    add(world, "throttling", api="sts")
    with refuses("Throttling", "Rate exceeded"):
        aws("sts").get_caller_identity()
    add(world, "throttling", api="ecr")
    with refuses("ThrottlingException", "Rate exceeded"):
        aws("ecr").describe_repositories()
    assert world.ecs.list_clusters()["clusterArns"]


def test_a_rate_is_kept_evenly_and_nothing_is_written_by_a_throttled_call(world: World) -> None:
    fault = add(world, "throttling", api="ecs", operation="CreateCluster", rate=0.25)
    for number in range(8):
        if number % 4 == 3:
            with pytest.raises(ClientError) as refused:
                world.ecs.create_cluster(clusterName=f"c{number}")
            answer = refused.value.response
            assert answer["Error"]["Code"] == "ThrottlingException"
            assert fault["id"] in answer["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
        else:
            world.ecs.create_cluster(clusterName=f"c{number}")
    assert len(world.ecs.list_clusters()["clusterArns"]) == 7
    assert shown(world, fault["id"])["strikes"] == 2


# -- Spot


def test_a_spot_task_is_given_notice_and_two_minutes(world: World) -> None:
    world.image("stubborn", Behaviour(ignores_sigterm=True))
    world.define(container(image="stubborn:1", stopTimeout=120))
    arn = spot(world)
    world.pass_time(5)
    fault = add(world, "spot-interruption", task=arn.rpartition("/")[2][:8])
    assert fault["struck"] == [arn]
    task = world.task(arn)
    assert (task["lastStatus"], task["desiredStatus"], task["stopCode"]) == ("RUNNING", "STOPPED", "TerminationNotice")
    assert task["stoppedReason"] == "Your Spot Task was interrupted."
    world.pass_time(118)
    assert world.task(arn)["lastStatus"] != "STOPPED"
    world.pass_time(5)
    assert world.stopped(arn) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert world.task(arn)["containers"][0]["exitCode"] == 137
    trail = events(world, arn)
    assert ("RUNNING", "STOPPED", "TerminationNotice") in trail
    assert trail[-1] == ("STOPPED", "STOPPED", "SpotInterruption")
    assert any(fault["id"] in words for words in explained(world, arn))


def test_two_minutes_are_for_all_containers_together(world: World) -> None:
    world.image("stubborn", Behaviour(ignores_sigterm=True))
    after = [{"containerName": "app", "condition": "START"}]
    world.define(
        container(image="stubborn:1", stopTimeout=100),
        container("side", image="stubborn:1", stopTimeout=100, dependsOn=after),
    )
    arn = spot(world)
    world.pass_time(5)
    add(world, "spot-interruption", task=arn)
    world.pass_time(110)
    assert {c["name"]: c["lastStatus"] for c in world.task(arn)["containers"]} == {"side": "STOPPED", "app": "RUNNING"}
    world.pass_time(12)
    assert world.stopped(arn)[0] == "SpotInterruption"


def test_a_service_replaces_on_spot(world: World) -> None:
    world.ecs.create_service(
        serviceName="web",
        taskDefinition="web",
        desiredCount=2,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        networkConfiguration=NETWORK,
    )
    world.pass_time(5)
    before = set(world.ecs.list_tasks(serviceName="web")["taskArns"])
    assert set(add(world, "spot-interruption", service="web")["struck"]) == before
    world.pass_time(60)
    after = world.ecs.list_tasks(serviceName="web")["taskArns"]
    assert len(after) == 2 and not before & set(after)
    tasks = world.ecs.describe_tasks(tasks=after)["tasks"]
    assert {(t["capacityProviderName"], t["lastStatus"]) for t in tasks} == {("FARGATE_SPOT", "RUNNING")}


def test_only_spot_is_interrupted(world: World) -> None:
    arn = world.run()
    world.pass_time(5)
    for target in ({"task": arn}, {"service": "nobody"}):
        status, answer = ask(world, "POST", kind="spot-interruption", **target)
        assert status == 400
        assert "FARGATE, not" in answer["error"] or "no task" in answer["error"] or "runs on FARGATE" in answer["error"]
    assert ask(world)[1] == {"faults": []}
    assert world.task(arn)["desiredStatus"] == "RUNNING"


# -- asked for, kept


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, "kind is one of spot-interruption, pull, start, throttling, agent-disconnect, zone-loss, engine-outage"),
        ({"kind": "pull"}, "pull needs error or delay"),
        ({"kind": "pull", "error": "x", "zone": "a"}, "pull does not take zone; it takes task, service"),
        ({"kind": "pull", "delay": 0}, "delay is a number of seconds, more than 0"),
        ({"kind": "pull", "delay": True}, "delay is a number of seconds"),
        ({"kind": "pull", "error": "x", "count": 1.5}, "count is a whole number"),
        ({"kind": "pull", "error": "x\n"}, "error is a text"),
        ({"kind": "pull", "error": ["x"]}, "error is a text"),
        ({"kind": "throttling", "rate": 2}, "rate is the share"),
        ({"kind": "zone-loss"}, "zone-loss needs zone"),
        ({"kind": "zone-loss", "zone": "us-mars-1a"}, "there is no region 'us-mars-1'"),
        ({"kind": "zone-loss", "zone": "q"}, "unknown Availability Zone 'q'"),
        ({"kind": "agent-disconnect", "instance": "i-0"}, "there is no container instance i-0"),
        ({"kind": "spot-interruption", "instance": "i-0", "task": "0"}, "takes an instance, or tasks, but not both"),
        ({"kind": ["pull"]}, "kind is one of"),
    ],
)
def test_what_is_no_fault_is_refused(world: World, asked: dict[str, Any], error: str) -> None:
    status, answer = ask(world, "POST", **asked)
    assert status == 400
    assert error in answer["error"]
    assert ask(world)[1] == {"faults": []}


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[]", b"{", b"\xff", b""])
def test_a_body_that_is_no_object_asks_for_nothing(world: World, body: bytes) -> None:
    status, _, answer = call_wsgi(world.emulator.wsgi, make_environ("POST", "/_emulator/faults", body, {}))
    assert (status, json.loads(answer)["error"].partition(" of ")[0]) == (400, "kind is one")


def test_a_fault_that_is_not_there_cannot_be_cleared(world: World) -> None:
    assert ask(world, "DELETE", "faults/fault-1") == (404, {"error": "there is no fault fault-1"})
    assert ask(world, "DELETE") == (200, {"cleared": [], "over": []})


def test_faults_and_their_strikes_are_in_the_store(world: World) -> None:
    fault = add(world, "throttling", api="ecs", count=5)
    with refuses("ThrottlingException"):
        world.ecs.list_clusters()
    emulator = world.emulator
    [known] = Faults(world.clock, emulator.database, emulator.ids).listed()
    assert (known.id, known.strikes, known.ended_at) == (fault["id"], 1, None)


def test_a_reset_clears_them(world: World) -> None:
    add(world, "engine-outage"), add(world, "pull", error="denied")
    world.emulator.reset()
    assert ask(world)[1] == {"faults": []}
