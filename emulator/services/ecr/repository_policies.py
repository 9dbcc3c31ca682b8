"""Repository policies: checked for their form, kept, returned. They are not evaluated yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.domain.errors import AwsError
from emulator.domain.image import Repository
from emulator.services.ecr.lookup import change, invalid, named, repository_of
from emulator.wire.call import Call, stores

_EFFECTS = ("Allow", "Deny")


class RepositoryPolicyNotFoundException(AwsError):
    def __init__(self, account: str, name: str) -> None:
        super().__init__(
            f"Repository policy does not exist for the repository with name '{name}' in the registry with id "
            f"'{account}'"
        )


@stores("policies are not evaluated yet")
def set_repository_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """`force` guards against locking oneself out, which needs evaluation: it has nothing to do yet."""
    text = request["policyText"]
    _check(text)
    request.get("force")
    call.warn("the repository policy is stored; it is not evaluated yet")
    repository = change(call, repository_of(call, request), "repository.policy_set", policy_text=text)
    return {**named(repository), "policyText": text}


@stores("policies are not evaluated yet")
def get_repository_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = repository_of(call, request)
    return {**named(repository), "policyText": _text(repository)}


@stores("policies are not evaluated yet")
def delete_repository_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    repository = repository_of(call, request)
    text = _text(repository)
    change(call, repository, "repository.policy_deleted", policy_text=None)
    return {**named(repository), "policyText": text}


def _text(repository: Repository) -> str:
    if repository.policy_text is None:
        raise RepositoryPolicyNotFoundException(repository.account, repository.name)
    return repository.policy_text


def _check(text: str) -> None:
    """The form of a policy document with principals and without resources (Amazon ECR user guide)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    statements = document.get("Statement") if isinstance(document, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements or not all(_is_statement(s) for s in statements):
        raise invalid("PolicyText", "Invalid repository policy provided")


def _is_statement(statement: object) -> bool:
    if not isinstance(statement, dict) or statement.get("Effect") not in _EFFECTS:
        return False
    has_principal = "Principal" in statement or "NotPrincipal" in statement
    return has_principal and ("Action" in statement or "NotAction" in statement)
