"""What a caller of ECR Public needs (Service Authorization Reference, Amazon Elastic Container Registry Public)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.public_registry import PUBLIC
from emulator.domain.iam.policy_evaluation import Access
from emulator.store.registry_settings import repository_access
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

Request = Mapping[str, Any]


def _anything(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"ecr-public:{call.operation}")


def _repository(call: Call, request: Request) -> Iterable[Access]:
    account = str(request.get("registryId") or call.account)
    arn = Repository(account, PUBLIC, request["repositoryName"], 0.0).arn
    yield repository_access(call.reader, f"ecr-public:{call.operation}", arn)


def _repositories(call: Call, request: Request) -> Iterable[Access]:
    for name in request.get("repositoryNames") or ["*"]:
        yield from _repository(call, {**request, "repositoryName": name})


def _by_arn(call: Call, request: Request) -> Iterable[Access]:
    arn = request["resourceArn"]
    yield Access(f"ecr-public:{call.operation}", arn)


AUTHORIZATION: Authorization = {
    **dict.fromkeys(
        ("DescribeRegistries", "GetAuthorizationToken", "GetRegistryCatalogData", "PutRegistryCatalogData"), _anything
    ),
    **dict.fromkeys(
        (
            "BatchCheckLayerAvailability", "BatchDeleteImage", "CompleteLayerUpload", "CreateRepository",
            "DeleteRepository", "DeleteRepositoryPolicy", "DescribeImageTags", "DescribeImages",
            "GetRepositoryCatalogData", "GetRepositoryPolicy", "InitiateLayerUpload", "PutImage",
            "PutRepositoryCatalogData", "SetRepositoryPolicy", "UploadLayerPart",
        ),
        _repository,
    ),
    "DescribeRepositories": _repositories,
    **dict.fromkeys(("ListTagsForResource", "TagResource", "UntagResource"), _by_arn),
}  # fmt: skip
