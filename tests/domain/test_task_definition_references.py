"""How task definitions and images are named."""

from __future__ import annotations

import pytest

from emulator.domain.errors import AwsError, ClientException, InvalidParameterException
from emulator.domain.task_definitions.task_definition import (
    EcrRegistry,
    TaskDefinitionReference,
    ecr_registry,
    image_reference,
    parse_reference,
)

ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("web", TaskDefinitionReference("web")),
        ("web:7", TaskDefinitionReference("web", 7)),
        (ARN + "web:7", TaskDefinitionReference("web", 7, "aws", "eu-west-1", "123456789012")),
        (ARN + "web", TaskDefinitionReference("web", None, "aws", "eu-west-1", "123456789012")),
    ],
)
def test_a_definition_is_named_by_family_revision_or_arn(text: str, reference: TaskDefinitionReference) -> None:
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("web:latest", InvalidParameterException, "Invalid revision number. Number: latest"),
        ("web:0", InvalidParameterException, "Invalid revision number. Number: 0"),
        ("web:٣", InvalidParameterException, "Invalid revision number. Number: ٣"),
        ("a b", ClientException, "Family contains invalid characters."),
        ("a\n", ClientException, "Family contains invalid characters."),
        ("arn:aws:ecs:eu-west-1:123456789012:cluster/web", ClientException, "Invalid arn syntax."),
        ("", ClientException, "TaskDefinition should not be null or empty."),
    ],
)
def test_a_malformed_name_is_refused(text: str, error: type[AwsError], message: str) -> None:
    with pytest.raises(error) as caught:
        parse_reference(text)
    assert (type(caught.value), caught.value.message) == (error, message)


@pytest.mark.parametrize(
    ("image", "registry", "repository", "tag", "pulled_tag"),
    [
        ("nginx", "docker.io", "library/nginx", None, "latest"),
        ("bitnami/redis:7", "docker.io", "bitnami/redis", "7", "7"),
        ("localhost/web", "localhost", "web", None, "latest"),
        ("localhost:4566/team/web:1", "localhost:4566", "team/web", "1", "1"),
        ("public.ecr.aws/nginx/nginx:1", "public.ecr.aws", "nginx/nginx", "1", "1"),
    ],
)
def test_an_image_is_split_as_docker_does(
    image: str, registry: str, repository: str, tag: str | None, pulled_tag: str
) -> None:
    found = image_reference(image)
    assert (found.registry, found.repository, found.tag, found.pulled_tag) == (registry, repository, tag, pulled_tag)
    assert not found.is_ecr


def test_a_digest_needs_no_tag() -> None:
    digest = "sha256:" + "0" * 64
    found = image_reference(f"localhost:5000/web@{digest}")
    assert (found.repository, found.tag, found.digest, found.pulled_tag) == ("web", None, digest, None)
    tagged = image_reference(f"web:1@{digest}")
    assert (tagged.tag, tagged.digest) == ("1", digest)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("123456789012.dkr-ecr.us-east-1.on.aws", "us-east-1"),
    ],
)
def test_private_ecr_hosts_are_recognised(host: str, region: str) -> None:
    found = image_reference(f"{host}/team/web:1")
    assert found.ecr == EcrRegistry("123456789012", region)
    assert (found.registry, found.repository) == (host, "team/web")


@pytest.mark.parametrize("host", ["12345.dkr.ecr.eu-west-1.amazonaws.com", "dkr.ecr.amazonaws.com", "docker.io"])
def test_other_hosts_are_not_ecr(host: str) -> None:
    assert ecr_registry(host) is None


@pytest.mark.parametrize("image", ["", "localhost:5000/", ":1"])
def test_an_image_without_repository_is_refused(image: str) -> None:
    with pytest.raises(ClientException):
        image_reference(image)
