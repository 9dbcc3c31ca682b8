"""Scans of images and their findings; which pushes are scanned, by repository and for the registry.
control/image_scans.py scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.image import Image, Repository
from emulator.domain.image_errors import RepositoryNotFoundException
from emulator.domain.image_scan import (
    COMPLETE,
    MANUAL,
    SCAN_ON_PUSH,
    Finding,
    ScanningConfiguration,
    ScanningRule,
    ScanNotFoundException,
    frequency,
)
from emulator.domain.registry_settings import ValidationException
from emulator.registry.repository import find_image_by_id, find_repository
from emulator.registry.scan_orders import find_findings, find_scan, start_scan
from emulator.services.ecr.lookup import change, invalid, named, note_registry, repository_of
from emulator.services.ecr.scan_views import shown_status, shown_summary
from emulator.store.ecr_tables import SCANNING_CONFIGURATIONS
from emulator.wire.call import Call

Request = Mapping[str, Any]
Answer = dict[str, Any]


def start_image_scan(call: Call, request: Request) -> Answer:
    """Once in 24 hours for each image; a scan that failed does not count."""
    repository, image = _image_of(call, request)
    scan = start_scan(call.tx, image, call.now)
    return {**named(repository), "imageId": _image_id(request, image), "imageScanStatus": shown_status(scan)}


def describe_image_scan_findings(call: Call, request: Request) -> Answer:
    """The last scan; its findings once it is complete, the gravest first."""
    repository, image = _image_of(call, request)
    scan = find_scan(call.reader, image)
    if scan is None:
        asked = request["imageId"]
        digest, tag = asked.get("imageDigest"), asked.get("imageTag")
        raise ScanNotFoundException(repository.account, repository.name, digest, tag)
    answer = {**named(repository), "imageId": _image_id(request, image), "imageScanStatus": shown_status(scan)}
    if scan.status != COMPLETE:
        return answer
    numbered = list(enumerate(find_findings(call.reader, image)))
    page = call.page(request, numbered, key=lambda entry: f"{entry[0]:09}")
    findings = {**shown_summary(scan), "findings": [_shown_finding(finding) for _, finding in page.items]}
    return {**answer, "imageScanFindings": findings, "nextToken": page.next_token}


def put_image_scanning_configuration(call: Call, request: Request) -> Answer:
    """For what is pushed from now on, unless the registry has rules."""
    on_push = bool(request["imageScanningConfiguration"].get("scanOnPush"))
    repository = change(
        call, repository_of(call, request), "repository.scanning_configuration_changed", scan_on_push=on_push
    )
    return {**named(repository), "imageScanningConfiguration": {"scanOnPush": on_push}}


def batch_get_repository_scanning_configuration(call: Call, request: Request) -> Answer:
    """A repository that is missing is a failure of its own, not of the call."""
    configuration = call.reader.get(SCANNING_CONFIGURATIONS, call.account, call.region)
    found, failures = [], []
    for name in request["repositoryNames"]:
        try:
            repository = find_repository(call.reader, call.account, call.region, name)
        except RepositoryNotFoundException as error:
            failures.append(
                {"repositoryName": name, "failureCode": "REPOSITORY_NOT_FOUND", "failureReason": error.message}
            )
            continue
        how_often, filters = frequency(repository, configuration)
        found.append(
            {
                "repositoryArn": repository.arn,
                "repositoryName": name,
                "scanOnPush": how_often == SCAN_ON_PUSH,
                "scanFrequency": how_often,
                "appliedScanFilters": _shown_filters(filters),
            }
        )
    return {"scanningConfigurations": found, "failures": failures}


def get_registry_scanning_configuration(call: Call, request: Request) -> Answer:
    configuration = call.reader.get(SCANNING_CONFIGURATIONS, call.account, call.region)
    return {"registryId": call.account, "scanningConfiguration": _shown_configuration(configuration)}


def put_registry_scanning_configuration(call: Call, request: Request) -> Answer:
    """Basic scanning, its rules for what is pushed from now on; the rules take the place of all former ones. What is
    not given stays (unconfirmed for the rules)."""
    if request.get("scanType", "BASIC") == "ENHANCED":
        raise NotEmulatedYet("Homeport does not emulate enhanced scanning (Amazon Inspector) yet; scanType BASIC acts.")
    known = call.tx.get(SCANNING_CONFIGURATIONS, call.account, call.region)
    rules = known.rules if known is not None else ()
    if (given := request.get("rules")) is not None:
        rules = tuple(ScanningRule(rule["scanFrequency"], _filters(rule)) for rule in given)
    if len({rule.frequency for rule in rules}) < len(rules):
        raise invalid("rules", "Each scan frequency can have one rule")
    if any(rule.frequency not in (SCAN_ON_PUSH, MANUAL) for rule in rules):
        raise ValidationException("The scan frequency CONTINUOUS_SCAN is not supported with the scan type BASIC")
    configuration = ScanningConfiguration(call.account, call.region, rules)
    call.tx.put(SCANNING_CONFIGURATIONS, configuration)
    note_registry(call, "registry.scanning_configured")
    return {"registryScanningConfiguration": _shown_configuration(configuration)}


def _image_of(call: Call, request: Request) -> tuple[Repository, Image]:
    repository = repository_of(call, request)
    digest, tag = request["imageId"].get("imageDigest"), request["imageId"].get("imageTag")
    if digest is None and tag is None:
        raise invalid("imageId", "Both imageDigest and imageTag cannot be null")
    return repository, find_image_by_id(call.reader, repository, digest, tag)


def _image_id(request: Request, image: Image) -> dict[str, str]:
    tag = request["imageId"].get("imageTag")
    return {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}


def _shown_finding(finding: Finding) -> Answer:
    shown: Answer = {
        "name": finding.name,
        "uri": finding.uri,
        "severity": finding.severity,
        "attributes": [{"key": key, "value": value} for key, value in finding.attributes],
    }
    return {**shown, "description": finding.description} if finding.description else shown


def _filters(rule: Request) -> tuple[str, ...]:
    return tuple(one["filter"] for one in rule["repositoryFilters"] if one["filterType"] == "WILDCARD")


def _shown_filters(filters: Sequence[str]) -> list[dict[str, str]]:
    return [{"filter": one, "filterType": "WILDCARD"} for one in filters]


def _shown_configuration(configuration: ScanningConfiguration | None) -> Answer:
    rules = configuration.rules if configuration else ()
    return {
        "scanType": "BASIC",
        "rules": [
            {"scanFrequency": rule.frequency, "repositoryFilters": _shown_filters(rule.filters)} for rule in rules
        ],
    }
