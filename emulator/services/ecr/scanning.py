"""Whether images are to be scanned on push: kept and shown. Scans are not performed yet, and that is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.image_errors import RepositoryNotFoundException
from emulator.registry.repository import find_repository
from emulator.services.ecr.lookup import change, named, repository_of
from emulator.wire.call import Call, stores


@stores("images are not scanned yet")
def put_image_scanning_configuration(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    on_push = bool(request["imageScanningConfiguration"].get("scanOnPush"))
    if on_push:
        call.warn("scanOnPush is stored; images are not scanned yet")
    repository = change(
        call, repository_of(call, request), "repository.scanning_configuration_changed", scan_on_push=on_push
    )
    return {**named(repository), "imageScanningConfiguration": {"scanOnPush": on_push}}


def batch_get_repository_scanning_configuration(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """A repository that is missing is a failure of its own, not of the call."""
    found, failures = [], []
    for name in request["repositoryNames"]:
        try:
            repository = find_repository(call.reader, call.account, call.region, name)
        except RepositoryNotFoundException as error:
            failures.append(
                {"repositoryName": name, "failureCode": "REPOSITORY_NOT_FOUND", "failureReason": error.message}
            )
            continue
        found.append(
            {
                "repositoryArn": repository.arn,
                "repositoryName": name,
                "scanOnPush": repository.scan_on_push,
                "scanFrequency": "SCAN_ON_PUSH" if repository.scan_on_push else "MANUAL",
                "appliedScanFilters": [],
            }
        )
    return {"scanningConfigurations": found, "failures": failures}
