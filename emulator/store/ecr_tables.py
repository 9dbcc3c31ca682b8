"""Tables of repositories, images, tags, layers, uploads and a registry's settings: for the registry and the ECR API."""

from __future__ import annotations

from emulator.domain.ecr.creation_template import CreationTemplate
from emulator.domain.ecr.enhanced_finding import EnhancedFindings
from emulator.domain.ecr.enhanced_scan import PENDING, EnhancedScan
from emulator.domain.ecr.image import (
    HeardPush,
    Image,
    ImageCount,
    ImageManifest,
    ImageTag,
    LayerLink,
    LayerUpload,
    Repository,
)
from emulator.domain.ecr.image_scan import ENHANCED, ImageFindings, ImageScan, ScanningConfiguration
from emulator.domain.ecr.image_signing import ImageSigning, SigningKey
from emulator.domain.ecr.lifecycle_preview import IN_PROGRESS, LifecyclePreview
from emulator.domain.ecr.package_inventory import ImagePackages
from emulator.domain.ecr.pull_through import CachedTag, PullThroughRule
from emulator.domain.ecr.registry_settings import (
    AccountSetting,
    PullTimeExclusion,
    RegistryPolicy,
    SigningConfiguration,
)
from emulator.domain.ecr.replication import Backfill, BackfillItem, Replication, ReplicationConfiguration
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

IMAGE_COUNTS = Table("ecr_image_counts", ImageCount, key=_REPOSITORY)

MANIFESTS = Table("ecr_manifests", ImageManifest, key=(*_REPOSITORY, "digest"))

IMAGE_TAGS = Table("ecr_image_tags", ImageTag, key=(*_REPOSITORY, "tag"), indexes=((*_REPOSITORY, "digest"),))

HEARD_PUSHES = Table("ecr_heard_pushes", HeardPush, key=(*_REPOSITORY, "tag"))

LAYER_LINKS = Table("ecr_layer_links", LayerLink, key=(*_REPOSITORY, "digest"), indexes=(("digest",),))

LAYER_UPLOADS = Table("ecr_layer_uploads", LayerUpload, key=(*_REPOSITORY, "upload_id"))

LIFECYCLE_PREVIEWS = Table("ecr_lifecycle_previews", LifecyclePreview, key=_REPOSITORY, wakes=_preview_to_make)

_REGISTRY = ("account", "region")

REGISTRY_POLICIES = Table("ecr_registry_policies", RegistryPolicy, key=_REGISTRY)

ACCOUNT_SETTINGS = Table("ecr_account_settings", AccountSetting, key=(*_REGISTRY, "name"))

SIGNING_CONFIGURATIONS = Table("ecr_signing_configurations", SigningConfiguration, key=_REGISTRY)

PULL_TIME_EXCLUSIONS = Table("ecr_pull_time_exclusions", PullTimeExclusion, key=(*_REGISTRY, "principal_arn"))

CREATION_TEMPLATES = Table("ecr_creation_templates", CreationTemplate, key=(*_REGISTRY, "prefix"))

REPLICATION_CONFIGURATIONS = Table("ecr_replication_configurations", ReplicationConfiguration, key=_REGISTRY)


def replication_key(order: Replication) -> list[tuple[str, str]]:
    where = (order.account, order.region, order.repository, order.digest, order.to_account, order.to_region)
    return [("replication", "|".join(where))] if order.status == "IN_PROGRESS" else []


REPLICATIONS = Table(
    "ecr_replications",
    Replication,
    key=(*_REPOSITORY, "digest", "to_account", "to_region"),
    indexes=(("status",),),
    wakes=replication_key,
)


def backfill_key(backfill: Backfill) -> list[tuple[str, str]]:
    return [("replication_backfill", "|".join((backfill.account, backfill.region, backfill.id)))]


PULL_THROUGH_RULES = Table("ecr_pull_through_rules", PullThroughRule, key=(*_REGISTRY, "prefix"))

