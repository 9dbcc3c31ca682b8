"""AWS Identity and Access Management: roles, users, managed and inline policies, instance profiles.

Roles, users and their keys have effect (STS, the caller's name, strict checks). Permission policies decide where they
are enforced (`--enforce-iam`); otherwise they are checked and kept.
"""

from emulator.services.iam import (
    access_keys,
    instance_profiles,
    linked_roles,
    policies,
    policy_versions,
    role_policies,
    roles,
    simulation,
    user_policies,
    users,
)
from emulator.services.iam.authorization import AUTHORIZATION

MODULES = (
    roles,
    role_policies,
    policies,
    policy_versions,
    users,
    user_policies,
    access_keys,
    instance_profiles,
    linked_roles,
    simulation,
)

__all__ = ["AUTHORIZATION", "MODULES"]
