"""The policy simulator: what policies would decide, by the same evaluation that `--enforce-iam` asks.

Only the context that the request brings is known to it, as at AWS; keys that policies use and the request lacks are
named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.arn import parse_arn
from emulator.domain.iam.identity_errors import InvalidInputException, NoSuchEntityException
from emulator.domain.iam.policy_conditions import Context
from emulator.domain.iam.policy_document import MalformedPolicyDocumentException, check_policy
from emulator.domain.iam.policy_evaluation import Access, Policies, evaluate
from emulator.domain.iam.policy_keys import context_keys
from emulator.domain.iam.policy_matching import Requester
from emulator.services.iam.shown import paged
from emulator.store.iam_tables import ROLES, USERS
from emulator.store.permissions import Standing, role_standing, standing_of
from emulator.store.tables import Table
from emulator.wire.call import Call

_NO_STATEMENTS = "MatchedStatements are left out: Homeport does not say where in a document a statement stands."


def simulate_custom_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policies = Policies(_documents(request, "PolicyInputList"), _boundary(request))
    return _simulate(call, request, _caller(call, request.get("CallerArn")), policies)


def simulate_principal_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """What a user or role may, with further policies as if they were its own; a boundary given here takes the place of
    its own."""
    source = _standing(call, request["PolicySourceArn"])
    boundary = _boundary(request)
    policies = Policies(
        (*source.policies.identity, *_documents(request, "PolicyInputList")),
        source.policies.boundary if boundary is None else boundary,
    )
    who = _caller(call, request.get("CallerArn") or request["PolicySourceArn"])
    return _simulate(call, request, who, policies)


def get_context_keys_for_custom_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"ContextKeyNames": context_keys(_documents(request, "PolicyInputList"))}


def get_context_keys_for_principal_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    source = _standing(call, request["PolicySourceArn"])
    return {"ContextKeyNames": context_keys((*source.policies.identity, *_documents(request, "PolicyInputList")))}


def _simulate(call: Call, request: Mapping[str, Any], who: Requester, policies: Policies) -> dict[str, Any]:
    context: Context = {
        str(entry.get("ContextKeyName")).lower(): tuple(entry.get("ContextKeyValues") or ())
        for entry in request.get("ContextEntries") or ()
    }
    request.get("ResourceHandlingOption")  # EC2's scenarios differ in which resources must be given; all are evaluated
    resource_policy = request.get("ResourcePolicy")
    if resource_policy is not None:
        _check(resource_policy, "resource")
    owner = parse_arn(request["ResourceOwner"]) if request.get("ResourceOwner") else None
    results = [
        _result(who, policies, context, Access(action, arn, {}, resource_policy, owner.account if owner else None))
        for action in request["ActionNames"]
        for arn in request.get("ResourceArns") or ["*"]
    ]
    call.warn(_NO_STATEMENTS)
    page = call.page(request, list(enumerate(results)), key=lambda item: f"{item[0]:06d}")
    return paged(page, "EvaluationResults", [result for _, result in page.items])


def _result(who: Requester, policies: Policies, context: Context, access: Access) -> dict[str, Any]:
    decision = evaluate(who, policies, access, context)
    said = "allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny"
    used = [*policies.identity, *(policies.boundary or ()), *([access.policy] if access.policy else [])]
    result: dict[str, Any] = {
        "EvalActionName": access.action,
        "EvalResourceName": access.resource,
        "EvalDecision": said,
        "MissingContextValues": [key for key in context_keys(used) if key.lower() not in context],
    }
    if policies.boundary is not None:
        alone = evaluate(who, Policies(policies.boundary), Access(access.action, access.resource), context)
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": alone.allowed}
    return result


def _standing(call: Call, arn: str) -> Standing:
    """NoSuchEntity for who is not there, InvalidInput for what is neither a user's nor a role's ARN."""
    named = parse_arn(arn)
    if named is None or named.service != "iam" or named.kind not in ("user", "role"):
        raise InvalidInputException(f"Invalid Entity Arn: {arn}")
    table: Table[Any] = USERS if named.kind == "user" else ROLES
    found = call.reader.get(table, named.account, named.path[-1])
    if found is None or found.arn != arn or named.account != call.account:
        raise NoSuchEntityException(f"The {named.kind} with name {named.path[-1]} cannot be found.")
    if named.kind == "user":
        return standing_of(call.reader, arn, named.account)
    return role_standing(call.reader, arn, named.account, named.partition, "simulated")


def _caller(call: Call, arn: str | None) -> Requester:
    """Somebody of the account, or whom the request names."""
    named = parse_arn(arn) if arn else None
    if arn is not None and named is None:
        raise InvalidInputException(f"Invalid Entity Arn: {arn}")
    if named is None or arn is None:
        return Requester("user", f"arn:{call.partition}:iam::{call.account}:user/simulated", call.account)
    if named.kind == "role":
        return Requester("role", arn, named.account, arn)
    return Requester("root" if named.resource == "root" else "user", arn, named.account)


def _boundary(request: Mapping[str, Any]) -> tuple[str, ...] | None:
    return _documents(request, "PermissionsBoundaryPolicyInputList") or None


def _documents(request: Mapping[str, Any], member: str) -> tuple[str, ...]:
    documents: Sequence[str] = request.get(member) or ()
    for document in documents:
        _check(document, "identity")
    return tuple(documents)


def _check(document: str, kind: Any) -> None:
    try:
        check_policy(document, kind)
    except MalformedPolicyDocumentException as error:
        raise InvalidInputException(error.message) from error
