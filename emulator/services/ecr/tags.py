"""Tags of repositories. ECR writes their members with capitals: Key and Value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.image import Repository
from emulator.registry.repository import find_repository
from emulator.services.ecr.lookup import change, invalid
from emulator.services.ecr.tagging import checked_tags
from emulator.wire.call import Call


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
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "ecr" or not parts[5].startswith("repository/"):
        raise invalid("resourceArn", "Invalid ARN")
    return find_repository(call.reader, parts[4], parts[3], parts[5].removeprefix("repository/"))
