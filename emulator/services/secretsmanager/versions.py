"""Versions of secrets and their staging labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.secrets.secret import Secret, SecretVersion, move_label
from emulator.services.secretsmanager.writing import versions_of, wanted_secret
from emulator.store.secrets_tables import SECRETS
from emulator.wire.call import Call

_AWS_KEY = "DefaultEncryptionKey"


def list_secret_version_ids(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    secret = wanted_secret(call, request, usable=False)
    versions = [
        version
        for version in versions_of(call, secret)
        if request.get("IncludeDeprecated") or secret.labels_of(version.version_id)
    ]
    page = call.page(request, sorted(versions, key=_position), key=_position)
    return {
        "Versions": [_shown(secret, version) for version in page.items],
        "NextToken": page.next_token,
        "ARN": secret.arn,
        "Name": secret.name,
    }


def _position(version: SecretVersion) -> str:
    return f"{version.created_at:018.6f} {version.version_id}"


def _shown(secret: Secret, version: SecretVersion) -> dict[str, Any]:
    return {
        "VersionId": version.version_id,
        "VersionStages": secret.labels_of(version.version_id) or None,
        "LastAccessedDate": version.accessed_on,
        "CreatedDate": version.created_at,
        "KmsKeyIds": [version.kms_key_id or _AWS_KEY],
    }


def update_secret_version_stage(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    secret = wanted_secret(call, request)
    stages = move_label(
        secret.stages,
        {version.version_id for version in versions_of(call, secret)},
        request["VersionStage"],
        request.get("RemoveFromVersionId"),
        request.get("MoveToVersionId"),
    )
    call.tx.put(SECRETS, replace(secret, stages=stages, changed_at=call.now))
    return {"ARN": secret.arn, "Name": secret.name}
