"""Temporary credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import AwsError, NotEmulatedYet
from emulator.domain.iam.identity import Role, RoleName, TemporaryCredentials, adopted_role_id, role_name
from emulator.domain.iam.identity_errors import AccessDenied, InvalidParameterValue, ValidationError
from emulator.domain.iam.policy_document import check_policy
from emulator.domain.iam.role_trust import Asking, trusts
from emulator.domain.key_value_tags import repeated_keys, tags_of
from emulator.services.sts.authorization import assume_keys
from emulator.store.iam_tables import ROLES
from emulator.store.principals import Holder, credentials_of, issue
from emulator.wire.authorize import caller_standing
from emulator.wire.call import Call, writes

_CHAINED_S = 3600
_POLICY_SIZE = 2048


class PackedPolicyTooLargeException(AwsError):
    """Session policy and tags are too long together; on the wire `PackedPolicyTooLarge`."""


def assume_role(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    wanted = role_name(request["RoleArn"])
    if wanted is None:
        raise ValidationError(f"{request['RoleArn']} is invalid")
    _refuse_unsupported(request)
    tags = _session_tags(request)
    packed = _packed_size(request, tags)
    role = call.reader.get(ROLES, wanted.account, wanted.name)
    if role is not None and role.arn != wanted.arn:
        role = None
    role_id = _admitted(call, request, wanted, role)
    session, duration = request["RoleSessionName"], request.get("DurationSeconds", 3600)
    _check_duration(call, role, duration)
    holder = Holder(
        wanted.account,
        wanted.session_arn(session),
        f"{role_id}:{session}",
        wanted.arn,
        request.get("SourceIdentity"),
        request.get("Policy"),
        _policy_arns(request),
        tuple(tags.items()),
        tuple(request.get("TransitiveTagKeys", ())),
    )
    issued = issue(call.tx, call.ids, holder, call.now, duration)
    if role is not None:
        call.tx.put(ROLES, replace(role, last_used_at=call.now, last_used_region=call.region))
    return {
        "Credentials": _shown(issued),
        "AssumedRoleUser": {"AssumedRoleId": holder.user_id, "Arn": holder.arn},
        "PackedPolicySize": packed,
        "SourceIdentity": holder.source_identity,
    }


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    if "ProvidedContexts" in request:
        raise NotEmulatedYet("ProvidedContexts (trusted identity propagation) are not emulated yet.")
    if "SerialNumber" in request or "TokenCode" in request:
        # Nobody has an MFA device here, so no code can be right.
        raise AccessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")


def _session_tags(request: Mapping[str, Any]) -> dict[str, str]:
    given = request.get("Tags", ())
    if repeated_keys(given, fold_case=True):
        raise InvalidParameterValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    tags = tags_of(given)
    present = {key.casefold() for key in tags}
    if any(key.casefold() not in present for key in request.get("TransitiveTagKeys", ())):
        raise InvalidParameterValue("The specified transitive tag key must be included in the requested tags.")
    return tags


def _policy_arns(request: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(policy["arn"] for policy in request.get("PolicyArns", ()) if "arn" in policy)


def _packed_size(request: Mapping[str, Any], tags: Mapping[str, str]) -> int | None:
    """Per cent of what session policies and tags may take. AWS packs them first; here they count as they are."""
    policy, arns = request.get("Policy", ""), _policy_arns(request)
    if policy:
        check_policy(policy, "identity")
    length = len(policy) + sum(len(arn) for arn in arns) + sum(len(k) + len(v) for k, v in tags.items())
    percent = -(-100 * length // _POLICY_SIZE)
    if percent > 100:
        raise PackedPolicyTooLargeException(
            f"PackedPolicySize is {percent}% of the allowed limit. Shorten the session policy or the session tags."
        )
    return percent or None


def _admitted(call: Call, request: Mapping[str, Any], wanted: RoleName, role: Role | None) -> str:
    """The role's id. A role that nobody created is adopted unless the emulator is strict; only then its trust
    policy decides too."""
    if role is None and not call.facts.roles_must_exist:
        call.warn(f"No role {wanted.arn} was created; it is taken as if it existed and trusted its caller.")
        return adopted_role_id(wanted.arn)
    if role is None or (call.facts.strict and not trusts(role.trust, _asking(call, request))):
        raise AccessDenied(
            f"User: {call.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {wanted.arn}"
        )
    return role.id


def _asking(call: Call, request: Mapping[str, Any]) -> Asking:
    session = credentials_of(call.reader, call.caller.access_key)
    arns = (call.caller.arn, session.role_arn) if session and session.role_arn else (call.caller.arn,)
    context = {**caller_standing(call).context, **call.conditions, **assume_keys(request)}
    return Asking(call.caller.account, arns, context=context)


def _check_duration(call: Call, role: Role | None, duration_s: int) -> None:
    if role is not None and duration_s > role.max_session_s:
        raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if ":assumed-role/" in call.caller.arn and duration_s > _CHAINED_S:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )


@writes
def get_session_token(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if credentials_of(call.reader, call.caller.access_key) is not None:
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    if "SerialNumber" in request or "TokenCode" in request:
        raise AccessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    is_root = call.caller.arn.endswith(":root")
    duration = request.get("DurationSeconds", 3600 if is_root else 43_200)
    if is_root:
        duration = min(duration, 3600)  # the account's own sessions end after an hour, whatever was asked
    holder = Holder(call.account, call.caller.arn, call.caller.user_id)
    return {"Credentials": _shown(issue(call.tx, call.ids, holder, call.now, duration))}


def _shown(issued: TemporaryCredentials) -> dict[str, Any]:
    return {
        "AccessKeyId": issued.id,
        "SecretAccessKey": issued.secret_key,
        "SessionToken": issued.session_token,
        "Expiration": issued.expires_at,
    }
