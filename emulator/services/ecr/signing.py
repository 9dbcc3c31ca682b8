"""Which images are to be signed. Homeport has no AWS Signer: no signing succeeds, and the status of each says that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.errors import AwsError
from emulator.domain.registry_settings import SigningConfiguration, SigningRule
from emulator.registry.repository import find_image_by_id
from emulator.services.ecr.lookup import invalid, named, note_registry, repository_of
from emulator.store.ecr_tables import SIGNING_CONFIGURATIONS
from emulator.wire.call import Call, stores

_WHY = "Homeport does not emulate AWS Signer: the signing profile does not exist, and nothing is signed"


class SigningConfigurationNotFoundException(AwsError):
    def __init__(self, account: str) -> None:
        super().__init__(f"Signing configuration does not exist in the registry with id '{account}'")


@stores("there is no AWS Signer: each signing fails, and its status says so")
def put_signing_configuration(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    given = request["signingConfiguration"]["rules"]
    rules = tuple(
        SigningRule(rule["signingProfileArn"], tuple(entry["filter"] for entry in rule.get("repositoryFilters") or ()))
        for rule in given
    )
    for rule in given:
        for entry in rule.get("repositoryFilters") or ():
            entry["filterType"]  # WILDCARD_MATCH, the only one
    if rules:
        call.warn(_WHY)
    configuration = SigningConfiguration(call.account, call.region, rules, call.now)
    call.tx.put(SIGNING_CONFIGURATIONS, configuration)
    note_registry(call, "registry.signing_configuration_put")
    return {"signingConfiguration": _shown(configuration)}


def get_signing_configuration(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"registryId": call.account, "signingConfiguration": _shown(_configuration(call))}


def delete_signing_configuration(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    configuration = _configuration(call)
    call.tx.delete(SIGNING_CONFIGURATIONS, call.account, call.region)
    note_registry(call, "registry.signing_configuration_deleted")
    return {"registryId": call.account, "signingConfiguration": _shown(configuration)}


def describe_image_signing_status(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """One entry for each rule that took in the image when it was pushed."""
    repository = repository_of(call, request)
    image_id = request["imageId"]
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        raise invalid("imageId", "Both imageDigest and imageTag cannot be null")
    image = find_image_by_id(call.reader, repository, digest, tag)
    found = call.reader.get(SIGNING_CONFIGURATIONS, repository.account, repository.region)
    rules = found.rules if found is not None and image.pushed_at >= found.put_at else ()
    statuses = [
        {
            "signingProfileArn": rule.profile_arn,
            "status": "FAILED",
            "failureCode": "SigningProfileNotFound",
            "failureReason": _WHY,
        }
        for rule in rules
        if rule.applies_to(repository.name) and image.subject_digest is None
    ]
    shown = {"imageDigest": image.digest} if tag is None else {"imageDigest": image.digest, "imageTag": tag}
    return {**named(repository), "imageId": shown, "signingStatuses": statuses}


def _configuration(call: Call) -> SigningConfiguration:
    found = call.reader.get(SIGNING_CONFIGURATIONS, call.account, call.region)
    if found is None:
        raise SigningConfigurationNotFoundException(call.account)
    return found


def _shown(configuration: SigningConfiguration) -> dict[str, Any]:
    return {"rules": [_shown_rule(rule) for rule in configuration.rules]}


def _shown_rule(rule: SigningRule) -> dict[str, Any]:
    shown: dict[str, Any] = {"signingProfileArn": rule.profile_arn}
    if rule.filters:
        shown["repositoryFilters"] = [{"filter": one, "filterType": "WILDCARD_MATCH"} for one in rule.filters]
    return shown
