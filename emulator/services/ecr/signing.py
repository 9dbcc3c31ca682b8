"""Which images are signed when they are pushed, and how their signing ended.

Homeport has no AWS Signer: for each profile of the registry's own account and region it signs with a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.image_signing import ImageSigning, profile_name
from emulator.domain.ecr.registry_settings import SigningConfiguration, SigningRule
from emulator.domain.errors import AwsError
from emulator.registry.repository import find_image_by_id
from emulator.registry.signing_orders import signings_of
from emulator.services.ecr.lookup import invalid, named, note_registry, repository_of
from emulator.store.ecr_tables import SIGNING_CONFIGURATIONS
from emulator.wire.call import Call

_OWN_KEY = "Homeport has no AWS Signer: it signs with a key of its own for the profile {arn}"
_NO_KEY = "Homeport has no AWS Signer: what is to be signed by {arn}, a profile of elsewhere, will have status FAILED"


class SigningConfigurationNotFoundException(AwsError):
    def __init__(self, account: str) -> None:
        super().__init__(f"Signing configuration does not exist in the registry with id '{account}'")


def put_signing_configuration(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    given = request["signingConfiguration"]["rules"]
    rules = tuple(
        SigningRule(rule["signingProfileArn"], tuple(entry["filter"] for entry in rule.get("repositoryFilters") or ()))
        for rule in given
    )
    for rule in given:
        for entry in rule.get("repositoryFilters") or ():
            entry["filterType"]  # WILDCARD_MATCH, the only one
    for rule in rules:
        known = profile_name(rule.profile_arn, call.account, call.region) is not None
        call.warn((_OWN_KEY if known else _NO_KEY).format(arn=rule.profile_arn))
    configuration = SigningConfiguration(call.account, call.region, rules)
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
    """One entry for each profile that the image was to be signed by when it was pushed."""
    repository = repository_of(call, request)
    image_id = request["imageId"]
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        raise invalid("imageId", "Both imageDigest and imageTag cannot be null")
    image = find_image_by_id(call.reader, repository, digest, tag)
    shown = {"imageDigest": image.digest} if tag is None else {"imageDigest": image.digest, "imageTag": tag}
    statuses = [_shown_status(one) for one in signings_of(call.reader, image)]
    return {**named(repository), "imageId": shown, "signingStatuses": statuses}


def _shown_status(signing: ImageSigning) -> dict[str, Any]:
    shown = {"signingProfileArn": signing.profile_arn, "status": signing.status}
    if signing.failure_code is not None and signing.failure_reason is not None:
        shown |= {"failureCode": signing.failure_code, "failureReason": signing.failure_reason}
    return shown


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
