"""Task definitions through boto3: revisions and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.domain.tasks.task_progress import stop
from emulator.store.ecs_tables import TASKS
from tests.conftest import Aws
from tests.services.ecs_scene import fargate_definition, prepare, refuses, run

PREFIX = "arn:aws:ecs:us-east-1:123456789012:task-definition"


def test_register_and_describe_answer_the_same(aws: Aws, clock: VirtualClock) -> None:
    ecs = aws("ecs")
    tags = [{"key": "team", "value": "a"}]
    made = ecs.register_task_definition(**fargate_definition(), tags=tags)
    definition = made["taskDefinition"]
    assert made["tags"] == tags
    assert definition["taskDefinitionArn"] == f"{PREFIX}/web:1"
    assert (definition["family"], definition["revision"], definition["status"]) == ("web", 1, "ACTIVE")
    assert definition["registeredBy"] == "arn:aws:iam::123456789012:root"
    assert definition["registeredAt"].timestamp() == clock.now()
    assert {"EC2", "FARGATE"} <= set(definition["compatibilities"])
    for reference in ("web", "web:1", f"{PREFIX}/web:1", f"{PREFIX}/web"):
        described = ecs.describe_task_definition(taskDefinition=reference)
        assert (described["taskDefinition"], described["tags"]) == (definition, [])
    assert ecs.describe_task_definition(taskDefinition="web", include=["TAGS"])["tags"] == tags


def test_revisions_only_ever_grow(aws: Aws) -> None:
    ecs = aws("ecs")
    for _ in range(2):
        ecs.register_task_definition(**fargate_definition())
    for revision in (1, 2):
        ecs.deregister_task_definition(taskDefinition=f"web:{revision}")
    ecs.delete_task_definitions(taskDefinitions=["web:1", "web:2"])
    assert ecs.list_task_definition_families()["families"] == []
    assert ecs.register_task_definition(**fargate_definition())["taskDefinition"]["revision"] == 3


def test_describing_what_is_not_there(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.register_task_definition(**fargate_definition())
    elsewhere = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1"
    for reference in ("nope", "web:2", f"{PREFIX}/nope:1", elsewhere):
        with refuses("ClientException", "Unable to describe task definition."):
            ecs.describe_task_definition(taskDefinition=reference)
    with refuses("InvalidParameterException", "Invalid revision number. Number: x"):
        ecs.describe_task_definition(taskDefinition="web:x")


def test_an_inactive_revision_is_found_by_its_number_only(aws: Aws, clock: VirtualClock) -> None:
    ecs = aws("ecs")
    for _ in range(2):
        ecs.register_task_definition(**fargate_definition())
    clock.advance(60)
    gone = ecs.deregister_task_definition(taskDefinition="web:2")["taskDefinition"]
    assert (gone["status"], gone["deregisteredAt"].timestamp()) == ("INACTIVE", clock.now())
    assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"] == 1
    assert ecs.describe_task_definition(taskDefinition="web:2")["taskDefinition"]["status"] == "INACTIVE"
    with refuses("ClientException", "Revision is missing."):
        ecs.deregister_task_definition(taskDefinition="web")
    with refuses("ClientException"):
        ecs.deregister_task_definition(taskDefinition="web:9")


def test_lists_sort_by_family_then_number(aws: Aws) -> None:
    ecs = aws("ecs")
    for family in ["web"] * 11 + ["web-b", "a"]:
        ecs.register_task_definition(**fargate_definition(family))
    everything = ecs.list_task_definitions()["taskDefinitionArns"]
    assert everything == [f"{PREFIX}/a:1", *(f"{PREFIX}/web:{n}" for n in range(1, 12)), f"{PREFIX}/web-b:1"]
    assert ecs.list_task_definitions(sort="DESC")["taskDefinitionArns"] == everything[::-1]
    assert ecs.list_task_definitions(familyPrefix="we")["taskDefinitionArns"] == []
    assert len(ecs.list_task_definitions(familyPrefix="web")["taskDefinitionArns"]) == 11
    assert ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"] == []


@pytest.mark.parametrize("sort", ["ASC", "DESC"])
def test_lists_page(aws: Aws, sort: str) -> None:
    ecs = aws("ecs")
    for family in ["web"] * 3 + ["web-b"] * 2:
        ecs.register_task_definition(**fargate_definition(family))
    pages = ecs.get_paginator("list_task_definitions").paginate(sort=sort, PaginationConfig={"PageSize": 2})
    paged = [page["taskDefinitionArns"] for page in pages]
    assert [len(page) for page in paged] == [2, 2, 1]
    assert [arn for page in paged for arn in page] == ecs.list_task_definitions(sort=sort)["taskDefinitionArns"]


def test_families(aws: Aws) -> None:
    ecs = aws("ecs")
    for family in ("web", "web-b", "api"):
        ecs.register_task_definition(**fargate_definition(family))
    ecs.deregister_task_definition(taskDefinition="api:1")
    assert ecs.list_task_definition_families()["families"] == ["api", "web", "web-b"]
    assert ecs.list_task_definition_families(familyPrefix="we", status="ACTIVE")["families"] == ["web", "web-b"]
    assert ecs.list_task_definition_families(status="INACTIVE")["families"] == ["api"]
    first = ecs.list_task_definition_families(maxResults=2)
    assert first["families"] == ["api", "web"]
    assert ecs.list_task_definition_families(maxResults=2, nextToken=first["nextToken"])["families"] == ["web-b"]


def test_deleting_names_each_failure(aws: Aws) -> None:
    ecs = aws("ecs")
    for _ in range(2):
        ecs.register_task_definition(**fargate_definition())
    ecs.deregister_task_definition(taskDefinition="web:2")
    answer = ecs.delete_task_definitions(taskDefinitions=["web:1", "web:2", "web:3", "web", "we b"])
    assert [d["status"] for d in answer["taskDefinitions"]] == ["DELETE_IN_PROGRESS"]
    assert "deleteRequestedAt" in answer["taskDefinitions"][0]
    reasons = {f["arn"]: f["reason"] for f in answer["failures"]}
    invalid = "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
    assert reasons == {
        "web:1": "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
        "web:3": "The specified task definition does not exist. "
        "Specify a valid account, family, revision and try again.",
        "web": invalid,
        "we b": invalid,
    }
    with refuses("ClientException", "Unable to describe task definition."):
        ecs.describe_task_definition(taskDefinition="web:2")


def test_deleting_needs_one_to_ten(aws: Aws) -> None:
    with refuses("InvalidParameterException", "size of TaskDefinition references list must be greater than 0"):
        aws("ecs").delete_task_definitions(taskDefinitions=[])
    with refuses("InvalidParameterException", "Size of TaskDefinition references list cannot exceed 10"):
        aws("ecs").delete_task_definitions(taskDefinitions=[f"web:{n}" for n in range(1, 12)])


def test_a_revision_in_use_stays_until_its_task_has_stopped(aws: Aws, emulator: Emulator, clock: VirtualClock) -> None:
    ecs = aws("ecs")
    arn = prepare(ecs)
    task_arn = run(ecs)["tasks"][0]["taskArn"]
    ecs.deregister_task_definition(taskDefinition=arn)
    ecs.delete_task_definitions(taskDefinitions=[arn])
    assert ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"] == "DELETE_IN_PROGRESS"
    assert ecs.list_task_definitions(status="DELETE_IN_PROGRESS")["taskDefinitionArns"] == [arn]
    assert ecs.list_task_definition_families()["families"] == ["web"]
    with emulator.database.write() as tx:
        task = tx.find(TASKS, arn=task_arn)[0]
        tx.put(TASKS, replace(stop(task, "UserInitiated", "done", clock.now()), last_status="STOPPED"))
    assert ecs.list_task_definitions(status="DELETE_IN_PROGRESS")["taskDefinitionArns"] == []
    assert ecs.list_task_definition_families()["families"] == []


def test_an_inactive_revision_starts_nothing_new(aws: Aws) -> None:
    ecs = aws("ecs")
    arn = prepare(ecs)
    ecs.deregister_task_definition(taskDefinition=arn)
    with refuses("InvalidParameterException", "TaskDefinition is inactive"):
        run(ecs, taskDefinition=arn)
    with refuses("ClientException", "TaskDefinition not found."):
        run(ecs, taskDefinition="web")


def test_registration_rules_answer_as_client_exceptions(aws: Aws) -> None:
    ecs = aws("ecs")
    with refuses("ClientException", "Fargate requires that 'cpu' be defined at the task level."):
        ecs.register_task_definition(**{**fargate_definition(), "cpu": None})
    assert ecs.list_task_definition_families()["families"] == []
