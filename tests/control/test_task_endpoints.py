"""What a container is told at 169.254.170.2: its metadata, statistics, credentials and protection."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.domain.tasks.container_statistics import Sample
from emulator.domain.tasks.task_metadata import TagsUnavailable
from emulator.engine.simulated.behaviour import Behaviour, HealthTurn
from emulator.task_endpoints import credentials
from emulator.task_endpoints.caller import RELAY_LISTENER
from emulator.task_endpoints.views import TaskViews
from tests import metadata_schema as schema
from tests.conftest import call_wsgi, make_environ
from tests.control.world import NETWORK, World, awslogs, container, health_check
from tests.metadata_schema import fits

ROLE = "arn:aws:iam::123456789012:role/app/whoami"


def environment(world: World, name: str = "app", task: str = "") -> dict[str, str]:
    """What the container was created with."""
    for state in world.engine.list_containers({}):
        if state.labels.get("homeport.container") == name and task in state.labels.get("homeport.task", ""):
            return dict(world.engine.spec(state.id).environment)
    raise AssertionError(f"no container {name}")


def ask(world: World, url: str, method: str = "GET", body: bytes = b"", caller: str = "") -> tuple[int, Any]:
    """One request through a relay: that of the task `caller`, or one that says no name."""
    path, _, query = url.removeprefix("http://169.254.170.2").partition("?")
    environ = make_environ(method, path, body, {"Host": "169.254.170.2"}, query)
    environ["homeport.listener"] = SimpleNamespace(name=RELAY_LISTENER)
    peer = f"\0homeport:{caller.rpartition('/')[2]}:17a".encode() if caller else ""
    environ["homeport.socket"] = SimpleNamespace(getpeername=lambda: peer)
    status, headers, answer = call_wsgi(world.emulator.wsgi, environ)
    assert headers["Content-Type"] == "application/json"
    return status, json.loads(answer)


def running(world: World, **members: Any) -> str:
    world.image("app", Behaviour(health=(HealthTurn(1, "healthy"),)))
    world.image("side")
    world.aws("logs").create_log_group(logGroupName="/ecs/web")
    side = container("side", "side:1", essential=False)
    mounts = [
        {"sourceVolume": volume["name"], "containerPath": f"/{volume['name']}"} for volume in members.get("volumes", ())
    ]
    app = container(healthCheck=health_check(), logConfiguration=awslogs(), cpu=128, mountPoints=mounts)
    world.define(app, side, **members)
    arn = world.run(tags=[{"key": "team", "value": "a"}])
    world.settle()
    world.pass_time(5)
    return arn


def test_the_documents_of_version_4(world: World) -> None:
    arn = running(world, volumes=[{"name": "work"}])
    uri = environment(world)["ECS_CONTAINER_METADATA_URI_V4"]
    status, app = ask(world, uri)
    assert status == 200
    fits(app, schema.CONTAINER)
    assert (app["Name"], app["Limits"]) == ("app", {"CPU": 128, "Memory": 0})
    assert (app["Health"]["status"], app["Health"].keys()) == ("HEALTHY", {"status", "statusSince"})
    assert (app["DockerName"], app["DockerId"]) == ("app", world.task(arn)["containers"][0]["runtimeId"])
    assert app["Labels"] == {
        "com.amazonaws.ecs.cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/default",
        "com.amazonaws.ecs.container-name": "app",
        "com.amazonaws.ecs.task-arn": arn,
        "com.amazonaws.ecs.task-definition-family": "web",
        "com.amazonaws.ecs.task-definition-version": "1",
    }
    (volume,) = app["Volumes"]
    assert volume["Destination"] == "/work"
    assert app["LogDriver"] == "awslogs"
    stream = f"ecs/app/{arn.rpartition('/')[2]}"
    assert app["LogOptions"] == {
        "awslogs-group": "/ecs/web",
        "awslogs-region": "us-east-1",
        "awslogs-stream": stream,
    }
    details = {d["name"]: d["value"] for d in world.task(arn)["attachments"][0]["details"]}
    (network,) = app["Networks"]
    assert network["IPv4Addresses"] == [details["privateIPv4Address"]]
    assert (network["SubnetGatewayIpv4Address"], network["PrivateDNSName"]) == (
        "172.31.0.1/16",
        details["privateDnsName"],
    )
    _, task = ask(world, f"{uri}/task")
    fits(task, schema.TASK)
    assert (task["TaskARN"], task["Limits"]) == (arn, {"CPU": 0.25, "Memory": 512})
    assert task["EphemeralStorageMetrics"]["Reserved"] == 20 * 1024
    assert task["ClockDrift"]["ClockErrorBound"] > 0
    side = task["Containers"][1]
    assert not {"Health", "Volumes", "LogDriver", "LogOptions", "ExitCode", "FinishedAt", "RestartCount"} & side.keys()
    assert task["Containers"][0] == app
    assert ask(world, f"{uri}/associations/elastic-inference") == (200, {"Associations": []})
    assert ask(world, f"{uri}/associations/elastic-inference/x")[0] == 404


def test_with_tags_or_with_why_there_are_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = running(world)
    variables = environment(world)
    uri = variables["ECS_CONTAINER_METADATA_URI_V4"]
    task = ask(world, f"{uri}/task")[1]
    tagged = ask(world, f"{uri}/taskWithTags")[1]
    assert (tagged.pop("TaskTags"), tagged.keys()) == ({"team": "a"}, task.keys())
    world.ecs.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "b"}])
    assert ask(world, f"{uri}/taskWithTags")[1]["TaskTags"] == {"team": "b"}
    assert ask(world, f"{variables['ECS_CONTAINER_METADATA_URI']}/taskWithTags")[1]["TaskTags"] == {"team": "b"}
    world.ecs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert "TaskTags" not in ask(world, f"{uri}/taskWithTags")[1]
    gone = TagsUnavailable(arn, "InvalidParameterException", "The specified task does not exist.", 400, "id")
    monkeypatch.setattr(TaskViews, "tags", lambda _, __: gone)
    failed = ask(world, f"{uri}/taskWithTags")[1]
    fits(failed, schema.TASK)
    assert "TaskTags" not in failed
    assert failed["Errors"] == [
        {
            "ErrorField": "TaskTags",
            "ErrorCode": "InvalidParameterException",
            "ErrorMessage": "The specified task does not exist.",
            "StatusCode": 400,
            "RequestId": "id",
            "ResourceARN": arn,
        }
    ]


def test_an_ended_container_and_a_failed_probe(world: World) -> None:
    sick = Behaviour(health=(HealthTurn(1, "healthy"), HealthTurn(4, "unhealthy", "connection refused")))
    world.image("app", sick)
    world.image("short", Behaviour(runs_for_s=2, exit_code=3))
    check = {**health_check(), "retries": 1}
    again = {"enabled": True, "restartAttemptPeriod": 60}
    world.define(
        container(healthCheck=check, essential=False),
        container("short", "short:1", essential=False),
        container("stays", restartPolicy=again),
    )
    world.run()
    world.pass_time(8)
    _, task = ask(world, environment(world)["ECS_CONTAINER_METADATA_URI_V4"] + "/task")
    fits(task, schema.TASK)
    app, short, stays = task["Containers"]
    assert (app["Health"]["status"], app["Health"]["exitCode"]) == ("UNHEALTHY", 1)
    assert app["Health"]["output"] == "connection refused"
    assert app["Health"]["statusSince"] > app["StartedAt"]
    assert (short["KnownStatus"], short["ExitCode"]) == ("STOPPED", 3)
    assert short["FinishedAt"] > short["StartedAt"]
    assert stays["RestartCount"] == 0


def test_the_documents_of_version_3(world: World) -> None:
    running(world)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI"]
    _, app = ask(world, uri)
    fits(app, schema.CONTAINER_V3)
    _, task = ask(world, f"{uri}/task")
    fits(task, schema.TASK_V3)
    assert ask(world, f"{uri}/associations/x") == (200, {"Associations": []})


def test_version_2_knows_its_task_by_where_it_asks_from(world: World) -> None:
    arn = running(world)
    host = "http://169.254.170.2"
    status, task = ask(world, f"{host}/v2/metadata", caller=arn)
    assert status == 200
    fits(task, schema.TASK_V3)
    assert (task["TaskARN"], "TaskTags" in task) == (arn, False)
    assert ask(world, f"{host}/v2/metadataWithTags", caller=arn)[1]["TaskTags"] == {"team": "a"}
    app = task["Containers"][0]
    assert ask(world, f"{host}/v2/metadata/{app['DockerId']}", caller=arn) == (200, app)
    world.emulator.plane.statistics.look()
    world.pass_time(2)
    world.emulator.plane.statistics.look()
    status, stats = ask(world, f"{host}/v2/stats/{app['DockerId']}", caller=arn)
    assert status == 200
    assert ask(world, f"{host}/v2/stats", caller=arn)[1][app["DockerId"]] == stats
    other = world.run()
    world.settle()
    for path in ("metadata", "stats"):
        assert ask(world, f"{host}/v2/{path}/{app['DockerId']}", caller=other)[0] == 404
        assert ask(world, f"{host}/v2/{path}") == (
            404,
            f"V2 task {path} handler: unable to get task arn from request: unable to associate it with a task",
        )


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
    fits(stats, schema.STATS)
    assert stats["network_rate_stats"] == {"rx_bytes_per_sec": 500.0, "tx_bytes_per_sec": 1000.0}
    assert stats["precpu_stats"] == first["cpu_stats"]
    spent = stats["cpu_stats"]["cpu_usage"]["total_usage"] - stats["precpu_stats"]["cpu_usage"]["total_usage"]
    assert spent == 20_000_000
    _, whole = ask(world, f"{uri}/task/stats")
    assert len(whole) == 2
    assert whole[stats["id"]] == stats


def test_a_reading_that_makes_no_sense_is_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    running(world)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI_V4"]

    def torn() -> Sample:
        raise ValueError("invalid literal")

    monkeypatch.setattr(world.engine, "sample_statistics", lambda running: {state.id: torn for state in running})
    world.emulator.plane.statistics.look()
    assert ask(world, f"{uri}/stats")[0] == 500
    status, whole = ask(world, f"{uri}/task/stats")
    assert (status, set(whole.values())) == (200, {None})


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


def test_a_task_that_came_by_anothers_ids_is_told_nothing_either(world: World) -> None:
    victim = running(world, taskRoleArn=ROLE)
    variables = environment(world)
    thief = world.run()
    world.settle()
    metadata, credentials = (
        variables["ECS_CONTAINER_METADATA_URI_V4"],
        variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"],
    )
    protection = f"{variables['ECS_AGENT_URI']}/task-protection/v1/state"
    for url in (metadata, f"{metadata}/task", variables["ECS_CONTAINER_METADATA_URI"], protection, credentials):
        assert ask(world, url, caller=victim)[0] == 200
    for path in ("", "/task", "/taskWithTags", "/stats", "/task/stats", "/associations/x"):
        assert ask(world, metadata + path, caller=thief)[0] == 404
    assert ask(world, protection, caller=thief)[0] == 404
    status, refused = ask(world, credentials, caller=thief)
    assert (status, refused["code"]) == (400, "InvalidIdInRequest")


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
    fits(given, schema.CREDENTIALS)
    ends = datetime.strptime(given["Expiration"], "%Y-%m-%dT%H:%M:%S%z").timestamp()
    assert ends == int(world.clock.now()) + 6 * 3600
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
    world.clock.advance(3600)
    assert ask(world, f"http://169.254.170.2{path}")[1] == renewed
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


def test_a_bug_of_ours_is_told_in_the_words_of_each_endpoint(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (arn,) = serving(world)
    url = state_url(world, arn)
    uri = environment(world)["ECS_CONTAINER_METADATA_URI_V4"]

    def breaks(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(TaskViews, "find", breaks)
    monkeypatch.setattr(credentials, "_task_of", breaks)
    text = "Homeport failed; its log has the details"
    assert ask(world, uri) == (500, text)
    assert ask(world, url) == (500, {"error": {"Arn": "", "Code": "ServerException", "Message": text}})
    broken = {"code": "InternalServerError", "message": text, "HTTPErrorCode": 500}
    assert ask(world, "http://169.254.170.2/v2/credentials/x") == (500, broken)


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
        ({"ProtectionEnabled": None}, "Invalid request: does not contain 'ProtectionEnabled' field"),
        ({"ExpiresInMinutes": 5}, "Invalid request: does not contain 'ProtectionEnabled' field"),
        ({"ProtectionEnabled": "yes"}, "UpdateTaskProtection: failed to decode request"),
        ({"ProtectionEnabled": True, "ExpiresInMinutes": 1.5}, "UpdateTaskProtection: failed to decode request"),
        ({"ProtectionEnabled": True, "ExpiresInMinutes": True}, "UpdateTaskProtection: failed to decode request"),
        ({"ProtectionEnabled": True, "x": 1}, "UpdateTaskProtection: failed to decode request"),
        ([], "UpdateTaskProtection: failed to decode request"),
    ],
)
def test_bodies_that_the_agent_does_not_take(world: World, body: object, message: str) -> None:
    (arn,) = serving(world)
    status, told = put(world, state_url(world, arn), body)
    assert (status, told["error"]["Code"], told["error"]["Arn"]) == (400, "InvalidParameterException", arn)
    assert told == {"error": {"Arn": arn, "Code": "InvalidParameterException", "Message": message}}


def test_a_body_that_is_no_json(world: World) -> None:
    (arn,) = serving(world)
    for body in (b"", b"{", b"\xff", b'{"ProtectionEnabled": true} x'):
        status, told = ask(world, state_url(world, arn), "PUT", body)
        assert (status, told["error"]["Message"]) == (400, "UpdateTaskProtection: failed to decode request")


@pytest.mark.parametrize("minutes", [0, -1, 2881])
def test_what_the_api_refuses_has_a_requests_id(world: World, minutes: int) -> None:
    (arn,) = serving(world)
    status, told = put(world, state_url(world, arn), {"ProtectionEnabled": True, "ExpiresInMinutes": minutes})
    assert (status, told["error"]["Code"], told["error"]["Arn"]) == (400, "InvalidParameterException", arn)
    assert told["error"]["Message"].startswith("expiresInMinutes must be a positive integer value")
    assert told["requestID"]


def test_names_in_any_case_and_two_hours_unless_said(world: World) -> None:
    (arn,) = serving(world)
    status, told = put(world, state_url(world, arn), {"protectionenabled": True, "expiresInMinutes": None})
    assert status == 200
    fits(told, schema.PROTECTION)
    (shown,) = world.ecs.get_task_protection(cluster="default", tasks=[arn])["protectedTasks"]
    assert shown["expirationDate"].timestamp() == world.clock.now() + 120 * 60
    assert told["protection"]["ExpirationDate"] == f"{shown['expirationDate'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert put(world, state_url(world, arn), {"ProtectionEnabled": False})[1]["protection"]["ExpirationDate"] is None


def test_who_cannot_protect_itself(world: World) -> None:
    running(world)
    status, told = put(world, state_url(world, ""), {"ProtectionEnabled": True})
    assert (status, told["error"]["Code"]) == (403, "AccessDeniedException")
    assert told["error"]["Message"] == "Invalid Request: no task IAM role credentials available for task"
    assert "requestID" not in told
    world.define(container(), family="alone", taskRoleArn=ROLE)
    alone = world.run("alone")
    world.settle()
    status, told = put(world, state_url(world, alone), {"ProtectionEnabled": True})
    assert (status, told["failure"]["Reason"], told["failure"]["Arn"]) == (200, "TASK_NOT_VALID", alone)
    status, told = ask(world, "http://169.254.170.2/api/x/task-protection/v1/state")
    assert (status, told["error"]["Code"]) == (404, "ResourceNotFoundException")
