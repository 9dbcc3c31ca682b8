"""`homeport fault`: what is said of what was added, listed and cleared, and what is refused."""

from __future__ import annotations

import json

import pytest

from emulator.app import Emulator
from emulator.cli import main
from tests.test_cli import served as served

Served = tuple[Emulator, str]


def test_faults_are_added_listed_and_cleared(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    _, url = served
    assert main(["fault", "--endpoint", url]) == 0
    assert capsys.readouterr().out == "no fault is on\n"
    words = ["pull", "--image", "shop*", "--error", "denied", "--delay", "1.5m", "--count", "3", "--duration", "2h"]
    assert main(["fault", "add", *words, "--endpoint", url]) == 0
    fault_id, said = capsys.readouterr().out.split("  ", 1)
    assert said == "pull: image=shop*: 90 s slower, then fails: denied\n"
    assert main(["fault", "add", "--endpoint", url, "throttling", "--api", "sts", "--rate", "0.5"]) == 0
    capsys.readouterr()
    assert main(["fault", "list", "--endpoint", url]) == 0
    head, first, second = capsys.readouterr().out.splitlines()[:3]
    assert head.split()[:3] == ["FAULT", "KIND", "STATE"]
    assert first.split()[:3] == [fault_id, "pull", "on"]
    assert first.split()[-1] == "0/3"
    assert "Rate exceeded for 0.5 of the calls" in second
    assert main(["fault", "list", "--json", "--endpoint", url]) == 0
    known = json.loads(capsys.readouterr().out)["faults"][0]
    assert (known["id"], known["until"] - known["since"]) == (fault_id, 7200)
    assert main(["fault", "clear", fault_id, "--endpoint", url]) == 0
    assert capsys.readouterr().out == f"cleared: {fault_id}\n"
    assert main(["status", "--endpoint", url]) == 0
    assert "on: fault fault-" in capsys.readouterr().out
    assert main(["fault", "clear", "--all", "--endpoint", url]) == 0
    assert capsys.readouterr().out.startswith("cleared: fault-")


def test_what_was_over_is_not_said_to_be_cleared(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    _, url = served
    ids = []
    for words in (["--duration", "60s"], ["--duration", "60s"], []):
        assert main(["fault", "add", "pull", "--error", "denied", *words, "--endpoint", url]) == 0
        ids.append(capsys.readouterr().out.split()[0])
    assert main(["clock", "advance", "61s", "--endpoint", url]) == 0
    capsys.readouterr()
    assert main(["fault", "clear", ids[0], "--endpoint", url]) == 0
    assert capsys.readouterr().out == f"over before, and no longer listed: {ids[0]}\n"
    assert main(["fault", "clear", "--all", "--endpoint", url]) == 0
    assert capsys.readouterr().out == f"cleared: {ids[2]}\nover before, and no longer listed: {ids[1]}\n"
    assert main(["fault", "clear", "--all", "--endpoint", url]) == 0
    assert capsys.readouterr().out == "cleared: there was none\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["clear"], "say `fault clear ID` or `fault clear --all`"),
        (["clear", "fault-0"], "there is no fault fault-0"),
        (["add", "pull"], "pull needs error or delay"),
        (["add", "pull", "--delay", "soon"], "--delay is a number and a unit, e.g. 90s, 15m, 2h"),
        (["add", "throttling", "--count", "many"], "--count is a number"),
        (["add", "zone-loss", "--zone", "x"], "unknown Availability Zone 'x'"),
        (["add", "spot-interruption", "--task", "0"], "no task that is meant to run is meant by this"),
    ],
)
def test_what_is_refused(served: Served, words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fault", *words, "--endpoint", served[1]]) == 1
    assert error in capsys.readouterr().err
