"""Secrets: their names, their life, their search."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.clock import VirtualClock
from tests.conftest import Aws

TOKEN = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
GONE = "Secrets Manager can't find the specified secret."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."


@pytest.fixture
def secrets(aws: Aws) -> Any:
    return aws("secretsmanager")


def refused(code: str, text: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{text}")


def test_a_secret_is_read_by_name_arn_and_partial_arn(secrets: Any) -> None:
    made = secrets.create_secret(Name="prod/db", SecretString="s3cret", ClientRequestToken=TOKEN)
    assert made["ARN"].startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-")
    assert len(made["ARN"].rpartition("-")[2]) == 6
    assert made["VersionId"] == TOKEN
    for name in ("prod/db", made["ARN"], made["ARN"][:-7]):
        value = secrets.get_secret_value(SecretId=name)
        assert (value["SecretString"], value["VersionId"]) == ("s3cret", TOKEN)
        assert value["VersionStages"] == ["AWSCURRENT"]
    for name in ("prod", made["ARN"][:-1], made["ARN"].replace("us-east-1", "eu-west-1"), made["ARN"][:-7] + "-AAAAAA"):
        with refused("ResourceNotFoundException", GONE):
            secrets.get_secret_value(SecretId=name)


def test_bytes_come_back_as_bytes(secrets: Any) -> None:
    secrets.create_secret(Name="blob", SecretBinary=b"\x00\xff")
    value = secrets.get_secret_value(SecretId="blob")
    assert value["SecretBinary"] == b"\x00\xff"
    assert "SecretString" not in value


def test_creating_twice_with_one_token_makes_one_secret(secrets: Any) -> None:
    first = secrets.create_secret(Name="a", SecretString="1", ClientRequestToken=TOKEN)
    again = secrets.create_secret(Name="a", SecretString="1", ClientRequestToken=TOKEN)
    assert (first["ARN"], first["VersionId"]) == (again["ARN"], again["VersionId"])
    with refused("ResourceExistsException", "You can't use ClientRequestToken"):
        secrets.create_secret(Name="a", SecretString="2", ClientRequestToken=TOKEN)
    with refused("ResourceExistsException", "The operation failed because the secret a already exists."):
        secrets.create_secret(Name="a", SecretString="1", ClientRequestToken=OTHER)


def test_a_secret_without_value_has_no_version(secrets: Any) -> None:
    assert "VersionId" not in secrets.create_secret(Name="empty")
    assert "VersionIdsToStages" not in secrets.describe_secret(SecretId="empty")
    text = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    with refused("ResourceNotFoundException", text):
        secrets.get_secret_value(SecretId="empty")


def test_what_cannot_be_a_secret_is_refused(secrets: Any) -> None:
    with refused("ValidationException", "Invalid name. Must be a valid name"):
        secrets.create_secret(Name="no spaces", SecretString="x")
    with refused("InvalidParameterException", "both"):
        secrets.create_secret(Name="a", SecretString="x", SecretBinary=b"x")
    with refused("InvalidRequestException", "You must provide either SecretString or SecretBinary."):
        secrets.create_secret(Name="a", SecretString="")
    with refused("NotEmulatedYet", "AddReplicaRegions"):
        secrets.create_secret(Name="a", SecretString="x", AddReplicaRegions=[{"Region": "eu-west-1"}])
    with refused("InvalidParameterException", "duplicate"):
        secrets.create_secret(Name="a", Tags=[{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}])
    assert secrets.list_secrets()["SecretList"] == []


def test_a_key_is_kept_shown_and_warned_of(secrets: Any) -> None:
    made = secrets.create_secret(Name="a", SecretString="x", KmsKeyId="alias/mine")
    assert "KMS is not emulated" in made["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    assert secrets.describe_secret(SecretId="a")["KmsKeyId"] == "alias/mine"


def test_describe_tells_everything_but_the_value(secrets: Any, clock: VirtualClock) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    secrets.create_secret(Name="a", Description="d", SecretString="x", Tags=tags, ClientRequestToken=TOKEN)
    created = clock.now()
    clock.advance(60)
    secrets.get_secret_value(SecretId="a")
    shown = secrets.describe_secret(SecretId="a")
    assert shown["VersionIdsToStages"] == {TOKEN: ["AWSCURRENT"]}
    assert (shown["Description"], shown["Tags"]) == ("d", tags)
    assert shown["CreatedDate"].timestamp() == created
    assert shown["LastAccessedDate"].timestamp() == created - created % 86_400
    assert "SecretString" not in shown


def test_update_changes_description_and_value(secrets: Any) -> None:
    secrets.create_secret(Name="a", SecretString="1", ClientRequestToken=TOKEN)
    assert "VersionId" not in secrets.update_secret(SecretId="a", Description="new")
    secrets.update_secret(SecretId="a", SecretString="2", ClientRequestToken=OTHER)
    assert secrets.get_secret_value(SecretId="a")["SecretString"] == "2"
    assert secrets.get_secret_value(SecretId="a", VersionStage="AWSPREVIOUS")["SecretString"] == "1"
    assert secrets.describe_secret(SecretId="a")["Description"] == "new"
    with refused("ResourceExistsException", "already in use"):
        secrets.update_secret(SecretId="a", SecretString="2", ClientRequestToken=OTHER)


def test_a_deleted_secret_can_be_restored_until_its_window_ends(secrets: Any, clock: VirtualClock) -> None:
    secrets.create_secret(Name="a", SecretString="x")
    deleted = secrets.delete_secret(SecretId="a", RecoveryWindowInDays=7)
    assert deleted["DeletionDate"].timestamp() == clock.now() + 7 * 86_400
    for call in (
        lambda: secrets.get_secret_value(SecretId="a"),
        lambda: secrets.put_secret_value(SecretId="a", SecretString="y"),
        lambda: secrets.delete_secret(SecretId="a"),
    ):
        with refused("InvalidRequestException", MARKED):
            call()
    with refused("InvalidRequestException", "already scheduled for deletion"):
        secrets.create_secret(Name="a", SecretString="y")
    assert secrets.list_secrets()["SecretList"] == []
    assert secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"][0]["DeletedDate"].timestamp() == clock.now()
    assert secrets.describe_secret(SecretId="a")["DeletedDate"] == deleted["DeletionDate"]
    secrets.restore_secret(SecretId="a")
    assert secrets.get_secret_value(SecretId="a")["SecretString"] == "x"
    secrets.delete_secret(SecretId="a", RecoveryWindowInDays=7)
    clock.advance(7 * 86_400)
    with refused("ResourceNotFoundException", GONE):
        secrets.restore_secret(SecretId="a")
    secrets.create_secret(Name="a", SecretString="again")
    assert secrets.get_secret_value(SecretId="a")["SecretString"] == "again"


def test_forcing_deletes_at_once_and_never_fails(secrets: Any) -> None:
    arn = secrets.create_secret(Name="a", SecretString="x")["ARN"]
    secrets.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException", GONE):
        secrets.describe_secret(SecretId=arn)
    assert secrets.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)["Name"] == "a"
    for window in (6, 31):
        with refused("InvalidParameterException", "between 7 and 30 days"):
            secrets.delete_secret(SecretId="a", RecoveryWindowInDays=window)
    with refused("InvalidParameterException", "in conjunction with"):
        secrets.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True, RecoveryWindowInDays=7)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("name", "prod/", ["prod/db", "prod/web"]),
        ("name", "PROD/", []),
        ("name", "!prod/", ["test/db"]),
        ("description", "main", ["prod/db"]),
        ("tag-key", "te", ["prod/web"]),
        ("tag-value", "blue", ["prod/web"]),
        ("all", "database main", ["prod/db"]),
        ("all", "BLUE", ["prod/web"]),
        ("owning-service", "rds", []),
    ],
)
def test_filters_choose(secrets: Any, key: str, value: str, found: list[str]) -> None:
    secrets.create_secret(Name="prod/db", Description="Main database")
    secrets.create_secret(Name="prod/web", Tags=[{"Key": "team", "Value": "blue"}])
    secrets.create_secret(Name="test/db")
    listed = secrets.list_secrets(Filters=[{"Key": key, "Values": [value]}])["SecretList"]
    assert sorted(secret["Name"] for secret in listed) == found


def test_pages_skip_and_repeat_nothing_in_either_direction(secrets: Any, clock: VirtualClock) -> None:
    names = ["a", "ab", "b", "B", "a.b", "a-b"]
    for name in names:
        secrets.create_secret(Name=name)
        clock.advance(1)

    def all_names(**how: str) -> list[str]:
        pages = secrets.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2}, **how)
        return [secret["Name"] for page in pages for secret in page["SecretList"]]

    assert all_names() == names
    assert all_names(SortOrder="desc") == names[::-1]
    assert all_names(SortBy="name") == sorted(names)
    assert all_names(SortBy="name", SortOrder="desc") == sorted(names, reverse=True)
    with refused("InvalidNextTokenException", "Invalid token"):
        secrets.list_secrets(NextToken="nonsense")


def test_tags_come_and_go(secrets: Any) -> None:
    secrets.create_secret(Name="a", Tags=[{"Key": "x", "Value": "1"}])
    secrets.tag_resource(SecretId="a", Tags=[{"Key": "x", "Value": "2"}, {"Key": "y", "Value": ""}])
    assert secrets.describe_secret(SecretId="a")["Tags"] == [{"Key": "x", "Value": "2"}, {"Key": "y", "Value": ""}]
    secrets.untag_resource(SecretId="a", TagKeys=["x", "never"])
    assert secrets.describe_secret(SecretId="a")["Tags"] == [{"Key": "y", "Value": ""}]
    with refused("InvalidParameterException", "more than 50 tags"):
        secrets.tag_resource(SecretId="a", Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])


def test_rotation_is_refused_not_pretended(secrets: Any) -> None:
    secrets.create_secret(Name="a", SecretString="x")
    with refused("NotEmulatedYet", "RotateSecret"):
        secrets.rotate_secret(SecretId="a")


def test_secrets_of_another_region_and_account_are_others(aws: Aws) -> None:
    aws("secretsmanager").create_secret(Name="a", SecretString="mine")
    for other in (aws("secretsmanager", region="eu-west-1"), aws("secretsmanager", access_key="999999999999")):
        with refused("ResourceNotFoundException", GONE):
            other.get_secret_value(SecretId="a")