CACHED_TAGS = Table("ecr_cached_tags", CachedTag, key=(*_REPOSITORY, "tag"))

BACKFILLS = Table("ecr_replication_backfills", Backfill, key=(*_REGISTRY, "id"), wakes=backfill_key)

BACKFILL_ITEMS = Table(
    "ecr_replication_backfill_items",
    BackfillItem,
    key=(*_REGISTRY, "backfill", "number"),
    indexes=((*_REGISTRY, "backfill", "status"),),
)


def scan_key(scan: ImageScan) -> list[tuple[str, str]]:
    where = (scan.account, scan.region, scan.repository, scan.digest)
    return [("image_scan", "|".join(where))] if scan.status == "IN_PROGRESS" else []


IMAGE_SCANS = Table("ecr_image_scans", ImageScan, key=(*_REPOSITORY, "digest"), indexes=(("status",),), wakes=scan_key)

IMAGE_FINDINGS = Table("ecr_image_findings", ImageFindings, key=(*_REPOSITORY, "digest"))


def enhanced_scan_key(scan: EnhancedScan) -> list[tuple[str, str]]:
    where = (scan.account, scan.region, scan.repository, scan.digest)
    return [("enhanced_scan", "|".join(where))] if scan.status == PENDING else []


def enhanced_scanning_key(configuration: ScanningConfiguration) -> list[tuple[str, str]]:
    enhanced = configuration.scan_type == ENHANCED
    return [("enhanced_scanning", f"{configuration.account}/{configuration.region}")] if enhanced else []


ENHANCED_SCANS = Table(
    "ecr_enhanced_scans",
    EnhancedScan,
    key=(*_REPOSITORY, "digest"),
    indexes=(("status",),),
    wakes=enhanced_scan_key,
)

ENHANCED_FINDINGS = Table("ecr_enhanced_findings", EnhancedFindings, key=(*_REPOSITORY, "digest"))

IMAGE_PACKAGES = Table("ecr_image_packages", ImagePackages, key=(*_REPOSITORY, "digest"))

SCANNING_CONFIGURATIONS = Table(
    "ecr_scanning_configurations", ScanningConfiguration, key=_REGISTRY, wakes=enhanced_scanning_key
)


def signing_key(order: ImageSigning) -> list[tuple[str, str]]:
    where = (order.account, order.region, order.repository, order.digest, order.profile_arn)
    return [("image_signing", "|".join(where))] if order.status == "IN_PROGRESS" else []


IMAGE_SIGNINGS = Table(
    "ecr_image_signings",
    ImageSigning,
    key=(*_REPOSITORY, "digest", "profile_arn"),
    indexes=(("status",),),
    wakes=signing_key,
)

SIGNING_KEYS = Table("ecr_signing_keys", SigningKey, key=(*_REGISTRY, "profile"))

TABLES = (
    IMAGE_SIGNINGS,
    SIGNING_KEYS,
    IMAGE_SCANS,
    IMAGE_FINDINGS,
    ENHANCED_SCANS,
    ENHANCED_FINDINGS,
    IMAGE_PACKAGES,
    SCANNING_CONFIGURATIONS,
    CREATION_TEMPLATES,
    REPLICATION_CONFIGURATIONS,
    REPLICATIONS,
    BACKFILLS,
    BACKFILL_ITEMS,
    PULL_THROUGH_RULES,
    CACHED_TAGS,
    REPOSITORIES,
    IMAGES,
    MANIFESTS,
    IMAGE_COUNTS,
    IMAGE_TAGS,
    HEARD_PUSHES,
    LAYER_LINKS,
    LAYER_UPLOADS,
    LIFECYCLE_PREVIEWS,
    REGISTRY_POLICIES,
    ACCOUNT_SETTINGS,
    SIGNING_CONFIGURATIONS,
    PULL_TIME_EXCLUSIONS,
)
