"""What the registry holds and who uses it, for `homeport images`. Only reads."""

from __future__ import annotations

from typing import Any

from emulator.domain.image import Repository
from emulator.domain.lifecycle_evaluation import TaggedImage
from emulator.registry.lifecycle import tagged_images
from emulator.registry.naming import RegistryNaming
from emulator.store.database import Reader
from emulator.store.ecr_tables import REPOSITORIES
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
                "images": [_image(r, one, found) for one in _newest_first(reader, r)],
            }
            for r in reader.find(REPOSITORIES)
            if only in ("", r.name)
        ]
    }


def _newest_first(reader: Reader, repository: Repository) -> list[TaggedImage]:
    return sorted(tagged_images(reader, repository), key=lambda one: (-one.image.pushed_at, one.digest))


def _image(repository: Repository, one: TaggedImage, found: Users) -> dict[str, Any]:
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
        "usedBy": _used_by(repository, one, found),
    }


def _used_by(repository: Repository, one: TaggedImage, found: Users) -> list[str]:
    """Running tasks, services, task definitions, in words."""
    keys = [(repository.account, repository.region, repository.name, name) for name in (one.digest, *one.tags)]
    tasks = {f"task {task.id[:12]}" for task in found.tasks.get(keys[0], ())}
    services = {f"service {name}" for key in keys for name in found.services.get(key, ())}
    definitions = {f"definition {name}" for key in keys for name in found.definitions.get(key, ())}
    return [*sorted(tasks), *sorted(services), *sorted(definitions)]
