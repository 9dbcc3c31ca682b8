"""Tables of repositories, images, tags, layers and uploads: shared by the registry and the ECR API."""

from __future__ import annotations

from emulator.domain.image import Image, ImageManifest, ImageTag, LayerLink, LayerUpload, Repository
from emulator.store.tables import Table

_REPOSITORY = ("account", "region", "repository")

REPOSITORIES = Table("ecr_repositories", Repository, key=("account", "region", "name"))

IMAGES = Table(
    "ecr_images",
    Image,
    key=(*_REPOSITORY, "digest"),
    indexes=((*_REPOSITORY, "media_type"), (*_REPOSITORY, "subject_digest")),
)

MANIFESTS = Table("ecr_manifests", ImageManifest, key=(*_REPOSITORY, "digest"))

IMAGE_TAGS = Table("ecr_image_tags", ImageTag, key=(*_REPOSITORY, "tag"), indexes=((*_REPOSITORY, "digest"),))

LAYER_LINKS = Table("ecr_layer_links", LayerLink, key=(*_REPOSITORY, "digest"), indexes=(("digest",),))

LAYER_UPLOADS = Table("ecr_layer_uploads", LayerUpload, key=(*_REPOSITORY, "upload_id"))

TABLES = (REPOSITORIES, IMAGES, MANIFESTS, IMAGE_TAGS, LAYER_LINKS, LAYER_UPLOADS)
