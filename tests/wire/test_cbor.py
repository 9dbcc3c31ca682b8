"""Smithy RPC v2 CBOR through botocore's own client of it, which it uses where the order of its protocols says so."""

from __future__ import annotations

import io
from typing import Any

import boto3
import botocore.model
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config as BotoConfig

from emulator.app import Emulator
from tests.conftest import Aws, _Raw, call_wsgi, make_environ
from tests.services.ecs_scene import refuses

HEADERS = {
    "smithy-protocol": "rpc-v2-cbor",
    "Content-Type": "application/cbor",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/servicediscovery/aws4_request, "
    "SignedHeaders=host, Signature=0",
}
PATH = "/service/Route53AutoNaming_v20170314/operation/"


@pytest.fixture
def client(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(botocore.model, "PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", ["smithy-rpc-v2-cbor", "json"])
    made = boto3.session.Session().client(
        "servicediscovery",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        endpoint_url="http://localhost:4566",
        config=BotoConfig(retries={"max_attempts": 0}, parameter_validation=False),
    )

    def send(request: Any, **_: Any) -> AWSResponse:
        headers = {k: v.decode() if isinstance(v, bytes) else str(v) for k, v in request.headers.items()}
        assert headers["smithy-protocol"] == "rpc-v2-cbor"
        environ = make_environ(request.method, request.url.partition("4566")[2], request.body or b"", headers)
        status, answered, body = call_wsgi(emulator.wsgi, environ)
        assert answered["smithy-protocol"] == "rpc-v2-cbor"
        return AWSResponse(request.url, status, {k.lower(): v for k, v in answered.items()}, _Raw(body))

    made.meta.events.register("before-send", send)
    return made


def test_a_client_that_speaks_cbor(emulator: Emulator, client: Any) -> None:
    made = client.create_http_namespace(Name="apps", Tags=[{"Key": "a", "Value": "1"}])
    emulator.plane.settle()
    operation = client.get_operation(OperationId=made["OperationId"])["Operation"]
    assert operation["Status"] == "SUCCESS" and operation["CreateDate"].timestamp() == emulator.clock.now()
    [namespace] = client.list_namespaces()["Namespaces"]
    assert (namespace["Name"], namespace["ServiceCount"]) == ("apps", 0)
    assert client.list_tags_for_resource(ResourceARN=namespace["Arn"])["Tags"] == [{"Key": "a", "Value": "1"}]
    with refuses("NamespaceNotFound", "ns-nope"):
        client.get_namespace(Id="ns-nope")
    with refuses("InvalidInput", "1 validation error detected", part=True):
        client.list_namespaces(MaxResults=0)
    with refuses("NotEmulatedYet"):
        client.create_public_dns_namespace(Name="example.com")


@pytest.mark.parametrize("body", [b"\xff", b"\xa1\x61", b"\x80", b"\x81" * 3000, b"\xa1\x61a\xd8\x25\x41\x00", b"\x18"])
def test_what_is_no_request_is_refused(emulator: Emulator, body: bytes) -> None:
    import cbor2

    status, headers, answer = call_wsgi(emulator.wsgi, make_environ("POST", PATH + "ListNamespaces", body, HEADERS))
    assert status == 400 and headers["Content-Type"] == "application/cbor"
    assert cbor2.load(io.BytesIO(answer))["__type"] == "SerializationException"


@pytest.mark.parametrize("path", ["/service/x/operation/y", "/", PATH + "Nope", PATH.replace("R", "r")])
def test_what_nobody_answers_is_unknown(emulator: Emulator, path: str) -> None:
    import cbor2

    status, _, answer = call_wsgi(emulator.wsgi, make_environ("POST", path, b"", HEADERS))
    assert status == 400 and cbor2.loads(answer)["__type"] == "UnknownOperationException"


def test_services_whose_models_do_not_list_it_do_not_speak_it(emulator: Emulator, aws: Aws) -> None:
    import cbor2

    path = "/service/AmazonEC2ContainerServiceV20141113/operation/ListClusters"
    status, _, answer = call_wsgi(emulator.wsgi, make_environ("POST", path, b"", HEADERS))
    assert status == 400 and cbor2.loads(answer)["__type"] == "UnknownOperationException"
