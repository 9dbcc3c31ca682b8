"""What a caller of Secrets Manager needs (Service Authorization Reference, AWS Secrets Manager)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.iam.policy_evaluation import Access
from emulator.services.access import request_tags, tag_keys
from emulator.services.secretsmanager.writing import scope_of
from emulator.store.secret_access import secret_access, value_of_secret
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

Request = Mapping[str, Any]

_KEYS = {
    "BlockPublicPolicy": "secretsmanager:blockpublicpolicy",
    "Description": "secretsmanager:description",
    "ForceDeleteWithoutRecovery": "secretsmanager:forcedeletewithoutrecovery",
    "KmsKeyId": "secretsmanager:kmskeyid",
    "Name": "secretsmanager:name",
    "RecoveryWindowInDays": "secretsmanager:recoverywindowindays",
    "VersionStage": "secretsmanager:versionstage",
}


def _anything(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"secretsmanager:{call.operation}", shown="")


def _secret(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, request["SecretId"], _said(request))


def _value(call: Call, request: Request) -> Iterable[Access]:
    return value_of_secret(
        call.reader,
        scope_of(call),
        call.partition,
        request["SecretId"],
        request.get("VersionId"),
        request.get("VersionStage"),
    )


def _create(call: Call, request: Request) -> Iterable[Access]:
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request.get("Tags") or ()}
    context = {**_said(request), **(request_tags(tags) if tags else {})}
    arn = call.arn(f"secret:{request['Name']}")
    yield Access("secretsmanager:CreateSecret", arn, context)
    if tags:
        yield Access("secretsmanager:TagResource", arn, context)


def _tag(call: Call, request: Request) -> Iterable[Access]:
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request["Tags"]}
    yield _on(call, request["SecretId"], request_tags(tags))


def _untag(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, request["SecretId"], dict(tag_keys(request["TagKeys"])))


def _validate(call: Call, request: Request) -> Iterable[Access]:
    """Of a policy alone, or of one for a secret."""
    return _secret(call, request) if "SecretId" in request else _anything(call, request)


def _on(call: Call, secret_id: str, context: Mapping[str, tuple[str, ...]]) -> Access:
    return secret_access(call.reader, scope_of(call), call.partition, call.operation, secret_id, context)


def _said(request: Request) -> dict[str, tuple[str, ...]]:
    """The members of a request that conditions may be about."""
    return {key: (_text(request[member]),) for member, key in _KEYS.items() if request.get(member) is not None}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


AUTHORIZATION: Authorization = {
    **dict.fromkeys(("BatchGetSecretValue", "GetRandomPassword", "ListSecrets"), _anything),
    **dict.fromkeys(
        (
            "DeleteResourcePolicy", "DeleteSecret", "DescribeSecret", "GetResourcePolicy", "ListResourcePolicies",
            "ListSecretVersionIds", "PutResourcePolicy", "PutSecretValue", "RestoreSecret", "UpdateSecret",
            "UpdateSecretVersionStage",
        ),
        _secret,
    ),
    "CreateSecret": _create,
    "GetSecretValue": _value,
    "TagResource": _tag,
    "UntagResource": _untag,
    "ValidateResourcePolicy": _validate,
}  # fmt: skip
