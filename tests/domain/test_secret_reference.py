"""What a `valueFrom` names."""

from __future__ import annotations

import pytest

from emulator.domain.secrets.secret_reference import InvalidReference, SecretReference, secret_reference

SECRET = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:prod/db-AbCdEf"


def read(value_from: str, partition: str = "aws") -> SecretReference:
    return secret_reference(
        value_from, region="us-east-1", account="123456789012", partition=partition, name="PASSWORD"
    )


@pytest.mark.parametrize(
    ("tail", "fields"),
    [
        ("", (None, None, None)),
        (":::", (None, None, None)),
        (":user::", ("user", None, None)),
        ("::AWSPREVIOUS:", (None, "AWSPREVIOUS", None)),
        (":::v1", (None, None, "v1")),
        (":user:AWSPENDING:", ("user", "AWSPENDING", None)),
    ],
)
def test_secrets_with_their_trailing_fields(tail: str, fields: tuple[str | None, ...]) -> None:
    found = read(SECRET + tail)
    assert (found.source, found.name, found.account, found.region) == (
        "secretsmanager",
        SECRET,
        "210987654321",
        "eu-west-1",
    )
    assert (found.json_key, found.version_stage, found.version_id) == fields


@pytest.mark.parametrize(
    ("value_from", "name", "region"),
    [
        ("password", "password", "us-east-1"),
        ("/prod/password", "/prod/password", "us-east-1"),
        ("/prod/password:3", "/prod/password:3", "us-east-1"),
        ("arn:aws:ssm:eu-west-1:210987654321:parameter/prod/password", "/prod/password", "eu-west-1"),
        ("arn:aws:ssm:eu-west-1:210987654321:parameter/password", "password", "eu-west-1"),
    ],
)
def test_parameters(value_from: str, name: str, region: str) -> None:
    found = read(value_from)
    assert (found.source, found.name, found.region) == ("ssm", name, region)


@pytest.mark.parametrize(
    "value_from",
    [
        "",
        "arn:aws:s3:::bucket/key",
        "arn:aws:ssm:us-east-1:123456789012:document/x",
        "arn:aws:ssm:us-east-1:123456789012:parameter",
        f"{SECRET}:user",
        f"{SECRET}:user:AWSCURRENT",
        f"{SECRET}:user:AWSCURRENT:v1",
        f"{SECRET}:a:b:c:d",
        "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:x",
        "arn:aws:secretsmanager:us-east-1::secret:x",
    ],
)
def test_anything_else_is_refused_with_the_name_of_the_secret(value_from: str) -> None:
    with pytest.raises(InvalidReference, match=r"Invalid 'valueFrom' for secret PASSWORD\."):
        read(value_from)
