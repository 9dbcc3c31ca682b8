"""Whether somebody gets into a repository: its policy, its owner's account, and the policies of who asks.

Used by the registry for each request and by the ECR API across accounts. The registry's policy counts as its
repositories' policies do. It decides nothing about what is done there.
Source: Amazon ECR user guide, "Private repository policies" and "Private registry permissions".
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.domain.iam.policy_conditions import Context
from emulator.domain.iam.policy_evaluation import ALLOW_EVERYTHING, Access, Policies, denial_text
from emulator.registry.auth import TokenClaims
from emulator.store.database import Reader
from emulator.store.permissions import Standing, decide, standing_of
from emulator.store.registry_settings import repository_access


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """`enforce`: identities' policies count (`--enforce-iam`); otherwise whoever holds a token of the owner's account
    gets in, and others by the repository's policy."""

    enforce: bool = False

    def refusal(self, reader: Reader, claims: TokenClaims, arn: str, action: str, request: Context) -> str | None:
        """ECR's text for who may not, None for who may. The repository of the ARN need not exist; `request` holds the
        condition keys that describe the request."""
        if not self.enforce:
            return let_in(reader, claims.principal, claims.account, arn, action)
        standing = standing_of(reader, claims.principal, claims.account, claims.access_key)
        return _refusal(standing, repository_access(reader, action, arn), request)


WITHOUT_POLICIES = Doorkeeper()


def let_in(reader: Reader, principal: str, account: str, arn: str, action: str) -> str | None:
    """Only what the policies of the repository and its registry say of others is asked: whoever asks may everything as
    far as its own account is concerned."""
    if account == arn.split(":")[4]:
        return None
    known = standing_of(reader, principal, account)
    allowed = Standing(known.who, Policies((ALLOW_EVERYTHING,)), known.context)
    return _refusal(allowed, repository_access(reader, action, arn), {})


def _refusal(standing: Standing, access: Access, context: Context) -> str | None:
    decision = decide(standing, access, context)
    return None if decision.allowed else denial_text(standing.who.arn, access, decision)
