"""Tables of IAM and STS: identities, policies and the credentials that were given out. IAM knows no regions."""

from __future__ import annotations

from emulator.domain.iam.identity import (
    AccessKey,
    Attachment,
    InlinePolicy,
    InstanceProfile,
    Policy,
    Role,
    TemporaryCredentials,
    User,
)
from emulator.store.tables import Table

ROLES: Table[Role] = Table("iam_roles", Role, key=("account", "name"))
POLICIES: Table[Policy] = Table("iam_policies", Policy, key=("account", "arn"), indexes=(("account", "name"),))
ATTACHMENTS: Table[Attachment] = Table(
    "iam_attachments",
    Attachment,
    key=("account", "kind", "name", "policy_arn"),
    indexes=(("account", "policy_arn"),),
)
INLINE_POLICIES: Table[InlinePolicy] = Table(
    "iam_inline_policies", InlinePolicy, key=("account", "kind", "name", "policy_name")
)
USERS: Table[User] = Table("iam_users", User, key=("account", "name"))
ACCESS_KEYS: Table[AccessKey] = Table(
    "iam_access_keys", AccessKey, key=("account", "id"), indexes=(("account", "user"),), unique=(("id",),)
)
INSTANCE_PROFILES: Table[InstanceProfile] = Table(
    "iam_instance_profiles", InstanceProfile, key=("account", "name"), indexes=(("account", "role"),)
)
TEMPORARY_CREDENTIALS: Table[TemporaryCredentials] = Table(
    "sts_credentials",
    TemporaryCredentials,
    key=("account", "id"),
    indexes=(("expires_at",),),
    unique=(("id",),),
)

TABLES = (
    ROLES,
    POLICIES,
    ATTACHMENTS,
    INLINE_POLICIES,
    USERS,
    ACCESS_KEYS,
    INSTANCE_PROFILES,
    TEMPORARY_CREDENTIALS,
)
