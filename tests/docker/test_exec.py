"""ECS Exec as its users have it: the AWS CLI with and without the plugin, `homeport exec` at a terminal, a crash."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.data_channel.plugin import Plugin
from tests.docker.homeport import ACCOUNT, AWSLOGS, GROUP, ROOT, SLEEP, Homeport, aws_commands, container, eventually
from tests.docker.test_inside_task import _dial as dial

pytestmark = pytest.mark.docker

ROLE = f"arn:aws:iam::{ACCOUNT}:role/exec"
STAND_IN = f"""#!{sys.executable}
import json, socket, sys
if len(sys.argv) == 1:
    sys.exit(print("The Session Manager plugin was installed successfully. Use the AWS CLI to start a session."))
sys.path.insert(0, {str(ROOT)!r})
from tests.data_channel.plugin import Plugin
session, target = json.loads(sys.argv[1]), json.loads(sys.argv[5])["Target"]
place, _, path = session.get("StreamUrl", session.get("streamUrl")).partition("://")[2].partition("/")
host, port = place.split(":")
token = session.get("TokenValue", session.get("tokenValue"))
plugin = Plugin(socket.create_connection((host, int(port))), "/" + path, token)
plugin.until(lambda: plugin.complete)
plugin.resize(80, 24)
plugin.type(b"echo it is $((40 + 2)); exit\\n")
plugin.until(lambda: plugin.closed is not None and plugin.hung_up)
print(target, plugin.output.decode())
"""


def run(homeport: Homeport, name: str, **members: object) -> str:
    homeport.define(name, container(command=SLEEP, **members), taskRoleArn=ROLE)
    arn = homeport.run(name, enableExecuteCommand=True)
    homeport.running(arn)
    return arn


def test_the_cli_finds_its_session_with_the_plugin_and_says_so_without(homeport: Homeport, tmp_path: Path) -> None:
    arn = run(homeport, "cli-exec")
    execute = f"ecs execute-command --task {arn} --interactive --command /bin/sh"

    stand_in = tmp_path / "session-manager-plugin"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)

    runtime_id = homeport.task(arn)["containers"][0]["runtimeId"]
    for aws in aws_commands():
        assert "SessionManagerPlugin is not found" in homeport.shell(f"{aws} {execute}", fails=True)
        said = homeport.shell(f"{aws} {execute}", PATH=f"{tmp_path}:{os.environ['PATH']}")
        assert f"ecs:default_{arn.rpartition('/')[2]}_{runtime_id}" in said
        assert "it is 42" in said
    homeport.stop_task(arn)


class Terminal:
    """`homeport exec` at a terminal of its own."""

    def __init__(self, homeport: Homeport, arn: str, columns: int, rows: int) -> None:
        self.output = b""
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emulator", "exec", "--endpoint", homeport.url, arn],
            cwd=ROOT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    def until(self, text: bytes) -> None:
        end = time.monotonic() + 90
        while text not in self.output:
            assert time.monotonic() < end, self.output
            if select.select([self.master], [], [], 0.2)[0]:
                self.output += os.read(self.master, 65536)


def test_a_shell_at_a_terminal(homeport: Homeport) -> None:
    arn = run(homeport, "terminal")
    terminal = Terminal(homeport, arn, 90, 25)
    terminal.until(b"# ")
    terminal.type(b"busybox stty size; id -u\r")
    terminal.until(b"25 90\r\n0\r\n")
    terminal.resize(132, 43)
    terminal.process.send_signal(signal.SIGWINCH)
    eventually(lambda: _size(terminal) == b"43 132")
    terminal.type(b"echo g''o; sleep 1000\r")
    terminal.until(b"\r\ngo\r\n")
    terminal.output = b""
    terminal.type(b"\x03")
    terminal.until(b"# ")
    terminal.type(b"exit 5\r")
    assert terminal.process.wait(90) == 5
    os.close(terminal.master)
    homeport.stop_task(arn)


def _size(terminal: Terminal) -> bytes:
    terminal.output = b""
    terminal.type(b"busybox stty size; echo do''ne\r")
    terminal.until(b"done")
    return next((line for line in terminal.output.splitlines() if line[:1].isdigit()), b"")


def test_bytes_go_through_as_they_are(homeport: Homeport) -> None:
    arn = run(homeport, "bytes")
    data = bytes(range(256)) * 2000
    command = [sys.executable, "-m", "emulator", "exec", "--endpoint", homeport.url, arn, "--", "cat"]
    done = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, timeout=120, check=True)
    assert done.stdout == data
    homeport.stop_task(arn)


def test_a_session_is_logged_beside_the_container(homeport: Homeport) -> None:
    arn = run(homeport, "exec-log", logConfiguration=AWSLOGS)
    opened = homeport.client("ecs").execute_command(task=arn, command="/bin/sh", interactive=True)["session"]
    plugin = dial(homeport, opened)
    plugin.until(lambda: plugin.complete)
    plugin.resize(80, 24)
    plugin.type(b"echo kept $((40 + 2)); exit\n")
    plugin.until(lambda: plugin.closed is not None)
    logs = homeport.client("logs")

    def look() -> bool:
        try:
            told = logs.get_log_events(logGroupName=GROUP, logStreamName=opened["sessionId"], startFromHead=True)
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any("kept 42" in event["message"] for event in told["events"])

    eventually(look)
    homeport.stop_task(arn)


def test_a_crash_leaves_no_process_of_a_session(own_homeport: Homeport) -> None:
    arn = run(own_homeport, "crash-exec")
    opened = own_homeport.client("ecs").execute_command(task=arn, command="sleep 86398", interactive=True)["session"]
    plugin: Plugin = dial(own_homeport, opened)
    plugin.until(lambda: plugin.complete)
    plugin.resize(80, 24)
    eventually(lambda: "sleep 86398" in _processes(own_homeport, arn))
    own_homeport.kill()
    own_homeport.start()
    eventually(lambda: own_homeport.task(arn)["lastStatus"] == "RUNNING")
    eventually(lambda: "sleep 86398" not in _processes(own_homeport, arn))
    eventually(lambda: "restarted" in json.dumps(own_homeport.admin(f"exec/{opened['sessionId']}")))


def _processes(homeport: Homeport, arn: str) -> str:
    command = [sys.executable, "-m", "emulator", "exec", "--endpoint", homeport.url, arn, "--", "ps"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, input="").stdout


def test_a_protected_task_survives_scale_in(homeport: Homeport) -> None:
    ecs = homeport.client("ecs")
    homeport.define("guarded", container(command=SLEEP))
    ecs.create_service(
        serviceName="guarded", taskDefinition="guarded", desiredCount=2, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}},
    )  # fmt: skip
    arns = eventually(lambda: len(found := ecs.list_tasks(serviceName="guarded")["taskArns"]) == 2 and found)
    for arn in arns:
        homeport.running(arn)
    kept, other = arns
    said = ecs.update_task_protection(cluster="default", tasks=[kept], protectionEnabled=True, expiresInMinutes=60)
    assert said["failures"] == []
    ecs.update_service(service="guarded", desiredCount=0)
    assert homeport.stopped(other)["stopCode"] == "ServiceSchedulerInitiated"
    assert homeport.task(kept)["lastStatus"] == "RUNNING"
    homeport.pass_time(60 * 60 + 1)
    assert homeport.stopped(kept)["stopCode"] == "ServiceSchedulerInitiated"
    ecs.delete_service(service="guarded", force=True)
    eventually(lambda: not homeport.apps("guarded"))
