"""Amazon ECR: what its API does. Images, tags and layers come and go through registry/repository.py alone."""

from emulator.services.ecr import (
    account_settings,
    authorization_token,
    creation_templates,
    images,
    layer_uploads,
    layers,
    lifecycle_policies,
    pull_through_cache,
    pull_time_exclusions,
    referrers,
    registry,
    registry_policy,
    replication,
    replication_backfills,
    repositories,
    repository_policies,
    scanning,
    signing,
    storage_class,
    tags,
)
from emulator.services.ecr.authorization import AUTHORIZATION

MODULES = (
    account_settings,
    authorization_token,
    creation_templates,
    images,
    layer_uploads,
    layers,
    lifecycle_policies,
    pull_through_cache,
    pull_time_exclusions,
    referrers,
    registry,
    registry_policy,
    replication,
    replication_backfills,
    repositories,
    repository_policies,
    scanning,
    signing,
    storage_class,
    tags,
)

__all__ = ["AUTHORIZATION", "MODULES"]
