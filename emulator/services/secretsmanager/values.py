"""Reading and writing the values of secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import AccessDeniedException, AwsError, InvalidParameterException, NotEmulatedYet
from emulator.domain.secrets.secret import CURRENT, DAY_S, InvalidRequestException
from emulator.services.secretsmanager.writing import (
    add_version,
    given_value,
    is_repeated,
    scope_of,
    secrets_found,
    wanted_secret,
)
from emulator.store.sealing import Sealer
from emulator.store.secret_access import value_of_secret
from emulator.store.secret_values import SecretValue, read_secret
from emulator.store.secrets_tables import SECRET_VERSIONS, SECRETS
from emulator.wire.authorize import may
from emulator.wire.call import Call, writes


@writes
def get_secret_value(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    value = read_secret(
        call.reader,
        call.parts.get(Sealer),
        scope_of(call),
        request["SecretId"],
        version_id=request.get("VersionId"),
        stage=request.get("VersionStage"),
    )
    _remember(call, value)
    return dict(value.answer())


def _remember(call: Call, value: SecretValue) -> None:
    """LastAccessedDate is a day, so one reading a day writes."""
    today = call.now - call.now % DAY_S
    if value.secret.accessed_on != today:
        call.tx.put(SECRETS, replace(value.secret, accessed_on=today))
    if value.version.accessed_on != today:
        call.tx.put(SECRET_VERSIONS, replace(value.version, accessed_on=today))


@writes
def batch_get_secret_value(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    wanted, filters = request.get("SecretIdList"), request.get("Filters")
    if bool(wanted) == bool(filters):
        raise InvalidParameterException("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
    if wanted and request.get("MaxResults"):
        raise InvalidParameterException(
            "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided."
        )
    page = None if wanted else call.page(request, secrets_found(call, filters or ()), key=lambda secret: secret.name)
    ids = [secret.arn for secret in page.items] if page else wanted or []
    values: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for secret_id in ids:
        try:
            _check_may_read(call, secret_id)
            value = read_secret(call.reader, call.parts.get(Sealer), scope_of(call), secret_id)
        except AwsError as error:
            errors.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
        else:
            _remember(call, value)
            values.append(dict(value.answer()))
    return {"SecretValues": values, "Errors": errors, "NextToken": page.next_token if page else None}


def _check_may_read(call: Call, secret_id: str) -> None:
    """AccessDeniedException: of several secrets each is answered or refused by itself."""
    if not call.facts.enforce_iam:
        return
    for access in value_of_secret(call.reader, scope_of(call), call.partition, secret_id):
        refusal = may(call, access)
        if refusal is not None:
            raise AccessDeniedException(refusal)


def put_secret_value(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if request.get("RotationToken"):
        raise NotEmulatedYet("Rotation of secrets is not emulated yet.")
    given = given_value(request)
    if given is None:
        raise InvalidRequestException("You must provide either SecretString or SecretBinary.")
    secret = wanted_secret(call, request)
    if not is_repeated(call, secret, given):
        secret = add_version(call, secret, given, request.get("VersionStages") or [CURRENT])
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": given.version_id,
        "VersionStages": secret.labels_of(given.version_id) or None,
    }
