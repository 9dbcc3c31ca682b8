"""What several operations of Secrets Manager do with the store: finding secrets, adding a version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator.domain.errors import InvalidParameterException
from emulator.domain.secrets.secret import (
    InvalidRequestException,
    ResourceExistsException,
    Secret,
    SecretVersion,
    matches,
    outdated,
    place_labels,
)
from emulator.store.sealing import Sealer
from emulator.store.secret_values import Scope, open_version, secret_named
from emulator.store.secrets_tables import SECRET_VERSIONS, SECRETS
from emulator.wire.call import Call


@dataclass(frozen=True, slots=True)
class GivenValue:
    """The value a request carries, and the id its version shall have."""

    value: bytes
    binary: bool
    version_id: str


def scope_of(call: Call) -> Scope:
    return Scope(call.account, call.region, call.now)


def wanted_secret(call: Call, request: Mapping[str, Any], *, usable: bool = True) -> Secret:
    """The secret that SecretId names. See `secret_named` for the errors."""
    return secret_named(call.reader, scope_of(call), request["SecretId"], usable=usable)


def secrets_found(call: Call, filters: Iterable[Mapping[str, Any]], *, deleted_too: bool = False) -> list[Secret]:
    """Secrets that all filters choose, by name; those marked for deletion only when asked for."""
    given = list(filters)
    if any("Key" not in one or not one.get("Values") for one in given):  # the model requires neither
        raise InvalidParameterException("You must provide a key and at least one value for each filter.")
    return [
        secret
        for secret in call.reader.find(SECRETS, account=call.account, region=call.region)
        if not secret.gone(call.now)
        and (deleted_too or secret.deleted_at is None)
        and all(matches(secret, one["Key"], one["Values"]) for one in given)
    ]


def given_value(request: Mapping[str, Any]) -> GivenValue | None:
    """None when the request carries no value. InvalidParameterException for two, InvalidRequestException without a
    ClientRequestToken."""
    text, data = request.get("SecretString"), request.get("SecretBinary")
    token = request.get("ClientRequestToken")
    if text is not None and data is not None:
        raise InvalidParameterException("You can't specify both SecretString and SecretBinary.")
    value = data if text is None else str(text).encode()
    if value is None:
        return None
    if token is None:
        raise InvalidRequestException("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
    return GivenValue(value, text is None, token)


def is_repeated(call: Call, secret: Secret, given: GivenValue) -> bool:
    """Whether a version of that id is there with the same content. ResourceExistsException when its content differs."""
    version = call.reader.get(SECRET_VERSIONS, secret.account, secret.region, secret.arn, given.version_id)
    if version is None:
        return False
    if version.binary != given.binary or open_version(call.parts.get(Sealer), version) != given.value:
        raise token_in_use(secret, given)
    return True


def token_in_use(secret: Secret, given: GivenValue) -> ResourceExistsException:
    return ResourceExistsException(
        f"You can't use ClientRequestToken {given.version_id} because that value is already in use for a version of "
        f"secret {secret.arn}."
    )


def add_version(call: Call, secret: Secret, given: GivenValue, labels: Iterable[str]) -> Secret:
    """Stores the value, moves the labels, drops what is outdated, and returns the secret as it is stored now."""
    version = SecretVersion(
        secret.account,
        secret.region,
        secret.arn,
        given.version_id,
        call.parts.get(Sealer).seal(given.value, secret.arn),
        given.binary,
        call.now,
        secret.kms_key_id,
    )
    changed = replace(secret, stages=place_labels(secret.stages, given.version_id, labels), changed_at=call.now)
    call.tx.insert(SECRET_VERSIONS, version)
    call.tx.put(SECRETS, changed)
    for version_id in outdated(changed, versions_of(call, changed), call.now):
        call.tx.delete(SECRET_VERSIONS, secret.account, secret.region, secret.arn, version_id)
    return changed


def versions_of(call: Call, secret: Secret) -> list[SecretVersion]:
    return call.reader.find(SECRET_VERSIONS, account=secret.account, region=secret.region, secret_arn=secret.arn)


def erase(call: Call, secret: Secret) -> None:
    """Removes a secret with all its versions."""
    for version in versions_of(call, secret):
        call.tx.delete(SECRET_VERSIONS, secret.account, secret.region, secret.arn, version.version_id)
    call.tx.delete(SECRETS, secret.account, secret.region, secret.name)


def warn_of_key(call: Call, request: Mapping[str, Any]) -> None:
    """KMS is not there: a key is remembered and shown, and the value sealed with the emulator's own key."""
    if request.get("KmsKeyId"):
        call.warn("KmsKeyId is stored and shown; KMS is not emulated, values are encrypted with Homeport's own key.")
