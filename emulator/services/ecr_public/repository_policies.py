"""Policies of public repositories: who of other accounts may push. Anybody may pull."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.domain.errors import AwsError
from emulator.domain.iam.policy_document import check_policy
from emulator.services.access import locks_out
from emulator.services.ecr_public.lookup import invalid, named, repository_of
from emulator.store.ecr_tables import REPOSITORIES
from emulator.wire.call import Call


class RepositoryPolicyNotFoundException(AwsError):
    def __init__(self, account: str, name: str) -> None:
        super().__init__(
            f"Repository policy does not exist for the repository with name '{name}' in the registry with id "
            f"'{account}'"
        )


def set_repository_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Only with `force` one that denies its caller to set another (the error's text is unconfirmed)."""
    text = request["policyText"]
    try:
        document = json.loads(text)
        listed = document["Statement"]
        for statement in [listed] if isinstance(listed, dict) else listed:
            statement.setdefault("Resource", "*")
        check_policy(json.dumps(document), "resource")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError, AwsError) as error:
        raise invalid("PolicyText", "Invalid repository policy provided") from error
    repository = repository_of(call, request)
    if not request.get("force") and locks_out(call, "ecr-public:SetRepositoryPolicy", repository.arn, text):
        raise invalid("PolicyText", "The policy prevents its caller from setting another; force sets it all the same")
    call.tx.put(REPOSITORIES, replace(repository, policy_text=text))
    return {**named(repository), "policyText": text}


def get_repository_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = repository_of(call, request)
    return {**named(repository), "policyText": _text(repository)}


def delete_repository_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = repository_of(call, request)
    text = _text(repository)
    call.tx.put(REPOSITORIES, replace(repository, policy_text=None))
    return {**named(repository), "policyText": text}


def _text(repository: Repository) -> str:
    if repository.policy_text is None:
        raise RepositoryPolicyNotFoundException(repository.account, repository.name)
    return repository.policy_text
