"""Roles and users whose pulls do not touch lastRecordedPullTime. Heeded by registry/repository.note_pull."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.registry_settings import MAXIMUM_EXCLUSIONS, PullTimeExclusion
from emulator.domain.errors import AwsError, LimitExceededException
from emulator.store.database import AlreadyExists
from emulator.store.ecr_tables import PULL_TIME_EXCLUSIONS
from emulator.wire.call import Call


class ExclusionAlreadyExistsException(AwsError):
    def __init__(self, arn: str) -> None:
        super().__init__(f"A pull time update exclusion for the principal '{arn}' already exists")


class ExclusionNotFoundException(AwsError):
    def __init__(self, arn: str) -> None:
        super().__init__(f"A pull time update exclusion for the principal '{arn}' does not exist")


def register_pull_time_update_exclusion(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """At most 100 in a registry."""
    arn = request["principalArn"]
    if call.tx.count(PULL_TIME_EXCLUSIONS, account=call.account, region=call.region) >= MAXIMUM_EXCLUSIONS:
        raise LimitExceededException(f"A registry can have at most {MAXIMUM_EXCLUSIONS} pull time update exclusions")
    try:
        call.tx.insert(PULL_TIME_EXCLUSIONS, PullTimeExclusion(call.account, call.region, arn, call.now))
    except AlreadyExists as error:
        raise ExclusionAlreadyExistsException(arn) from error
    return {"principalArn": arn, "createdAt": call.now}


def deregister_pull_time_update_exclusion(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    arn = request["principalArn"]
    if not call.tx.delete(PULL_TIME_EXCLUSIONS, call.account, call.region, arn):
        raise ExclusionNotFoundException(arn)
    return {"principalArn": arn}


def list_pull_time_update_exclusions(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """By ARN."""
    arns = call.reader.column(PULL_TIME_EXCLUSIONS, "principal_arn", account=call.account, region=call.region)
    page = call.page(request, sorted(arns), key=str)
    return {"pullTimeUpdateExclusions": page.items, "nextToken": page.next_token}
