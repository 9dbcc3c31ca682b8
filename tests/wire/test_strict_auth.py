"""`--auth strict`: known keys alone, signatures by AWS's own signer, temporary credentials with their token."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
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


def _presigned(url: str, *, expires_s: int = 60, key: str = KEY, secret: str = SECRET, token: str | None = None) -> str:
    given = {"ClientMethod": "get_caller_identity", "ExpiresIn": expires_s, "HttpMethod": "GET"}
    return str(_client(url, "sts", key, secret, token).generate_presigned_url(**given))


def _fetch(url: str) -> tuple[int, str]:
    """Status, and the error's code or the ARN that the answer names."""
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, re.findall("<Arn>(.*)</Arn>", answer.read().decode())[0]
    except urllib.error.HTTPError as error:
        return error.code, re.findall("<Code>(.*)</Code>", error.read().decode())[0]


def test_a_presigned_request_is_verified_and_ends(
    served: tuple[Emulator, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = _presigned(served[1])
    assert _fetch(url) == (200, "arn:aws:iam::123456789012:root")
    assert _fetch(_presigned(served[1], secret="wrong")) == (403, "SignatureDoesNotMatch")
    assert _fetch(_presigned(served[1], key="AKIAUNKNOWN")) == (403, "InvalidClientTokenId")
    assert _fetch(url.replace("GetCallerIdentity", "GetSessionToken")) == (403, "SignatureDoesNotMatch")
    assert _fetch(re.sub("Expires=60", "Expires=600", url)) == (403, "SignatureDoesNotMatch")
    assert _fetch(url + "%C3%A9") == (403, "SignatureDoesNotMatch")
    for later_s, outcome in ((40, 200), (61, 400), (-1000, 400)):
        monkeypatch.setattr("emulator.wire.authenticate.wall_clock", lambda later_s=later_s: time.time() + later_s)
        assert _fetch(url)[0] == outcome
    assert _fetch(url)[1] == "RequestExpired"


@pytest.mark.parametrize(
    ("pattern", "by"),
    [("&X-Amz-Signature=.*", ""), ("&X-Amz-Date=[^&]*", ""), ("&X-Amz-SignedHeaders=[^&]*", ""),
     ("Expires=60", "Expires=604801"), ("Expires=60", "Expires=-1"), ("HMAC-SHA256", "HMAC-SHA1")],
)  # fmt: skip
def test_a_presigned_request_that_lacks_a_part(served: tuple[Emulator, str], pattern: str, by: str) -> None:
    assert _fetch(re.sub(pattern, by, _presigned(served[1]))) == (403, "IncompleteSignature")


def test_a_presigned_request_of_temporary_credentials_needs_their_token(served: tuple[Emulator, str]) -> None:
    given = _client(served[1], "sts").get_session_token(DurationSeconds=900)["Credentials"]
    key, secret, token = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
    assert _fetch(_presigned(served[1], key=key, secret=secret, token=token))[0] == 200
    assert _fetch(_presigned(served[1], key=key, secret=secret)) == (403, "InvalidClientTokenId")
    assert _fetch(_presigned(served[1], key=key, secret=secret, token="wrong")) == (403, "InvalidClientTokenId")
