"""Stopping, describing and listing tasks, and tags, through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.ecs_scene import fargate_definition, prepare, refuses, run

P = "arn:aws:ecs:us-east-1:123456789012:"


@pytest.fixture
def ecs(aws: Aws) -> Any:
    client = aws("ecs")
    prepare(client)
    return client


def test_stop_says_who_and_when(ecs: Any, clock: VirtualClock) -> None:
    arn = run(ecs, tags=[{"key": "a", "value": "b"}])["tasks"][0]["taskArn"]
    clock.advance(5)
    task = ecs.stop_task(cluster="c", task=arn, reason="enough")["task"]
    assert (task["desiredStatus"], task["lastStatus"]) == ("STOPPED", "PROVISIONING")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["stoppingAt"].timestamp() == clock.now()
    assert (task["version"], task["tags"]) == (2, [])


def test_stopping_twice_changes_nothing(ecs: Any, clock: VirtualClock) -> None:
    task_id = run(ecs)["tasks"][0]["taskArn"].rpartition("/")[2]
    first = ecs.stop_task(cluster="c", task=task_id)["task"]
    assert first["stoppedReason"] == "Task stopped by user"
    clock.advance(5)
    assert ecs.stop_task(cluster="c", task=task_id, reason="again")["task"] == first


def test_stop_of_a_stranger(ecs: Any) -> None:
    with refuses("InvalidParameterException", "The referenced task was not found."):
        ecs.stop_task(cluster="c", task="0" * 32)
    with refuses("InvalidParameterException", "Invalid identifier: Identifier is for cluster other. Your cluster is c"):
        ecs.stop_task(cluster="c", task=f"{P}task/other/{'0' * 32}")
    with refuses("ClusterNotFoundException", "Cluster not found."):
        ecs.stop_task(task="0" * 32)


def test_describe_by_id_and_arn_with_failures(ecs: Any) -> None:
    arn = run(ecs, tags=[{"key": "a", "value": "b"}])["tasks"][0]["taskArn"]
    answer = ecs.describe_tasks(cluster="c", tasks=[arn.rpartition("/")[2], "0" * 32])
    assert [t["taskArn"] for t in answer["tasks"]] == [arn]
    assert answer["tasks"][0]["tags"] == []
    assert answer["failures"] == [{"arn": f"{P}task/c/{'0' * 32}", "reason": "MISSING"}]
    shown = ecs.describe_tasks(cluster=f"{P}cluster/c", tasks=[arn], include=["TAGS"])
    assert shown["tasks"][0]["tags"] == [{"key": "a", "value": "b"}]


def test_describe_refuses(ecs: Any) -> None:
    with refuses("InvalidParameterException", "Tasks cannot be empty."):
        ecs.describe_tasks(cluster="c", tasks=[])
    with refuses("InvalidParameterException", "Tasks cannot be empty."):
        ecs.describe_tasks(cluster="c")
    with refuses("InvalidParameterException", "Tasks cannot have more than 100 elements."):
        ecs.describe_tasks(cluster="c", tasks=[f"{n:032x}" for n in range(101)])
    with refuses("InvalidParameterException", "Unsupported resource type: task"):
        ecs.describe_tasks(cluster=f"{P}task/c/1", tasks=["x"])


def test_list_filters(ecs: Any) -> None:
    ecs.register_task_definition(**fargate_definition("api"))
    web = run(ecs, startedBy="me")["tasks"][0]["taskArn"]
    api = run(ecs, taskDefinition="api")["tasks"][0]["taskArn"]
    gone = run(ecs)["tasks"][0]["taskArn"]
    ecs.stop_task(cluster="c", task=gone)

    def listed(**filters: Any) -> set[str]:
        return set(ecs.list_tasks(cluster="c", **filters)["taskArns"])

    assert listed() == listed(launchType="FARGATE") == {web, api}
    assert listed(desiredStatus="STOPPED") == {gone}
    assert listed(desiredStatus="PENDING") == listed(launchType="EC2") == set()
    assert listed(family="api") == {api}
    assert listed(startedBy="me") == {web}
    with refuses("InvalidParameterException", "startedBy must be the only filter", part=True):
        listed(startedBy="me", family="web")
    with refuses("ServiceNotFoundException", "Service not found."):
        listed(serviceName="nope")
    with refuses("ClusterNotFoundException", "Cluster not found."):
        ecs.list_tasks()


def test_list_pages(ecs: Any) -> None:
    run(ecs, count=5)
    pages = ecs.get_paginator("list_tasks").paginate(cluster="c", PaginationConfig={"PageSize": 2})
    assert [len(page["taskArns"]) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize("size", [0, -1])
def test_pages_of_nothing_are_refused(ecs: Any, size: int) -> None:
    with refuses("InvalidParameterException", "maxResults must be at least 1."):
        ecs.list_tasks(cluster="c", maxResults=size)
    with refuses("InvalidParameterException", "maxResults must be at least 1."):
        ecs.list_task_definitions(maxResults=size)


def test_an_old_arn_names_a_task_too(ecs: Any) -> None:
    arn = run(ecs)["tasks"][0]["taskArn"]
    short = f"{P}task/{arn.rpartition('/')[2]}"
    assert ecs.describe_tasks(cluster="c", tasks=[short])["tasks"][0]["taskArn"] == arn


def test_tags_of_everything(ecs: Any) -> None:
    task = run(ecs)["tasks"][0]["taskArn"]
    for arn in (f"{P}cluster/c", f"{P}task-definition/web:1", task):
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "3"}])
        ecs.untag_resource(resourceArn=arn, tagKeys=["b", "unknown"])
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "3"}]
    assert ecs.describe_task_definition(taskDefinition="web", include=["TAGS"])["tags"][0]["value"] == "3"


@pytest.mark.parametrize(
    ("arn", "code", "message"),
    [
        ("web", "InvalidParameterException", "The ARN provided is invalid."),
        (f"{P}coffee/x", "InvalidParameterException", "The ARN provided is invalid."),
        (f"{P}cluster/nope", "ClusterNotFoundException", "Cluster not found."),
        (f"{P}service/web", "InvalidParameterException", "Long arn format must be used for tagging operations"),
        (f"{P}service/c/nope", "ResourceNotFoundException", None),
        (f"{P}task/c/{'0' * 32}", "ResourceNotFoundException", None),
        (f"{P}task-definition/web:7", "ResourceNotFoundException", None),
        (f"{P}container-instance/c/x", "ResourceNotFoundException", None),
        ("arn:aws:ecs:eu-west-1:123456789012:cluster/c", "ResourceNotFoundException", None),
    ],
)
def test_tagging_what_is_not_there(ecs: Any, arn: str, code: str, message: str | None) -> None:
    with refuses(code, message):
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}])


def test_tags_that_are_not_allowed(ecs: Any) -> None:
    with refuses("InvalidParameterException", "reserved prefix aws:", part=True):
        ecs.tag_resource(resourceArn=f"{P}cluster/c", tags=[{"key": "AWS:a", "value": "1"}])
    with refuses("InvalidParameterException", "reserved prefix aws:", part=True):
        ecs.untag_resource(resourceArn=f"{P}cluster/c", tagKeys=["aws:a"])
    ecs.tag_resource(resourceArn=f"{P}cluster/c", tags=[{"key": f"k{n}", "value": ""} for n in range(50)])
    with refuses("InvalidParameterException", "exceeds the limit of 50", part=True):
        ecs.tag_resource(resourceArn=f"{P}cluster/c", tags=[{"key": "more", "value": ""}])


def test_tags_of_a_deleted_cluster(ecs: Any) -> None:
    ecs.create_cluster(clusterName="d")
    ecs.delete_cluster(cluster="d")
    with refuses(
        "InvalidParameterException", "The specified cluster is inactive. Specify an active cluster and try again."
    ):
        ecs.list_tags_for_resource(resourceArn=f"{P}cluster/d")
