"""Amazon ECR: what its API does. Images, tags and layers come and go through registry/repository.py alone."""

from emulator.services.ecr import (
    authorization,
    images,
    layers,
    lifecycle_policies,
    registry,
    repositories,
    repository_policies,
    scanning,
    tags,
)

MODULES = (
    authorization,
    images,
    layers,
    lifecycle_policies,
    registry,
    repositories,
    repository_policies,
    scanning,
    tags,
)
