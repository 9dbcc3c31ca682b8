"""Pull-through cache rules: which upstream a rule may name, which rule a repository's name falls under. Pure.

Source: Amazon ECR user guide, "Pull through cache rules"; API model, CreatePullThroughCacheRule.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

ROOT: Final = "ROOT"
MAXIMUM_RULES: Final = 50
RECHECK_S: Final = 24 * 3600.0
"""A cached tag is compared with the upstream's at most once in this time."""

_KINDS: Final = (
    (re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"), "ecr"),
    (re.compile(r"public\.ecr\.aws"), "ecr-public"),
    (re.compile(r"quay\.io"), "quay"),
    (re.compile(r"registry\.k8s\.io"), "k8s"),
    (re.compile(r"registry-1\.docker\.io"), "docker-hub"),
    (re.compile(r"ghcr\.io"), "github-container-registry"),
    (re.compile(r"[a-zA-Z0-9]+\.azurecr\.io"), "azure-container-registry"),
    (re.compile(r"registry\.gitlab\.com"), "gitlab-container-registry"),
    (re.compile(r"cgr\.dev"), "chainguard"),
)

NEEDS_CREDENTIALS: Final = frozenset(
    {
        "docker-hub",
        "github-container-registry",
        "azure-container-registry",
        "gitlab-container-registry",
        "chainguard",
    }
)


@dataclass(frozen=True, slots=True)
class PullThroughRule:
    """`upstream_url` is a host, `upstream_prefix` ROOT or what stands before a repository's name there."""

    account: str
    region: str
    prefix: str
    upstream_url: str
    created_at: float
    updated_at: float
    upstream_registry: str | None = None
    upstream_prefix: str = ROOT
    credential_arn: str | None = None
    custom_role_arn: str | None = None

    def upstream_name(self, name: str) -> str | None:
        """The repository's name at the upstream; None when the rule is not about it."""
        if self.prefix == ROOT:
            rest = name
        elif name.startswith(f"{self.prefix}/"):
            rest = name[len(self.prefix) + 1 :]
        else:
            return None
        return rest if self.upstream_prefix == ROOT else f"{self.upstream_prefix}/{rest}"


@dataclass(frozen=True, slots=True)
class CachedTag:
    """When a tag of a cached repository was last compared with the upstream's."""

    account: str
    region: str
    repository: str
    tag: str
    checked_at: float

    def fresh(self, now: float) -> bool:
        return now - self.checked_at < RECHECK_S


def kind_of(host: str, named: Collection[str]) -> tuple[bool, str | None]:
    """Whether a rule may name the host, and ECR's name for its kind. `named`: hosts that the user allowed besides."""
    kind = next((kind for pattern, kind in _KINDS if pattern.fullmatch(host)), None)
    return kind is not None or host in named, kind


def rule_for(rules: Iterable[PullThroughRule], name: str) -> PullThroughRule | None:
    """The most particular rule for a repository's name."""
    matching = [rule for rule in rules if rule.upstream_name(name) is not None]
    return max(matching, key=lambda rule: 0 if rule.prefix == ROOT else len(rule.prefix), default=None)
