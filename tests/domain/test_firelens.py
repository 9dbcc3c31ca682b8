"""The configuration that a log router is given, word for word, and what the containers around it get."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.domain.task_definitions import firelens
from emulator.domain.task_definitions.unsupported_features import unsupported_features

ARN = "arn:aws:ecs:us-east-1:123456789012:task/prod/0123456789abcdef0123456789abcdef"
ORIGIN = firelens.Origin("prod", ARN, "web:7", "awsvpc")


def router(kind: str = "fluentbit", **options: str) -> dict[str, Any]:
    return {"name": "log_router", "firelensConfiguration": {"type": kind, "options": options}}


def app(name: str = "app", options: dict[str, str] | None = None, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    configuration: dict[str, Any] = {"logDriver": "awsfirelens", "options": options or {}}
    configuration["secretOptions"] = [{"name": secret, "valueFrom": f"/secret/{secret}"} for secret in secrets]
    return {"name": name, "logConfiguration": configuration}


def written(*containers: dict[str, Any], origin: firelens.Origin = ORIGIN) -> str:
    found = firelens.router_of(containers)
    assert found is not None
    return firelens.configuration(found, containers, origin)


FLUENT_BIT = f"""\
[INPUT]
    Name forward
    unix_path /var/run/fluent.sock
    Mem_Buf_Limit 25MB

[INPUT]
    Name forward
    Listen 127.0.0.1
    Port 24224

[INPUT]
    Name tcp
    Tag firelens-healthcheck
    Listen 127.0.0.1
    Port 8877

[FILTER]
    Name grep
    Match app-firelens*
    Regex log ^[Ee]rror

[FILTER]
    Name grep
    Match app-firelens*
    Exclude log debug

[FILTER]
    Name record_modifier
    Match *
    Record ecs_cluster prod
    Record ecs_task_arn {ARN}
    Record ecs_task_definition web:7

@INCLUDE /extra.conf

[OUTPUT]
    Name null
    Match firelens-healthcheck

[OUTPUT]
    Name datadog
    Match app-firelens*
    Host http-intake.logs.datadoghq.com
    apikey ${{apikey_1}}

[OUTPUT]
    Name stdout
    Match side-firelens*
"""

FLUENTD = f"""\
<source>
    @type unix
    path /var/run/fluent.sock
</source>

<source>
    @type forward
    bind 127.0.0.1
    port 24224
</source>

<filter app-firelens**>
    @type grep
    <regexp>
        key log
        pattern ^[Ee]rror
    </regexp>
</filter>

<filter app-firelens**>
    @type grep
    <exclude>
        key log
        pattern debug
    </exclude>
</filter>

<filter **>
    @type record_transformer
    <record>
        ecs_cluster prod
        ecs_task_arn {ARN}
        ecs_task_definition web:7
    </record>
</filter>

@include /extra.conf

<match app-firelens**>
    @type datadog
    Host http-intake.logs.datadoghq.com
    apikey "#{{ENV['apikey_1']}}"
</match>

<match side-firelens**>
    @type stdout
