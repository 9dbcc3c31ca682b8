"""Where a registry's images are replicated to, and how far each has come. control/ecr/replication.py copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.registry_settings import ValidationException
from emulator.domain.ecr.replication import (
    MAXIMUM_DESTINATIONS,
    Destination,
    ReplicationConfiguration,
    ReplicationRule,
)
from emulator.domain.region import is_region
from emulator.registry.repository import find_image_by_id
from emulator.services.ecr.lookup import invalid, note_registry, repository_of
from emulator.services.ecr.members import shown_configuration
from emulator.store.ecr_tables import REPLICATION_CONFIGURATIONS, REPLICATIONS
from emulator.wire.call import Call

Request = Mapping[str, Any]


def put_replication_configuration(call: Call, request: Request) -> dict[str, Any]:
    """For what is pushed from now on; no rules end replication."""
    given = request["replicationConfiguration"]
    rules = tuple(_rule(rule) for rule in given["rules"])
    destinations = {one for rule in rules for one in rule.destinations}
    if Destination(call.account, call.region) in destinations:
        raise invalid("replicationConfiguration", "Replication destination cannot be the same as the source registry")
    for one in destinations:
        if not is_region(one.region):
            raise invalid("replicationConfiguration", f"Region {one.region} is not a valid region")
    if len(destinations) > MAXIMUM_DESTINATIONS:
        raise ValidationException(f"A registry can have at most {MAXIMUM_DESTINATIONS} replication destinations")
    configuration = ReplicationConfiguration(call.account, call.region, rules)
    call.tx.put(REPLICATION_CONFIGURATIONS, configuration)
    note_registry(call, "registry.replication_configured")
    return {"replicationConfiguration": shown_configuration(configuration)}


def describe_image_replication_status(call: Call, request: Request) -> dict[str, Any]:
    """One entry for each destination that the image was, or is being, copied to."""
    repository = repository_of(call, request)
    image_id = request["imageId"]
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        raise invalid("imageId", "Both imageDigest and imageTag cannot be null")
    image = find_image_by_id(call.reader, repository, digest, tag)
    return {
        "repositoryName": repository.name,
        "imageId": {"imageDigest": image.digest} if tag is None else {"imageDigest": image.digest, "imageTag": tag},
        "replicationStatuses": _statuses(call, repository, image.digest),
    }


def _statuses(call: Call, repository: Repository, digest: str) -> list[dict[str, str]]:
    orders = call.reader.find(
        REPLICATIONS, account=repository.account, region=repository.region, repository=repository.name, digest=digest
    )
    return [
        {
            "region": order.to_region,
            "registryId": order.to_account,
            "status": order.status,
            **({"failureCode": order.failure_code} if order.failure_code else {}),
        }
        for order in orders
    ]


def _rule(given: Mapping[str, Any]) -> ReplicationRule:
    filters = given.get("repositoryFilters") or ()
    for entry in filters:
        entry["filterType"]  # PREFIX_MATCH, the only one
    return ReplicationRule(
        tuple(Destination(one["registryId"], one["region"]) for one in given["destinations"]),
        tuple(entry["filter"] for entry in filters),
        bool((given.get("deleteReplication") or {}).get("enabled")),
    )
