"""AWS Identity and Access Management: roles, users, managed and inline policies, instance profiles.

Roles, users and their keys have effect (STS, the caller's name, strict checks). Permission policies are checked and
kept; they are not evaluated yet.
"""

from emulator.services.iam import (
    access_keys,
    instance_profiles,
    linked_roles,
    policies,
    policy_versions,
    role_policies,
    roles,
    user_policies,
    users,
)

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
)