</match>
"""


@pytest.mark.parametrize(("kind", "key", "text"), [("fluentbit", "Name", FLUENT_BIT), ("fluentd", "@type", FLUENTD)])
def test_everything_at_once(kind: str, key: str, text: str) -> None:
    options = {
        key: "datadog",
        "Host": "http-intake.logs.datadoghq.com",
        "include-pattern": "^[Ee]rror",
        "exclude-pattern": "debug",
        "log-driver-buffer-limit": "2097152",
    }
    extra = {"config-file-type": "file", "config-file-value": "/extra.conf"}
    containers = [router(kind, **extra), app(options=options, secrets=("apikey",)), app("side", {key: "stdout"})]
    assert written(*containers) == text


@pytest.mark.parametrize(
    ("mode", "listens"), [("awsvpc", "127.0.0.1"), ("bridge", "0.0.0.0"), ("host", None), ("none", None)]
)
def test_forward_over_tcp_by_network_mode(mode: str, listens: str | None) -> None:
    text = written(router(), app(), origin=firelens.Origin("c", ARN, "web:7", mode))
    assert ("Port 24224" in text, "firelens-healthcheck" in text) == (listens is not None, listens is not None)
    if listens is not None:
        assert f"Listen {listens}\n    Port 24224" in text
    text = written(router("fluentd"), app(), origin=firelens.Origin("c", ARN, "web:7", mode))
    assert (f"bind {listens}\n    port 24224" in text) == (listens is not None)


def test_metadata_of_an_instance_and_none_at_all() -> None:
    on_ec2 = firelens.Origin("c", ARN, "web:7", "bridge", "i-0123456789abcdef0")
    assert "Record ec2_instance_id i-0123456789abcdef0\n    Record ecs_cluster c" in written(
        router(), app(), origin=on_ec2
    )
    assert "record_modifier" not in written(router(**{"enable-ecs-log-metadata": "false"}), app())
    assert "record_transformer" not in written(router("fluentd", **{"enable-ecs-log-metadata": "false"}), app())


def test_the_memory_that_a_router_may_buffer_in_is_half_of_what_it_reserves() -> None:
    assert "Mem_Buf_Limit 50MB" in written({**router(), "memoryReservation": 100}, app())


def test_without_options_the_users_own_file_says_where_logs_go() -> None:
    text = written(router(**{"config-file-type": "file", "config-file-value": "/own.conf"}), app())
    assert "@INCLUDE /own.conf" in text
    assert "app-firelens" not in text


@pytest.mark.parametrize(
    ("containers", "message"),
    [
        (
            (router(), app(options={"region": "us-east-1"})),
            "unable to apply log options of container app to firelens config: missing output key Name which is "
            "required for firelens configuration of type fluentbit",
        ),
        (
            (router("fluentd"), app(options={"Name": "stdout"})),
            "unable to apply log options of container app to firelens config: missing output key @type which is "
            "required for firelens configuration of type fluentd",
        ),
        (
            (router(**{"config-file-type": "file"}), app()),
            "option config-file-value of the firelens configuration is missing",
        ),
        (
            (router(**{"enable-ecs-log-metadata": "yes"}), app()),
            "option enable-ecs-log-metadata of the firelens configuration is no boolean: yes",
        ),
    ],
)
def test_what_cannot_be_configured(containers: tuple[dict[str, Any], ...], message: str) -> None:
    with pytest.raises(firelens.InvalidFirelensOption) as refusal:
        written(*containers)
    assert str(refusal.value) == message


def test_a_container_that_logs_through_the_router() -> None:
    logging = app(options={"Name": "stdout", "log-driver-buffer-limit": "2097152"})
    assert dict(firelens.driver_options(logging, "0123", "/volumes/x/fluent.sock")) == {
        "fluentd-address": "unix:///volumes/x/fluent.sock",
        "fluentd-async": "true",
        "fluentd-sub-second-precision": "true",
        "fluentd-buffer-limit": "2097152",
        "tag": "app-firelens-0123",
    }
    found = firelens.router_of([router()])
    assert found is not None
    assert dict(firelens.environment(logging, found, "awsvpc")) == {"FLUENT_HOST": "127.0.0.1", "FLUENT_PORT": "24224"}
    assert firelens.environment(logging, found, "host") == ()
    assert firelens.environment({"name": "plain"}, found, "awsvpc") == ()


def test_a_fluentd_router_runs_as_root() -> None:
    found = firelens.router_of([router("fluentd")])
    assert found is not None
    assert found.config_file == "/fluentd/etc/fluent.conf"
    assert firelens.environment(router("fluentd"), found, "awsvpc") == (("FLUENT_UID", "0"),)


def test_secret_options_reach_the_router_under_names_that_cannot_meet() -> None:
    containers = [app("a", secrets=("key",)), router(), app("b", secrets=("key", "token"))]
    assert list(firelens.router_secrets(containers)) == [
        {"name": "key_0", "valueFrom": "/secret/key"},
        {"name": "key_2", "valueFrom": "/secret/key"},
        {"name": "token_2", "valueFrom": "/secret/token"},
    ]


@pytest.mark.parametrize(
    ("container", "path"),
    [
        (
            router(**{"config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/extra.conf"}),
            "firelensConfiguration.options.config-file-type",
        ),
        (
            router(**{"config-file-type": "file", "config-file-value": "/extra.yaml"}),
            "firelensConfiguration.options.config-file-value",
        ),
        ({**router(), **app("log_router")}, "logConfiguration.logDriver"),
        ({**router(), "user": "nobody"}, "user"),
        (
            {"logConfiguration": {"logDriver": "syslog", "options": {"syslog-address": "unixgram:///dev/log"}}},
            "logConfiguration.options.syslog-address",
        ),
        (
            {"logConfiguration": {"logDriver": "splunk", "options": {"splunk-capath": "/etc/ssl/ca.pem"}}},
            "logConfiguration.options.splunk-capath",
        ),
    ],
)
def test_what_homeport_cannot_do(container: dict[str, Any], path: str) -> None:
    found = unsupported_features({"networkMode": "awsvpc", "containerDefinitions": [container]})
    assert [feature.path for feature in found] == [f"containerDefinitions[0].{path}"]


@pytest.mark.parametrize(
    "container",
    [
        router(),
        {**router(), "user": "0:0"},
        app(),
        {"logConfiguration": {"logDriver": "json-file", "options": {"max-size": "1m"}}},
        {"logConfiguration": {"logDriver": "syslog", "options": {"syslog-address": "udp://127.0.0.1:514"}}},
    ],
)
def test_what_homeport_does(container: dict[str, Any]) -> None:
    assert unsupported_features({"networkMode": "awsvpc", "containerDefinitions": [container]}) == []
