"""Whether the caller may do what it asks for, once it is known who calls and what is asked (`--enforce-iam`).

Each service says in its authorization.py what an operation needs; here that is put to IAM's evaluation. Without
enforcement nobody is asked. It knows no service by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.domain.errors import AccessDeniedException, AwsError, NotEmulatedYet
from emulator.domain.iam.policy_conditions import Context, request_keys
from emulator.domain.iam.policy_evaluation import Access, denial_text
from emulator.store.permissions import Standing, decide, standing_of
from emulator.wire.call import Call
from emulator.wire.errors import UnauthorizedOperation
from emulator.wire.request import HttpRequest

Needs = Callable[[Call, Mapping[str, Any]], Iterable[Access]]
"""What an operation needs for this request, in the order in which AWS asks. It reads, and refuses nothing itself."""

Authorization = Mapping[str, Needs]
"""By operation; an operation that anybody may call needs nothing."""


def check_allowed(call: Call, authorization: Authorization, members: Mapping[str, Any]) -> None:
    """AccessDeniedException, in AWS's words, for the first thing that the caller may not."""
    needs = authorization.get(call.operation)
    if needs is None:
        raise NotEmulatedYet(f"IAM enforcement does not cover {call.service}:{call.operation} yet.")
    standing = caller_standing(call)
    for access in needs(call, members):
        decision = decide(standing, access, call.conditions)
        if not decision.allowed:
            raise _refusal(call, denial_text(call.caller.arn, access, decision))


def _refusal(call: Call, text: str) -> AwsError:
    """EC2 has a code and an opening of its own; the encoded message that it appends is left out."""
    if call.service == "ec2":
        return UnauthorizedOperation(f"You are not authorized to perform this operation. {text}")
    return AccessDeniedException(text)


def may(call: Call, access: Access) -> str | None:
    """What the caller would be answered, None when it may. For operations that answer item by item."""
    if not call.facts.enforce_iam:
        return None
    decision = decide(caller_standing(call), access, call.conditions)
    return None if decision.allowed else denial_text(call.caller.arn, access, decision)


def caller_standing(call: Call) -> Standing:
    return standing_of(call.reader, call.caller.arn, call.caller.account, call.caller.access_key)


def request_conditions(request: HttpRequest, region: str, now: float) -> Context:
    """The global keys that describe a request."""
    keys = request_keys(region, now, request.remote_address)
    for name, header in (("aws:useragent", "User-Agent"), ("aws:referer", "Referer")):
        if value := request.header(header):
            keys[name] = (value,)
    return keys
