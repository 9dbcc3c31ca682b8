"""FireLens and the engine's own log drivers through the API, on the simulated engine."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.engine.base import ContainerSpec
from emulator.engine.simulated.behaviour import Behaviour
from emulator.engine.simulated.container import SimulatedContainer
from tests.control.world import World, awslogs, container

CONFIGURATION = "/fluent-bit/etc/fluent-bit.conf"


def router(**members: Any) -> dict[str, Any]:
    return container("log_router", "router:1", firelensConfiguration={"type": "fluentbit"}, **members)


def routed(name: str = "app", *secrets: dict[str, str], **options: str) -> dict[str, Any]:
    configuration: dict[str, Any] = {"logDriver": "awsfirelens", "options": options}
    if secrets:
        configuration["secretOptions"] = list(secrets)
    return container(name, logConfiguration=configuration)


def specs(world: World, arn: str) -> dict[str, ContainerSpec]:
    return {name: world.engine.spec(engine_id) for name, engine_id in world.engine_ids(arn).items()}


def test_a_router_is_configured_and_reached_over_its_socket(world: World) -> None:
    world.image()
    world.image("router")
    world.aws("secretsmanager").create_secret(Name="key", SecretString="correct-horse")
    secret = {"name": "apikey", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key"}
    world.aws("logs").create_log_group(logGroupName="/ecs/web")
    world.define(
        routed("app", secret, Name="datadog", **{"log-driver-buffer-limit": "1024"}),
        router(logConfiguration=awslogs()),
    )
    arn = world.run()
    world.pass_time(2)
    assert world.task(arn)["lastStatus"] == "RUNNING"
    made = specs(world, arn)
    ids = world.engine_ids(arn)
    text = world.engine.file(ids["log_router"], CONFIGURATION).decode()
    assert f"Record ecs_task_arn {arn}\n    Record ecs_task_definition web:1\n" in text
    assert "Name datadog\n    Match app-firelens*\n    apikey ${apikey_0}\n" in text
    assert "correct-horse" not in text
    assert dict(made["log_router"].environment)["apikey_0"] == "correct-horse"
    state = world.engine.inspect_container(ids["log_router"])
    assert state is not None
    socket = next(mount.source for mount in state.mounts if mount.destination == "/var/run")
    assert made["app"].log_driver == "fluentd"
    assert dict(made["app"].log_options) == {
        "fluentd-address": f"unix://{socket}/fluent.sock",
        "fluentd-async": "true",
        "fluentd-sub-second-precision": "true",
        "fluentd-buffer-limit": "1024",
        "tag": f"app-firelens-{arn.rpartition('/')[2]}",
    }
    environment = dict(made["app"].environment)
    assert (environment["FLUENT_HOST"], environment["FLUENT_PORT"]) == ("127.0.0.1", "24224")
    assert "FLUENT_HOST" not in dict(made["log_router"].environment)
    streams = world.aws("logs").describe_log_streams(logGroupName="/ecs/web")["logStreams"]
    assert len(streams) == 1  # the router's own


def test_the_router_starts_first_and_stops_last(world: World) -> None:
    world.image(behaviour=Behaviour(stops_in_s=3))
    world.image("router")
    world.define(routed(Name="stdout"), router())
    begun: list[str] = []

    def told(when: str, call: str, arguments: tuple[object, ...]) -> None:
        if when == "after" and call == "start_container":
            begun.append(str(arguments[0]))

    world.engine.on_call = told
    arn = world.run()
    world.pass_time(2)
    ids = world.engine_ids(arn)
    assert [runtime_id for runtime_id in begun if runtime_id in ids.values()] == [ids["log_router"], ids["app"]]
    world.ecs.stop_task(task=arn)
    world.pass_time(1)
    statuses = {c["name"]: c["lastStatus"] for c in world.task(arn)["containers"]}
    assert statuses == {"app": "RUNNING", "log_router": "RUNNING"}
    world.pass_time(10)
    assert world.stopped(arn)[0] == "UserInitiated"


def test_an_output_without_a_plugin_ends_the_task_before_anything_runs(world: World) -> None:
    world.image()
    world.image("router")
    world.define(routed(region="us-east-1"), router())
    arn = world.run()
    world.pass_time(2)
    assert world.stopped(arn) == (
        "TaskFailedToStart",
        "ResourceInitializationError: unable to generate firelens config: unable to apply log options of container app "
        "to firelens config: missing output key Name which is required for firelens configuration of type fluentbit",
    )


def test_a_router_that_somebody_removed_before_its_clients_began(world: World) -> None:
    world.image()
    world.image("router")
    world.image("init", Behaviour(runs_for_s=5))
    after = {"dependsOn": [{"containerName": "init", "condition": "SUCCESS"}]}
    world.define(
        {**routed(Name="stdout"), **after},
        container("init", "init:1", essential=False),
        {**router(), "essential": False},
    )
    arn = world.run()
    world.pass_time(2)
    world.engine.remove_container(world.engine_ids(arn)["log_router"])
    world.pass_time(6)
    assert world.stopped(arn)[0] == "TaskFailedToStart"
    assert world.task(arn)["containers"][0]["reason"] == (
        "CannotCreateContainerError: the log router log_router was removed from the engine by someone else"
    )


def test_a_socket_whose_path_is_too_long_for_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedContainer, "volumes_root", "/srv/container-engine-data/docker/volumes")
    world.image()
    world.image("router")
    world.define(routed(Name="stdout"), router())
    arn = world.run()
    world.pass_time(2)
    assert world.stopped(arn)[0] == "TaskFailedToStart"
    app = world.task(arn)["containers"][0]
    assert app["reason"].startswith(
        "CannotCreateContainerError: the log router's socket would be /srv/container-engine-data/"
    )
    assert "longer than the 107 bytes that a Unix socket's path can have" in app["reason"]


def test_what_cannot_be_done_is_refused_by_name(world: World) -> None:
    world.define(routed(Name="stdout"), router(logConfiguration={"logDriver": "awsfirelens"}, user="1000:1000"))
    with pytest.raises(ClientError) as refusal:
        world.run()
    assert refusal.value.response["Error"] == {
        "Code": "NotEmulatedYet",
        "Message": (
            "Homeport does not emulate these yet: containerDefinitions[1].logConfiguration.logDriver (a log router "
            "that logs through itself), containerDefinitions[1].user (a log router that is not root)."
        ),
    }


def test_the_engines_own_drivers_get_their_options_and_secrets(world: World) -> None:
    world.image()
    world.aws("ssm").put_parameter(Name="token", Value="t0ken", Type="SecureString")
    world.define(
        container(
            logConfiguration={
                "logDriver": "splunk",
                "options": {"splunk-url": "https://splunk.example:8088", "splunk-verify-connection": "false"},
                "secretOptions": [{"name": "splunk-token", "valueFrom": "token"}],
            }
        )
    )
    arn = world.run()
    world.pass_time(2)
    made = specs(world, arn)["app"]
    assert made.log_driver == "splunk"
    assert dict(made.log_options) == {
        "splunk-url": "https://splunk.example:8088",
        "splunk-verify-connection": "false",
        "splunk-token": "t0ken",
    }
