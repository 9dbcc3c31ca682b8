"""What a container is told at 169.254.170.2: its metadata, statistics, credentials and protection."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.app import RELAY_LISTENER
from emulator.engine.simulated_behaviour import Behaviour, HealthTurn
from tests.conftest import call_wsgi, make_environ
from tests.control.world import NETWORK, World, awslogs, container, health_check

ROLE = "arn:aws:iam::123456789012:role/app/whoami"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"


def environment(world: World, name: str = "app", task: str = "") -> dict[str, str]:
    """What the container was created with."""
    for state in world.engine.list_containers({}):
        if state.labels.get("homeport.container") == name and task in state.labels.get("homeport.task", ""):
            return dict(world.engine.spec(state.id).environment)
    raise AssertionError(f"no container {name}")


def ask(world: World, url: str, method: str = "GET", body: bytes = b"") -> tuple[int, Any]:
    """One request through a task's relay."""
    path, _, query = url.removeprefix("http://169.254.170.2").partition("?")
    environ = make_environ(method, path, body, {"Host": "169.254.170.2"}, query)
    environ["homeport.listener"] = SimpleNamespace(name=RELAY_LISTENER)
    status, headers, answer = call_wsgi(world.emulator.wsgi, environ)
    assert headers["Content-Type"] == "application/json"
    return status, json.loads(answer)


def running(world: World, **members: Any) -> str:
    world.image("app", Behaviour(health=(HealthTurn(1, "healthy"),)))
    world.image("side")
    world.aws("logs").create_log_group(logGroupName="/ecs/web")
    side = container("side", "side:1", essential=False)
    world.define(container(healthCheck=health_check(), logConfiguration=awslogs(), cpu=128), side, **members)
    arn = world.run(tags=[{"key": "team", "value": "a"}])
    world.settle()
    world.pass_time(5)
    return arn


CONTAINER = {
    "DockerId": str,
    "Name": str,
    "DockerName": str,
    "Image": str,
    "ImageID": "sha256:[0-9a-f]{64}",
    "Labels": dict,
    "DesiredStatus": "RUNNING",
    "KnownStatus": "RUNNING",
    "Limits": dict,
    "CreatedAt": TIME,
    "StartedAt": TIME,
    "Type": "NORMAL",
    "Networks": list,
    "ContainerARN": r"arn:aws:ecs:us-east-1:123456789012:container/default/[0-9a-f]{32}/[0-9a-f-]{36}",
}
TASK = {
    "Cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/default",
    "TaskARN": "arn:aws:ecs:us-east-1:123456789012:task/default/[0-9a-f]{32}",
    "Family": "web",
    "Revision": "1",
    "DesiredStatus": "RUNNING",
    "KnownStatus": "RUNNING",
    "Limits": dict,
    "PullStartedAt": TIME,
    "PullStoppedAt": TIME,
    "AvailabilityZone": "us-east-1[abc]",
    "LaunchType": "FARGATE",
    "Containers": list,
    "FaultInjectionEnabled": bool,
}
NETWORK_V4 = {
    "NetworkMode": "awsvpc",
    "IPv4Addresses": list,
    "AttachmentIndex": int,
    "MACAddress": "([0-9a-f]{2}:){5}[0-9a-f]{2}",
    "IPv4SubnetCIDRBlock": r"172\.31\.\d+\.0/20",
    "DomainNameServers": list,
    "PrivateDNSName": r"ip-172-31-\d+-\d+\.ec2\.internal",
    "SubnetGatewayIpv4Address": "172.31.0.1/16",
}


