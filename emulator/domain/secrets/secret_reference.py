"""What a `valueFrom` names: a secret of Secrets Manager or a parameter of Systems Manager.

Source: ECS developer guide, "Pass sensitive data to an Amazon ECS container". Whether the named thing exists is
not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emulator.domain.errors import ClientException
from emulator.domain.task_definitions.task_definition_messages import SECRET_VALUE_INVALID


class InvalidReference(ClientException):
    """A `valueFrom` that names neither; on the wire ECS's ClientException."""

    code = "ClientException"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """`name` is a secret's ARN (full, or without the six random characters) or a parameter's name with selector.

    `from_arn`: a parameter's ARN `parameter/x` is kept as `x` and means `x` or `/x`. `json_key`, `version_stage` and
    `version_id` are for Secrets Manager only; absent ones are None.
    """

    source: Literal["secretsmanager", "ssm"]
    name: str
    account: str
    region: str
    json_key: str | None = None
    version_stage: str | None = None
    version_id: str | None = None
    from_arn: bool = False


def secret_reference(value_from: str, *, region: str, account: str, partition: str, name: str = "") -> SecretReference:
    """Reads `arn:<p>:secretsmanager:<r>:<a>:secret:<name>[:json-key:version-stage:version-id]` (trailing fields may
    be empty; stage and id exclude each other), `arn:<p>:ssm:<r>:<a>:parameter/<name>`, or the bare name of a
    parameter of the task's own region.

    `name` is the environment variable or log option, for the text of the InvalidReference that anything else raises.
    """
    found = _read(value_from, region, account, partition)
    if found is None:
        raise InvalidReference(SECRET_VALUE_INVALID.format(name=name))
    return found


def _read(value_from: str, region: str, account: str, partition: str) -> SecretReference | None:
    if not value_from.startswith("arn:"):
        return SecretReference("ssm", value_from, account, region) if value_from else None
    parts = value_from.split(":")
    if len(parts) < 6 or parts[1] != partition or not parts[3] or not parts[4]:
        return None
    match parts[2]:
        case "ssm":
            return _parameter(parts)
        case "secretsmanager":
            return _secret(parts)
    return None


def _parameter(parts: list[str]) -> SecretReference | None:
    kind, _, path = ":".join(parts[5:]).partition("/")
    if kind != "parameter" or not path:
        return None
    return SecretReference("ssm", f"/{path}" if "/" in path else path, parts[4], parts[3], from_arn=True)


def _secret(parts: list[str]) -> SecretReference | None:
    if parts[5] != "secret" or len(parts) not in (7, 10) or not parts[6]:
        return None
    json_key, stage, version_id = (field or None for field in [*parts[7:], "", "", ""][:3])
    if stage and version_id:
        return None
    return SecretReference("secretsmanager", ":".join(parts[:7]), parts[4], parts[3], json_key, stage, version_id, True)
