"""Resource policies of secrets: with `--enforce-iam` they decide who reads and changes the secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import AwsError, InvalidParameterException
from emulator.domain.iam.policy_document import MalformedPolicyDocumentException, check_policy, is_public
from emulator.services.access import locks_out
from emulator.services.secretsmanager.writing import wanted_secret
from emulator.store.secrets_tables import SECRETS
from emulator.wire.call import Call

_DEFAULT = "default"


class PublicPolicyException(AwsError):
    """BlockPublicPolicy met a policy that lets everybody in."""


def put_resource_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    _check_name(request)
    secret = wanted_secret(call, request)
    policy = request["ResourcePolicy"]
    check_policy(policy, "resource")
    if request.get("BlockPublicPolicy") and is_public(policy):
        raise PublicPolicyException(
            "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to "
            "the secret."
        )
    call.tx.put(SECRETS, replace(secret, policy=policy, changed_at=call.now))
    return {"ARN": secret.arn, "Name": secret.name}


def get_resource_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    _check_name(request)
    secret = wanted_secret(call, request)
    return {"ARN": secret.arn, "Name": secret.name, "ResourcePolicy": secret.policy}


def list_resource_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    secret = wanted_secret(call, request)
    return {"ResourcePolicies": [{"PolicyName": _DEFAULT}] if secret.policy else []}


def delete_resource_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    _check_name(request)
    secret = wanted_secret(call, request)
    call.tx.put(SECRETS, replace(secret, policy=None, changed_at=call.now))
    return {"ARN": secret.arn, "Name": secret.name}


def validate_resource_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """AWS's three checks: the syntax, that not everybody is let in, that the caller does not lock itself out."""
    arn = wanted_secret(call, request).arn if "SecretId" in request else call.arn("secret:*")
    try:
        check_policy(request["ResourcePolicy"], "resource")
    except MalformedPolicyDocumentException as error:
        return _failed("POLICY_SYNTAX", error.message)
    if is_public(request["ResourcePolicy"]):
        return _failed("PUBLIC_POLICY", "The resource policy grants broad access to the secret.")
    if locks_out(call, "secretsmanager:PutResourcePolicy", arn, request["ResourcePolicy"]):
        return _failed("LOCK_OUT", "The resource policy denies its caller to change the policy again.")
    return {"PolicyValidationPassed": True, "ValidationErrors": []}


def _failed(check: str, text: str) -> dict[str, Any]:
    return {"PolicyValidationPassed": False, "ValidationErrors": [{"CheckName": check, "ErrorMessage": text}]}


def _check_name(request: Mapping[str, Any]) -> None:
    if request.get("PolicyName", _DEFAULT) != _DEFAULT:
        raise InvalidParameterException("You can only attach the default resource policy to a secret.")
