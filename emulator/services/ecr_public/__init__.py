"""Amazon ECR Public, in small: what its API does. Its images are kept by the registry, as those of ECR are."""

from emulator.services.ecr_public import (
    authorization_token,
    images,
    layers,
    registries,
    repositories,
    repository_policies,
    tags,
)
from emulator.services.ecr_public.authorization import AUTHORIZATION

MODULES = (authorization_token, images, layers, registries, repositories, repository_policies, tags)

__all__ = ["AUTHORIZATION", "MODULES"]
