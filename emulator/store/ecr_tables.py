"""Tables of repositories, images, tags, layers and uploads: shared by the registry and the ECR API."""

from __future__ import annotations

from emulator.domain.image import Image, ImageManifest, ImageTag, LayerLink, LayerUpload, Repository
from emulator.domain.lifecycle_preview import IN_PROGRESS, LifecyclePreview
from emulator.store.tables import Table

_REPOSITORY = ("account", "region", "repository")


def repository_key(repository: Repository) -> str:
    """What control knows a repository by."""
    return f"{repository.account}/{repository.region}/{repository.name}"


def _preview_to_make(preview: LifecyclePreview) -> list[tuple[str, str]]:
    key = f"{preview.account}/{preview.region}/{preview.repository}"
    return [("lifecycle_preview", key)] if preview.status == IN_PROGRESS else []


REPOSITORIES = Table("ecr_repositories", Repository, key=("account", "region", "name"))

IMAGES = Table(
    "ecr_images",
    Image,
    key=(*_REPOSITORY, "digest"),
    indexes=((*_REPOSITORY, "media_type"), (*_REPOSITORY, "subject_digest"), (*_REPOSITORY, "status")),
)

MANIFESTS = Table("ecr_manifests", ImageManifest, key=(*_REPOSITORY, "digest"))

IMAGE_TAGS = Table("ecr_image_tags", ImageTag, key=(*_REPOSITORY, "tag"), indexes=((*_REPOSITORY, "digest"),))

LAYER_LINKS = Table("ecr_layer_links", LayerLink, key=(*_REPOSITORY, "digest"), indexes=(("digest",),))

LAYER_UPLOADS = Table("ecr_layer_uploads", LayerUpload, key=(*_REPOSITORY, "upload_id"))

LIFECYCLE_PREVIEWS = Table("ecr_lifecycle_previews", LifecyclePreview, key=_REPOSITORY, wakes=_preview_to_make)

TABLES = (REPOSITORIES, IMAGES, MANIFESTS, IMAGE_TAGS, LAYER_LINKS, LAYER_UPLOADS, LIFECYCLE_PREVIEWS)
