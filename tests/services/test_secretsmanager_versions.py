"""Versions and staging labels, several values at once, resource policies, passwords, and what lies on disk."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest

from emulator.clock import VirtualClock
from emulator.config import Config
from tests.conftest import Aws
from tests.services.test_secretsmanager_secrets import refused, secrets

__all__ = ["secrets"]

V1, V2, V3 = (f"{n}" * 8 + "-0000-4000-8000-000000000000" for n in "123")
EVERYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}],
}


@pytest.fixture
def two_versions(secrets: Any) -> Any:
    secrets.create_secret(Name="a", SecretString="one", ClientRequestToken=V1)
    secrets.put_secret_value(SecretId="a", SecretString="two", ClientRequestToken=V2)
    return secrets


def stages(secrets: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = secrets.describe_secret(SecretId="a").get("VersionIdsToStages", {})
    return {version: sorted(labels) for version, labels in found.items()}


def test_a_new_value_is_current_and_the_old_one_previous(two_versions: Any) -> None:
    assert stages(two_versions) == {V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT"]}
    two_versions.put_secret_value(SecretId="a", SecretString="three", ClientRequestToken=V3)
    assert stages(two_versions) == {V2: ["AWSPREVIOUS"], V3: ["AWSCURRENT"]}
    listed = two_versions.list_secret_version_ids(SecretId="a")["Versions"]
    assert sorted(version["VersionId"] for version in listed) == [V2, V3]
    listed = two_versions.list_secret_version_ids(SecretId="a", IncludeDeprecated=True)["Versions"]
    assert sorted(version["VersionId"] for version in listed) == [V1, V2, V3]
    assert two_versions.get_secret_value(SecretId="a", VersionId=V1)["SecretString"] == "one"


def test_putting_the_same_again_does_nothing_and_something_else_fails(two_versions: Any) -> None:
    again = two_versions.put_secret_value(SecretId="a", SecretString="one", ClientRequestToken=V1)
    assert again["VersionStages"] == ["AWSPREVIOUS"]
    assert stages(two_versions) == {V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT"]}
    with refused("ResourceExistsException", "already in use for a version of secret arn:aws"):
        two_versions.put_secret_value(SecretId="a", SecretString="other", ClientRequestToken=V1)
    with refused("InvalidRequestException", "You must provide either SecretString or SecretBinary."):
        two_versions.put_secret_value(SecretId="a", ClientRequestToken=V3)
    with refused("ResourceNotFoundException", "can't find the specified secret"):
        two_versions.put_secret_value(SecretId="b", SecretString="x")


def test_custom_labels_leave_the_current_one_alone(two_versions: Any) -> None:
    put = two_versions.put_secret_value(
        SecretId="a", SecretString="next", ClientRequestToken=V3, VersionStages=["AWSPENDING", "beta"]
    )
    assert sorted(put["VersionStages"]) == ["AWSPENDING", "beta"]
    assert two_versions.get_secret_value(SecretId="a")["SecretString"] == "two"
    assert two_versions.get_secret_value(SecretId="a", VersionStage="beta")["SecretString"] == "next"


def test_the_first_version_is_current_whatever_was_asked(secrets: Any) -> None:
    secrets.create_secret(Name="a")
    secrets.put_secret_value(SecretId="a", SecretString="x", ClientRequestToken=V1, VersionStages=["beta"])
    assert stages(secrets) == {V1: ["AWSCURRENT", "beta"]}


def test_what_is_not_there_is_said(two_versions: Any) -> None:
    with refused("ResourceNotFoundException", "specified secret value for staging label: beta"):
        two_versions.get_secret_value(SecretId="a", VersionStage="beta")
    with refused("ResourceNotFoundException", f"specified secret value for VersionId: {V3}"):
        two_versions.get_secret_value(SecretId="a", VersionId=V3)
    text = "You provided a VersionStage that is not associated to the provided VersionId."
    with refused("InvalidRequestException", text):
        two_versions.get_secret_value(SecretId="a", VersionId=V1, VersionStage="AWSCURRENT")


def test_moving_current_back_takes_previous_along(two_versions: Any) -> None:
    two_versions.update_secret_version_stage(
        SecretId="a", VersionStage="AWSCURRENT", RemoveFromVersionId=V2, MoveToVersionId=V1
    )
    assert stages(two_versions) == {V1: ["AWSCURRENT"], V2: ["AWSPREVIOUS"]}
    assert two_versions.get_secret_value(SecretId="a")["SecretString"] == "one"


@pytest.mark.parametrize(
    ("label", "remove", "move", "text"),
    [
        ("AWSCURRENT", None, V1, f"RemoveFromVersionId can't be empty. Staging label AWSCURRENT is .* version {V2}"),
        ("AWSCURRENT", V2, None, "You can only move staging label AWSCURRENT"),
        ("AWSCURRENT", V1, V2, f"Staging label AWSCURRENT isn't currently attached to version {V1}"),
        ("beta", V3, None, f"Not a valid version: {V3}"),
        ("beta", None, V3, f"Not a valid version: {V3}"),
    ],
)
def test_moves_that_are_refused(two_versions: Any, label: str, remove: str | None, move: str | None, text: str) -> None:
    given = {"RemoveFromVersionId": remove, "MoveToVersionId": move}
    with refused("InvalidParameterException", text):
        two_versions.update_secret_version_stage(
            SecretId="a", VersionStage=label, **{key: value for key, value in given.items() if value}
        )
    assert stages(two_versions) == {V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT"]}


def test_the_hundred_newest_versions_stay_and_older_ones_go_after_a_day(secrets: Any, clock: VirtualClock) -> None:
    secrets.create_secret(Name="a", SecretString="0")
    for number in range(1, 103):
        clock.advance(1)  # of versions of one moment nobody could say which is the newest
        secrets.put_secret_value(SecretId="a", SecretString=f"{number}")

    def count() -> int:
        answer = secrets.list_secret_version_ids(SecretId="a", IncludeDeprecated=True)
        total = len(answer["Versions"])
        while "NextToken" in answer:
            answer = secrets.list_secret_version_ids(
                SecretId="a", IncludeDeprecated=True, NextToken=answer["NextToken"]
            )
            total += len(answer["Versions"])
        return total

    assert count() == 103
    clock.advance(86_401)
    secrets.put_secret_value(SecretId="a", SecretString="last")
    assert count() == 100
    assert secrets.get_secret_value(SecretId="a", VersionStage="AWSPREVIOUS")["SecretString"] == "102"


def test_several_values_at_once_with_their_errors(secrets: Any) -> None:
    secrets.create_secret(Name="a", SecretString="1")
    secrets.create_secret(Name="b", SecretString="2")
    answer = secrets.batch_get_secret_value(SecretIdList=["a", "nowhere"])
    assert [value["SecretString"] for value in answer["SecretValues"]] == ["1"]
    assert answer["Errors"] == [
        {
            "SecretId": "nowhere",
            "ErrorCode": "ResourceNotFoundException",
            "Message": "Secrets Manager can't find the specified secret.",
        }
    ]
    first = secrets.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["a", "b"]}], MaxResults=1)
    second = secrets.batch_get_secret_value(
        Filters=[{"Key": "name", "Values": ["a", "b"]}], MaxResults=1, NextToken=first["NextToken"]
    )
    assert [v["SecretString"] for v in first["SecretValues"] + second["SecretValues"]] == ["1", "2"]
    with refused("InvalidParameterException", "but not both"):
        secrets.batch_get_secret_value()


def test_resource_policies_are_checked_and_kept(secrets: Any) -> None:
    secrets.create_secret(Name="a", SecretString="x")
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="a")
    secrets.put_resource_policy(SecretId="a", ResourcePolicy=json.dumps(EVERYBODY))
    assert json.loads(secrets.get_resource_policy(SecretId="a")["ResourcePolicy"]) == EVERYBODY
    with refused("PublicPolicyException", "BlockPublicPolicy"):
        secrets.put_resource_policy(SecretId="a", ResourcePolicy=json.dumps(EVERYBODY), BlockPublicPolicy=True)
    with refused("MalformedPolicyDocumentException", "invalid Json"):
        secrets.put_resource_policy(SecretId="a", ResourcePolicy="{")
    assert [p["PolicyName"] for p in secrets.list_resource_policies(SecretId="a")["ResourcePolicies"]] == ["default"]
    told = secrets.validate_resource_policy(ResourcePolicy=json.dumps(EVERYBODY))
    assert (told["PolicyValidationPassed"], told["ValidationErrors"][0]["CheckName"]) == (False, "PUBLIC_POLICY")
    locks_out = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}
    harmless = {**locks_out, "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}}}
    told = secrets.validate_resource_policy(SecretId="a", ResourcePolicy=json.dumps({"Statement": locks_out}))
    assert (told["PolicyValidationPassed"], told["ValidationErrors"][0]["CheckName"]) == (False, "LOCK_OUT")
    told = secrets.validate_resource_policy(SecretId="a", ResourcePolicy=json.dumps({"Statement": harmless}))
    assert (told["PolicyValidationPassed"], told["ValidationErrors"]) == (True, [])
    told = secrets.validate_resource_policy(ResourcePolicy="{")
    assert told["ValidationErrors"][0]["CheckName"] == "POLICY_SYNTAX"
    with refused("ResourceNotFoundException", "can't find"):
        secrets.validate_resource_policy(SecretId="nowhere", ResourcePolicy=json.dumps({"Statement": harmless}))
    secrets.delete_resource_policy(SecretId="a")
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="a")


def test_passwords_hold_what_was_asked(secrets: Any) -> None:
    password = secrets.get_random_password()["RandomPassword"]
    assert len(password) == 32
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
    assert all(set(password) & set(kind) for kind in kinds)
    only = secrets.get_random_password(
        PasswordLength=200, ExcludePunctuation=True, ExcludeUppercase=True, ExcludeCharacters="0123a"
    )["RandomPassword"]
    assert set(only) <= set(string.ascii_lowercase + string.digits) - set("0123a")
    assert len(only) == 200
    with refused("InvalidParameterException", "too short based on the required types"):
        secrets.get_random_password(PasswordLength=3)
    assert len(secrets.get_random_password(PasswordLength=3, RequireEachIncludedType=False)["RandomPassword"]) == 3
    with refused("InvalidParameterException", "at least one type"):
        secrets.get_random_password(
            ExcludeNumbers=True, ExcludePunctuation=True, ExcludeUppercase=True, ExcludeLowercase=True
        )


def test_no_value_lies_readable_on_disk(aws: Aws, config: Config) -> None:
    marker = "a-very-telling-value"
    aws("secretsmanager").create_secret(Name="a", SecretString=marker)
    aws("ssm").put_parameter(Name="/a", Type="SecureString", Value=marker)
    files = [path for path in config.data_dir.rglob("*") if path.is_file()]
    assert files
    assert not [path.name for path in files if marker.encode() in path.read_bytes()]
    key = config.data_dir / "keys" / "sealing.key"
    assert key.stat().st_mode & 0o777 == 0o600
