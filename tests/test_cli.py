"""The command `homeport`, against an emulator served in this process on a free port."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import pytest

from emulator import coverage
from emulator.app import Emulator, build
from emulator.cli.command import _parsed, _parser, main
from emulator.cli.up_options import config_of
from emulator.config import Config
from emulator.serve import Listener, Server
from tests.conftest import observe
from tests.control.world import NETWORK
from tests.stand_in_trivy import put_trivy


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Emulator, str]]:
    config = Config(data_dir=tmp_path / "data", engine="simulated", registry_port=None)
    emulator = build(config, observer=observe)
    server = Server(emulator.front, [Listener()])
    server.start()
    emulator.start()
    host, port = server.addresses[0]
    yield emulator, f"http://{host}:{port}"
    server.stop()
    emulator.close()


def _client(service: str, url: str) -> Any:
    return boto3.client(service, "us-east-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b")


def _run_task(url: str, emulator: Emulator, image: str = "app:1") -> str:
    ecs = _client("ecs", url)
    ecs.create_cluster()
    container = {"name": "app", "image": image}
    ecs.register_task_definition(
        family="web",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[container],
    )
    tasks = ecs.run_task(taskDefinition="web", launchType="FARGATE", networkConfiguration=NETWORK)["tasks"]
    assert emulator.plane.settle()
    return str(tasks[0]["taskArn"]).rpartition("/")[2]


def test_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--endpoint", "http://127.0.0.1:1"]) == 1
    assert "no emulator answers" in capsys.readouterr().err


@pytest.mark.parametrize("endpoint", ["nonsense", "http://", "ftp://localhost", "localhost:4566"])
def test_what_is_no_address(endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--endpoint", endpoint]) == 1
    assert "is an address like http://localhost:4566" in capsys.readouterr().err


def test_what_answers_may_be_something_else(
    served: tuple[Emulator, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{served[1]}/elsewhere")
    assert main(["status"]) == 1
    assert "is no Homeport: --endpoint or AWS_ENDPOINT_URL say where it is" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"homeport {version('homeport')}\n"


@pytest.mark.parametrize(
    ("words", "container", "command"),
    [
        (["t", "-c", "app", "ls", "-l"], "app", ["ls", "-l"]),
        (["t", "ls", "-la", "/"], None, ["ls", "-la", "/"]),
        (["-c", "app", "t"], "app", []),
        (["t", "--", "sh", "-c", "exit 3"], None, ["sh", "-c", "exit 3"]),
    ],
)
def test_the_words_of_a_command(words: list[str], container: str | None, command: list[str]) -> None:
    asked = _parsed(_parser({}), ["exec", *words])
    assert (asked.task, asked.container, asked.command) == ("t", container, command)


@pytest.mark.parametrize("words", [["exec", "t", "--contaner", "app"], ["status", "more"], ["plan", "a", "b"]])
def test_what_nobody_understands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


def test_status_explain_and_plan(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    emulator, url = served
    task = _run_task(url, emulator, "nowhere:1")
    assert main(["explain", f"task/{task}", "--endpoint", url]) == 0
    said = capsys.readouterr().out
    assert "TaskFailedToStart: CannotPullContainerError" in said
    assert "task.status_changed" in said
    assert main(["plan", f"task/{task[:8]}", "--endpoint", url]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["explain", "task/none", "--endpoint", url]) == 1
    assert main(["status", "--json", "--endpoint", url]) == 0
    assert '"tasks": []' in capsys.readouterr().out


def test_a_service_is_explained_by_name_or_by_cluster_and_name(
    served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]
) -> None:
    emulator, url = served
    _run_task(url, emulator, "nowhere:1")
    ecs = _client("ecs", url)
    ecs.create_cluster(clusterName="other")
    for cluster in ("default", "other"):
        settings = {
            "taskDefinition": "web",
            "desiredCount": 0,
            "launchType": "FARGATE",
            "networkConfiguration": NETWORK,
        }
        ecs.create_service(cluster=cluster, serviceName="web", **settings)
    assert emulator.plane.settle()
    assert main(["explain", "service/web", "--endpoint", url]) == 1
    assert "may be any of" in capsys.readouterr().err
    assert main(["explain", "service/other/web", "--endpoint", url]) == 0
    assert "It is ACTIVE and wants 0 tasks" in capsys.readouterr().out
    ecs.delete_service(cluster="other", service="web")
    assert main(["plan", "service/web", "--json", "--endpoint", url]) == 0
    assert "service/default/web" in capsys.readouterr().out
    assert main(["explain", "cluster/default", "--endpoint", url]) == 1
    assert "neither task/ID nor service/NAME" in capsys.readouterr().err


def test_status_shows_what_is_there(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    emulator, url = served
    assert main(["status", "--endpoint", url]) == 0
    assert capsys.readouterr().out == "nothing is here yet: no cluster, service, task or repository\n"
    emulator.engine.add_image("app:1")  # type: ignore[attr-defined]
    task = _run_task(url, emulator)
    assert main(["status", "--endpoint", url]) == 0
    said = capsys.readouterr().out
    assert "CLUSTER  STATUS  ACCOUNT       REGION\ndefault  ACTIVE  123456789012  us-east-1" in said
    shown = _client("ecs", url).describe_tasks(tasks=[task])["tasks"][0]["containers"][0]
    assert f"{task[:12]}  family:web  RUNNING" in said
    assert shown["networkInterfaces"][0]["privateIpv4Address"] in said
    (engine_id,) = [state.id for state in emulator.engine.list_containers({}) if state.labels["homeport.kind"] == "app"]
    assert f"app={engine_id[:12]}" in said
    assert "warning: " in said  # the placeholders of its network


def test_the_clock_moves_forward(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    emulator, url = served
    before = emulator.clock.now()
    assert main(["clock", "advance", "30d", "--endpoint", url]) == 0
    assert emulator.clock.now() >= before + 30 * 86400
    assert datetime.fromisoformat(capsys.readouterr().out.strip()).timestamp() >= before + 30 * 86400
    assert main(["clock", "advance", "soon", "--endpoint", url]) == 1
    capsys.readouterr()
    assert main(["clock", "--endpoint", url]) == 0
    assert capsys.readouterr().out.endswith(" ahead of this machine's\n")
    assert main(["clock", "advance", "200000d", "--endpoint", url]) == 1
    assert "at most 300 years ahead" in capsys.readouterr().err


def test_a_reset_puts_the_clock_back(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    """And what is done by time alone goes on by it: the loop waits for nothing in the other future."""
    emulator, url = served
    main(["clock", "advance", "30d", "--endpoint", url])
    _run_task(url, emulator)
    assert main(["reset", "--endpoint", url]) == 0
    capsys.readouterr()
    assert main(["clock", "--endpoint", url]) == 0
    assert "ahead" not in capsys.readouterr().out
    assert emulator.plane.settle()
    due = emulator.plane.loop.next_due()
    assert due is not None
    assert due < emulator.clock.now() + 86400
    _run_task(url, emulator)


def test_alarms_are_set_and_listed(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    _, url = served
    assert main(["alarm", "errors", "ALARM", "--region", "eu-west-1", "--endpoint", url]) == 0
    assert main(["alarm", "slow", "OK", "--endpoint", url]) == 0
    assert main(["alarm", "slow", "INSUFFICIENT_DATA", "--endpoint", url]) == 0
    capsys.readouterr()
    assert main(["alarm", "--endpoint", url]) == 0
    lines = [line.split()[:4] for line in capsys.readouterr().out.splitlines() if line]
    assert lines[1:] == [
        ["errors", "ALARM", "123456789012", "eu-west-1"],
        ["slow", "INSUFFICIENT_DATA", "123456789012", "us-east-1"],
    ]
    for wrong in (["slow", "ON"], ["slow"], ["x" * 256, "OK"], ["slow", "OK", "--region", "mars"]):
        assert main(["alarm", *wrong, "--endpoint", url]) == 1
    assert "there is no region 'mars'" in capsys.readouterr().err


def test_reset_leaves_nothing(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    emulator, url = served
    emulator.engine.add_image("app:1")  # type: ignore[attr-defined]
    _run_task(url, emulator)
    assert emulator.engine.list_containers({})
    assert main(["reset", "--endpoint", url]) == 0
    assert emulator.engine.list_containers({}) == []
    assert main(["status", "--json", "--endpoint", url]) == 0
    assert '"clusters": []' in capsys.readouterr().out


def test_hosts_and_logs(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    _, url = served
    assert main(["hosts", "--endpoint", url]) == 0
    assert capsys.readouterr().out == "127.0.0.1 123456789012.dkr.ecr.us-east-1.amazonaws.com\n"
    logs = _client("logs", url)
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    now = int(served[0].clock.now() * 1000)
    logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[{"timestamp": now, "message": "hello"}])
    assert main(["logs", "/app", "--endpoint", url]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert main(["logs", "/nope", "--endpoint", url]) == 1


def test_following_logs_shows_lines_as_they_come(served: tuple[Emulator, str]) -> None:
    emulator, url = served
    logs = _client("logs", url)
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    command = [sys.executable, "-m", "emulator", "logs", "/app", "--follow", "--endpoint", url]
    # A shell has what it runs in the background ignore Ctrl-C, and so would this child if the tests run there.
    hears_ctrl_c = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **hears_ctrl_c) as following:
        assert following.stdout is not None
        for message in ("one", "two"):
            now = int(emulator.clock.now() * 1000)
            logs.put_log_events(
                logGroupName="/app", logStreamName="s", logEvents=[{"timestamp": now, "message": message}]
            )
            assert following.stdout.readline() == f"{message}\n"
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 130


@pytest.mark.parametrize(
    ("variable", "value"), [("ENGINE", "podman"), ("AUTH", "lax"), ("STRICT", "perhaps"), ("LOG_LEVEL", "LOUD")]
)
def test_a_variable_that_its_option_would_not_take(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"HOMEPORT_{variable}", value)
    assert main(["up"]) == 2
    assert f"HOMEPORT_{variable} is '{value}': expected one of" in capsys.readouterr().err


def test_proxies_are_not_asked_for_what_is_served_here(
    served: tuple[Emulator, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert main(["status", "--endpoint", served[1]]) == 0


def test_a_file_without_markers_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").touch()
    for verb in ("--write", "--check"):
        assert main(["coverage", verb, str(tmp_path / "README.md")]) == 1
        assert main(["coverage", verb, str(tmp_path / "none")]) == 1
    said = capsys.readouterr().err
    assert said.count("no <!-- coverage: begin -->") == said.count("No such file") == 2


def test_the_coverage_table_is_written_between_its_markers(
    served: tuple[Emulator, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{coverage.BEGIN}\nold\n{coverage.END}\nafter\n")
    assert main(["coverage", "--check", str(page)]) == 1
    assert main(["coverage", "--write", str(page)]) == 0
    assert main(["coverage", "--check", str(page)]) == 0
    assert main(["coverage"]) == 0
    table = capsys.readouterr().out
    assert page.read_text() == f"before\n{coverage.BEGIN}\n{table.rstrip()}\n{coverage.END}\nafter\n"
    with urllib.request.urlopen(f"{served[1]}/_emulator/coverage") as answer:
        assert json.load(answer) == coverage.statuses(coverage.observations())


def test_a_port_that_is_taken(served: tuple[Emulator, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = served[1].rpartition(":")[2]
    assert main(["up", "--port", port, "--data-dir", str(tmp_path / "other"), "--engine", "simulated"]) == 1
    assert "cannot listen" in capsys.readouterr().err


def test_trivy_must_be_there_and_has_its_own_advisories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    options = ["up", "--port", "0", "--ephemeral", "--engine", "simulated", "--scanner", "trivy"]
    assert main(options) == 1
    assert "--scanner trivy: there is no program trivy on PATH" in capsys.readouterr().err
    put_trivy(tmp_path / "bin")
    assert main([*options, "--advisories", str(tmp_path)]) == 1
    assert "leave --advisories out" in capsys.readouterr().err


def test_a_data_directory_in_use(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    directory = str(served[0].data.path)
    assert main(["up", "--port", "0", "--data-dir", directory, "--engine", "simulated"]) == 1
    assert "in use by another Homeport" in capsys.readouterr().err


def test_a_data_directory_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence, without a stack trace."""
    for name in ("newer", "garbage", "garbage-logs"):
        (tmp_path / name).mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "newer" / "homeport.db")) as newer:
        newer.execute("PRAGMA user_version=99")
    (tmp_path / "garbage" / "homeport.db").write_bytes(b"no database" * 1000)
    (tmp_path / "garbage-logs" / "logs.db").write_bytes(b"no database" * 1000)
    (tmp_path / "file").touch()
    for name, text in (
        ("newer", "homeport.db has schema 99; this Homeport knows up to 1"),
        ("garbage", "homeport.db cannot be used: file is not a database"),
        ("garbage-logs", "logs.db cannot be used: file is not a database"),
        ("file", "file"),
    ):
        assert main(["up", "--port", "0", "--data-dir", str(tmp_path / name), "--engine", "simulated"]) == 1
        [said] = capsys.readouterr().err.splitlines()
        assert said.startswith("homeport: ")
        assert text in said


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--port", "99999"], "--port is a number up to 65535"),
        (["--tls-port", "-1"], "--tls-port is a number up to 65535"),
        (["--docker-host", "ssh://me@there"], "--docker-host, or DOCKER_HOST, is unix:///PATH or tcp://HOST:PORT"),
        (["--vpc-cidr", "10.0.0.1/16"], "--vpc-cidr is an IPv4 range from /8 to /24"),
        (["--vpc-cidr", "10.0.0.0/30"], "--vpc-cidr is an IPv4 range from /8 to /24"),
        (["--s3-folder", "/nowhere/s3"], "--s3-folder /nowhere/s3: there is no such folder"),
        (["--allow-host-path", "here"], "--allow-host-path is an absolute path, not 'here'"),
    ],
)
def test_options_that_cannot_be_had(options: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", *options]) == 2
    assert text in capsys.readouterr().err


def test_options_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"HOMEPORT_PORT": "4599", "HOMEPORT_STRICT": "true", "HOMEPORT_REGISTRY_PORT": "0", "HOME": "/nowhere"}
    config = config_of(_parser(env).parse_args(["up", "--access-key", "AKIA:secret"]))
    assert (config.port, config.strict, config.registry_port, config.keys) == (4599, True, None, (("AKIA", "secret"),))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--engine-endpoint", "east"], "--engine-endpoint is NAME=URL"),
        (["--engine-endpoint", "e=unix:///run/own.sock"], "--engine-endpoint e is Homeport's own engine"),
        (["--engine-endpoint", "e=tcp://h:2375"], "have no file in common with Homeport: give --relay-host HOST:PORT"),
        (
            ["--engine-endpoint", "e=unix:///e", "--enforce-security-groups"],
            "--enforce-security-groups is not emulated",
        ),
        (["--engine-endpoint", "e=unix:///e", "--relay-volume", "v"], "--relay-volume is of one engine"),
        (["--engine-endpoint", "e=unix:///e", "--engine", "simulated"], "'simulated:' with --engine simulated"),
    ],
)
def test_further_engines_that_cannot_be_had(options: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--docker-host", "unix:///run/own.sock", *options]) == 2
    assert text in capsys.readouterr().err


def test_further_engines() -> None:
    options = [
        "--engine-endpoint",
        "a=unix:///a.sock",
        "--engine-endpoint",
        "b=tcp://h:2375",
        "--relay-host",
        "me:4566",
    ]
    config = config_of(_parser({}).parse_args(["up", *options]))
    assert [(e.name, e.url) for e in config.engine_endpoints] == [("a", "unix:///a.sock"), ("b", "tcp://h:2375")]
