"""What an account sets for its whole registry in a region, and the rules about it that need no storage.

The registry's policy, account settings, signing rules, and whose pulls are not recorded. It must not know who asks, nor
what is done because of a setting. Source: Amazon ECR user guide, "Private registry"; botocore's ECR model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from emulator.domain.errors import AwsError
from emulator.domain.wildcard import matches_wildcard

BASIC_SCAN_TYPE_VERSION: Final = "BASIC_SCAN_TYPE_VERSION"
REGISTRY_POLICY_SCOPE: Final = "REGISTRY_POLICY_SCOPE"
BLOB_MOUNTING: Final = "BLOB_MOUNTING"
ENABLED, DISABLED = "ENABLED", "DISABLED"

SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    BASIC_SCAN_TYPE_VERSION: ("AWS_NATIVE",),
    REGISTRY_POLICY_SCOPE: ("V2", "V1"),
    BLOB_MOUNTING: (ENABLED, DISABLED),
}
"""Every setting with its values; the first is what holds until another is put. CLAIR, the basic scanner of old, is none
any more (botocore's model)."""

V1_ACTIONS: Final = frozenset({"ecr:CreateRepository", "ecr:ReplicateImage", "ecr:BatchImportUpstreamImage"})
"""What a registry's policy decides in its first scope; in V2 every action of ECR."""

MAXIMUM_EXCLUSIONS: Final = 100


class ValidationException(AwsError):
    """ECR: a value that the model's shape lets through and the service does not."""


@dataclass(frozen=True, slots=True)
class RegistryPolicy:
    """The policy of a registry, its text as it was put."""

    account: str
    region: str
    text: str


@dataclass(frozen=True, slots=True)
class AccountSetting:
    account: str
    region: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class PullTimeExclusion:
    """A role or user whose pulls leave lastRecordedPullTime as it is."""

    account: str
    region: str
    principal_arn: str
    created_at: float


@dataclass(frozen=True, slots=True)
class SigningRule:
    """`filters` are wildcards for names of repositories; none stands for all repositories."""

    profile_arn: str
    filters: tuple[str, ...] = ()

    def applies_to(self, repository: str) -> bool:
        return not self.filters or any(matches_wildcard(one, repository) for one in self.filters)


@dataclass(frozen=True, slots=True)
class SigningConfiguration:
    """Which images are to be signed when they are pushed, by whom."""

    account: str
    region: str
    rules: tuple[SigningRule, ...]


def check_setting(name: str, value: str | None = None) -> None:
    """Raises ValidationException for what is no setting, or no value of it (texts unconfirmed)."""
    if name not in SETTINGS:
        raise ValidationException(f"Invalid account setting name: {name}. Valid names are [{', '.join(SETTINGS)}]")
    if value is not None and value not in SETTINGS[name]:
        valid = ", ".join(SETTINGS[name])
        raise ValidationException(f"Invalid value {value} for account setting {name}. Valid values are [{valid}]")


def policy_decides(scope: str, action: str) -> bool:
    """Whether a registry's policy has a say on an action under a REGISTRY_POLICY_SCOPE."""
    return scope != "V1" or action in V1_ACTIONS


def is_excluded(principal: str, excluded: Iterable[str]) -> bool:
    """Whether one of the ARNs of roles and users names a principal: a user, or a session of a role.

    A session's ARN has the role's name without its path, so that alone is compared.
    """
    parts = principal.split(":", 5)
    if len(parts) != 6:
        return False
    kind, _, rest = parts[5].partition("/")
    if kind != "assumed-role":
        return principal in excluded
    role = rest.partition("/")[0]
    return any(_names_role(one, parts[4], role) for one in excluded)


def _names_role(arn: str, account: str, role: str) -> bool:
    parts = arn.split(":", 5)
    return parts[4] == account and parts[5].startswith("role/") and parts[5].rpartition("/")[2] == role
