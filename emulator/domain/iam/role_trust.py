"""Whether a role's trust policy, by itself, lets a principal assume the role. Used where roles must be real.

What else the principal needs (its own policies) is not asked here. Source: IAM user guide, "Policy evaluation logic".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.domain.iam.policy_conditions import Context
from emulator.domain.iam.policy_evaluation import ALLOW_EVERYTHING, Access, Policies, evaluate
from emulator.domain.iam.policy_matching import Requester

ASSUME_ROLE = "sts:AssumeRole"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who wants the role. `arns` are the names of the principal: its own and, of a session, its role's; `context` holds
    the condition keys that the request fills, in lower case."""

    account: str
    arns: tuple[str, ...] = ()
    service: str | None = None
    context: Context = field(default_factory=dict)


def trusts(document: str, asking: Asking) -> bool:
    """Whether an Allow of the document names who asks, and no Deny does."""
    if asking.service is not None:
        who = Requester("service", asking.service)
    else:
        who = Requester("user", asking.arns[0], asking.account, asking.arns[1] if len(asking.arns) > 1 else None)
    access = Access(ASSUME_ROLE, policy=document, trust=True)
    return evaluate(who, Policies((ALLOW_EVERYTHING,)), access, asking.context).allowed
