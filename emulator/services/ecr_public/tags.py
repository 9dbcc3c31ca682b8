"""Tags of public repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.services.ecr_public.lookup import invalid, repository_of
from emulator.services.ecr_public.tagging import checked_tags
from emulator.store.ecr_tables import REPOSITORIES
from emulator.wire.call import Call

_ARN = re.compile(r"arn:[a-z-]+:ecr-public::(?P<account>[0-9]{12}):repository/(?P<name>.+)")


def tag_resource(call: Call, request: Mapping[str, Any]) -> None:
    repository = _by_arn(call, request["resourceArn"])
    call.tx.put(REPOSITORIES, replace(repository, tags=checked_tags(repository.tags, request["tags"])))


def untag_resource(call: Call, request: Mapping[str, Any]) -> None:
    """Keys that are not there are no error."""
    repository = _by_arn(call, request["resourceArn"])
    gone = set(request["tagKeys"])
    kept = {key: value for key, value in repository.tags.items() if key not in gone}
    call.tx.put(REPOSITORIES, replace(repository, tags=kept))


def list_tags_for_resource(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = _by_arn(call, request["resourceArn"])
    return {"tags": [{"Key": key, "Value": value} for key, value in repository.tags.items()]}


def _by_arn(call: Call, arn: str) -> Repository:
    match = _ARN.fullmatch(arn)
    if match is None:
        raise invalid("resourceArn", "Invalid ARN")
    return repository_of(call, {"registryId": match["account"], "repositoryName": match["name"]})
