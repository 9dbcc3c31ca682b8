"""ECR's quotas of repositories, images, tags and layers: whether one more may come.

What is there already is never taken away because of a quota. Texts are unconfirmed, but that about layers.
"""

from __future__ import annotations

from emulator.domain.ecr import image as quotas
from emulator.domain.ecr.image import ImageCount, Repository
from emulator.domain.ecr.image_errors import InvalidManifest
from emulator.domain.ecr.manifest import Manifest
from emulator.domain.errors import LimitExceededException
from emulator.store.database import Reader, Transaction
from emulator.store.ecr_tables import IMAGE_COUNTS, IMAGE_TAGS, IMAGES, REPOSITORIES


def check_repositories(reader: Reader, account: str, region: str) -> None:
    """Raises LimitExceededException when the registry has no room for another repository."""
    if reader.count(REPOSITORIES, account=account, region=region) >= quotas.MAXIMUM_REPOSITORIES:
        raise LimitExceededException(
            f"The registry with id '{account}' already has the maximum of {quotas.MAXIMUM_REPOSITORIES} repositories"
        )


def count_image(tx: Transaction, repository: Repository) -> None:
    """One more image is in the repository. Raises LimitExceededException when there is no room for it."""
    images = _images(tx, repository)
    if images >= quotas.MAXIMUM_IMAGES:
        raise LimitExceededException(
            f"The repository with name '{repository.name}' in the registry with id '{repository.account}' already has "
            f"the maximum of {quotas.MAXIMUM_IMAGES} images"
        )
    tx.put(IMAGE_COUNTS, ImageCount(repository.account, repository.region, repository.name, images + 1))


def uncount_image(tx: Transaction, repository: Repository) -> None:
    """One image is about to go."""
    images = _images(tx, repository)
    tx.put(IMAGE_COUNTS, ImageCount(repository.account, repository.region, repository.name, images - 1))


def _images(tx: Transaction, repository: Repository) -> int:
    kept = tx.get(IMAGE_COUNTS, repository.account, repository.region, repository.name)
    if kept is not None:
        return kept.images
    return tx.count(IMAGES, account=repository.account, region=repository.region, repository=repository.name)


def check_layers(manifest: Manifest) -> None:
    """Raises InvalidManifest when the image has more layers than one may have."""
    if len(manifest.layers) > quotas.MAXIMUM_LAYERS:
        raise InvalidManifest("Limit on number of layers per image exceeded")


def check_tags(reader: Reader, repository: Repository, digest: str, more: int) -> None:
    """Raises LimitExceededException when the image cannot have that many more tags."""
    where = {"account": repository.account, "region": repository.region, "repository": repository.name}
    if reader.count(IMAGE_TAGS, digest=digest, **where) + more > quotas.MAXIMUM_TAGS:
        raise LimitExceededException(
            f"The image with digest '{digest}' in the repository with name '{repository.name}' in the registry with id "
            f"'{repository.account}' can have at most {quotas.MAXIMUM_TAGS} tags"
        )
