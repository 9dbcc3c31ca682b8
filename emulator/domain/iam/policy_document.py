"""Whether a policy document is one: its JSON, its elements, and the values they may have.

It decides what IAM (and services that keep resource policies) accept. It does not evaluate permissions. Source: IAM
user guide, "IAM JSON policy elements reference"; the texts are those that IAM answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from emulator.domain.errors import AwsError

Kind = Literal["identity", "trust", "resource"]
"""identity: says no principal. trust: says who, for STS actions only, and no resource. resource: says both."""

_TOP = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    }
)  # fmt: skip
_VERSIONS = ("2012-10-17", "2008-10-17")
_OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?(String(Not)?(Equals(IgnoreCase)?|Like)|Numeric(Not)?Equals|"
    r"Numeric(Less|Greater)Than(Equals)?|Date(Not)?Equals|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals|"
    r"(Not)?IpAddress|Arn(Not)?(Equals|Like))(IfExists)?|(ForAllValues:|ForAnyValue:)?Null",
    re.IGNORECASE,
)
_VENDOR = re.compile(r"[A-Za-z0-9.-]+")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.(amazonaws\.com(\.cn)?|aws\.internal|amazon\.com)")
_PRINCIPAL_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::(\d{12}|aws):[A-Za-z0-9+=,.@_/*-]+")
_PRINCIPAL_KINDS = {"AWS": "AWS", "Service": "SERVICE", "Federated": "FEDERATED", "CanonicalUser": "CANONICAL"}


class MalformedPolicyDocumentException(AwsError):
    """The document is no policy; on IAM's wire `MalformedPolicyDocument`."""


def statements(document: str) -> list[Mapping[str, Any]]:
    """The statements of a document that was checked before."""
    found = json.loads(document)["Statement"]
    return [found] if isinstance(found, dict) else list(found)


def check_policy(document: str, kind: Kind) -> None:
    """MalformedPolicyDocumentException with IAM's text for the first rule that is broken."""
    policy = _parse(document)
    listed = policy["Statement"]
    found = [listed] if isinstance(listed, dict) else listed
    for statement in found:
        _check_shape(statement)
    if kind == "identity" and policy.get("Version") != "2012-10-17":
        raise _malformed("Policy document must be version 2012-10-17 or greater.")
    sids = [statement["Sid"] for statement in found if statement.get("Sid")]
    if len(set(sids)) != len(sids):
        raise _malformed("Statement IDs (SID) in a single policy must be unique.")
    for statement in found:
        _check_actions(statement)
        _check_principal(statement, kind)
        _check_resources(statement, kind)


def _malformed(text: str) -> MalformedPolicyDocumentException:
    return MalformedPolicyDocumentException(text)


