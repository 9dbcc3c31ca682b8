"""Lifecycle policies: checked whole, kept, returned. Images do not expire by them yet, and that is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.errors import AwsError
from emulator.domain.image import Repository
from emulator.domain.lifecycle_policy import InvalidPolicy, parse_policy
from emulator.services.ecr.lookup import change, invalid, named, repository_of
from emulator.wire.call import Call, stores

_NOT_YET = "images do not expire yet"


class LifecyclePolicyNotFoundException(AwsError):
    def __init__(self, account: str, name: str) -> None:
        super().__init__(
            f"Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
        )


@stores(_NOT_YET)
def put_lifecycle_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The text is kept and returned to the letter."""
    repository, text = repository_of(call, request), request["lifecyclePolicyText"]
    try:
        parse_policy(text)
    except InvalidPolicy as error:
        raise invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {error}") from error
    call.warn("the lifecycle policy is stored; images do not expire by it yet")
    repository = change(call, repository, "repository.lifecycle_policy_put", lifecycle_policy_text=text)
    return {**named(repository), "lifecyclePolicyText": text}


@stores(_NOT_YET)
def get_lifecycle_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = repository_of(call, request)
    return _shown(repository)


@stores(_NOT_YET)
def delete_lifecycle_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = repository_of(call, request)
    shown = _shown(repository)
    change(call, repository, "repository.lifecycle_policy_deleted", lifecycle_policy_text=None)
    return shown


def _shown(repository: Repository) -> dict[str, Any]:
    if repository.lifecycle_policy_text is None:
        raise LifecyclePolicyNotFoundException(repository.account, repository.name)
    return {
        **named(repository),
        "lifecyclePolicyText": repository.lifecycle_policy_text,
        "lastEvaluatedAt": repository.lifecycle_evaluated_at,
    }
