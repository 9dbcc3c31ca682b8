"""Scans of images and their findings; which pushes are scanned, by repository and for the registry.
control/ecr/image_scans.py scans, control/ecr/enhanced_scans.py where scanning is enhanced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.ecr.enhanced_scan import EnhancedScan
from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_errors import RepositoryNotFoundException
from emulator.domain.ecr.image_scan import (
    BASIC,
    CONTINUOUS_SCAN,
    ENHANCED,
    MANUAL,
    ScanningConfiguration,
    ScanningRule,
    ScanNotFoundException,
    frequency,
)
from emulator.domain.ecr.inspector_events import frequencies_changed
from emulator.domain.ecr.registry_settings import ValidationException
from emulator.registry.enhanced_orders import find_enhanced_findings
from emulator.registry.repository import find_image_by_id, find_repository
from emulator.registry.scan_orders import find_findings, last_scan, start_scan
from emulator.services.ecr.lookup import change, invalid, named, note_event, note_registry, repository_of
from emulator.services.ecr.scan_views import (
    shown_enhanced_findings,
    shown_finding,
    shown_status,
    shown_summary,
)
from emulator.store.ecr_tables import REPOSITORIES, SCANNING_CONFIGURATIONS
from emulator.wire.call import Call

Request = Mapping[str, Any]
Answer = dict[str, Any]

_TOLD_AT_ONCE = 100
"""Repositories that one event names."""


def start_image_scan(call: Call, request: Request) -> Answer:
    """Basic scanning: once in 24 hours for each image; a scan that failed does not count."""
    repository, image = _image_of(call, request)
    scan = start_scan(call.tx, image, call.now)
    return {**named(repository), "imageId": _image_id(request, image), "imageScanStatus": shown_status(scan)}


def describe_image_scan_findings(call: Call, request: Request) -> Answer:
    """The last scan; its findings once it is complete, the gravest first."""
    repository, image = _image_of(call, request)
    scan = last_scan(call.reader, image)
    if scan is None:
        asked = request["imageId"]
        digest, tag = asked.get("imageDigest"), asked.get("imageTag")
        raise ScanNotFoundException(repository.account, repository.name, digest, tag)
    answer = {**named(repository), "imageId": _image_id(request, image), "imageScanStatus": shown_status(scan)}
    if not scan.has_findings:
        return answer
    if isinstance(scan, EnhancedScan):
        page = call.page(request, enumerate(find_enhanced_findings(call.reader, image)), key=_place)
        found = [finding for _, finding in page.items]
        shown = {"enhancedFindings": shown_enhanced_findings(call, repository, image, scan, found)}
    else:
        page = call.page(request, enumerate(find_findings(call.reader, image)), key=_place)
        shown = {"findings": [shown_finding(finding) for _, finding in page.items]}
    return {**answer, "imageScanFindings": {**shown_summary(scan), **shown}, "nextToken": page.next_token}


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
                "scanOnPush": how_often != MANUAL,
                "scanFrequency": how_often,
                "appliedScanFilters": _shown_filters(filters),
            }
        )
    return {"scanningConfigurations": found, "failures": failures}


def get_registry_scanning_configuration(call: Call, request: Request) -> Answer:
    configuration = call.reader.get(SCANNING_CONFIGURATIONS, call.account, call.region)
    return {"registryId": call.account, "scanningConfiguration": _shown_configuration(configuration)}


def put_registry_scanning_configuration(call: Call, request: Request) -> Answer:
    """The rules take the place of all former ones. What is not given stays (unconfirmed), but rules do not stay when
    the scan type changes. Basic scanning goes by them for what is pushed from now on; enhanced scanning comes to what
    was pushed before, too."""
    known = call.tx.get(SCANNING_CONFIGURATIONS, call.account, call.region)
    before = known or ScanningConfiguration(call.account, call.region, ())
    scan_type = request.get("scanType", before.scan_type)
    rules = before.rules if scan_type == before.scan_type else ()
    if (given := request.get("rules")) is not None:
        rules = tuple(ScanningRule(rule["scanFrequency"], _filters(rule)) for rule in given)
    if len({rule.frequency for rule in rules}) < len(rules):
        raise invalid("rules", "Each scan frequency can have one rule")
    for rule in rules:
        if rule.frequency == (MANUAL if scan_type == ENHANCED else CONTINUOUS_SCAN):
            raise ValidationException(
                f"The scan frequency {rule.frequency} is not supported with the scan type {scan_type}"
            )
    configuration = ScanningConfiguration(call.account, call.region, rules, scan_type)
    call.tx.put(SCANNING_CONFIGURATIONS, configuration)
    note_registry(call, "registry.scanning_configured")
    if scan_type == ENHANCED:
        _tell_of_frequencies(call, known, configuration)
    return {"registryScanningConfiguration": _shown_configuration(configuration)}


def _tell_of_frequencies(call: Call, before: ScanningConfiguration | None, after: ScanningConfiguration) -> None:
    """EventBridge is told of the repositories that are scanned more often, or less often, than before."""
    repositories = call.tx.find(REPOSITORIES, account=call.account, region=call.region)
    both = [(one, frequency(one, after)[0], frequency(one, before)[0]) for one in repositories]
    changes = [change for change in both if change[1] != change[2]]
    for start in range(0, len(changes), _TOLD_AT_ONCE):
        event = frequencies_changed(changes[start : start + _TOLD_AT_ONCE], call.now)
        note_event(call, event)


def _place(entry: tuple[int, Any]) -> str:
    return f"{entry[0]:09}"


def _image_of(call: Call, request: Request) -> tuple[Repository, Image]:
    repository = repository_of(call, request)
    digest, tag = request["imageId"].get("imageDigest"), request["imageId"].get("imageTag")
    if digest is None and tag is None:
        raise invalid("imageId", "Both imageDigest and imageTag cannot be null")
    return repository, find_image_by_id(call.reader, repository, digest, tag)


def _image_id(request: Request, image: Image) -> dict[str, str]:
    tag = request["imageId"].get("imageTag")
    return {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}


def _filters(rule: Request) -> tuple[str, ...]:
    return tuple(one["filter"] for one in rule["repositoryFilters"] if one["filterType"] == "WILDCARD")


def _shown_filters(filters: Sequence[str]) -> list[dict[str, str]]:
    return [{"filter": one, "filterType": "WILDCARD"} for one in filters]


def _shown_configuration(configuration: ScanningConfiguration | None) -> Answer:
    rules = configuration.rules if configuration else ()
    return {
        "scanType": configuration.scan_type if configuration else BASIC,
        "rules": [
            {"scanFrequency": rule.frequency, "repositoryFilters": _shown_filters(rule.filters)} for rule in rules
        ],
    }
