"""Turns a container's `secrets` and `secretOptions` into values, as ECS's agent does before a container starts.

It reads Secrets Manager and Parameter Store from the store; it starts nothing, and does not know where the values go.
What cannot be had ends a task with a ResourceInitializationError in the words ECS uses.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.domain.errors import AwsError
from emulator.domain.go_text import go_text
from emulator.domain.iam.policy_evaluation import Access
from emulator.domain.secrets.parameter import Reference, reference
from emulator.domain.secrets.secret_reference import SecretReference, secret_reference
from emulator.store.database import Reader
from emulator.store.sealing import Sealer
from emulator.store.secret_access import key_of_parameter, parameter_access, value_of_secret
from emulator.store.secret_values import Scope, parameter_value, read_parameter, read_secret

LEAD = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
RETRIED = "service call has been retried 1 time(s): "


class SecretsUnavailable(Exception):
    """`reason` is the whole stoppedReason of the task."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def nobody_refused(access: Access) -> str | None:
    """Where policies are not enforced."""
    return None


@dataclass(frozen=True, slots=True)
class SecretResolver:
    """Reads for the tasks of one account and region. `now` is the time of the reading, seconds since the epoch.

    `refusal` tells what the reader is answered that may not; without one everything may be read.
    """

    reader: Reader
    sealer: Sealer
    account: str
    region: str
    partition: str
    now: float
    refusal: Callable[[Access], str | None] = nobody_refused

    def resolve(self, secrets: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """`[{"name": ..., "valueFrom": ...}]` to `{name: value}`; for environment variables and log options alike.

        Secrets Manager is asked first and the first failure counts; parameters are asked together, and all that are
        invalid are named at once. Raises SecretsUnavailable.
        """
        wanted = [(str(secret["name"]), self._reference(secret)) for secret in secrets]
        values = {name: self._secret(ref) for name, ref in wanted if ref.source == "secretsmanager"}
        values |= self._parameters([(name, ref) for name, ref in wanted if ref.source == "ssm"])
        return {name: values[name] for name, _ in wanted}

    def _reference(self, secret: Mapping[str, Any]) -> SecretReference:
        try:
            return secret_reference(
                str(secret["valueFrom"]),
                region=self.region,
                account=self.account,
                partition=self.partition,
                name=str(secret["name"]),
            )
        except AwsError as error:
            raise SecretsUnavailable(LEAD + error.message) from error

    def _secret(self, ref: SecretReference) -> str:
        scope = Scope(ref.account, ref.region, self.now)
        needed = value_of_secret(self.reader, scope, self.partition, ref.name, ref.version_id, ref.version_stage)
        for access in needed:
            if (refused := self.refusal(access)) is not None:
                raise _no_secret(f"failed to fetch secret {ref.name} from secrets manager: {refused}")
        try:
            value = read_secret(
                self.reader, self.sealer, scope, ref.name, version_id=ref.version_id, stage=ref.version_stage
            )
        except AwsError as error:
            text = f"failed to fetch secret {ref.name} from secrets manager: {error.code}: {error.message}"
            raise _no_secret(text) from error
        if value.text is None:
            raise _no_secret(f"secret {ref.name} holds SecretBinary, which cannot become an environment variable")
        return value.text if ref.json_key is None else _json_member(value.text, ref.json_key)

    def _parameters(self, wanted: Sequence[tuple[str, SecretReference]]) -> dict[str, str]:
        self._check_parameters([ref for _, ref in wanted])
        values: dict[str, str] = {}
        invalid: dict[str, None] = {}
        for name, ref in wanted:
            try:
                values[name] = self._parameter(ref)
            except AwsError:
                invalid[ref.name] = None
        if invalid:
            raise SecretsUnavailable(
                f"{LEAD}unable to retrieve secrets from ssm: {RETRIED}invalid ssm parameters: {','.join(invalid)}"
            )
        return values

    def _check_parameters(self, wanted: Sequence[SecretReference]) -> None:
        for ref in wanted:
            scope, named = Scope(ref.account, ref.region, self.now), _anywhere(ref)
            asked = parameter_access(self.reader, scope, self.partition, "GetParameters", named)
            for access in (asked, *key_of_parameter(self.reader, scope, self.partition, named)):
                if (refused := self.refusal(access)) is not None:
                    raise SecretsUnavailable(f"{LEAD}unable to retrieve secrets from ssm: {RETRIED}{refused}")

    def _parameter(self, ref: SecretReference) -> str:
        scope = Scope(ref.account, ref.region, self.now)
        parameter, version = read_parameter(self.reader, scope, _anywhere(ref))
        return parameter_value(self.sealer, parameter, version, decrypt=True)


def _anywhere(ref: SecretReference) -> Reference:
    """A parameter's name with its selector; of an ARN, with and without a leading slash."""
    named = reference(ref.name)
    return Reference(named.name, named.selector, from_arn=ref.from_arn)


def _no_secret(text: str) -> SecretsUnavailable:
    return SecretsUnavailable(f"{LEAD}unable to retrieve secret from asm: {RETRIED}{text}")


def _json_member(text: str, key: str) -> str:
    try:
        members = json.loads(text, parse_constant=_no_number, parse_float=_float)
        if isinstance(members, dict) and key in members:
            return go_text(members[key])
    except (ValueError, RecursionError) as error:
        raise _no_secret(f"the value of the secret is not JSON, so it has no key {key}: {error}") from error
    raise _no_secret(f"retrieved secret from Secrets Manager did not contain json key {key}")


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits} is out of range")
    return value
