"""What a caller of ECR needs: actions, resources, condition keys (Service Authorization Reference, Amazon ECR)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.iam.policy_conditions import Context
from emulator.domain.iam.policy_evaluation import Access
from emulator.services.access import request_tags, tag_keys
from emulator.store.registry_settings import repository_access
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

Request = Mapping[str, Any]


def _anything(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"ecr:{call.operation}")


def _repository(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, request, request["repositoryName"])


def _repositories(call: Call, request: Request) -> Iterable[Access]:
    for name in request.get("repositoryNames") or ["*"]:
        yield _on(call, request, name)


def _create(call: Call, request: Request) -> Iterable[Access]:
    arn = call.arn(f"repository/{request['repositoryName']}")
    context = _given_tags(request)
    yield Access("ecr:CreateRepository", arn, context)
    if context:
        yield Access("ecr:TagResource", arn, context)


def _tag(call: Call, request: Request) -> Iterable[Access]:
    yield _by_arn(call, request, _given_tags(request))


def _untag(call: Call, request: Request) -> Iterable[Access]:
    yield _by_arn(call, request, tag_keys(request["tagKeys"]))


def _tags_shown(call: Call, request: Request) -> Iterable[Access]:
    yield _by_arn(call, request, {})


def _given_tags(request: Request) -> Context:
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request.get("tags") or ()}
    return request_tags(tags) if tags else {}


def _by_arn(call: Call, request: Request, context: Context) -> Access:
    arn = request["resourceArn"]
    found = _on(call, request, arn.partition(":repository/")[2])
    return replace(found, resource=arn, context={**found.context, **context})


def _referrers(call: Call, request: Request) -> Iterable[Access]:
    """ListImageReferrers needs what a pull needs (API model)."""
    yield _on(call, request, request["repositoryName"], "BatchGetImage")


def _on(call: Call, request: Request, name: str, action: str | None = None) -> Access:
    """The operation's own action on a repository of the registry that the request names."""
    account = str(request.get("registryId") or call.account)
    arn = f"arn:{call.partition}:ecr:{call.region}:{account}:repository/{name}"
    return repository_access(call.reader, f"ecr:{action or call.operation}", arn)


AUTHORIZATION: Authorization = {
    **dict.fromkeys(
        (
            "CreatePullThroughCacheRule", "CreateRepositoryCreationTemplate", "DeletePullThroughCacheRule",
            "DeleteRegistryPolicy", "DeleteRepositoryCreationTemplate", "DeleteSigningConfiguration",
            "DeregisterPullTimeUpdateExclusion", "DescribePullThroughCacheRules", "DescribeRegistry",
            "DescribeReplicationBackfillResults", "DescribeRepositoryCreationTemplates", "GetAccountSetting",
            "GetAuthorizationToken", "GetRegistryPolicy", "GetSigningConfiguration", "ListPullTimeUpdateExclusions",
            "GetRegistryScanningConfiguration", "PutRegistryScanningConfiguration",
            "ListReplicationBackfills", "PutAccountSetting", "PutRegistryPolicy", "PutReplicationConfiguration",
            "PutSigningConfiguration", "RegisterPullTimeUpdateExclusion", "StartReplicationBackfill",
            "StopReplicationBackfill", "UpdatePullThroughCacheRule", "UpdateRepositoryCreationTemplate",
            "ValidatePullThroughCacheRule",
        ),
        _anything,
    ),
    **dict.fromkeys(
        (
            "BatchCheckLayerAvailability", "BatchDeleteImage", "BatchGetImage", "CompleteLayerUpload",
            "DeleteLifecyclePolicy", "DeleteRepository", "DeleteRepositoryPolicy", "DescribeImageReplicationStatus",
            "DescribeImageSigningStatus", "DescribeImages", "GetDownloadUrlForLayer", "GetLifecyclePolicy",
            "GetLifecyclePolicyPreview", "GetRepositoryPolicy", "InitiateLayerUpload", "ListImages", "PutImage",
            "PutImageScanningConfiguration", "PutImageTagMutability", "PutLifecyclePolicy", "SetRepositoryPolicy",
            "StartLifecyclePolicyPreview", "UpdateImageStorageClass", "UploadLayerPart",
            "DescribeImageScanFindings", "StartImageScan",
        ),
        _repository,
    ),
    **dict.fromkeys(("BatchGetRepositoryScanningConfiguration", "DescribeRepositories"), _repositories),
    "CreateRepository": _create,
    "ListImageReferrers": _referrers,
    "ListTagsForResource": _tags_shown,
    "TagResource": _tag,
    "UntagResource": _untag,
}  # fmt: skip
