"""Public repositories and what the gallery says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.public_registry import PUBLIC, CatalogData
from emulator.domain.errors import AwsError, InvalidParameterException
from emulator.registry import repository as store
from emulator.registry.naming import RegistryNaming
from emulator.registry.notes import note
from emulator.services.ecr_public.lookup import account_of_request, check_region, named, repository_of
from emulator.services.ecr_public.tagging import checked_tags
from emulator.store.ecr_public_tables import CATALOG_DATA
from emulator.store.ecr_tables import REPOSITORIES
from emulator.wire.call import Call

Request = Mapping[str, Any]
Answer = dict[str, Any]


class RepositoryCatalogDataNotFoundException(AwsError):
    def __init__(self, account: str, name: str) -> None:
        super().__init__(
            f"The repository catalog data does not exist for the repository with name '{name}' in the registry with id "
            f"'{account}'"
        )


def create_repository(call: Call, request: Request) -> Answer:
    check_region(call)
    tags = checked_tags({}, request.get("tags") or ())
    repository = Repository(call.account, PUBLIC, request["repositoryName"], call.now, tags=tags)
    store.create_repository(call.tx, repository)
    note(call.tx, repository, "repository.created", {"repository-name": repository.name}, call.now)
    given = request.get("catalogData")
    catalog = None if given is None else _catalog(call, repository, given)
    return {"repository": _shown(call, repository), "catalogData": _shown_catalog(catalog) if catalog else {}}


def describe_repositories(call: Call, request: Request) -> Answer:
    """All by name, or those named: then one that is missing fails the whole call."""
    names: Sequence[str] = request.get("repositoryNames") or ()
    account = account_of_request(call, request, names[0] if len(names) == 1 else "*")
    if names:
        if request.get("nextToken") or request.get("maxResults"):
            raise InvalidParameterException("Both repositoryNames and pagination parameters cannot be specified")
        found = [store.find_repository(call.reader, account, PUBLIC, name) for name in dict.fromkeys(names)]
        return {"repositories": [_shown(call, repository) for repository in found]}
    repositories = call.reader.find(REPOSITORIES, account=account, region=PUBLIC)
    page = call.page(request, repositories, key=lambda r: r.name)
    return {"repositories": [_shown(call, r) for r in page.items], "nextToken": page.next_token}


def delete_repository(call: Call, request: Request) -> Answer:
    """With its images only when forced."""
    repository = repository_of(call, request)
    store.delete_repository(call.tx, repository, call.now, force=bool(request.get("force")))
    call.tx.delete(CATALOG_DATA, repository.account, repository.name)
    note(call.tx, repository, "repository.deleted", {"repository-name": repository.name}, call.now)
    return {"repository": _shown(call, repository)}


def get_repository_catalog_data(call: Call, request: Request) -> Answer:
    repository = repository_of(call, request)
    found = call.reader.get(CATALOG_DATA, repository.account, repository.name)
    if found is None:
        raise RepositoryCatalogDataNotFoundException(repository.account, repository.name)
    return {"catalogData": _shown_catalog(found)}


def put_repository_catalog_data(call: Call, request: Request) -> Answer:
    """What is not given is taken away."""
    repository = repository_of(call, request)
    return {"catalogData": _shown_catalog(_catalog(call, repository, request["catalogData"]))}


def _catalog(call: Call, repository: Repository, given: Mapping[str, Any]) -> CatalogData:
    if given.get("logoImageBlob"):
        call.warn("logoImageBlob is stored; Homeport has no gallery that would show it")
    catalog = CatalogData(
        repository.account,
        repository.name,
        given.get("description"),
        tuple(given.get("architectures") or ()),
        tuple(given.get("operatingSystems") or ()),
        given.get("logoImageBlob"),
        given.get("aboutText"),
        given.get("usageText"),
    )
    call.tx.put(CATALOG_DATA, catalog)
    return catalog


def _shown_catalog(catalog: CatalogData) -> Answer:
    shown = {
        "description": catalog.description,
        "architectures": list(catalog.architectures) or None,
        "operatingSystems": list(catalog.operating_systems) or None,
        "aboutText": catalog.about_text,
        "usageText": catalog.usage_text,
        "marketplaceCertified": False,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _shown(call: Call, repository: Repository) -> Answer:
    naming = call.parts.get(RegistryNaming)
    return {
        "repositoryArn": repository.arn,
        **named(repository),
        "repositoryUri": naming.repository_uri(repository.account, PUBLIC, repository.name),
        "createdAt": repository.created_at,
    }
