"""`homeport events`: what EventBridge would have been told, as lines and whole."""

from __future__ import annotations

import json

import pytest

from emulator.app import Emulator
from emulator.cli import main
from emulator.domain.event_words import event_words, resource_of
from tests.services.instance_scene import ec2_definition, provide_image, register, run_on_ec2
from tests.test_cli import _client
from tests.test_cli import served as served

Served = tuple[Emulator, str]


def test_events_as_lines_and_whole(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    emulator, url = served
    ecs = _client("ecs", url)
    ecs.create_cluster(clusterName="c")
    provide_image(emulator)
    ecs.register_task_definition(**ec2_definition())
    arn = register(ecs)["containerInstanceArn"]
    task = run_on_ec2(ecs)["tasks"][0]["taskArn"]
    assert emulator.plane.settle()
    assert main(["events", "--type", "instance", "--endpoint", url]) == 0
    first, second = capsys.readouterr().out.splitlines()
    name = arn.split(":", 5)[5]
    assert first.endswith(f"ECS Container Instance State Change  {name}  ACTIVE, 0 tasks, left: cpu 2048, memory 7883")
    assert second.endswith("ACTIVE, 1 task, left: cpu 1792, memory 7371")
    assert main(["events", task.rpartition("/")[2], "-n", "1", "--json", "--endpoint", url]) == 0
    event = json.loads(capsys.readouterr().out)
    assert (event["detail-type"], event["resources"]) == ("ECS Task State Change", [task])
    assert main(["events", "-n", "99999", "--endpoint", url]) == 1
    assert "count is a number from 0 to 10000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        ("ECS Task State Change", {"lastStatus": "RUNNING", "desiredStatus": "RUNNING"}, "RUNNING"),
        (
            "ECS Task State Change",
            {"lastStatus": "RUNNING", "desiredStatus": "STOPPED", "stopCode": "UserInitiated", "stoppedReason": "x"},
            "RUNNING (wanted: STOPPED), UserInitiated: x",
        ),
        ("ECS Service Action", {"eventName": "SERVICE_STEADY_STATE", "clusterArn": "a"}, "SERVICE_STEADY_STATE"),
        (
            "ECS Deployment State Change",
            {"eventName": "SERVICE_DEPLOYMENT_FAILED", "reason": "why"},
            "SERVICE_DEPLOYMENT_FAILED why",
        ),
        (
            "ECS Hook State Change",
            {"eventName": "HOOK_AWAITING_ACTION", "lifecycleStage": "POST_SCALE_UP", "hookId": "ecs-pause-1"},
            "HOOK_AWAITING_ACTION POST_SCALE_UP ecs-pause-1",
        ),
        ("ECR Image Action", {"action-type": "PUSH", "image-tag": "1", "n": 1}, "action-type PUSH, image-tag 1"),
    ],
)
def test_the_words_of_an_event(kind: str, detail: dict[str, object], words: str) -> None:
    assert event_words({"detail-type": kind, "detail": detail}) == words


def test_the_resource_of_an_event() -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:service/c/web"
    assert resource_of({"resources": [arn], "detail": {}}) == "service/c/web"
    assert resource_of({"resources": [], "detail": {"repository-name": "shop"}}) == "shop"
