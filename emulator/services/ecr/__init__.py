"""Amazon ECR: what its API does. Images, tags and layers come and go through registry/repository.py alone."""

from emulator.services.ecr import (
    authorization_token,
    images,
    layers,
    lifecycle_policies,
    registry,
    repositories,
    repository_policies,
    scanning,
    storage_class,
    tags,
)
from emulator.services.ecr.authorization import AUTHORIZATION

MODULES = (
    authorization_token,
    images,
    layers,
    lifecycle_policies,
    registry,
    repositories,
    repository_policies,
    scanning,
    storage_class,
    tags,
)

__all__ = ["AUTHORIZATION", "MODULES"]
