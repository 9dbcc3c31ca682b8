"""What an agent reports is held against the engine: what agrees or lags is acknowledged, what runs ahead is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.engine.simulated.behaviour import Behaviour
from emulator.events import journal
from tests.control.world import World, container
from tests.services.ecs_scene import refuses


@pytest.fixture
def arn(world: World) -> str:
    """A task that runs."""
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    return arn


def _attachment(world: World, arn: str) -> str:
    return "arn:aws:ecs:us-east-1:123456789012:attachment/" + str(world.task(arn)["attachments"][0]["id"])


def test_what_agrees_with_the_engine_is_acknowledged_and_noted(world: World, arn: str) -> None:
    before = world.task(arn)
    attachment = {"attachmentArn": _attachment(world, arn), "status": "ATTACHED"}
    app = {"containerName": "app", "status": "RUNNING"}
    said = world.ecs.submit_task_state_change(
        task=arn, status="RUNNING", containers=[app], attachments=[attachment], reason="as seen"
    )
    assert said["acknowledgment"] == "ACK"
    app["runtimeId"] = before["containers"][0]["runtimeId"]
    assert world.ecs.submit_container_state_change(task=arn, **app)["acknowledgment"] == "ACK"
    assert world.ecs.submit_attachment_state_changes(attachments=[attachment])["acknowledgment"] == "ACK"
    with world.emulator.database.read() as reader:
        noted = [e.detail for e in journal.entries(reader, subject=arn) if e.kind == "task.state_submitted"]
    assert noted == [
        {"status": "RUNNING", "reason": "as seen"},
        {"container": "app", "status": "RUNNING"},
        {"attachment": attachment["attachmentArn"], "status": "ATTACHED"},
    ]
    assert world.task(arn) == before


def test_a_report_that_lags_behind_changes_nothing(world: World, arn: str) -> None:
    before = world.task(arn)
    world.ecs.submit_task_state_change(task=arn, status="CREATED")
    world.ecs.submit_container_state_change(task=arn, containerName="app", status="PULLED")
    assert world.task(arn) == before


def test_an_exit_is_taken_as_the_engine_shows_it(world: World) -> None:
    world.image("app", Behaviour(runs_for_s=2, exit_code=3))
    world.define(container())
    arn = world.run()
    world.pass_time(5)
    report = {"task": arn, "containerName": "app", "status": "STOPPED"}
    assert world.ecs.submit_container_state_change(**report, exitCode=3)["acknowledgment"] == "ACK"
    with refuses("ClientException", "The container app exited with 3 on the engine, not with 0."):
        world.ecs.submit_container_state_change(**report, exitCode=0)


Submit = Callable[[Any, str, str], Any]


@pytest.mark.parametrize(
    ("submit", "code", "message"),
    [
        (
            lambda ecs, arn, _: ecs.submit_task_state_change(task=arn, status="STOPPED"),
            "ClientException",
            "as RUNNING; a report of STOPPED is not taken.",
        ),
        (
            lambda ecs, arn, _: ecs.submit_task_state_change(task=arn, status="WELL"),
            "InvalidParameterException",
            "WELL is no status of a task.",
        ),
        (
            lambda ecs, arn, _: ecs.submit_container_state_change(task=arn, containerName="app", exitCode=0),
            "ClientException",
            "The container app has not exited on the engine, not with 0.",
        ),
        (
            lambda ecs, arn, _: ecs.submit_container_state_change(task=arn, containerName="app", runtimeId="x"),
            "ClientException",
            "The container app is not x.",
        ),
        (
            lambda ecs, arn, _: ecs.submit_container_state_change(task=arn, containerName="other"),
            "InvalidParameterException",
            "The referenced container was not found.",
        ),
        (
            lambda ecs, _, attachment: ecs.submit_attachment_state_changes(
                attachments=[{"attachmentArn": attachment, "status": "DELETED"}]
            ),
            "ClientException",
            "a report of DELETED is not taken.",
        ),
        (
            lambda ecs, _, attachment: ecs.submit_attachment_state_changes(
                attachments=[{"attachmentArn": attachment[:-4], "status": "ATTACHED"}]
            ),
            "InvalidParameterException",
            "The referenced attachment was not found.",
        ),
        (
            lambda ecs, arn, _: ecs.submit_task_state_change(task="0" * 32, status="RUNNING"),
            "InvalidParameterException",
            "The referenced task was not found.",
        ),
        (
            lambda ecs, arn, _: ecs.submit_task_state_change(cluster="nowhere", task=arn),
            "ClusterNotFoundException",
            "Cluster not found.",
        ),
    ],
)
def test_what_runs_ahead_of_the_engine_is_refused(
    world: World, arn: str, submit: Submit, code: str, message: str
) -> None:
    before = world.task(arn)
    with refuses(code, message, part=True):
        submit(world.ecs, arn, _attachment(world, arn))
    assert world.task(arn) == before


def test_an_agent_is_told_where_it_may_poll(world: World) -> None:
    said = world.ecs.discover_poll_endpoint(cluster="default")
    assert said["endpoint"].startswith("http://")
    assert said["telemetryEndpoint"] == said["serviceConnectEndpoint"] == said["endpoint"]
    with refuses("ClusterNotFoundException", "Cluster not found."):
        world.ecs.discover_poll_endpoint(cluster="nowhere")
    with refuses("InvalidParameterException", "The referenced container instance was not found."):
        world.ecs.discover_poll_endpoint(containerInstance="0" * 32)


def test_the_attachments_of_one_refusal_are_all_refused(world: World, arn: str) -> None:
    good = {"attachmentArn": _attachment(world, arn), "status": "ATTACHED"}
    with refuses("InvalidParameterException", "The referenced attachment was not found."):
        world.ecs.submit_attachment_state_changes(attachments=[good, {**good, "attachmentArn": "x"}])
    with world.emulator.database.read() as reader:
        assert not [e for e in journal.entries(reader, subject=arn) if e.kind == "task.state_submitted"]
