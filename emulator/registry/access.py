"""Whether somebody gets into a repository: its policy, its owner's account, and the policies of who asks.

Used by the registry for each request and by the ECR API across accounts. It decides nothing about what is done there.
Source: Amazon ECR user guide, "Private repository policies".
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.domain.image import Repository
from emulator.domain.policy_conditions import Context, resource_tags
from emulator.domain.policy_evaluation import ALLOW_EVERYTHING, Access, Policies, denial_text
from emulator.registry.auth import TokenClaims
from emulator.store.database import Reader
from emulator.store.permissions import Standing, decide, standing_of


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """`enforce`: identities' policies count (`--enforce-iam`); otherwise whoever holds a token of the owner's account
    gets in, and others by the repository's policy."""

    enforce: bool = False

    def refusal(
        self,
        reader: Reader,
        claims: TokenClaims,
        arn: str,
        repository: Repository | None,
        action: str,
        request: Context,
    ) -> str | None:
        """ECR's text for who may not, None for who may. `repository` is None when there is none of that ARN; `request`
        holds the condition keys that describe the request."""
        if not self.enforce:
            return let_in(reader, claims.principal, claims.account, arn, repository, action)
        standing = standing_of(reader, claims.principal, claims.account, claims.access_key)
        return _refusal(standing, arn, repository, action, request)


WITHOUT_POLICIES = Doorkeeper()


def let_in(
    reader: Reader, principal: str, account: str, arn: str, repository: Repository | None, action: str
) -> str | None:
    """Only what the repository's policy says of others is asked: whoever asks may everything as far as its own
    account is concerned."""
    if account == arn.split(":")[4]:
        return None
    known = standing_of(reader, principal, account)
    allowed = Standing(known.who, Policies((ALLOW_EVERYTHING,)), known.context)
    return _refusal(allowed, arn, repository, action, {})


def _refusal(standing: Standing, arn: str, repository: Repository | None, action: str, context: Context) -> str | None:
    tags = resource_tags("ecr", repository.tags) if repository else {}
    policy = repository.policy_text if repository else None
    access = Access(action, arn, tags, policy, arn.split(":")[4])
    decision = decide(standing, access, context)
    return None if decision.allowed else denial_text(standing.who.arn, access, decision)
