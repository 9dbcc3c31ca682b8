"""Finding what an ECR request is about, and refusing what the model lets through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.creation_template import CREATE_ON_PUSH
from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.image_errors import RepositoryNotFoundException
from emulator.domain.errors import AccessDeniedException, InvalidParameterException
from emulator.events import journal
from emulator.registry.access import let_in
from emulator.registry.creation import create_by_template, makes_on_push
from emulator.registry.repository import find_repository
from emulator.store.ecr_tables import REPOSITORIES
from emulator.store.registry_settings import repository_access
from emulator.wire.authorize import may
from emulator.wire.call import Call


def invalid(member: str, constraint: str) -> InvalidParameterException:
    """ECR's form of a broken constraint."""
    return InvalidParameterException(f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")


def repository_of(call: Call, request: Mapping[str, Any]) -> Repository:
    """The repository a request names, in the registry it names (the caller's own by default)."""
    name = request["repositoryName"]
    return find_repository(call.reader, registry_of(call, request, name), call.region, name)


def registry_of(call: Call, request: Mapping[str, Any], name: str = "*") -> str:
    """The account whose registry is meant; `name` is the repository that the caller wants there."""
    account = str(request.get("registryId") or call.account)
    check_access(call, account, name)
    return account


def check_access(call: Call, account: str, name: str) -> None:
    """Another account's repository is open only to whom its policy lets in (Amazon ECR user guide).

    Raises AccessDeniedException, in the words that the registry uses too. Whether the caller's own policies allow it
    is asked before, where policies are enforced.
    """
    if account == call.account:
        return
    arn = f"arn:{call.partition}:ecr:{call.region}:{account}:repository/{name}"
    text = let_in(call.reader, call.caller.arn, call.caller.account, arn, f"ecr:{call.operation}")
    if text is not None:
        raise AccessDeniedException(text)


def named(repository: Repository) -> dict[str, str]:
    """The members by which answers name a repository."""
    return {"registryId": repository.account, "repositoryName": repository.name}


def change(call: Call, repository: Repository, kind: str, **members: Any) -> Repository:
    """Writes a changed repository and notes it in the journal."""
    changed = replace(repository, **members)
    call.tx.put(REPOSITORIES, changed)
    note(call, changed, kind)
    return changed


def repository_to_push(call: Call, request: Mapping[str, Any]) -> Repository:
    """The repository that something is pushed to: a CREATE_ON_PUSH template makes it when it is not there, if the
    caller may create it."""
    try:
        return repository_of(call, request)
    except RepositoryNotFoundException:
        name = request["repositoryName"]
        account = str(request.get("registryId") or call.account)
        if not makes_on_push(call.tx, account, call.region, name):
            raise
    arn = f"arn:{call.partition}:ecr:{call.region}:{account}:repository/{name}"
    access = repository_access(call.tx, "ecr:CreateRepository", arn)
    text = may(call, access) or let_in(call.tx, call.caller.arn, call.caller.account, arn, "ecr:CreateRepository")
    if text is not None:
        raise AccessDeniedException(text)
    return create_by_template(call.tx, account, call.region, name, CREATE_ON_PUSH, call.now)


def note_registry(call: Call, kind: str, **detail: str) -> None:
    """Into the journal: something was set for the caller's registry."""
    _note(call, call.account, call.arn("registry"), kind, detail)


def note_event(call: Call, event: Mapping[str, Any]) -> None:
    """Into the journal: what EventBridge is told of the caller's registry."""
    _note(call, call.account, call.arn("registry"), "eventbridge", event)


def note(call: Call, repository: Repository, kind: str) -> None:
    _note(call, repository.account, repository.arn, kind, {"repository-name": repository.name})


def _note(call: Call, account: str, subject: str, kind: str, detail: Mapping[str, Any]) -> None:
    journal.append(
        call.tx, at=call.now, account=account, region=call.region, kind=kind, subject=subject, detail=detail
    )  # fmt: skip
