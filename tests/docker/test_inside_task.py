"""Code in a container cannot tell that it is not on Fargate: metadata, credentials, order, commands, limits."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import metadata_schema as schema
from tests.data_channel.plugin import Plugin
from tests.docker.homeport import (
    ACCOUNT,
    AWSLOGS,
    GROUP,
    PAUSE,
    ROOT,
    SLEEP,
    Homeport,
    container,
    engine,
    eventually,
    shell,
)
from tests.docker.walkthrough import follow
from tests.metadata_schema import MapOf, fits

pytestmark = pytest.mark.docker

ROLE = f"arn:aws:iam::{ACCOUNT}:role/inside"
ASKS = """
until wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task | grep -q EphemeralStorageMetrics; do sleep 0.2; done
wget -q -O - $ECS_CONTAINER_METADATA_URI_V4; echo
wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task; echo
until [ $(wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task/stats | grep -o rx_bytes_per_sec | wc -l) = 2 ]
do sleep 0.2; done
wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/stats; echo
wget -q -O - http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI; echo
wget -q -O - $ECS_CONTAINER_METADATA_URI; echo
wget -q -O - $ECS_CONTAINER_METADATA_URI/task; echo
wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task/stats; echo
wget -q -O - http://169.254.170.2/v2/metadata; echo
env | grep -E '^(AWS|ECS)_' | sort | tr '\n' ' '; echo
trap 'exit 7' TERM; while :; do sleep 0.1; done
"""


@pytest.fixture(scope="module")
def task(homeport: Homeport) -> str:
    app = shell(ASKS, memory=256, logConfiguration=AWSLOGS)
    homeport.define("inside", app, container("side", command=SLEEP), taskRoleArn=ROLE)
    arn = homeport.run("inside", enableExecuteCommand=True)
    homeport.running(arn)
    return arn


def test_what_a_container_is_told_is_what_the_engine_shows(homeport: Homeport, task: str) -> None:
    said: list[str] = eventually(lambda: (lines := homeport.messages(task)) and len(lines) >= 9 and lines)
    own, whole, stats, given, own_3, whole_3, all_stats, whole_2 = (json.loads(line) for line in said[:8])
    fits(own, schema.CONTAINER)
    fits(whole, schema.TASK)
    fits(stats, schema.STATS)
    fits(given, schema.CREDENTIALS)
    fits(own_3, schema.CONTAINER_V3)
    for each in (whole_3, whole_2):
        fits(each, schema.TASK_V3)
    fits(all_stats, MapOf(schema.STATS))
    assert whole["EphemeralStorageMetrics"]["Utilized"] >= 1
    assert whole["ClockDrift"]["ClockErrorBound"] > 0
    assert all_stats.keys() == {each["DockerId"] for each in whole["Containers"]}
    _environment_is_ecss(said[8], task)
    shown = homeport.containers(task)
    app = shown["app"]
    runtime_id = next(c["runtimeId"] for c in homeport.task(task)["containers"] if c["name"] == "app")
    assert (own["DockerId"], own["DockerName"], own["ImageID"]) == (runtime_id, "app", app["Image"])
    (network,) = shown[PAUSE]["NetworkSettings"]["Networks"].values()
    assert own["Networks"][0]["IPv4Addresses"] == [network["IPAddress"]]
    assert own["Networks"][0]["MACAddress"] == network["MacAddress"]
    assert (whole["TaskARN"], len(whole["Containers"])) == (task, 2)
    assert stats["memory_stats"]["usage"] > 0
    assert stats["memory_stats"]["limit"] == app["HostConfig"]["Memory"]
    assert stats["precpu_stats"]["cpu_usage"]["total_usage"] <= stats["cpu_stats"]["cpu_usage"]["total_usage"]
    assert stats["network_rate_stats"].keys() == {"rx_bytes_per_sec", "tx_bytes_per_sec"}
    who = _sts(homeport, given).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/inside/{task.rpartition('/')[2]}"


def _environment_is_ecss(said: str, task: str) -> None:
    host, own = "http://169.254.170.2", "[0-9a-f]{32}-[0-9]{10}"
    expected = {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/[0-9a-f-]{36}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_ENDPOINT_URL": host,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": "us-east-1",
        "ECS_AGENT_URI": f"{host}/api/{own}",
        "ECS_CONTAINER_METADATA_URI": f"{host}/v3/{own}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{host}/v4/{own}",
    }
    variables = dict(entry.split("=", 1) for entry in said.split())
    assert variables.keys() == expected.keys()
    for name, form in expected.items():
        assert re.fullmatch(form, variables[name]), (name, variables[name])
    assert task.rpartition("/")[2] not in said


def _sts(homeport: Homeport, given: dict[str, str]) -> Any:
    import boto3

    return boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=homeport.url,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["Token"],
    )


def test_a_session_has_a_terminal_of_the_clients_size(homeport: Homeport, task: str) -> None:
    ecs = homeport.client("ecs")
    opened = ecs.execute_command(task=task, container="side", command="sh", interactive=True)["session"]
    plugin = _dial(homeport, opened)
    plugin.until(lambda: plugin.complete)
    plugin.resize(132, 43)
    eventually(lambda: _rows(plugin) == b"43 132")
    plugin.type(b"id -u; cat /proc/1/comm; exit\n")
    plugin.until(lambda: plugin.closed is not None and plugin.hung_up)
    assert b"\r\n0\r\n" in plugin.output


def _rows(plugin: Plugin) -> bytes:
    """What the shell says of its terminal."""
    plugin.output = b""
    plugin.type(b"busybox stty size; echo done\n")
    plugin.until(lambda: plugin.output.count(b"done") >= 2)
    return next((line for line in plugin.output.splitlines() if line[:1].isdigit()), b"")


def test_a_terminated_session_leaves_no_process(homeport: Homeport, task: str) -> None:
    ecs = homeport.client("ecs")
    opened = ecs.execute_command(task=task, container="side", command="sleep 86399", interactive=True)["session"]
    plugin = _dial(homeport, opened)
    plugin.until(lambda: plugin.complete)
    plugin.resize(80, 24)
    eventually(lambda: "sleep 86399" in _exec(homeport, task, "ps")[1])
    homeport.client("ssm").terminate_session(SessionId=opened["sessionId"])
    plugin.until(lambda: plugin.closed is not None)
    eventually(lambda: "sleep 86399" not in _exec(homeport, task, "ps")[1])


def test_the_commands_own_exit_code_and_streams(homeport: Homeport, task: str) -> None:
    assert _exec(homeport, task, "cat; echo told >&2; exit 3", stdin="hello") == (3, "hello", "told\n")
    code, _, errors = _exec(homeport, "0" * 32, "true")
    assert (code, "no running task" in errors) == (1, True)


def _exec(homeport: Homeport, task: str, script: str, stdin: str = "") -> tuple[int, str, str]:
    command = [sys.executable, "-m", "emulator", "exec", "--endpoint", homeport.url, "--container", "side", task]
    done = subprocess.run(
        [*command, "--", "sh", "-c", script],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _dial(homeport: Homeport, opened: dict[str, str]) -> Plugin:
    sock = socket.create_connection(("localhost", homeport.port))
    path = "/" + opened["streamUrl"].partition("://")[2].partition("/")[2]
    return Plugin(sock, path, opened["tokenValue"])


def test_the_tasks_end_is_the_sessions(homeport: Homeport, task: str) -> None:
    """The last of this task: it is stopped here."""
    ecs = homeport.client("ecs")
    opened = ecs.execute_command(task=task, container="side", command="sh", interactive=True)["session"]
    plugin = _dial(homeport, opened)
    plugin.until(lambda: plugin.complete)
    plugin.resize(80, 24)
    plugin.until(lambda: plugin.output != b"")
    homeport.stop_task(task)
    plugin.until(lambda: plugin.hung_up)
    homeport.stopped(task)


WRITES = """
echo shared > /shared/file; ls -ld /run/tmp | cut -c1-10; df -k /run/tmp | tail -1 | awk '{print $2}'
cat /proc/sys/net/core/somaxconn; cat /proc/sys/kernel/msgmax; cat /proc/1/comm; echo "$FROM_FILE $OWN"
trap 'exit 0' TERM; while :; do sleep 0.1; done
"""
READS = """
until [ -f /shared/file ]; do sleep 0.1; done
cat /shared/file; touch /shared/no 2>/dev/null || echo read-only; ps | grep -c '[s]hared/file'
trap 'exit 0' TERM; while :; do sleep 0.1; done
"""


def test_volumes_files_and_settings_are_what_the_container_has(tmp_path: Path, test_image: str) -> None:
    """Many settings at once, each by what the containers print or the engine shows."""
    (tmp_path / "s3" / "settings").mkdir(parents=True)
    (tmp_path / "s3" / "settings" / "app.env").write_text("FROM_FILE=yes\nOWN=no\n")
    homeport = Homeport(tmp_path / "data", options=("--s3-folder", str(tmp_path / "s3")))
    homeport.start()
    homeport.client("ecs").create_cluster()
    homeport.client("logs").create_log_group(logGroupName=GROUP)
    homeport.define(
        "settings",
        shell(
            WRITES,
            logConfiguration=AWSLOGS,
            mountPoints=[{"sourceVolume": "work", "containerPath": "/shared"}],
            environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::settings/app.env"}],
            environment=[{"name": "OWN", "value": "own"}],
            systemControls=[
                {"namespace": "net.core.somaxconn", "value": "1234"},
                {"namespace": "kernel.msgmax", "value": "9000"},
            ],
            linuxParameters={
                "initProcessEnabled": True,
                "tmpfs": [{"containerPath": "/run/tmp", "size": 8, "mountOptions": ["mode=700"]}],
            },
            dockerLabels={"team": "a"},
            ulimits=[{"name": "nofile", "softLimit": 1000, "hardLimit": 2000}],
            readonlyRootFilesystem=True,
        ),
        shell(READS, "side", logConfiguration=AWSLOGS, volumesFrom=[{"sourceContainer": "app", "readOnly": True}]),
        volumes=[{"name": "work"}],
        pidMode="task",
    )
    arn = homeport.run("settings")
    homeport.running(arn)
    said = eventually(lambda: (lines := homeport.messages(arn)) and len(lines) >= 6 and lines)
    assert said == ["drwx------", "8192", "1234", "9000", "pause", "yes own"]
    assert eventually(lambda: (lines := homeport.messages(arn, "side")) and len(lines) >= 3 and lines)[:2] == [
        "shared",
        "read-only",
    ]
    app = homeport.containers(arn)["app"]
    assert (app["Config"]["Labels"]["team"], app["HostConfig"]["Init"]) == ("a", True)
    assert app["HostConfig"]["Ulimits"] == [{"Name": "nofile", "Soft": 1000, "Hard": 2000}]
    assert len(volumes_of(homeport)) == 1
    homeport.stop_task(arn)
    homeport.stopped(arn)
    assert volumes_of(homeport) == []
    homeport.end()


def volumes_of(homeport: Homeport) -> list[str]:
    found = engine().volumes(filters={"label": [f"homeport.instance={homeport.instance}"]})["Volumes"] or []
    return [volume["Name"] for volume in found]


def test_the_example_of_dependencies_runs_as_written(homeport: Homeport) -> None:
    assert follow(homeport, "depends-on") == 1


def test_the_example_of_a_memory_hog_runs_as_written(homeport: Homeport) -> None:
    assert follow(homeport, "memory-hog") == 1


def test_a_restart_policy_starts_the_same_container_again(homeport: Homeport) -> None:
    """The shortest period that ECS takes is a minute; the clock is moved, the container is not."""
    again = {"enabled": True, "restartAttemptPeriod": 60}
    homeport.define("again", shell("echo up; sleep 86400", restartPolicy=again, logConfiguration=AWSLOGS))
    arn = homeport.run("again")
    homeport.running(arn)
    before = homeport.containers(arn)["app"]["Id"]
    homeport.pass_time(61)
    subprocess.run(["docker", "kill", before], check=True, capture_output=True)
    eventually(lambda: homeport.messages(arn) == ["up", "up"])
    eventually(lambda: homeport.running(arn)["containers"][0]["lastStatus"] == "RUNNING")
    assert homeport.containers(arn)["app"]["Id"] == before
    homeport.stop_task(arn)
    homeport.stopped(arn)
