"""ECS Exec through the API and its data channel, on the simulated engine, by an independent client."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.engine.simulated.behaviour import Behaviour
from emulator.events import journal
from tests.conftest import Aws, call_wsgi, make_environ
from tests.control.world import NETWORK, World, awslogs, container
from tests.data_channel.plugin import Plugin
from tests.services.ecs_scene import refuses

ROLE = "arn:aws:iam::123456789012:role/task"
NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command "
    "agent isn’t running. Wait and try again or run a new task with execute command enabled and try again."
)
Connect = Callable[..., Plugin]


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    world = World(emulator, clock, aws)
    world.cluster()
    world.image("app", Behaviour(commands={("ls", "-l"): (3, b"nothing\r\n")}))
    world.define(container(), taskRoleArn=ROLE)
    return world


@pytest.fixture
def task(world: World) -> str:
    arn = world.run(enableExecuteCommand=True)
    world.settle()
    return arn


@pytest.fixture
def connect(world: World) -> Iterator[Connect]:
    """Dials a session's stream URL; the server's side is the emulator's own front door."""
    plugins: list[Plugin] = []

    def dial(session: dict[str, Any], **settings: Any) -> Plugin:
        mine, theirs = socket.socketpair()
        _, _, rest = session["streamUrl"].partition("://")
        path, _, query = rest.partition("/")[2].partition("?")
        plugin = Plugin(mine, f"/{path}?{query}", session["tokenValue"], **settings)
        head = b""
        while b"\r\n\r\n" not in head:
            head += theirs.recv(65536)
        lines = head.decode().split("\r\n")[1:]
        headers = dict(line.split(": ", 1) for line in lines if line)
        environ = make_environ("GET", f"/{path}", b"", {**headers, "Host": "localhost:4566"}, query)
        environ["homeport.hijack"] = lambda: (theirs, b"")
        threading.Thread(target=call_wsgi_quietly, args=(world.emulator.wsgi, environ), daemon=True).start()
        plugins.append(plugin)
        return plugin

    yield dial
    for plugin in plugins:
        plugin.sock.close()


def call_wsgi_quietly(app: Any, environ: dict[str, Any]) -> None:
    b"".join(app(environ, lambda *_: None))


def execute(world: World, task: str, command: str = "cat", **members: Any) -> dict[str, Any]:
    answer = world.ecs.execute_command(task=task, command=command, interactive=True, **members)
    session: dict[str, Any] = answer["session"]
    return session


def test_the_answer_names_everything(world: World, task: str) -> None:
    answer = world.ecs.execute_command(task=task, command="/bin/sh", interactive=True)
    del answer["ResponseMetadata"]
    session = answer.pop("session")
    app = world.task(task)["containers"][0]
    assert answer == {
        "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/default",
        "containerArn": app["containerArn"],
        "containerName": "app",
        "interactive": True,
        "taskArn": task,
    }
    assert session["sessionId"].startswith("ecs-execute-command-")
    assert session["streamUrl"].startswith(f"ws://localhost:4566/v1/data-channel/{session['sessionId']}?role=")
    agent = app["managedAgents"][0]
    assert (agent["name"], agent["lastStatus"]) == ("ExecuteCommandAgent", "RUNNING")
    assert agent["lastStartedAt"]


def test_what_is_typed_comes_back_and_the_end_closes_the_channel(world: World, task: str, connect: Connect) -> None:
    plugin = connect(execute(world, task))
    plugin.until(lambda: plugin.complete)
    assert (plugin.session_type, plugin.agent) == ("InteractiveCommands", "3.1.0.0")
    plugin.resize(132, 43)
    plugin.type(b"hello")
    plugin.until_output(b"hello")
    plugin.type(b"\x04")
    plugin.until_output(b"\x04")
    _reconcile(world)
    plugin.until(lambda: plugin.closed is not None and plugin.hung_up)
    assert plugin.closed == ""
    assert plugin.exit_code is None  # an interactive session's plugin would print it


def test_output_that_is_not_acknowledged_is_sent_again(world: World, task: str, connect: Connect) -> None:
    plugin = connect(execute(world, task), acknowledges=False)
    plugin.until(lambda: plugin.seen.count(0) >= 3)
    plugin.acknowledges = True
    plugin.until(lambda: plugin.complete)


