"""Log groups, streams, retention and tags, by boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.clock import VirtualClock
from tests.conftest import Aws

NOW = 1_700_000_000_000
ARN = "arn:aws:logs:us-east-1:123456789012:log-group:"


@pytest.fixture
def logs(aws: Aws) -> Any:
    return aws("logs")


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.")


def test_a_group_is_created_described_and_deleted(logs: Any) -> None:
    logs.create_log_group(logGroupName="/ecs/web", tags={"a": "1"})
    assert logs.describe_log_groups()["logGroups"] == [
        {
            "logGroupName": "/ecs/web",
            "creationTime": NOW,
            "metricFilterCount": 0,
            "arn": f"{ARN}/ecs/web:*",
            "logGroupArn": f"{ARN}/ecs/web",
            "storedBytes": 0,
            "logGroupClass": "STANDARD",
            "deletionProtectionEnabled": False,
        }
    ]
    assert refused(logs.create_log_group, logGroupName="/ecs/web") == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )
    logs.delete_log_group(logGroupName="/ecs/web")
    assert logs.describe_log_groups()["logGroups"] == []
    assert refused(logs.delete_log_group, logGroupName="/ecs/web") == NO_GROUP


def test_names_that_are_refused(logs: Any) -> None:
    assert refused(logs.create_log_group, logGroupName="aws/x") == (
        "InvalidParameterException",
        "Log groups starting with AWS/ are reserved for AWS.",
    )
    code, text = refused(logs.create_log_group, logGroupName="a b")
    assert code == "InvalidParameterException"
    assert "Value 'a b' at 'logGroupName' failed to satisfy constraint" in text


def test_groups_are_found_by_prefix_pattern_name_and_class_and_paged(logs: Any) -> None:
    for name in ("app/c", "app/a", "app/b", "other/app", "z"):
        logs.create_log_group(logGroupName=name)

    def names(**request: Any) -> list[str]:
        return [g["logGroupName"] for g in logs.describe_log_groups(**request)["logGroups"]]

    assert names(logGroupNamePrefix="app") == ["app/a", "app/b", "app/c"]
    assert names(logGroupNamePattern="app") == ["app/a", "app/b", "app/c", "other/app"]
    assert names(logGroupIdentifiers=["z", "nothing"]) == ["z"]
    assert names(logGroupClass="INFREQUENT_ACCESS") == []
    brief = logs.describe_log_groups(logGroupNamePattern="oth")["logGroups"][0]
    assert sorted(brief) == ["arn", "creationTime", "logGroupName"]
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 2})
    assert [[g["logGroupName"] for g in page["logGroups"]] for page in pages] == [
        ["app/a", "app/b"],
        ["app/c", "other/app"],
        ["z"],
    ]
    assert refused(logs.describe_log_groups, logGroupNamePrefix="a", logGroupNamePattern="b") == (
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
    )
    assert refused(logs.describe_log_groups, nextToken="forged") == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )
    listed = logs.list_log_groups(logGroupNamePattern="^app|^zzz", limit=2)
    assert [g["logGroupArn"] for g in listed["logGroups"]] == [f"{ARN}app/a", f"{ARN}app/b"]
    more = logs.list_log_groups(logGroupNamePattern="^app|^zzz", nextToken=listed["nextToken"])
    assert [g["logGroupName"] for g in more["logGroups"]] == ["app/c"]


def test_regions_and_accounts_have_their_own_groups(aws: Aws) -> None:
    aws("logs").create_log_group(logGroupName="g")
    assert aws("logs", region="eu-west-1").describe_log_groups()["logGroups"] == []
    assert aws("logs", access_key="999999999999").describe_log_groups()["logGroups"] == []


def test_deletion_protection_holds_until_it_is_lifted(logs: Any) -> None:
    logs.create_log_group(logGroupName="g", deletionProtectionEnabled=True)
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    assert refused(logs.delete_log_group, logGroupName="g")[0] == "ValidationException"
    assert refused(logs.delete_log_stream, logGroupName="g", logStreamName="s")[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier=f"{ARN}g", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="g")


def test_streams_are_created_described_and_deleted(logs: Any, clock: VirtualClock) -> None:
    assert refused(logs.create_log_stream, logGroupName="g", logStreamName="s") == NO_GROUP
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s/1")
    assert refused(logs.create_log_stream, logGroupName="g", logStreamName="s/1") == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )
    (stream,) = logs.describe_log_streams(logGroupName="g")["logStreams"]
    assert stream.pop("uploadSequenceToken").isdigit()
    assert stream == {
        "logStreamName": "s/1",
        "creationTime": NOW,
        "arn": f"{ARN}g:log-stream:s/1",
        "storedBytes": 0,
    }
    clock.advance(5)
    logs.put_log_events(
        logGroupName="g",
        logStreamName="s/1",
        logEvents=[{"timestamp": NOW + 1, "message": "a"}, {"timestamp": NOW + 2, "message": "b"}],
    )
    (stream,) = logs.describe_log_streams(logGroupIdentifier=f"{ARN}g")["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"], stream["lastIngestionTime"]) == (
        NOW + 1,
        NOW + 2,
        NOW + 5000,
    )
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 2 * 27
    logs.delete_log_stream(logGroupName="g", logStreamName="s/1")
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 0
    assert refused(logs.delete_log_stream, logGroupName="g", logStreamName="s/1") == NO_STREAM


def test_streams_are_ordered_and_paged_both_ways(logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    for name, at in (("a", 3), ("b", 1), ("c", 2), ("other", None)):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
        if at is not None:
            event = {"timestamp": NOW + at, "message": "x"}
            logs.put_log_events(logGroupName="g", logStreamName=name, logEvents=[event])

    def names(**request: Any) -> list[list[str]]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName="g", PaginationConfig={"PageSize": 2}, **request
        )
        return [[s["logStreamName"] for s in page["logStreams"]] for page in pages]

    assert names() == [["a", "b"], ["c", "other"]]
    assert names(descending=True) == [["other", "c"], ["b", "a"]]
    assert names(orderBy="LastEventTime") == [["other", "b"], ["c", "a"]]
    assert names(orderBy="LastEventTime", descending=True) == [["a", "c"], ["b", "other"]]
    assert names(logStreamNamePrefix="o") == [["other"]]
    assert refused(logs.describe_log_streams, logGroupName="g", orderBy="LastEventTime", logStreamNamePrefix="o") == (
        "InvalidParameterException",
        "Cannot order by LastEventTime with a logStreamNamePrefix.",
    )


def test_a_group_is_named_once_and_by_its_own_arn(logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    assert refused(logs.describe_log_streams, logGroupName="g", logGroupIdentifier="g") == (
        "InvalidParameterException",
        "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
    )
    assert refused(logs.describe_log_streams)[0] == "InvalidParameterException"
    elsewhere = "arn:aws:logs:eu-west-1:123456789012:log-group:g"
    assert refused(logs.describe_log_streams, logGroupIdentifier=elsewhere) == NO_GROUP
    assert refused(logs.describe_log_streams, logGroupIdentifier="arn:aws:s3:::g")[0] == "InvalidParameterException"
    assert logs.describe_log_streams(logGroupIdentifier="g")["logStreams"] == []


def test_retention_is_set_and_lifted(logs: Any) -> None:
    assert refused(logs.put_retention_policy, logGroupName="g", retentionInDays=1) == NO_GROUP
    logs.create_log_group(logGroupName="g")
    code, text = refused(logs.put_retention_policy, logGroupName="g", retentionInDays=2)
    assert code == "InvalidParameterException"
    assert "Value '2' at 'retentionInDays'" in text
    logs.put_retention_policy(logGroupName="g", retentionInDays=7)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
    logs.delete_retention_policy(logGroupName="g")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    assert refused(logs.delete_retention_policy, logGroupName="x") == NO_GROUP


def test_tags_by_arn_and_by_name(logs: Any) -> None:
    logs.create_log_group(logGroupName="g", tags={"a": "1"})
    logs.tag_resource(resourceArn=f"{ARN}g", tags={"b": "2"})
    logs.tag_log_group(logGroupName="g", tags={"a": "3"})
    assert logs.list_tags_for_resource(resourceArn=f"{ARN}g")["tags"] == {"a": "3", "b": "2"}
    logs.untag_resource(resourceArn=f"{ARN}g", tagKeys=["a", "nothing"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"b": "2"}
    logs.untag_log_group(logGroupName="g", tags=["b"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {}
    assert refused(logs.tag_resource, resourceArn=f"{ARN}x", tags={"a": "1"})[0] == "ResourceNotFoundException"
    logs.tag_resource(resourceArn=f"{ARN}g", tags={str(n): "" for n in range(50)})
    assert refused(logs.tag_resource, resourceArn=f"{ARN}g", tags={"one more": ""})[0] == "TooManyTagsException"


def test_live_tail_is_refused(logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    logs.meta.config.inject_host_prefix = False
    code, text = refused(logs.start_live_tail, logGroupIdentifiers=[f"{ARN}g"])
    assert code == "NotEmulatedYet"
    assert "StartLiveTail" in text
