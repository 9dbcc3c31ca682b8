"""Finds secrets and parameters by any name a request may use, and opens their values.

Shared by Secrets Manager, Systems Manager (which reads secrets through `/aws/reference/secretsmanager/`) and
control (which puts them into containers). Raises the errors of the two services in AWS's words.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.domain.errors import AwsError, ResourceNotFoundException
from emulator.domain.secrets.parameter import (
    Parameter,
    ParameterNotFound,
    ParameterVersion,
    Reference,
    selected_version,
    version_not_found,
)
from emulator.domain.secrets.public_parameter import public_parameter
from emulator.domain.secrets.secret import CURRENT, InvalidRequestException, Secret, SecretVersion
from emulator.store.database import Reader
from emulator.store.sealing import Sealer, Unsealable
from emulator.store.secrets_tables import PARAMETER_VERSIONS, PARAMETERS, SECRET_VERSIONS, SECRETS

MARKED_FOR_DELETION = "You can't perform this operation on the secret because it was marked for deletion."


class DecryptionFailure(AwsError):
    """Secrets Manager's: the value cannot be opened."""


class InvalidKeyId(AwsError):
    """Systems Manager's: the value cannot be opened with the key."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where names are looked up."""

    account: str
    region: str
    now: float


@dataclass(frozen=True, slots=True)
class SecretValue:
    """One opened version: `text` or `data`, never both."""

    secret: Secret
    version: SecretVersion
    stages: list[str]
    text: str | None
    data: bytes | None

    def answer(self) -> Mapping[str, object]:
        """The members of GetSecretValue's answer."""
        return {
            "ARN": self.secret.arn,
            "Name": self.secret.name,
            "VersionId": self.version.version_id,
            "SecretBinary": self.data,
            "SecretString": self.text,
            "VersionStages": self.stages or None,
            "CreatedDate": self.version.created_at,
        }


def find_secret(reader: Reader, scope: Scope, secret_id: str) -> Secret | None:
    """By name, full ARN, or ARN without the six random characters. None when absent or past its recovery window."""
    if secret_id.startswith("arn:"):
        found = reader.find(SECRETS, account=scope.account, region=scope.region, arn=secret_id)
        secret = found[0] if found else _by_partial_arn(reader, scope, secret_id)
    else:
        secret = reader.get(SECRETS, scope.account, scope.region, secret_id)
    return None if secret is None or secret.gone(scope.now) else secret


def _by_partial_arn(reader: Reader, scope: Scope, secret_id: str) -> Secret | None:
    parts = secret_id.split(":", 6)
    if len(parts) < 7:
        return None
    secret = reader.get(SECRETS, scope.account, scope.region, parts[6])
    return secret if secret is not None and secret.arn.startswith(f"{secret_id}-") else None


def secret_named(reader: Reader, scope: Scope, secret_id: str, *, usable: bool = True) -> Secret:
    """ResourceNotFoundException when there is none; InvalidRequestException when it must be `usable` and is marked
    for deletion."""
    secret = find_secret(reader, scope, secret_id)
    if secret is None:
        raise ResourceNotFoundException("Secrets Manager can't find the specified secret.")
    if usable and secret.deleted_at is not None:
        raise InvalidRequestException(MARKED_FOR_DELETION)
    return secret


def read_secret(
    reader: Reader,
    sealer: Sealer,
    scope: Scope,
    secret_id: str,
    *,
    version_id: str | None = None,
    stage: str | None = None,
) -> SecretValue:
    """Opens a version: AWSCURRENT unless another is named. Errors as of GetSecretValue."""
    secret = secret_named(reader, scope, secret_id)
    version = _version(reader, secret, version_id, stage)
    value = open_version(sealer, version)
    return SecretValue(
        secret,
        version,
        secret.labels_of(version.version_id),
        None if version.binary else value.decode(),
        value if version.binary else None,
    )


def _version(reader: Reader, secret: Secret, version_id: str | None, stage: str | None) -> SecretVersion:
    if version_id is None:
        label = stage or CURRENT
        version = _stored(reader, secret, secret.stages.get(label, ""))
        if version is None:
            raise ResourceNotFoundException(
                f"Secrets Manager can't find the specified secret value for staging label: {label}"
            )
        return version
    version = _stored(reader, secret, version_id)
    if version is None:
        raise ResourceNotFoundException(
            f"Secrets Manager can't find the specified secret value for VersionId: {version_id}"
        )
    if stage is not None and secret.stages.get(stage) != version_id:
        raise InvalidRequestException("You provided a VersionStage that is not associated to the provided VersionId.")
    return version


def _stored(reader: Reader, secret: Secret, version_id: str) -> SecretVersion | None:
    return reader.get(SECRET_VERSIONS, secret.account, secret.region, secret.arn, version_id)


def open_version(sealer: Sealer, version: SecretVersion) -> bytes:
    try:
        return sealer.open(version.sealed, version.secret_arn)
    except Unsealable as error:
        raise DecryptionFailure(
            f"Secrets Manager can't decrypt the protected secret text using the provided KMS key: {error}."
        ) from error


def find_parameter(reader: Reader, scope: Scope, reference: Reference) -> Parameter | None:
    if reference.scope is not None and reference.scope != (scope.region, scope.account):
        return None
    for name in reference.names():
        parameter = reader.get(PARAMETERS, scope.account, scope.region, name)
        if parameter is not None:
            return parameter
    return None


def read_parameter(reader: Reader, scope: Scope, reference: Reference) -> tuple[Parameter, ParameterVersion]:
    """ParameterNotFound, or ParameterVersionNotFound when the selector picks nothing. The value stays sealed."""
    parameter = find_parameter(reader, scope, reference)
    if parameter is None:
        public = public_parameter(reference.name, scope.region)
        if public is None:
            raise ParameterNotFound("")
        if selected_version(public[0], reference.selector) != public[1].version:
            raise version_not_found(reference.name, selected_version(public[0], reference.selector))
        return public
    number = selected_version(parameter, reference.selector)
    version = reader.get(PARAMETER_VERSIONS, parameter.account, parameter.region, parameter.name, number)
    if version is None:
        raise version_not_found(parameter.name, number)
    return parameter, version


def parameter_value(sealer: Sealer, parameter: Parameter, version: ParameterVersion, *, decrypt: bool) -> str:
    """The text; of a SecureString without `decrypt` its ciphertext in base64."""
    if version.type != "SecureString" or not decrypt:
        return version.value
    try:
        return sealer.open(base64.b64decode(version.value), parameter.arn).decode()
    except Unsealable as error:
        raise InvalidKeyId(f"The value of {parameter.name} cannot be decrypted: {error}.") from error
