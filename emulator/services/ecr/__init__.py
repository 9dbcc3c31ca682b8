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
    tags,
)

__all__ = ["AUTHORIZATION", "MODULES"]
