"""Tags of repositories. ECR writes their members with capitals: Key and Value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.registry.repository import find_repository
from emulator.services.ecr.lookup import change, check_access, invalid
from emulator.services.ecr.tagging import checked_tags
from emulator.wire.call import Call

_ARN = re.compile(
    r"arn:(?P<partition>[a-z-]+):ecr:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):repository/(?P<name>.+)"
)


def tag_resource(call: Call, request: Mapping[str, Any]) -> None:
    repository = _by_arn(call, request["resourceArn"])
    change(call, repository, "repository.tagged", tags=checked_tags(repository.tags, request["tags"]))


def untag_resource(call: Call, request: Mapping[str, Any]) -> None:
    """Keys that are not there are no error."""
    repository = _by_arn(call, request["resourceArn"])
    gone = set(request["tagKeys"])
    kept = {key: value for key, value in repository.tags.items() if key not in gone}
    change(call, repository, "repository.untagged", tags=kept)


def list_tags_for_resource(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = _by_arn(call, request["resourceArn"])
    return {"tags": [{"Key": key, "Value": value} for key, value in repository.tags.items()]}


def _by_arn(call: Call, arn: str) -> Repository:
    """A repository's ARN in the region that was called; no other region's endpoint knows it."""
    match = _ARN.fullmatch(arn)
    if match is None or (match["partition"], match["region"]) != (call.partition, call.region):
        raise invalid("resourceArn", "Invalid ARN")
    check_access(call, match["account"], match["name"])
    return find_repository(call.reader, match["account"], call.region, match["name"])
