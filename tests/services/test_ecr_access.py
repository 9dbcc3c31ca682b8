"""ECR across accounts and regions: nobody reaches another account's registry, by API or with a token."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.registry.auth import TokenSigner
from tests.conftest import Aws
from tests.services.ecs_scene import refuses

OWNER, STRANGER = "123456789012", "210987654321"
ARN = f"arn:aws:ecr:us-east-1:{OWNER}:repository/app"
ALLOW = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]})


def _denied(action: str, resource: str) -> Any:
    text = (
        f"User: arn:aws:iam::{STRANGER}:root is not authorized to perform: ecr:{action} on resource: "
        f"arn:aws:ecr:us-east-1:{OWNER}:repository/{resource} because no resource-based policy allows the "
        f"ecr:{action} action"
    )
    return refuses("AccessDeniedException", text)


@pytest.fixture
def owner(aws: Aws) -> Any:
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="app")
    return ecr


@pytest.fixture
def stranger(aws: Aws, owner: Any) -> Any:
    return aws("ecr", access_key=STRANGER)


def test_another_accounts_registry_stays_closed(owner: Any, stranger: Any) -> None:
    with _denied("DescribeRepositories", "*"):
        stranger.describe_repositories(registryId=OWNER)
    with _denied("CreateRepository", "mine"):
        stranger.create_repository(registryId=OWNER, repositoryName="mine")
    with _denied("DeleteRepository", "app"):
        stranger.delete_repository(registryId=OWNER, repositoryName="app", force=True)
    with _denied("ListImages", "nope"):  # not even whether it exists
        stranger.list_images(registryId=OWNER, repositoryName="nope")
    with _denied("TagResource", "app"):
        stranger.tag_resource(resourceArn=ARN, tags=[{"Key": "a", "Value": "1"}])
    names = [r["repositoryName"] for r in owner.describe_repositories(registryId=OWNER)["repositories"]]
    assert names == ["app"]


def test_a_repositorys_policy_lets_other_accounts_in(owner: Any, stranger: Any) -> None:
    owner.set_repository_policy(repositoryName="app", policyText=ALLOW)
    assert stranger.list_images(registryId=OWNER, repositoryName="app")["imageIds"] == []


def test_a_token_for_another_registry_speaks_for_its_caller(
    stranger: Any, emulator: Emulator, clock: VirtualClock
) -> None:
    [data] = stranger.get_authorization_token(registryIds=[OWNER])["authorizationData"]
    assert data["proxyEndpoint"] == "http://localhost:4566"
    password = base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]
    claims = emulator.gateway.parts.get(TokenSigner).verify(password, clock.now())
    assert (claims.account, claims.region) == (STRANGER, "us-east-1")


@pytest.mark.parametrize(
    "arn",
    [
        ARN.replace("us-east-1", "eu-west-1"),
        ARN.replace("arn:", "x:", 1),
        ARN.replace(OWNER, ""),
        ARN.replace(":ecr:", ":ecs:"),
        f"arn:aws:ecr:us-east-1:{OWNER}:repository/",
    ],
)
def test_only_this_regions_repositories_have_tags(owner: Any, arn: str) -> None:
    text = "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'"
    with refuses("InvalidParameterException", text):
        owner.list_tags_for_resource(resourceArn=arn)
