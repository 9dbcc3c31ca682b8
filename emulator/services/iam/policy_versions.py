"""Versions of managed policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import LimitExceededException
from emulator.domain.iam.identity import Policy, PolicyVersion
from emulator.domain.iam.identity_errors import DeleteConflictException, NoSuchEntityException
from emulator.services.iam import finding
from emulator.services.iam.shown import encoded, paged, version_listed
from emulator.store.iam_tables import POLICIES
from emulator.wire.call import Call

_VERSION_LIMIT = 5


def create_policy_version(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy, document = finding.own_policy(call, request["PolicyArn"]), request["PolicyDocument"]
    finding.check_managed_document(document)
    if len(policy.versions) >= _VERSION_LIMIT:
        raise LimitExceededException(
            f"A managed policy can have up to {_VERSION_LIMIT} versions. Before you create a new version, you must "
            "delete an existing version."
        )
    number = policy.last_number + 1
    version = PolicyVersion(f"v{number}", document, call.now)
    changed = replace(
        policy,
        versions=(*policy.versions, version),
        default_version=version.id if request.get("SetAsDefault") else policy.default_version,
        updated_at=call.now,
        last_number=number,
    )
    call.tx.put(POLICIES, changed)
    return {"PolicyVersion": version_listed(changed, version)}


def get_policy_version(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = finding.policy_with(call, request["PolicyArn"])
    version = _version(policy, request["VersionId"])
    return {"PolicyVersion": {"Document": encoded(version.document), **version_listed(policy, version)}}


def list_policy_versions(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = finding.policy_with(call, request["PolicyArn"])
    newest_first = sorted(policy.versions, key=_position)
    page = call.page(request, newest_first, key=_position)
    return paged(page, "Versions", [version_listed(policy, version) for version in page.items])


def _position(version: PolicyVersion) -> str:
    return f"{10**9 - int(version.id[1:]):010d}"


def set_default_policy_version(call: Call, request: Mapping[str, Any]) -> None:
    policy = finding.own_policy(call, request["PolicyArn"])
    version = _version(policy, request["VersionId"])
    call.tx.put(POLICIES, replace(policy, default_version=version.id, updated_at=call.now))


def delete_policy_version(call: Call, request: Mapping[str, Any]) -> None:
    policy = finding.own_policy(call, request["PolicyArn"])
    version = _version(policy, request["VersionId"])
    if version.id == policy.default_version:
        raise DeleteConflictException("Cannot delete the default version of a policy.")
    kept = tuple(other for other in policy.versions if other.id != version.id)
    call.tx.put(POLICIES, replace(policy, versions=kept, updated_at=call.now))


def _version(policy: Policy, version_id: str) -> PolicyVersion:
    version = policy.version(version_id)
    if version is None:
        raise NoSuchEntityException(f"Policy {policy.arn} version {version_id} does not exist or is not attachable.")
    return version
