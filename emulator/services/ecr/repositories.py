"""Repositories: made, listed, deleted, and whether their tags may move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.domain.errors import InvalidParameterException
from emulator.registry import repository as store
from emulator.registry.naming import RegistryNaming
from emulator.services.ecr.lookup import change, invalid, named, note, registry_of, repository_of
from emulator.services.ecr.members import checked_filters
from emulator.services.ecr.tagging import checked_tags
from emulator.store.ecr_tables import REPOSITORIES
from emulator.wire.call import Call

Request = Mapping[str, Any]
Answer = dict[str, Any]


def create_repository(call: Call, request: Request) -> Answer:
    """Its name is free in this registry; tags, encryption and mutability are checked first."""
    name = request["repositoryName"]
    mode = request.get("imageTagMutability", "MUTABLE")
    scanning = request.get("imageScanningConfiguration") or {}
    encryption = request.get("encryptionConfiguration") or {}
    kind, key = encryption.get("encryptionType", "AES256"), encryption.get("kmsKey")
    if key and kind == "AES256":
        raise invalid("encryptionConfiguration", "KMS key cannot be specified with the AES256 encryption type")
    if kind != "AES256":
        call.warn("encryptionConfiguration is stored; layers are kept on this machine's disk as they are")
    repository = Repository(
        account=registry_of(call, request, name),
        region=call.region,
        name=name,
        created_at=call.now,
        tag_mutability=mode,
        exclusion_filters=checked_filters(mode, request.get("imageTagMutabilityExclusionFilters")),
        scan_on_push=bool(scanning.get("scanOnPush")),
        encryption_type=kind,
        kms_key=key,
        tags=checked_tags({}, request.get("tags") or ()),
    )
    store.create_repository(call.tx, repository)
    note(call, repository, "repository.created")
    return {"repository": _shown(call, repository)}


def describe_repositories(call: Call, request: Request) -> Answer:
    """All by name, or those named: then one that is missing fails the whole call."""
    names: Sequence[str] = request.get("repositoryNames") or ()
    account = registry_of(call, request, names[0] if len(names) == 1 else "*")
    if names:
        if request.get("nextToken") or request.get("maxResults"):
            raise InvalidParameterException("Both repositoryNames and pagination parameters cannot be specified")
        found = [store.find_repository(call.reader, account, call.region, name) for name in dict.fromkeys(names)]
        return {"repositories": [_shown(call, repository) for repository in found]}
    repositories = call.reader.find(REPOSITORIES, account=account, region=call.region)
    page = call.page(request, repositories, key=lambda r: r.name)
    return {"repositories": [_shown(call, r) for r in page.items], "nextToken": page.next_token}


def delete_repository(call: Call, request: Request) -> Answer:
    """With its images only when forced."""
    repository = repository_of(call, request)
    store.delete_repository(call.tx, repository, call.now, force=bool(request.get("force")))
    note(call, repository, "repository.deleted")
    return {"repository": _shown(call, repository)}


def put_image_tag_mutability(call: Call, request: Request) -> Answer:
    """At once, for later pushes; tags that exist are not looked at."""
    mode = request["imageTagMutability"]
    filters = checked_filters(mode, request.get("imageTagMutabilityExclusionFilters"))
    repository = change(
        call,
        repository_of(call, request),
        "repository.tag_mutability_changed",
        tag_mutability=mode,
        exclusion_filters=filters,
    )
    return {**named(repository), "imageTagMutability": mode, **_shown_filters(repository)}


def _shown(call: Call, repository: Repository) -> Answer:
    naming = call.parts.get(RegistryNaming)
    encryption = {"encryptionType": repository.encryption_type, "kmsKey": repository.kms_key}
    return {
        "repositoryArn": repository.arn,
        **named(repository),
        "repositoryUri": naming.repository_uri(repository.account, repository.region, repository.name),
        "createdAt": repository.created_at,
        "imageTagMutability": repository.tag_mutability,
        **_shown_filters(repository),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": {name: value for name, value in encryption.items() if value is not None},
    }


def _shown_filters(repository: Repository) -> Answer:
    if not repository.exclusion_filters:
        return {}
    filters = [{"filterType": f.filter_type, "filter": f.filter} for f in repository.exclusion_filters]
    return {"imageTagMutabilityExclusionFilters": filters}
