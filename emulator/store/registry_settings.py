"""What is set for a registry, as it holds now: for the registry, the API and control. Reads; decides nothing."""

from __future__ import annotations

from emulator.domain.ecr.public_registry import PUBLIC
from emulator.domain.ecr.registry_settings import REGISTRY_POLICY_SCOPE, SETTINGS, is_excluded, policy_decides
from emulator.domain.iam.policy_conditions import resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.store.database import Reader
from emulator.store.ecr_tables import ACCOUNT_SETTINGS, PULL_TIME_EXCLUSIONS, REGISTRY_POLICIES, REPOSITORIES


def put_setting(reader: Reader, account: str, region: str, name: str) -> str | None:
    """The value that somebody put, None without one."""
    found = reader.get(ACCOUNT_SETTINGS, account, region, name)
    return None if found is None else found.value


def registry_policy(reader: Reader, account: str, region: str, action: str) -> str | None:
    """The text of the registry's policy when that has a say on the action."""
    found = reader.get(REGISTRY_POLICIES, account, region)
    if found is None:
        return None
    scope = put_setting(reader, account, region, REGISTRY_POLICY_SCOPE) or SETTINGS[REGISTRY_POLICY_SCOPE][0]
    return found.text if policy_decides(scope, action) else None


def repository_access(reader: Reader, action: str, arn: str) -> Access:
    """What IAM is asked about a repository, which need not exist: with its own policy and its registry's."""
    _, _, service, region, account, resource = arn.split(":", 5)
    if service == "ecr-public":
        region = PUBLIC
    there = reader.get(REPOSITORIES, account, region, resource.removeprefix("repository/"))
    return Access(
        action,
        arn,
        resource_tags(service, there.tags) if there else {},
        there.policy_text if there else None,
        account,
        further=registry_policy(reader, account, region, action),
    )


def pull_is_recorded(reader: Reader, account: str, region: str, principal: str) -> bool:
    """Whether a pull by a principal (an ARN) counts for lastRecordedPullTime in a registry."""
    excluded = reader.column(PULL_TIME_EXCLUSIONS, "principal_arn", account=account, region=region)
    return not excluded or not is_excluded(principal, excluded)