def test_input_is_taken_in_its_order_and_once(world: World, task: str, connect: Connect) -> None:
    plugin = connect(execute(world, task))
    plugin.until(lambda: plugin.complete)
    first = len(plugin.acknowledged)
    plugin.send_input(1, b"c", sequence=3)
    plugin.send_input(1, b"b", sequence=2)
    plugin.until(lambda: len(plugin.acknowledged) >= first + 2)
    plugin.send_input(1, b"a", sequence=1)
    plugin.send_input(1, b"b", sequence=2)
    plugin.until_output(b"abc")
    plugin.send_input(1, b"d", sequence=4)
    plugin.until_output(b"abcd")


def test_a_client_that_knows_no_handshake(world: World, task: str, connect: Connect) -> None:
    """The npm package ssm-session is one; it does not reckon the digest of bytes rightly either."""
    plugin = connect(execute(world, task), handshakes=False, true_digests=False)
    plugin.until(lambda: plugin.session_type)
    plugin.resize(80, 24)
    plugin.type(b"hello")
    plugin.until_output(b"hello")


def test_the_client_ends_the_session_by_its_flag(world: World, task: str, connect: Connect) -> None:
    plugin = connect(execute(world, task))
    plugin.until(lambda: plugin.complete)
    before = len(plugin.acknowledged)
    plugin.terminate()
    plugin.until(lambda: len(plugin.acknowledged) > before)
    _reconcile(world)
    plugin.until(lambda: plugin.closed is not None)


def test_terminate_session(world: World, task: str, connect: Connect) -> None:
    session = execute(world, task)
    plugin = connect(session)
    plugin.until(lambda: plugin.complete)
    assert world.aws("ssm").terminate_session(SessionId=session["sessionId"])["SessionId"] == session["sessionId"]
    world.settle()
    plugin.until(lambda: plugin.closed is not None and plugin.hung_up)
    assert plugin.closed.startswith("Session terminated by arn:aws:iam::123456789012:root")
    with refuses("DoesNotExistException", part=True, message=session["sessionId"]):
        world.aws("ssm").resume_session(SessionId=session["sessionId"])


