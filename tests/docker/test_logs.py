"""Container output in CloudWatch Logs: all of it, in order, live, and across a restart of the emulator."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.docker.homeport import AWSLOGS, GROUP, LOG_OPTIONS, Homeport, aws_commands, eventually, shell

pytestmark = pytest.mark.docker


def test_a_hundred_thousand_lines_none_lost_in_order(homeport: Homeport, capsys: pytest.CaptureFixture[str]) -> None:
    homeport.define("many", shell("seq 1 100000; sleep 600", logConfiguration=AWSLOGS))
    arn = homeport.run("many")
    logs = homeport.client("logs")
    stream = f"t/app/{arn.rpartition('/')[2]}"

    def newest() -> str:
        try:
            page = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, limit=1)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return ""
        return str(page[0]["message"]) if page else ""

    eventually(newest)
    began = time.monotonic()
    eventually(lambda: newest() == "100000", 110)
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\n100,000 lines in {took:.1f} s: {100_000 / max(took, 0.001):,.0f} lines/s")
    assert homeport.messages(arn) == [str(n) for n in range(1, 100_001)]
    homeport.stop_task(arn)


def test_both_streams_long_lines_and_bytes_that_are_no_text(homeport: Homeport) -> None:
    script = (
        "echo out; echo err >&2; echo; printf 'no newline at '; sleep 0.2; echo all; "
        "head -c 300000 /dev/zero | tr '\\0' x; echo; printf 'caf\\303\\251 \\377\\n'; printf last"
    )
    homeport.define("odd", shell(script, logConfiguration=AWSLOGS))
    said = homeport.said("odd")
    assert sorted(said[:2]) == ["err", "out"]
    assert said[2] == "no newline at all"
    assert [len(line) for line in said[3:5]] == [262_118, 300_000 - 262_118]
    assert said[5:] == ["café \ufffd", "last"]


def test_the_last_words_before_a_kill_are_kept(homeport: Homeport) -> None:
    script = "trap 'seq 1 2000; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    homeport.define("last-words", shell(script, logConfiguration=AWSLOGS))
    arn = homeport.run("last-words")
    eventually(lambda: homeport.messages(arn) == ["ready"])
    homeport.stop_task(arn)
    homeport.stopped(arn)
    assert homeport.messages(arn) == ["ready", *(str(n) for n in range(1, 2001))]


def test_lines_of_an_exception_are_one_event(homeport: Homeport) -> None:
    options = {**LOG_OPTIONS, "awslogs-multiline-pattern": "^[A-Z]"}
    configuration = {"logDriver": "awslogs", "options": options}
    homeport.define("lines", shell("echo Error; echo ' at a'; echo ' at b'; echo Bye", logConfiguration=configuration))
    assert homeport.said("lines") == ["Error\n at a\n at b\n", "Bye\n"]


def test_following_a_group_as_logs_tail_does(homeport: Homeport) -> None:
    """`aws logs tail --follow` asks FilterLogEvents again and again, from about the newest time it saw: of two streams
    one may be committed a little after the other."""
    group = "/ecs/tail"
    options = {**LOG_OPTIONS, "awslogs-group": group, "awslogs-create-group": "true"}
    script = "n=0; while [ $n -lt 40 ]; do n=$((n+1)); echo line-$n; sleep 0.05; done; sleep 600"
    homeport.define("tail", shell(script, logConfiguration={"logDriver": "awslogs", "options": options}))
    arns = [homeport.run("tail") for _ in range(2)]
    logs = homeport.client("logs")
    seen: dict[str, dict[str, Any]] = {}
    since = 0

    def look() -> bool:
        nonlocal since
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=max(0, since - 5000))
            for event in (event for page in pages for event in page["events"]):
                seen[event["eventId"]] = event
                since = max(since, event["timestamp"])
        except logs.exceptions.ResourceNotFoundException:
            return False
        return len(seen) >= 80

    eventually(look)
    for arn in arns:
        mine = [e["message"] for e in seen.values() if e["logStreamName"].endswith(arn.rpartition("/")[2])]
        assert mine == [f"line-{n}" for n in range(1, 41)]
        homeport.stop_task(arn)


def test_the_command_lines_tail(homeport: Homeport) -> None:
    """`aws logs tail` is version 2's."""
    homeport.define("cli-tail", shell("echo hello from the tail; sleep 600", logConfiguration=AWSLOGS))
    arn = homeport.run("cli-tail")
    stream = f"t/app/{arn.rpartition('/')[2]}"
    eventually(lambda: homeport.messages(arn))
    aws = aws_commands()[-1]
    said = homeport.shell(f"{aws} logs tail {GROUP} --log-stream-names {stream} --since 1h --format short")
    assert said.endswith("hello from the tail")
    follow = f"exec {aws} logs tail {GROUP} --follow --log-stream-names {stream}"
    script = f"exec 3< <({follow}); grep -m 1 'hello from the tail' <&3; heard=$?; kill $!; exit $heard"
    assert "hello from the tail" in homeport.shell(script)
    homeport.stop_task(arn)


@pytest.mark.timeout(180)
class TestRestart:
    """What a container says while the emulator is down is there afterwards, once and in its place."""

    def _down_and_up(self, homeport: Homeport, *, crash: bool, down_s: float = 1.0) -> None:
        homeport.kill() if crash else homeport.stop()
        time.sleep(down_s)
        homeport.start()

    @pytest.mark.parametrize("crash", [False, True], ids=["stopped", "killed"])
    def test_numbered_lines(self, own_homeport: Homeport, crash: bool) -> None:
        """Fast enough that more is replayed than one piece of the engine's answer holds."""
        script = "n=0; while [ $n -lt 30000 ]; do n=$((n+1)); echo line-$n; done; sleep 600"
        own_homeport.define("lines", shell(script, logConfiguration=AWSLOGS))
        arn = own_homeport.run("lines")
        eventually(lambda: len(own_homeport.messages(arn)) > 500)
        self._down_and_up(own_homeport, crash=crash)
        eventually(lambda: own_homeport.messages(arn)[-1] == "line-30000")
        assert own_homeport.messages(arn) == [f"line-{n}" for n in range(1, 30_001)]
        own_homeport.stop_task(arn)

    def test_lines_that_are_all_alike(self, own_homeport: Homeport) -> None:
        """A heartbeat: the text does not tell one from the next."""
        script = "n=0; while [ $n -lt 60 ]; do n=$((n+1)); echo tick; sleep 0.1; done; echo end; sleep 600"
        own_homeport.define("ticks", shell(script, logConfiguration=AWSLOGS))
        arn = own_homeport.run("ticks")
        eventually(lambda: len(own_homeport.messages(arn)) > 5)
        self._down_and_up(own_homeport, crash=True)
        eventually(lambda: own_homeport.messages(arn)[-1] == "end")
        assert own_homeport.messages(arn) == ["tick"] * 60 + ["end"]
        own_homeport.stop_task(arn)

    def test_what_ended_meanwhile(self, own_homeport: Homeport) -> None:
        own_homeport.define("short", shell("echo begin; sleep 2; echo end; exit 5", logConfiguration=AWSLOGS))
        arn = own_homeport.run("short")
        eventually(lambda: own_homeport.messages(arn))
        self._down_and_up(own_homeport, crash=True, down_s=2.5)
        task = own_homeport.stopped(arn)
        assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 5)
        assert own_homeport.messages(arn) == ["begin", "end"]
