"""What the registry holds, what is in its images and who uses them, for `homeport images`. Only reads."""

from __future__ import annotations

from typing import Any

from emulator.domain.ecr.enhanced_scan import EnhancedScan
from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_scan import ImageScan
from emulator.domain.ecr.lifecycle_evaluation import TaggedImage
from emulator.registry.enhanced_orders import find_enhanced_findings
from emulator.registry.lifecycle import tagged_images
from emulator.registry.naming import RegistryNaming
from emulator.registry.scan_orders import find_findings, last_scan
from emulator.store.database import Reader
from emulator.store.ecr_tables import IMAGE_PACKAGES, REPOSITORIES
from emulator.store.image_users import Naming, Users, users


def image_list(reader: Reader, naming: RegistryNaming, references: Naming, only: str = "") -> dict[str, Any]:
    """All repositories, or those of a name; each with its images, newest first."""
    found = users(reader, references)
    return {
        "repositories": [
            {
                "name": r.name,
                "account": r.account,
                "region": r.region,
                "uri": naming.repository_uri(r.account, r.region, r.name),
                "images": [_image(reader, r, one, found) for one in _newest_first(reader, r)],
            }
            for r in reader.find(REPOSITORIES)
            if only in ("", r.name)
        ]
    }


def _newest_first(reader: Reader, repository: Repository) -> list[TaggedImage]:
    return sorted(tagged_images(reader, repository), key=lambda one: (-one.image.pushed_at, one.digest))


def _image(reader: Reader, repository: Repository, one: TaggedImage, found: Users) -> dict[str, Any]:
    image = one.image
    return {
        "digest": image.digest,
        "tags": list(one.tags),
        "mediaType": image.media_type,
        "artifactType": image.artifact_media_type,
        "sizeBytes": image.size_bytes,
        "pushedAt": image.pushed_at,
        "lastPulledAt": image.last_pulled_at,
        "status": image.status,
        "subject": image.subject_digest,
        "scan": _scan(last_scan(reader, image)),
        "usedBy": _used_by(repository, one, found),
    }


def _scan(scan: ImageScan | EnhancedScan | None) -> dict[str, Any] | None:
    if scan is None:
        return None
    return {"status": scan.status, "description": scan.description, "severityCounts": scan.severity_counts}


def image_packages(reader: Reader, image: Image) -> dict[str, Any]:
    """What the last scan of an image found in it: packages, each with the names of its vulnerabilities."""
    scan = last_scan(reader, image)
    known = reader.get(IMAGE_PACKAGES, image.account, image.region, image.repository, image.digest)
    found: dict[tuple[str, str], list[str]] = {}
    if isinstance(scan, EnhancedScan):
        for finding in find_enhanced_findings(reader, image) if scan.has_findings else ():
            for of in finding.packages if finding.status == "ACTIVE" else ():
                found.setdefault((of.name, of.version), []).append(finding.vulnerability.id)
    else:
        for one in find_findings(reader, image):
            members = dict(one.attributes)
            found.setdefault((members["package_name"], members["package_version"]), []).append(one.name)
    return {
        "digest": image.digest,
        "scan": _scan(scan),
        "packages": None if known is None else [
            {
                "name": one.name,
                "version": one.version,
                "manager": one.kind,
                "path": one.path,
                "layer": one.layer,
                "vulnerabilities": sorted(set(found.get((one.name, one.version), ()))),
            }
            for one in known.packages
        ],
    }  # fmt: skip


def _used_by(repository: Repository, one: TaggedImage, found: Users) -> list[str]:
    """Running tasks, services, task definitions, in words."""
    keys = [(repository.account, repository.region, repository.name, name) for name in (one.digest, *one.tags)]
    tasks = {f"task {task.id[:12]}" for task in found.tasks.get(keys[0], ())}
    services = {f"service {name}" for key in keys for name in found.services.get(key, ())}
    definitions = {f"definition {name}" for key in keys for name in found.definitions.get(key, ())}
    return [*sorted(tasks), *sorted(services), *sorted(definitions)]
