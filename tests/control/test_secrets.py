"""A container's secrets, resolved in every form of `valueFrom`, and the words when one cannot be had."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.control.tasks.secrets import SecretResolver, SecretsUnavailable
from emulator.store.sealing import Sealer
from tests.conftest import Aws

V1, V2 = (f"{n}" * 8 + "-0000-4000-8000-000000000000" for n in "12")
LEAD = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
ASM = LEAD + "unable to retrieve secret from asm: service call has been retried 1 time(s): "
SSM = LEAD + "unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: "
PARTIAL = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"

Resolve = Callable[..., dict[str, str]]


@pytest.fixture
def sealer(config: Config, emulator: Emulator) -> Sealer:
    return Sealer.at(config.data_dir / "keys" / "sealing.key")


@pytest.fixture
def resolve(emulator: Emulator, sealer: Sealer, clock: VirtualClock) -> Resolve:
    """`resolve(NAME="valueFrom", ...)` as a task of us-east-1 would."""

    def resolved(**wanted: str) -> dict[str, str]:
        with emulator.database.read() as reader:
            resolver = SecretResolver(reader, sealer, "123456789012", "us-east-1", "aws", clock.now())
            return resolver.resolve([{"name": name, "valueFrom": value} for name, value in wanted.items()])

    return resolved


@pytest.fixture
def arn(aws: Aws) -> str:
    secrets = aws("secretsmanager")
    old = '{"user": "ana", "port": 5432, "ratio": 0.5, "on": true, "none": null, "list": [1, "a"]}'
    made = secrets.create_secret(Name="db", SecretString=old, ClientRequestToken=V1)
    secrets.put_secret_value(SecretId="db", SecretString='{"user": "bea"}', ClientRequestToken=V2)
    return str(made["ARN"])


def reason(resolve: Resolve, **wanted: str) -> str:
    with pytest.raises(SecretsUnavailable) as caught:
        resolve(**wanted)
    return caught.value.reason


def test_secrets_in_every_form(resolve: Resolve, arn: str) -> None:
    assert resolve(
        WHOLE=arn,
        PARTIAL=PARTIAL,
        KEY=f"{arn}:user::",
        PARTIAL_KEY=f"{PARTIAL}:user::",
        STAGE=f"{arn}:user:AWSPREVIOUS:",
        VERSION=f"{arn}:user::{V1}",
        EMPTY=f"{PARTIAL}:::",
    ) == {
        "WHOLE": '{"user": "bea"}',
        "PARTIAL": '{"user": "bea"}',
        "KEY": "bea",
        "PARTIAL_KEY": "bea",
        "STAGE": "ana",
        "VERSION": "ana",
        "EMPTY": '{"user": "bea"}',
    }


def test_json_values_become_text_as_go_prints_them(resolve: Resolve, arn: str) -> None:
    old = f"{arn}:{{}}:AWSPREVIOUS:"
    keys = ("port", "ratio", "on", "none", "list")
    assert resolve(**{key: old.format(key) for key in keys}) == {
        "port": "5432",
        "ratio": "0.5",
        "on": "true",
        "none": "<nil>",
        "list": "[1 a]",
    }


def test_parameters_by_name_and_arn_decrypted(resolve: Resolve, aws: Aws) -> None:
    ssm = aws("ssm")
    ssm.put_parameter(Name="/prod/key", Value="s3cret", Type="SecureString")
    ssm.put_parameter(Name="flat", Value="1", Type="String")
    ssm.put_parameter(Name="flat", Value="2", Overwrite=True)
    ssm.put_parameter(Name="/rooted", Value="r", Type="String")
    prefix = "arn:aws:ssm:us-east-1:123456789012:parameter"
    assert resolve(
        A="/prod/key", B=f"{prefix}/prod/key", C="flat", D="flat:1", E=f"{prefix}/flat", F=f"{prefix}/rooted"
    ) == {"A": "s3cret", "B": "s3cret", "C": "2", "D": "1", "E": "2", "F": "r"}


def test_an_arn_of_another_region_is_read_there(resolve: Resolve, aws: Aws) -> None:
    there = aws("secretsmanager", region="eu-west-1").create_secret(Name="db", SecretString="far")["ARN"]
    aws("ssm", region="eu-west-1").put_parameter(Name="/p", Value="far too", Type="String")
    far = "arn:aws:ssm:eu-west-1:123456789012:parameter/p"
    assert resolve(A=there, B=far) == {"A": "far", "B": "far too"}
    assert reason(resolve, A="/p") == SSM + "/p"


def test_the_words_when_a_secret_is_missing(resolve: Resolve, arn: str, aws: Aws) -> None:
    missing = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nowhere"
    assert reason(resolve, A=missing) == (
        f"{ASM}failed to fetch secret {missing} from secrets manager: ResourceNotFoundException: "
        "Secrets Manager can't find the specified secret."
    )
    assert reason(resolve, A=f"{arn}:user:beta:") == (
        f"{ASM}failed to fetch secret {arn} from secrets manager: ResourceNotFoundException: "
        "Secrets Manager can't find the specified secret value for staging label: beta"
    )
    assert reason(resolve, A=f"{arn}:nokey::") == (
        f"{ASM}retrieved secret from Secrets Manager did not contain json key nokey"
    )
    aws("secretsmanager").delete_secret(SecretId="db")
    assert reason(resolve, A=arn).endswith(
        "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion."
    )


def test_what_is_not_json_or_not_text_is_said(resolve: Resolve, aws: Aws) -> None:
    secrets = aws("secretsmanager")
    secrets.create_secret(Name="plain", SecretString="not json")
    secrets.create_secret(Name="bytes", SecretBinary=b"\x00")
    assert "is not JSON" in reason(resolve, A=PARTIAL.replace("db", "plain") + ":key::")
    assert "SecretBinary" in reason(resolve, A=PARTIAL.replace("db", "bytes"))


def test_all_invalid_parameters_are_named_at_once(resolve: Resolve, aws: Aws) -> None:
    aws("ssm").put_parameter(Name="/here", Value="1", Type="String")
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/also/gone"
    assert reason(resolve, A="/gone", B="/here", C=arn, D="/gone", E="/here:9") == f"{SSM}/gone,/also/gone,/here:9"


def test_a_reference_to_something_else_is_refused(resolve: Resolve) -> None:
    assert reason(resolve, KEY="arn:aws:s3:::bucket/key") == LEAD + "Invalid 'valueFrom' for secret KEY."


def test_values_survive_a_restart_and_need_their_key(
    emulator: Emulator, sealer: Sealer, resolve: Resolve, arn: str, clock: VirtualClock
) -> None:
    with emulator.database.read() as reader:
        other = SecretResolver(reader, Sealer(b"k" * 32), "123456789012", "us-east-1", "aws", clock.now())
        with pytest.raises(SecretsUnavailable, match="DecryptionFailure"):
            other.resolve([{"name": "A", "valueFrom": arn}])
    assert resolve(A=f"{arn}:user::") == {"A": "bea"}


def test_no_secrets_are_no_work(resolve: Resolve) -> None:
    assert resolve() == {}
