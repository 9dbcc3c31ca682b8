"""What the services' authorization tables share: condition keys of tags, the ARN of a role that is passed on, and
what a resource's policy does to who puts it.

The tables follow the Service Authorization Reference: which actions, on which resources, with which condition keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.iam.identity import role_name
from emulator.domain.iam.policy_conditions import Context, resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.store.iam_tables import ROLES
from emulator.store.permissions import decide, standing_of
from emulator.wire.call import Call


def nothing(call: Call, request: Mapping[str, Any]) -> Iterable[Access]:
    """For what anybody may do."""
    return ()


def request_tags(tags: Mapping[str, str]) -> Context:
    """aws:RequestTag/key and aws:TagKeys of the tags that a request brings."""
    return {**{f"aws:requesttag/{key}".lower(): (value,) for key, value in tags.items()}, **tag_keys(tags)}


def tag_keys(keys: Iterable[str]) -> Context:
    return {"aws:tagkeys": tuple(keys)}


def pass_role(call: Call, reference: str, service: str) -> Access:
    """iam:PassRole for a role, given by name or ARN, that `service` shall have (IAM user guide, "Grant a user
    permissions to pass a role to an AWS service")."""
    named = role_name(reference)
    account, name = (named.account, named.name) if named else (call.account, reference)
    role = call.reader.get(ROLES, account, name)
    arn = reference if named else role.arn if role else f"arn:{call.partition}:iam::{call.account}:role/{name}"
    context = {"iam:passedtoservice": (service,), **resource_tags("iam", role.tags if role else {})}
    if account != call.account:
        return Access("iam:PassRole", arn, context, account=account, text="Cross-account pass role is not allowed.")
    return Access("iam:PassRole", arn, context)


def locks_out(call: Call, action: str, arn: str, policy: str) -> bool:
    """Whether a resource's policy itself denies its caller an action on the resource: to put another policy."""
    standing = standing_of(call.reader, call.caller.arn, call.caller.account, call.caller.access_key)
    return decide(standing, Access(action, arn, policy=policy, account=call.account), call.conditions).explicit
