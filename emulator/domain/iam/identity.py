"""Who can be somebody: roles, users, policies, keys and the names they have.

It decides how ARNs of principals look and read, and how an access key id names its account. It knows no policies'
meaning. Source: IAM user guide ("IAM identifiers") and the IAM and STS API models.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
UNIQUE_ID_LETTERS = 17


@dataclass(frozen=True, slots=True)
class Role:
    """`id` begins with AROA. `trust` is the AssumeRolePolicyDocument as given."""

    account: str
    name: str
    arn: str
    id: str
    path: str
    trust: str
    created_at: float
    description: str | None = None
    max_session_s: int = 3600
    boundary: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    service: str | None = None  # the service a linked role belongs to
    last_used_at: float | None = None
    last_used_region: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    id: str  # v1, v2, ...
    document: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Policy:
    """A managed policy; `id` begins with ANPA. Its newest number never comes again, even after deletion."""

    account: str
    arn: str
    name: str
    id: str
    path: str
    versions: tuple[PolicyVersion, ...]
    default_version: str
    created_at: float
    updated_at: float
    last_number: int = 1
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def version(self, version_id: str) -> PolicyVersion | None:
        return next((version for version in self.versions if version.id == version_id), None)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A managed policy on a role or user; `kind` is `role` or `user`."""

    account: str
    kind: str
    name: str
    policy_arn: str


@dataclass(frozen=True, slots=True)
class InlinePolicy:
    """A policy that belongs to one role or user."""

    account: str
    kind: str
    name: str
    policy_name: str
    document: str


@dataclass(frozen=True, slots=True)
class User:
    """`id` begins with AIDA."""

    account: str
    name: str
    arn: str
    id: str
    path: str
    created_at: float
    boundary: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A user's long-lived key; `id` begins with AKIA."""

    account: str
    id: str
    user: str
    secret_key: str
    created_at: float
    active: bool = True


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """`id` begins with AIPA. It holds one role or none."""

    account: str
    name: str
    arn: str
    id: str
    path: str
    created_at: float
    role: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TemporaryCredentials:
    """What STS gave out; `id` begins with ASIA. `principal_arn` and `user_id` are whoever holds them."""

    account: str
    id: str
    secret_key: str
    session_token: str
    principal_arn: str
    user_id: str
    issued_at: float
    expires_at: float
    role_arn: str | None = None
    source_identity: str | None = None
    session_policy: str | None = None
    session_policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    transitive_tag_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleName:
    """A role's ARN, taken apart."""

    partition: str
    account: str
    path: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"

    def session_arn(self, session: str) -> str:
        """The principal of a session; it has the role's name without its path."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.name}/{session}"


def role_name(arn: str) -> RoleName | None:
    """None when the text is no role's ARN."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "iam" or parts[3] or not parts[5].startswith("role/"):
        return None
    path, _, name = parts[5].removeprefix("role").rpartition("/")
    if not name or len(parts[4]) != 12 or not parts[4].isdigit():
        return None
    return RoleName(parts[1], parts[4], f"{path}/", name)


def adopted_role_id(arn: str) -> str:
    """The id of a role that nobody created but a document names: always the same for the same ARN."""
    return "AROA" + base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:UNIQUE_ID_LETTERS]


def access_key_id(prefix: str, account: str, random_part: bytes) -> str:
    """A key id of 20 characters (`prefix` AKIA or ASIA) that carries its account as AWS's own do.

    The sixteen characters after the prefix are ten bytes in base 32: one bit set, 40 bits of account, 7 + 32 bits
    that make it unique (`random_part`, 5 bytes).
    """
    number = int.from_bytes(random_part, "big") & ((1 << 39) - 1)
    packed = (1 << 79) | (int(account) << 39) | number
    return prefix + base64.b32encode(packed.to_bytes(10, "big")).decode()


def account_of_access_key(key_id: str) -> str | None:
    """The account that an access key id carries; None for ids of the oldest kind and for anything else."""
    try:
        packed = int.from_bytes(base64.b32decode(key_id[4:20]), "big")
    except (binascii.Error, ValueError):
        return None
    if len(key_id) != 20 or key_id[:4] not in ("AKIA", "ASIA") or not packed >> 79:
        return None
    account = (packed >> 39) & ((1 << 40) - 1)
    return f"{account:012d}" if account < 10**12 else None
