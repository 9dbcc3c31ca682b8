"""`--auth strict`: known keys alone, signatures by AWS's own signer, temporary credentials with their token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.serve import Listener, Server
from tests.conftest import observe

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def served(config: Config) -> Iterator[tuple[Emulator, str]]:
    strict = replace(config, auth_strict=True, keys=((KEY, SECRET),))
    emulator = build(strict, clock=VirtualClock(time.time()), threaded=False, observer=observe)
    server = Server(emulator.front, [Listener()])
    server.start()
    host, port = server.addresses[0]
    yield emulator, f"http://{host}:{port}"
    server.stop()
    emulator.close()


def _client(url: str, service: str, key: str = KEY, secret: str = SECRET, token: str | None = None) -> Any:
    return boto3.session.Session().client(
        service,
        "us-east-1",
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def _refused(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize("service", ["ecs", "sts"])
def test_a_known_key_with_its_secret(served: tuple[Emulator, str], service: str) -> None:
    client = _client(served[1], service)
    answer = client.list_clusters() if service == "ecs" else client.get_caller_identity()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_unknown_keys_and_wrong_secrets(served: tuple[Emulator, str]) -> None:
    url = served[1]
    assert _refused(_client(url, "ecs", key="AKIAUNKNOWN").list_clusters) == "UnrecognizedClientException"
    assert _refused(_client(url, "ecs", secret="wrong").list_clusters) == "InvalidSignatureException"
    assert _refused(_client(url, "sts", key="AKIAUNKNOWN").get_caller_identity) == "InvalidClientTokenId"
    assert _refused(_client(url, "sts", secret="wrong").get_caller_identity) == "SignatureDoesNotMatch"


def test_temporary_credentials_need_their_token_and_end(served: tuple[Emulator, str]) -> None:
    emulator, url = served
    given = _client(url, "sts").get_session_token(DurationSeconds=900)["Credentials"]
    key, secret, token = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
    assert _client(url, "ecs", key, secret, token).list_clusters()["clusterArns"] == []
    assert _refused(_client(url, "ecs", key, secret).list_clusters) == "UnrecognizedClientException"
    assert _refused(_client(url, "ecs", key, secret, "wrong").list_clusters) == "UnrecognizedClientException"
    assert isinstance(emulator.clock, VirtualClock)
    emulator.clock.advance(901)
    assert _refused(_client(url, "ecs", key, secret, token).list_clusters) == "ExpiredTokenException"


def test_an_old_signature(served: tuple[Emulator, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.wire.authenticate.wall_clock", lambda: time.time() + 901)
    assert _refused(_client(served[1], "ecs").list_clusters) == "RequestExpired"


def test_a_secret_is_not_shown_in_a_refusal(aws: Any) -> None:
    with pytest.raises(ClientError) as caught:
        aws("secretsmanager").create_secret(Name="x", SecretString="s3cret" * 20000)
    message = caught.value.response["Error"]["Message"]
    assert "s3cret" not in message
    assert "Value at 'secretString' failed to satisfy constraint" in message