def _parse(document: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise _malformed("Syntax errors in policy.")
        return dict(pairs)

    try:
        policy = json.loads(document, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise _malformed("This policy contains invalid Json") from error
    if (
        not isinstance(policy, dict)
        or not policy.keys() <= _TOP
        or policy.get("Version", _VERSIONS[1]) not in _VERSIONS
    ):
        raise _malformed("Syntax errors in policy.")
    listed = policy.get("Statement")
    if not isinstance(listed, dict | list) or not listed or not isinstance(policy.get("Id", ""), str):
        raise _malformed("Syntax errors in policy.")
    return policy


def _check_shape(statement: Any) -> None:
    if not isinstance(statement, dict) or not statement.keys() <= _ELEMENTS:
        raise _malformed("Syntax errors in policy.")
    if "Effect" not in statement:
        raise _malformed("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise _malformed(f"Invalid effect: {statement['Effect']}")
    both = any(name in statement and f"Not{name}" in statement for name in ("Action", "Resource", "Principal"))
    texts = ("Action", "NotAction", "Resource", "NotResource")
    if both or not all(_is_texts(statement[name]) for name in texts if name in statement):
        raise _malformed("Syntax errors in policy.")
    if not isinstance(statement.get("Sid", ""), str):
        raise _malformed("Syntax errors in policy.")
    _check_condition(statement.get("Condition", {}))


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _check_condition(condition: Any) -> None:
    if not isinstance(condition, dict) or not all(isinstance(keys, dict) for keys in condition.values()):
        raise _malformed("Syntax errors in policy.")
    for operator in condition:
        if _OPERATOR.fullmatch(operator) is None:
            raise _malformed(f"Invalid Condition type : {operator}.")


def texts_of(statement: Mapping[str, Any], name: str) -> list[str]:
    """An element that may be one text or a list of them."""
    value = statement.get(name, [])
    return [value] if isinstance(value, str) else list(value)


def _check_actions(statement: Mapping[str, Any]) -> None:
    actions = texts_of(statement, "Action") + texts_of(statement, "NotAction")
    if not actions:
        raise _malformed("Policy statement must contain actions.")
    for action in actions:
        vendor, colon, name = action.partition(":")
        if action == "*":
            continue
        if not colon:
            raise _malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if ":" in name:
            raise _malformed("Actions/Condition can contain only one colon.")
        if _VENDOR.fullmatch(vendor) is None:
            raise _malformed(f"Vendor {vendor} is not valid")


def _check_principal(statement: Mapping[str, Any], kind: Kind) -> None:
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if kind == "identity":
        if principal is not None:
            raise _malformed("Policy document should not specify a principal.")
        return
    if principal is None or principal in ({}, []):
        raise _malformed("Missing required field Principal" if principal is None else "Syntax errors in policy.")
    if principal == "*":
        return
    if not isinstance(principal, dict):
        raise _malformed("Syntax errors in policy.")
    for family, named in principal.items():
        if family not in _PRINCIPAL_KINDS or not _is_texts(named) or not named:
            raise _malformed("Syntax errors in policy.")
        for name in [named] if isinstance(named, str) else named:
            if not _is_principal(family, name):
                raise _malformed(f'Invalid principal in policy: "{_PRINCIPAL_KINDS[family]}":"{name}"')


def _is_principal(family: str, name: str) -> bool:
    match family:
        case "AWS":
            account = len(name) == 12 and name.isdigit()
            return name == "*" or account or _PRINCIPAL_ARN.fullmatch(name) is not None
        case "Service":
            return _SERVICE.fullmatch(name) is not None
    return bool(name)


def _check_resources(statement: Mapping[str, Any], kind: Kind) -> None:
    resources = texts_of(statement, "Resource") + texts_of(statement, "NotResource")
    if kind == "trust":
        if "Resource" in statement or "NotResource" in statement:
            raise _malformed("Has prohibited field Resource")
        if not all(action == "*" or action.lower().startswith("sts:") for action in texts_of(statement, "Action")):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        return
    if not resources:
        raise _malformed("Policy statement must contain resources.")
    for resource in resources:
        _check_resource(resource)


def _check_resource(resource: str) -> None:
    if resource == "*":
        return
    parts = resource.split(":", 5)
    if parts[0] != "arn" or len(parts) < 2:
        raise _malformed(f'Resource {resource} must be in ARN format or "*".')
    if parts[1] not in ("aws", "aws-cn", "aws-us-gov", "*") and not parts[1].startswith("aws-iso"):
        padded = ":".join([*parts[2:], *["*"] * (6 - len(parts))])
        raise _malformed(f'Partition "{parts[1]}" is not valid for resource "arn:{parts[1]}:{padded}".')
    if len(parts) < 6:
        raise _malformed("The policy failed legacy parsing")
    if parts[2] == "iam" and parts[3]:
        raise _malformed(f"IAM resource {resource} cannot contain region information.")
    if parts[2] == "s3" and parts[3]:
        raise _malformed(f"Resource {resource} can not contain region information.")


def is_public(document: str) -> bool:
    """Whether a statement allows everybody without any condition."""
    for statement in statements(document):
        principal = statement.get("Principal")
        everybody = principal == "*" or (isinstance(principal, dict) and "*" in texts_of(principal, "AWS"))
        if statement["Effect"] == "Allow" and everybody and not statement.get("Condition"):
            return True
    return False
