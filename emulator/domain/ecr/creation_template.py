"""Repository creation templates: what a repository is like that ECR makes by itself, and which template applies. Pure.

Source: Amazon ECR user guide, "Repository creation templates".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from emulator.domain.ecr.image import MUTABLE, Repository, TagFilter

REPLICATION: Final = "REPLICATION"
PULL_THROUGH_CACHE: Final = "PULL_THROUGH_CACHE"
CREATE_ON_PUSH: Final = "CREATE_ON_PUSH"
ROOT: Final = "ROOT"
"""The prefix of the template for whatever no other template is for."""


@dataclass(frozen=True, slots=True)
class CreationTemplate:
    """`applied_for` says who makes the repositories; policies are texts, None where none is to be set."""

    account: str
    region: str
    prefix: str
    created_at: float
    updated_at: float
    applied_for: tuple[str, ...] = ()
    description: str | None = None
    encryption_type: str = "AES256"
    kms_key: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    tag_mutability: str = MUTABLE
    exclusion_filters: tuple[TagFilter, ...] = ()
    policy_text: str | None = None
    lifecycle_policy_text: str | None = None
    custom_role_arn: str | None = None

    def covers(self, name: str) -> bool:
        """A prefix ends at a slash, whether it is written or not."""
        return self.prefix == ROOT or name.startswith(f"{self.prefix.rstrip('/')}/")


def template_for(templates: Iterable[CreationTemplate], name: str, purpose: str) -> CreationTemplate | None:
    """The most particular template for a repository's name."""
    covering = [one for one in templates if purpose in one.applied_for and one.covers(name)]
    return max(covering, key=lambda one: 0 if one.prefix == ROOT else len(one.prefix.rstrip("/")), default=None)


def repository_by(template: CreationTemplate | None, account: str, region: str, name: str, now: float) -> Repository:
    """A repository by a template; without one with ECR's defaults."""
    if template is None:
        return Repository(account, region, name, now)
    lifecycle = template.lifecycle_policy_text
    return Repository(
        account,
        region,
        name,
        now,
        tag_mutability=template.tag_mutability,
        exclusion_filters=template.exclusion_filters,
        encryption_type=template.encryption_type,
        kms_key=template.kms_key,
        tags=dict(template.tags),
        policy_text=template.policy_text,
        lifecycle_policy_text=lifecycle,
        lifecycle_put_at=None if lifecycle is None else now,
    )