def test_a_client_that_takes_nothing_is_let_go(
    world: World, task: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.data_channel.room.SEND_S", 0.3)
    session = execute(world, task)
    plugin = connect(session)
    plugin.until(lambda: plugin.complete)
    plugin.listening.clear()

    def pour() -> None:
        with contextlib.suppress(OSError):
            for _ in range(100):
                plugin.type(b"x" * 20_000)

    threading.Thread(target=pour, daemon=True).start()
    world.aws("ssm").terminate_session(SessionId=session["sessionId"])
    world.settle()  # what decides about all tasks does not wait for such a client
    world.run()
    world.settle()
    plugin.listening.set()
    plugin.until(lambda: plugin.hung_up)


def test_a_lost_connection_is_resumed(world: World, task: str, connect: Connect) -> None:
    session = execute(world, task)
    plugin = connect(session)
    plugin.until(lambda: plugin.complete)
    plugin.type(b"one")
    plugin.until_output(b"one")
    plugin.leave()
    plugin.until(lambda: plugin.hung_up)
    resumed = world.aws("ssm").resume_session(SessionId=session["sessionId"])
    again = connect({"streamUrl": resumed["StreamUrl"], "tokenValue": resumed["TokenValue"]})
    again._expected = plugin._expected
    again._next = plugin._next
    again.until(lambda: again.connected)
    again.type(b"two")
    again.until_output(b"two")


def test_a_token_opens_once_and_only_its_own_session(world: World, task: str, connect: Connect) -> None:
    session, other = execute(world, task), execute(world, task)
    wrong = connect({**session, "tokenValue": other["tokenValue"]})
    wrong.until(lambda: wrong.hung_up)
    plugin = connect(session)
    plugin.until(lambda: plugin.complete)
    again = connect(session)
    again.until(lambda: again.hung_up)
    assert not again.complete


@pytest.mark.parametrize("data", [b"", b"x" * 50, b"\0" * 200])
def test_bytes_that_are_no_message_end_the_connection(world: World, task: str, connect: Connect, data: bytes) -> None:
    plugin = connect(execute(world, task))
    plugin.until(lambda: plugin.complete)
    plugin.send_bytes(data)
    plugin.until(lambda: plugin.hung_up)


def test_twenty_idle_minutes_end_a_session(world: World, task: str, connect: Connect) -> None:
    plugin = connect(execute(world, task))
    plugin.until(lambda: plugin.complete)
    world.pass_time(20 * 60 + 1)
    plugin.until(lambda: plugin.closed is not None)
    assert plugin.closed.startswith("Session timed out")


def test_a_token_that_nobody_uses_for_a_minute_opens_nothing(world: World, task: str, connect: Connect) -> None:
    session = execute(world, task)
    world.pass_time(61)
    plugin = connect(session)
    plugin.until(lambda: plugin.hung_up)


def test_without_a_websocket_there_is_no_channel(world: World) -> None:
    status, _, _ = call_wsgi(world.emulator.wsgi, make_environ("GET", "/v1/data-channel/x", b"", {}))
    assert status == 426


def test_a_session_that_is_not_interactive_tells_the_exit_code(world: World, task: str, connect: Connect) -> None:
    opened = world.emulator.plane.exec_sessions.make({"task": task, "command": "ls -l"})
    url = f"ws://localhost:4566/v1/data-channel/{opened.id}"
    plugin = connect({"streamUrl": url, "tokenValue": opened.token})
    plugin.until(lambda: plugin.exit_code is not None)
    assert (plugin.session_type, plugin.output, plugin.exit_code) == ("NonInteractiveCommands", b"nothing\r\n", 3)
    _reconcile(world)
    plugin.until(lambda: plugin.closed is not None)
    record = world.emulator.plane.exec_sessions.record(opened.id)
    assert record is not None
    assert record.exit_code == 3


def _reconcile(world: World, session_id: str = "") -> None:
    """The session's end is recorded by its own thread; then it is the loop's turn."""
    done = threading.Event()
    for _ in range(600):
        with world.emulator.database.read() as reader:
            from emulator.store.ecs_tables import EXEC_SESSIONS

            if any(s.ended_at is not None and session_id in s.id for s in reader.find(EXEC_SESSIONS)):
                break
        done.wait(0.05)
    world.settle()


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"interactive": False}, "InvalidParameterException", "Interactive is the only mode supported currently."),
        ({"command": "'"}, "InvalidParameterException", "The command cannot be read"),
        ({"container": "other"}, "InvalidParameterException", "The container other does not exist"),
        ({"task": "0" * 32}, "InvalidParameterException", "The referenced task was not found."),
        ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
    ],
)
def test_refusals(world: World, task: str, members: dict[str, Any], code: str, message: str) -> None:
    with refuses(code, message, part=True):
        world.ecs.execute_command(**{"task": task, "command": "ls", "interactive": True, **members})


def test_a_task_that_was_not_enabled_or_runs_no_more(world: World) -> None:
    arn = world.run()
    world.settle()
    assert "managedAgents" not in world.task(arn)["containers"][0]
    with refuses("InvalidParameterException", NOT_ENABLED):
        execute(world, arn)
    enabled = world.run(enableExecuteCommand=True)
    assert world.task(enabled)["containers"][0]["managedAgents"] == [
        {"name": "ExecuteCommandAgent", "lastStatus": "PENDING"}
    ]
    with refuses("InvalidParameterException", NOT_ENABLED):
        execute(world, enabled)
    world.settle()
    world.ecs.stop_task(task=enabled)
    world.settle()
    agent = world.task(enabled)["containers"][0]["managedAgents"][0]
    assert (agent["lastStatus"], agent["reason"]) == ("STOPPED", "Received Container Stopped event")
    assert agent["lastStartedAt"]
    with refuses("InvalidParameterException", NOT_ENABLED):
        execute(world, enabled)


def test_enabling_needs_a_task_role(world: World) -> None:
    world.define(container(), family="roleless")
    with refuses("InvalidParameterException", part=True, message="a valid taskRoleArn is not being used"):
        world.run("roleless", enableExecuteCommand=True)


def test_a_services_tasks_are_enabled_by_it(world: World) -> None:
    world.ecs.create_service(
        serviceName="web",
        taskDefinition="web",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        enableExecuteCommand=True,
    )
    world.settle()
    (arn,) = world.ecs.list_tasks(serviceName="web")["taskArns"]
    assert world.task(arn)["enableExecuteCommand"] is True
    assert execute(world, arn)["tokenValue"]


