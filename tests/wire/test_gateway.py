"""One request through the whole gateway, by boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.app import Emulator
from tests.conftest import Aws, call_wsgi, make_environ

_SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, "
    "Signature=" + "0" * 64,
    "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
    "Content-Type": "application/x-amz-json-1.1",
}


def _post(emulator: Emulator, body: bytes = b"{}", **headers: str | None) -> tuple[int, dict[str, Any]]:
    merged = {k: v for k, v in {**_SIGNED, **headers}.items() if v is not None}
    status, _, answer = call_wsgi(emulator.wsgi, make_environ("POST", "/", body, merged))
    return status, json.loads(answer) if answer.startswith(b"{") else {"text": answer.decode()}


def test_list_clusters_pages_with_opaque_tokens(aws: Aws) -> None:
    ecs = aws("ecs")
    for number in range(5):
        ecs.create_cluster(clusterName=f"c{number}")
    first = ecs.list_clusters(maxResults=2)
    second = ecs.list_clusters(maxResults=2, nextToken=first["nextToken"])
    third = ecs.list_clusters(maxResults=2, nextToken=second["nextToken"])
    names = [arn.rpartition("/")[2] for page in (first, second, third) for arn in page["clusterArns"]]
    assert names == ["c0", "c1", "c2", "c3", "c4"]
    assert "nextToken" not in third


def test_forged_token_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        aws("ecs").list_clusters(nextToken="bm90IG91cnM=")


def test_region_and_account_come_from_the_credentials(aws: Aws) -> None:
    arn = aws("ecs", region="eu-central-1", access_key="210987654321").create_cluster()["cluster"]["clusterArn"]
    assert arn == "arn:aws:ecs:eu-central-1:210987654321:cluster/default"
    assert aws("ecs").list_clusters()["clusterArns"] == []


@pytest.mark.parametrize("service", ["ecs", "sts"])
def test_a_region_that_there_is_not(aws: Aws, service: str) -> None:
    client = aws(service, region="us-mars-1")
    call = client.list_clusters if service == "ecs" else client.get_caller_identity
    with pytest.raises(ClientError, match="scoped to a valid region, not 'us-mars-1'"):
        call()


def test_arns_in_other_partitions(aws: Aws) -> None:
    for region, partition in (("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")):
        arn = aws("ecs", region=region).create_cluster()["cluster"]["clusterArn"]
        assert arn.startswith(f"arn:{partition}:ecs:{region}:")


def test_without_authorization_header(emulator: Emulator) -> None:
    status, answer = _post(emulator, Authorization=None)
    assert (status, answer["__type"]) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'"x"', b"[" * 100_000])
def test_unreadable_bodies(emulator: Emulator, body: bytes) -> None:
    status, answer = _post(emulator, body)
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_wrong_type(emulator: Emulator) -> None:
    status, answer = _post(emulator, b'{"maxResults": "ten"}')
    assert (status, answer["__type"]) == (400, "SerializationException")
    assert answer["message"] == "STRING_VALUE can not be converted to an Integer"


def test_unknown_operation_and_missing_target(emulator: Emulator) -> None:
    target = "AmazonEC2ContainerServiceV20141113.MakeCoffee"
    assert _post(emulator, **{"X-Amz-Target": target})[1]["__type"] == "UnknownOperationException"
    for target in ("Nobody.Knows", "AmazonEC2ContainerServiceV20141113."):
        assert _post(emulator, **{"X-Amz-Target": target})[1]["__type"] == "UnknownOperationException"
    assert _post(emulator, **{"X-Amz-Target": None})[1]["__type"] == "UnknownOperationException"


def test_operation_that_is_not_emulated_says_so(emulator: Emulator) -> None:
    target = "AmazonEC2ContainerServiceV20141113.CreateExpressGatewayService"
    status, answer = _post(emulator, b"{}", **{"X-Amz-Target": target})
    assert (status, answer["__type"]) == (400, "NotEmulatedYet")


@pytest.mark.parametrize(
    ("service", "operation", "members"),
    [
        ("application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "ecs"}),  # AWS JSON
        ("cloudwatch", "describe_alarms", {}),  # CBOR
        ("elbv2", "describe_load_balancers", {}),  # Query
        ("eks", "list_clusters", {}),  # REST-JSON
        ("apigatewayv2", "get_apis", {}),  # REST-JSON, with a path like the registry's
        ("s3", "list_buckets", {}),  # REST-XML, as S3 has it
        ("route53", "list_hosted_zones", {}),  # REST-XML
    ],
)
def test_services_that_are_not_emulated_say_so_in_their_own_protocol(
    aws: Aws, service: str, operation: str, members: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match=r"Homeport does not emulate .* yet") as refused:
        getattr(aws(service), operation)(**members)
    assert refused.value.response["Error"]["Code"] == "NotEmulatedYet"


def test_oversized_body(emulator: Emulator) -> None:
    status, answer = _post(emulator, b" " * (5 * 1024 * 1024))
    assert (status, answer["__type"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    ("header", "value"),
    [("Host", "evil.example.com"), ("Origin", "http://evil.example.com"), ("Sec-Fetch-Site", "cross-site")],
)
def test_foreign_hosts_and_origins_are_refused(emulator: Emulator, header: str, value: str) -> None:
    assert _post(emulator, **{header: value})[0] == 403


def test_unread_members_are_said(emulator: Emulator) -> None:
    environ = make_environ("POST", "/", b'{"colour": "blue"}', _SIGNED)
    _, headers, _ = call_wsgi(emulator.wsgi, environ)
    assert "colour" in headers["x-homeport-warning"]


def test_a_full_disk_is_said_and_nothing_is_kept(emulator: Emulator, aws: Aws) -> None:
    target = "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition"
    container = {"name": "a" * 200, "image": "b" * 250, "memory": 9}
    body = json.dumps({"family": "f", "containerDefinitions": [container]}).encode()
    writer = emulator.database._writer
    room = writer.execute("PRAGMA max_page_count").fetchone()[0]
    writer.execute("PRAGMA max_page_count=1")  # less than it has: not a page more
    kept = 0
    while (answered := _post(emulator, body, **{"X-Amz-Target": target}))[0] == 200:
        kept += 1
    assert (answered[0], answered[1]["__type"]) == (503, "ServiceUnavailable")
    assert "cannot be written, so nothing was kept: database or disk is full" in answered[1]["message"]
    arns = aws("ecs").list_task_definitions
    assert len(arns()["taskDefinitionArns"]) == kept
    writer.execute(f"PRAGMA max_page_count={room}")
    assert _post(emulator, body, **{"X-Amz-Target": target})[0] == 200
    assert len(arns()["taskDefinitionArns"]) == kept + 1


def test_who_is_left_at_the_end_is_told_so(emulator: Emulator) -> None:
    emulator.database.close()
    status, answer = _post(emulator)
    assert (status, answer["__type"]) == (503, "ServiceUnavailable")
