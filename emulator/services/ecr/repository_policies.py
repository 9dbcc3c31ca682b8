"""Repository policies: who of other accounts gets in, and with `--enforce-iam` who of one's own.

They are evaluated in registry/access.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.domain.errors import AwsError
from emulator.services.access import locks_out
from emulator.services.ecr.lookup import change, invalid, named, repository_of
from emulator.services.ecr.members import check_repository_policy
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
    check_repository_policy(text)
    repository = repository_of(call, request)
    if not request.get("force") and locks_out(call, "ecr:SetRepositoryPolicy", repository.arn, text):
        raise invalid("PolicyText", "The policy prevents its caller from setting another; force sets it all the same")
    if not call.facts.enforce_iam:
        call.warn("the repository policy decides for other accounts; within its own only with --enforce-iam")
    repository = change(call, repository, "repository.policy_set", policy_text=text)
    return {**named(repository), "policyText": text}


def get_repository_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = repository_of(call, request)
    return {**named(repository), "policyText": _text(repository)}


def delete_repository_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = repository_of(call, request)
    text = _text(repository)
    change(call, repository, "repository.policy_deleted", policy_text=None)
    return {**named(repository), "policyText": text}


def _text(repository: Repository) -> str:
    if repository.policy_text is None:
        raise RepositoryPolicyNotFoundException(repository.account, repository.name)
    return repository.policy_text
