"""The command `homeport`, against an emulator served in this process on a free port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from emulator.app import Emulator, build
from emulator.cli import config_of, main
from emulator.config import Config
from emulator.serve import Listener, Server
from tests.conftest import observe
from tests.control.world import NETWORK


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


def _run_task(url: str, emulator: Emulator, image: str = "app:1") -> str:
    ecs = boto3.client("ecs", "us-east-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b")
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


def test_the_clock_moves_forward(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    emulator, url = served
    before = emulator.clock.now()
    assert main(["clock", "advance", "30d", "--endpoint", url]) == 0
    assert emulator.clock.now() >= before + 30 * 86400
    assert float(capsys.readouterr().out) >= before + 30 * 86400
    assert main(["clock", "advance", "soon", "--endpoint", url]) == 1


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
    logs = boto3.client("logs", "us-east-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b")
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    now = int(served[0].clock.now() * 1000)
    logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[{"timestamp": now, "message": "hello"}])
    assert main(["logs", "/app", "--endpoint", url]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert main(["logs", "/nope", "--endpoint", url]) == 1


def test_a_port_that_is_taken(served: tuple[Emulator, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = served[1].rpartition(":")[2]
    assert main(["up", "--port", port, "--data-dir", str(tmp_path / "other"), "--engine", "simulated"]) == 1
    assert "cannot listen" in capsys.readouterr().err


def test_a_data_directory_in_use(served: tuple[Emulator, str], capsys: pytest.CaptureFixture[str]) -> None:
    directory = str(served[0].data.path)
    assert main(["up", "--port", "0", "--data-dir", directory, "--engine", "simulated"]) == 1
    assert "in use by another Homeport" in capsys.readouterr().err


def test_options_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from emulator.cli import _parser

    env = {"HOMEPORT_PORT": "4599", "HOMEPORT_STRICT": "true", "HOMEPORT_REGISTRY_PORT": "0", "HOME": "/nowhere"}
    config = config_of(_parser(env).parse_args(["up", "--access-key", "AKIA:secret"]))
    assert (config.port, config.strict, config.registry_port, config.keys) == (4599, True, None, (("AKIA", "secret"),))