def test_several_containers_need_a_name(world: World) -> None:
    world.define(container(), container("side"), family="two", taskRoleArn=ROLE)
    arn = world.run("two", enableExecuteCommand=True)
    world.settle()
    with refuses("InvalidParameterException", part=True, message="a container name must be specified"):
        execute(world, arn)
    assert execute(world, arn, container="side")["sessionId"]


def test_a_read_only_root_file_system_has_no_agent(world: World) -> None:
    world.define(container(readonlyRootFilesystem=True), family="sealed", taskRoleArn=ROLE)
    arn = world.run("sealed", enableExecuteCommand=True)
    world.settle()
    assert world.task(arn)["containers"][0]["managedAgents"] == [
        {
            "name": "ExecuteCommandAgent",
            "lastStatus": "STOPPED",
            "reason": "ExecuteCommandAgent Initialization failed - the root file system of the container is read-only",
        }
    ]
    with refuses("InvalidParameterException", NOT_ENABLED):
        execute(world, arn)


def test_twenty_sessions_are_the_most_in_one_container(world: World, task: str) -> None:
    sessions = [execute(world, task)["sessionId"] for _ in range(20)]
    with refuses("ClientException", "maximum of 20 ECS Exec sessions", part=True):
        execute(world, task)
    world.aws("ssm").terminate_session(SessionId=sessions[0])
    assert execute(world, task)["sessionId"] not in sessions


def test_the_target_of_a_session_is_built_from_fargates_runtime_id(world: World, task: str) -> None:
    task_id, runtime_id = task.rpartition("/")[2], world.task(task)["containers"][0]["runtimeId"]
    assert re.fullmatch(rf"{task_id}-[0-9]{{10}}", runtime_id)
    assert runtime_id != world.engine_ids(task)["app"]


def _logged(world: World, group: str, session: dict[str, Any]) -> list[str]:
    told = world.aws("logs").get_log_events(logGroupName=group, logStreamName=session["sessionId"], startFromHead=True)
    return [event["message"] for event in told["events"]]


def test_sessions_are_logged_where_the_container_logs(world: World, connect: Connect) -> None:
    logs = world.aws("logs")
    logs.create_log_group(logGroupName="/ecs/web")
    world.define(container(logConfiguration=awslogs()), family="logged", taskRoleArn=ROLE)
    arn = world.run("logged", enableExecuteCommand=True)
    world.settle()
    session = execute(world, arn)
    plugin = connect(session)
    plugin.until(lambda: plugin.complete)
    plugin.type(b"one\r\ntwo\x04")
    plugin.until_output(b"two\x04")
    _reconcile(world)
    world.emulator.log_events.flush()
    assert _logged(world, "/ecs/web", session) == ["one", "two\x04"]


def test_the_cluster_says_where_sessions_are_logged(world: World, task: str, connect: Connect) -> None:
    override = {"logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "/ecs/exec"}}
    world.ecs.update_cluster(cluster="default", configuration={"executeCommandConfiguration": override})
    session = execute(world, task)
    plugin = connect(session)
    plugin.until(lambda: plugin.complete)
    plugin.type(b"nobody keeps this")
    plugin.until_output(b"keeps this")
    with world.emulator.database.read() as reader:
        (told,) = [e for e in journal.entries(reader, subject=task) if e.kind == "task.exec_not_logged"]
    assert told.detail["logGroup"] == "/ecs/exec"
    world.aws("logs").create_log_group(logGroupName="/ecs/exec")
    session = execute(world, task)
    plugin = connect(session)
    plugin.until(lambda: plugin.complete)
    plugin.type(b"kept\x04")
    plugin.until_output(b"kept")
    _reconcile(world, session["sessionId"])
    world.emulator.log_events.flush()
    assert _logged(world, "/ecs/exec", session) == ["kept\x04"]


def test_the_process_of_a_session_is_ended_after_a_crash(world: World, task: str, connect: Connect) -> None:
    plugin = connect(execute(world, task))
    plugin.until(lambda: plugin.complete)
    plugin.type(b"hello")
    plugin.until_output(b"hello")
    sessions = world.emulator.plane.exec_sessions
    sessions.end_former()
    local = world.emulator.plane.engines.local
    sessions.end_orphans(local.name, local.engine)
    plugin.type(b"nobody hears this")
    world.settle()
    plugin.until(lambda: plugin.closed == "Homeport was restarted")
    assert b"nobody" not in plugin.output
