"""Finding what a request is about. The public registry's API is in two regions, and each account sees its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.public_registry import API_REGIONS, PUBLIC
from emulator.domain.errors import AccessDeniedException, AwsError, InvalidParameterException
from emulator.registry.access import let_in
from emulator.registry.repository import find_repository
from emulator.wire.call import Call

_READS = frozenset({"DescribeImages", "DescribeImageTags", "GetRepositoryCatalogData", "BatchCheckLayerAvailability"})
"""What anybody may see of a public repository."""


class UnsupportedCommandException(AwsError):
    """The API is not there in this region."""


def invalid(member: str, constraint: str) -> InvalidParameterException:
    return InvalidParameterException(f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")


def check_region(call: Call) -> None:
    """Raises UnsupportedCommandException outside of the API's regions."""
    if call.region not in API_REGIONS:
        raise UnsupportedCommandException(
            f"{call.operation} command is not supported in {call.region}: ECR Public is called in "
            f"{' and '.join(API_REGIONS)}"
        )


def account_of_request(call: Call, request: Mapping[str, Any], name: str = "*") -> str:
    """The account whose registry is meant; another's is changed only as its repository's policy says."""
    check_region(call)
    account = str(request.get("registryId") or call.account)
    if account != call.account and call.operation not in _READS:
        arn = Repository(account, PUBLIC, name, 0.0).arn
        text = let_in(call.reader, call.caller.arn, call.caller.account, arn, f"ecr-public:{call.operation}")
        if text is not None:
            raise AccessDeniedException(text)
    return account


def repository_of(call: Call, request: Mapping[str, Any]) -> Repository:
    name = request["repositoryName"]
    return find_repository(call.reader, account_of_request(call, request, name), PUBLIC, name)


def named(repository: Repository) -> dict[str, str]:
    return {"registryId": repository.account, "repositoryName": repository.name}