def fits(document: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Exactly these members, each of its type or matching its pattern."""
    assert document.keys() == schema.keys()
    for name, wanted in schema.items():
        if isinstance(wanted, str):
            assert re.fullmatch(wanted, document[name]), (name, document[name])
        else:
            assert type(document[name]) is wanted, (name, document[name])


def test_the_documents_of_version_4(world: World) -> None:
    arn = running(world)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI_V4"]
    status, app = ask(world, uri)
    assert status == 200
    fits(app, {**CONTAINER, "Health": dict, "LogDriver": "awslogs", "LogOptions": dict})
    assert (app["Name"], app["Limits"], app["Health"]["status"]) == ("app", {"CPU": 128, "Memory": 0}, "HEALTHY")
    assert app["DockerName"].startswith("ecs-web-1-app-")
    assert app["Labels"]["com.amazonaws.ecs.task-arn"] == arn
    assert not [name for name in app["Labels"] if name.startswith("homeport")]
    fits(app["Networks"][0], NETWORK_V4)
    details = {d["name"]: d["value"] for d in world.task(arn)["attachments"][0]["details"]}
    assert app["Networks"][0]["IPv4Addresses"] == [details["privateIPv4Address"]]
    _, task = ask(world, f"{uri}/task")
    fits(task, TASK)
    assert (task["TaskARN"], task["Limits"]) == (arn, {"CPU": 0.25, "Memory": 512})
    side = task["Containers"][1]
    fits(side, CONTAINER)
    assert task["Containers"][0] == app
    _, tagged = ask(world, f"{uri}/taskWithTags")
    assert tagged == {**task, "TaskTags": {"team": "a"}}
    assert ask(world, f"{uri}/associations/elastic-inference") == (200, {"Associations": []})
    assert ask(world, f"{uri}/associations/elastic-inference/x")[0] == 404


def test_the_documents_of_version_3(world: World) -> None:
    running(world)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI"]
    _, app = ask(world, uri)
    fits(app, {**{name: kind for name, kind in CONTAINER.items() if name != "ContainerARN"}, "Health": dict})
    assert app["Networks"][0].keys() == {"NetworkMode", "IPv4Addresses"}
    _, task = ask(world, f"{uri}/task")
    assert task.keys() == TASK.keys() - {"LaunchType", "FaultInjectionEnabled"}


def test_statistics_have_dockers_shape_and_rates_from_the_second_reading_on(world: World) -> None:
    running(world)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI_V4"]
    assert ask(world, f"{uri}/stats")[0] == 500
    world.emulator.plane.statistics.look()
    _, first = ask(world, f"{uri}/stats")
    assert "network_rate_stats" not in first
    world.pass_time(2)
    world.emulator.plane.statistics.look()
    status, stats = ask(world, f"{uri}/stats")
    assert status == 200
    assert stats["network_rate_stats"] == {"rx_bytes_per_sec": 500.0, "tx_bytes_per_sec": 1000.0}
    assert stats["precpu_stats"] == first["cpu_stats"]
    spent = stats["cpu_stats"]["cpu_usage"]["total_usage"] - stats["precpu_stats"]["cpu_usage"]["total_usage"]
    assert spent == 20_000_000
    assert stats.keys() >= {"read", "preread", "pids_stats", "blkio_stats", "num_procs", "storage_stats", "networks"}
    _, whole = ask(world, f"{uri}/task/stats")
    assert len(whole) == 2
    assert whole[stats["id"]] == stats


def test_nobody_reads_anothers_task(world: World) -> None:
    running(world)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI_V4"]
    shared = uri.rpartition("/")[2].partition("-")[0]
    assert re.fullmatch("[0-9a-f]{32}", shared)
    task = world.ecs.list_tasks()["taskArns"][0].rpartition("/")[2]
    assert shared != task
    for guess in (task, f"{task}-0000000000", shared, f"{shared}-0000000000", "", "-", "0" * 32):
        for path in ("", "/task", "/stats", "/task/stats", "/taskWithTags", "/associations/x"):
            status, text = ask(world, f"http://169.254.170.2/v4/{guess or '%20'}{path}")
            assert status == 404, (guess, path)
            assert isinstance(text, str)
    wrong = f"http://169.254.170.2/v4/{shared}-0000000000"
    assert ask(world, wrong)[1] == (
        "V4 container metadata handler: unable to get container ID from request: "
        f"unable to get docker ID from v3 endpoint ID: {shared}-0000000000"
    )


def test_a_stopped_task_is_told_nothing(world: World) -> None:
    arn = running(world)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI_V4"]
    world.ecs.stop_task(task=arn)
    world.settle()
    assert ask(world, uri)[0] == 404


def test_paths_and_methods_that_are_not_there(world: World) -> None:
    assert ask(world, "http://169.254.170.2/v4/x/nonsense")[0] == 404
    assert ask(world, "http://169.254.170.2/v4/x/task", "POST")[0] == 405
    assert ask(world, "http://169.254.170.2/v2/metadata")[0] == 404


def test_a_task_asks_sixty_times_at_once_and_forty_times_a_second(world: World) -> None:
    running(world)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI_V4"]
    world.clock.advance(10)
    assert [ask(world, uri)[0] for _ in range(61)] == [200] * 60 + [429]
    world.clock.advance(0.5)
    assert [ask(world, uri)[0] for _ in range(21)] == [200] * 20 + [429]


# -- credentials


def test_the_tasks_role(world: World) -> None:
    arn = running(world, taskRoleArn=ROLE)
    path = environment(world)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    assert re.fullmatch(r"/v2/credentials/[0-9a-f-]{36}", path)
    status, given = ask(world, f"http://169.254.170.2{path}")
    assert status == 200
    assert given.keys() == {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    assert given["RoleArn"] == ROLE
    sts = world.aws(
        "sts",
        access_key=given["AccessKeyId"],
        secret_key=given["SecretAccessKey"],
        session_token=given["Token"],
    )
    who = sts.get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::123456789012:assumed-role/whoami/{arn.rpartition('/')[2]}"
    assert ask(world, f"http://169.254.170.2{path}")[1] == given
    assert ask(world, f"http://169.254.170.2/v1/credentials?id={path.rpartition('/')[2]}")[1] == given
    world.clock.advance(5 * 3600 + 1)
    renewed = ask(world, f"http://169.254.170.2{path}")[1]
    assert renewed["AccessKeyId"] != given["AccessKeyId"]
    assert sts.get_caller_identity()["Arn"] == who["Arn"]
    world.ecs.stop_task(task=arn)
    world.settle()
    assert ask(world, f"http://169.254.170.2{path}")[0] == 400


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("/v2/credentials", "NoIdInRequest", "CredentialsV2Request: No Credential ID in the request"),
        ("/v2/credentials/", "NoIdInRequest", "CredentialsV2Request: No Credential ID in the request"),
        ("/v2/credentials/x", "InvalidIdInRequest", "CredentialsV2Request: Credentials not found"),
        ("/v1/credentials", "NoIdInRequest", "CredentialsV1Request: No ID in the request"),
        ("/v1/credentials?id=x", "InvalidIdInRequest", "CredentialsV1Request: Credentials not found"),
    ],
)
def test_credentials_that_nobody_has(world: World, url: str, code: str, message: str) -> None:
    refused = {"code": code, "message": message, "HTTPErrorCode": 400}
    assert ask(world, f"http://169.254.170.2{url}") == (400, refused)


def test_without_a_role_there_are_none(world: World) -> None:
    running(world)
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in environment(world)


# -- protection


def serving(world: World, count: int = 1, **members: Any) -> list[str]:
    world.image()
    world.define(container(), taskRoleArn=ROLE, **members)
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=count, launchType="FARGATE", networkConfiguration=NETWORK
    )
    world.settle()
    return [str(arn) for arn in world.ecs.list_tasks(serviceName="web")["taskArns"]]


def state_url(world: World, task: str) -> str:
    return environment(world, task=task)["ECS_AGENT_URI"] + "/task-protection/v1/state"


def put(world: World, url: str, body: object) -> tuple[int, Any]:
    return ask(world, url, "PUT", json.dumps(body).encode())


def test_a_task_protects_itself_and_outlives_the_scale_in(world: World) -> None:
    kept, other = serving(world, 2)
    url = state_url(world, kept)
    off = {"protection": {"ExpirationDate": None, "ProtectionEnabled": False, "TaskArn": kept}}
    assert ask(world, url) == (200, off)
    status, told = put(world, url, {"ProtectionEnabled": True, "ExpiresInMinutes": 60})
    assert status == 200
    assert told["protection"]["ProtectionEnabled"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["protection"]["ExpirationDate"])
    shown = world.ecs.get_task_protection(cluster="default", tasks=[kept, other])
    assert [t["protectionEnabled"] for t in shown["protectedTasks"]] == [True, False]
    world.ecs.update_service(service="web", desiredCount=0)
    world.pass_time(120)
    assert world.task(kept)["lastStatus"] == "RUNNING"
    assert world.task(other)["lastStatus"] == "STOPPED"
    world.pass_time(3600)
    assert world.task(kept)["lastStatus"] == "STOPPED"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Invalid request: does not contain 'ProtectionEnabled' field"),
        ({"ProtectionEnabled": "yes"}, "UpdateTaskProtection: failed to decode request"),
        ({"ProtectionEnabled": True, "x": 1}, "UpdateTaskProtection: failed to decode request"),
        ([], "UpdateTaskProtection: failed to decode request"),
        ({"ProtectionEnabled": True, "ExpiresInMinutes": 0}, "expiresInMinutes must be a positive integer value"),
    ],
)
def test_bodies_that_the_agent_does_not_take(world: World, body: object, message: str) -> None:
    (arn,) = serving(world)
    status, told = put(world, state_url(world, arn), body)
    assert (status, told["error"]["Code"], told["error"]["Arn"]) == (400, "InvalidParameterException", arn)
    assert told["error"]["Message"].startswith(message)
    assert told["requestID"]


def test_who_cannot_protect_itself(world: World) -> None:
    running(world)
    status, told = put(world, state_url(world, ""), {"ProtectionEnabled": True})
    assert (status, told["error"]["Code"]) == (403, "AccessDeniedException")
    assert told["error"]["Message"] == "Invalid Request: no task IAM role credentials available for task"
    world.define(container(), family="alone", taskRoleArn=ROLE)
    alone = world.run("alone")
    world.settle()
    status, told = put(world, state_url(world, alone), {"ProtectionEnabled": True})
    assert (status, told["failure"]["Reason"], told["failure"]["Arn"]) == (200, "TASK_NOT_VALID", alone)
    status, told = ask(world, "http://169.254.170.2/api/x/task-protection/v1/state")
    assert (status, told["error"]["Code"]) == (404, "ResourceNotFoundException")
