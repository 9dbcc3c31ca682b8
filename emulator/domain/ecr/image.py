"""Repositories and images: their records and the rules about them that need no storage.

An image is one manifest in one repository, under the digest of its exact bytes; tags point at digests. This module
must not know where manifests and layers lie, nor how clients bring them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.domain.ecr.public_registry import PUBLIC
from emulator.domain.region import partition_of
from emulator.domain.wildcard import matches_wildcard

MUTABLE = "MUTABLE"
IMMUTABLE = "IMMUTABLE"
IMMUTABLE_WITH_EXCLUSION = "IMMUTABLE_WITH_EXCLUSION"
MUTABLE_WITH_EXCLUSION = "MUTABLE_WITH_EXCLUSION"

ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"
ACTIVATING = "ACTIVATING"

RESTORE_S = 20 * 60.0
"""An archived image can be pulled again within this time (Amazon ECR user guide: up to 20 minutes)."""

UPLOAD_LIFETIME_S = 24 * 3600.0
"""An upload that is not completed in this time is dropped."""

SMALLEST_PART = 5 * 1024 * 1024
PART_SIZE = 10 * 1024 * 1024
MAXIMUM_PARTS = 4200
"""Of an upload by the API: bytes of each part but the last, bytes proposed, number (Amazon ECR service quotas)."""

MAXIMUM_LAYER = 52_000 * 1024 * 1024
MAXIMUM_IMAGES = 100_000
MAXIMUM_TAGS = 1_000
MAXIMUM_REPOSITORIES = 100_000
MAXIMUM_LAYERS = 500
"""Bytes of a layer, images of a repository, tags of an image, repositories of a registry (Amazon ECR service quotas;
tags and repositories are unconfirmed); layers of an image, which no quota says and several users have measured."""

PULL_TIME_RESOLUTION_S = 24 * 3600.0
"""`last_pulled_at` is refreshed at most once in this time (ECR API model, lastRecordedPullTime)."""


@dataclass(frozen=True, slots=True)
class TagFilter:
    """An exclusion filter of a repository's tag mutability: `*` stands for any run of characters."""

    filter: str
    filter_type: str = "WILDCARD"

    def matches(self, tag: str) -> bool:
        return matches_wildcard(self.filter, tag)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of ECR, or of ECR Public in region `public`. Times are seconds since the epoch; policies are the
    texts as they were put."""

    account: str
    region: str
    name: str
    created_at: float
    tag_mutability: str = MUTABLE
    exclusion_filters: tuple[TagFilter, ...] = ()
    scan_on_push: bool = False
    encryption_type: str = "AES256"
    kms_key: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    policy_text: str | None = None
    lifecycle_policy_text: str | None = None
    lifecycle_put_at: float | None = None
    lifecycle_evaluated_at: float | None = None

    @property
    def arn(self) -> str:
        if self.region == PUBLIC:
            return f"arn:aws:ecr-public::{self.account}:repository/{self.name}"
        return f"arn:{partition_of(self.region)}:ecr:{self.region}:{self.account}:repository/{self.name}"

    @property
    def registry_host(self) -> str:
        """The name of the repository's registry at AWS."""
        return registry_host(self.account, self.region)

    def tag_may_move(self, tag: str) -> bool:
        """Whether a push may point an existing tag at another image (ECR user guide, image tag mutability)."""
        excluded = any(one.matches(tag) for one in self.exclusion_filters)
        match self.tag_mutability:
            case "IMMUTABLE":
                return False
            case "IMMUTABLE_WITH_EXCLUSION":
                return excluded
            case "MUTABLE_WITH_EXCLUSION":
                return not excluded
            case _:
                return True


@dataclass(frozen=True, slots=True)
class Image:
    """One manifest of a repository.

    `size_bytes` is what ECR calls imageSizeInBytes: layers and config, for a list the largest of its children.
    `manifest_size` counts the manifest's own bytes. `artifact_media_type` is the manifest's artifactType or else its
    config's media type. `blob_digests` are the config and layers that must lie in the repository, `child_digests` the
    images that a list names. `annotations` are the manifest's own. `status` is ECR's imageStatus: ACTIVE, ARCHIVED,
    ACTIVATING; `restore_started_at`: when it began to come back from the archive. `subject_deleted_at`: when the
    subject was deleted that this image refers to and that was there.
    """

    account: str
    region: str
    repository: str
    digest: str
    media_type: str
    manifest_size: int
    size_bytes: int
    pushed_at: float
    artifact_media_type: str | None = None
    config_digest: str | None = None
    blob_digests: tuple[str, ...] = ()
    child_digests: tuple[str, ...] = ()
    subject_digest: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    last_pulled_at: float | None = None
    status: str = ACTIVE
    last_archived_at: float | None = None
    last_activated_at: float | None = None
    restore_started_at: float | None = None
    subject_deleted_at: float | None = None


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """The exact bytes of an image's manifest."""

    account: str
    region: str
    repository: str
    digest: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ImageTag:
    account: str
    region: str
    repository: str
    tag: str
    digest: str
    tagged_at: float


@dataclass(frozen=True, slots=True)
class ImageCount:
    """How many images a repository holds: kept, since counting them takes longer with each."""

    account: str
    region: str
    repository: str
    images: int


@dataclass(frozen=True, slots=True)
class HeardPush:
    """The last push of a tag that services have been told of, by the time at which it made or moved the tag."""

    account: str
    region: str
    repository: str
    tag: str
    tagged_at: float


@dataclass(frozen=True, slots=True)
class LayerLink:
    """A blob that belongs to a repository. The bytes are shared; a repository sees only the blobs linked to it."""

    account: str
    region: str
    repository: str
    digest: str
    size: int
    linked_at: float


@dataclass(frozen=True, slots=True)
class UploadParts:
    """What UploadLayerPart has taken: bytes in all, parts, bytes of the last part, and whether one before the last is
    smaller than a part may be."""

    received: int = 0
    count: int = 0
    last: int = 0
    too_small: bool = False

    def with_part(self, length: int) -> UploadParts:
        return UploadParts(
            self.received + length,
            self.count + 1,
            length,
            self.too_small or (self.count > 0 and self.last < SMALLEST_PART),
        )


@dataclass(frozen=True, slots=True)
class LayerUpload:
    """An upload that is not completed. How many bytes of `docker push` have arrived is the length of its file, not a
    column. An upload by the API keeps `parts`: it counts what was acknowledged."""

    account: str
    region: str
    repository: str
    upload_id: str
    started_at: float
    algorithm: str = "sha256"
    parts: UploadParts | None = None

    def expired(self, now: float) -> bool:
        return now - self.started_at > UPLOAD_LIFETIME_S


def registry_host(account: str, region: str) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}"
