"""Who is calling, and temporary credentials."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.store.principals import principal_of
from tests.conftest import Aws, aws_of

ROLE = "arn:aws:iam::123456789012:role/app/web"


def trust(principal: Any, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{text}")


def test_without_users_the_account_itself_calls(aws: Aws) -> None:
    identity = aws("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:root")
    assert aws("sts", access_key="210987654321").get_caller_identity()["Account"] == "210987654321"


def test_a_users_key_names_the_user(aws: Aws) -> None:
    user = aws("iam").create_user(UserName="ana", Path="/team/")["User"]
    key = aws("iam").create_access_key(UserName="ana")["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA")
    client = aws("sts", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    identity = client.get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == ("arn:aws:iam::123456789012:user/team/ana", user["UserId"])
    assert aws("sts").get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == "123456789012"
    with refused("ValidationError"):
        aws("sts").get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE")


def test_an_assumed_role_is_recognised_by_its_credentials(aws: Aws, clock: VirtualClock) -> None:
    role = aws("iam").create_role(
        RoleName="web", Path="/app/", AssumeRolePolicyDocument=trust({"Service": "ecs-tasks.amazonaws.com"})
    )["Role"]
    answer = aws("sts").assume_role(RoleArn=ROLE, RoleSessionName="s1", DurationSeconds=900)
    given = answer["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    assert given["Expiration"].timestamp() == clock.now() + 900
    who = {"AssumedRoleId": f"{role['RoleId']}:s1", "Arn": "arn:aws:sts::123456789012:assumed-role/web/s1"}
    assert answer["AssumedRoleUser"] == who
    client = aws("sts", access_key=given["AccessKeyId"], secret_key=given["SecretAccessKey"])
    identity = client.get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (who["Arn"], who["AssumedRoleId"])
    assert aws("iam").get_role(RoleName="web")["Role"]["RoleLastUsed"]["Region"] == "us-east-1"


def test_a_role_nobody_created_is_adopted_with_a_warning(aws: Aws) -> None:
    first = aws("sts").assume_role(RoleArn=ROLE, RoleSessionName="s1")
    again = aws("sts").assume_role(RoleArn=ROLE, RoleSessionName="s1")
    assert "taken as if it existed" in first["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    assert first["AssumedRoleUser"] == again["AssumedRoleUser"]
    assert first["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
    with refused("NoSuchEntity"):
        aws("iam").get_role(RoleName="web")


def test_sessions_that_are_refused(aws: Aws) -> None:
    aws("iam").create_role(RoleName="web", Path="/app/", AssumeRolePolicyDocument=trust({"AWS": "*"}))
    sts = aws("sts")
    with refused("ValidationError", "not-a-role-arn-at-all is invalid"):
        sts.assume_role(RoleArn="not-a-role-arn-at-all", RoleSessionName="s1")
    with refused("ValidationError", r"Member must satisfy regular expression pattern: \[\\w\+=,.@-\]\*"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="no spaces")
    with refused("ValidationError", "exceeds the MaxSessionDuration set for this role"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="s1", DurationSeconds=7200)
    with refused("InvalidParameterValue", "Duplicate tag keys found"):
        tags = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
        sts.assume_role(RoleArn=ROLE, RoleSessionName="s1", Tags=tags)
    with refused("InvalidParameterValue", "transitive tag key must be included"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="s1", TransitiveTagKeys=["a"])
    with refused("MalformedPolicyDocument", "invalid Json"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="s1", Policy="{")
    with refused("AccessDenied", "MultiFactorAuthentication failed"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="s1", SerialNumber="arn:aws:iam::1:mfa/x", TokenCode="123456")
    with refused("NotEmulatedYet", "DecodeAuthorizationMessage"):
        sts.decode_authorization_message(EncodedMessage="x")


def test_a_chain_of_roles_lasts_an_hour(aws: Aws) -> None:
    aws("iam").create_role(
        RoleName="web", Path="/app/", AssumeRolePolicyDocument=trust({"AWS": "*"}), MaxSessionDuration=43_200
    )
    given = aws("sts").assume_role(RoleArn=ROLE, RoleSessionName="s1", DurationSeconds=43_200)["Credentials"]
    chained = aws("sts", access_key=given["AccessKeyId"])
    with refused("ValidationError", "role chaining"):
        chained.assume_role(RoleArn=ROLE, RoleSessionName="s2", DurationSeconds=3601)
    assert chained.assume_role(RoleArn=ROLE, RoleSessionName="s2")["Credentials"]


def test_session_tokens_stand_for_their_caller(aws: Aws, clock: VirtualClock) -> None:
    aws("iam").create_user(UserName="ana")
    key = aws("iam").create_access_key(UserName="ana")["AccessKey"]["AccessKeyId"]
    given = aws("sts", access_key=key).get_session_token()["Credentials"]
    assert given["Expiration"].timestamp() == clock.now() + 43_200
    client = aws("sts", access_key=given["AccessKeyId"])
    assert client.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/ana"
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials"):
        client.get_session_token()
    assert aws("sts").get_session_token()["Credentials"]["Expiration"].timestamp() == clock.now() + 3600


def test_the_store_knows_principals_their_keys_and_their_end(aws: Aws, emulator: Emulator, clock: VirtualClock) -> None:
    given = aws("sts").assume_role(RoleArn=ROLE, RoleSessionName="s1")["Credentials"]
    with emulator.database.read() as reader:
        known = principal_of(reader, given["AccessKeyId"])
        assert principal_of(reader, "ASIAQQQQQQQQQQQQQQQQ") is None
    assert known is not None
    assert (known.secret_key, known.session_token) == (given["SecretAccessKey"], given["SessionToken"])
    assert (known.expires_at, known.role_arn) == (clock.now() + 3600, ROLE)
    aws("iam").create_user(UserName="ana")
    key = aws("iam").create_access_key(UserName="ana")["AccessKey"]
    aws("iam").update_access_key(UserName="ana", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    clock.advance(3600 + 86_401)
    aws("sts").get_session_token()
    with emulator.database.read() as reader:
        assert principal_of(reader, key["AccessKeyId"]) is None
        assert principal_of(reader, given["AccessKeyId"]) is None


@pytest.fixture
def strict(config: Config, clock: VirtualClock) -> Any:
    emulator = build(replace(config, strict=True), clock=clock)
    yield aws_of(emulator)
    emulator.close()


def test_strictly_a_role_must_exist_and_trust_its_caller(strict: Any) -> None:
    denied = f"User: arn:aws:iam::123456789012:root is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    sts, iam = strict("sts"), strict("iam")
    with refused("AccessDenied", denied) as caught:
        sts.assume_role(RoleArn=ROLE, RoleSessionName="s1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    service = trust({"Service": "ecs-tasks.amazonaws.com"})
    iam.create_role(RoleName="web", Path="/app/", AssumeRolePolicyDocument=service)
    with refused("AccessDenied", denied):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="s1")
    keyed = trust({"AWS": "123456789012"}, Condition={"StringEquals": {"sts:ExternalId": "word"}})
    iam.update_assume_role_policy(RoleName="web", PolicyDocument=keyed)
    with refused("AccessDenied", denied):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="s1", ExternalId="other")
    assert sts.assume_role(RoleArn=ROLE, RoleSessionName="s1", ExternalId="word")["Credentials"]


def test_with_strict_authentication_temporary_credentials_sign_until_they_end(
    config: Config, clock: VirtualClock
) -> None:
    clock.advance(datetime.now(UTC).timestamp() - clock.now())  # boto3 signs with the real time
    emulator = build(replace(config, auth_strict=True, keys=(("AKIDROOT", "secret"),)), clock=clock)
    try:
        aws = aws_of(emulator)
        sts = aws("sts", access_key="AKIDROOT", secret_key="secret")
        given = sts.assume_role(RoleArn=ROLE, RoleSessionName="s1", DurationSeconds=900)["Credentials"]
        key, secret, token = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        right = aws("sts", access_key=key, secret_key=secret, session_token=token)
        assert right.get_caller_identity()["Arn"].endswith(":assumed-role/web/s1")
        with refused("SignatureDoesNotMatch"):
            aws("sts", access_key=key, secret_key="other", session_token=token).get_caller_identity()
        with refused("InvalidClientTokenId"):
            aws("sts", access_key="test").get_caller_identity()
        clock.advance(900)
        with refused("ExpiredToken"):
            right.get_caller_identity()
    finally:
        emulator.close()
