"""What ECR tells EventBridge of images, in its shape: "ECR Image Action", "ECR Replication Action" and others. Pure.

Source: Amazon ECR user guide, "Sample events from Amazon ECR".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.ecr.image import Image, Repository

IMAGE_ACTION: Final = "ECR Image Action"
REFERRER_ACTION: Final = "ECR Referrer Action"
REPLICATION_ACTION: Final = "ECR Replication Action"
PULL_THROUGH_CACHE_ACTION: Final = "ECR Pull Through Cache Action"
IMAGE_SCAN: Final = "ECR Image Scan"

_ACTIONS: Final[Mapping[str, dict[str, str]]] = {
    "image.pushed": {"action-type": "PUSH"},
    "image.deleted": {"action-type": "DELETE"},
    "image.untagged": {"action-type": "DELETE"},
    "image.archived": {"action-type": "UPDATE_STORAGE_CLASS", "target-storage-class": "ARCHIVE"},
    "image.restored": {"action-type": "UPDATE_STORAGE_CLASS", "target-storage-class": "STANDARD"},
}
"""By the journal's kind, what ECR says beside the image."""


def image_action(repository: Repository, kind: str, image: Image, tag: str | None, now: float) -> dict[str, Any]:
    """The event of something that was done with an image; archiving what refers to one has a name of its own."""
    action = _ACTIONS[kind]
    detail: dict[str, Any] = {
        "result": "SUCCESS",
        "repository-name": repository.name,
        "image-digest": image.digest,
        **action,
        "image-tag": tag,
        "manifest-media-type": image.media_type,
        "artifact-media-type": image.artifact_media_type,
    }
    if kind == "image.restored":
        detail["last-activated-at"] = _iso(now)
    referrer = image.subject_digest is not None and "target-storage-class" in action
    return envelope(repository, REFERRER_ACTION if referrer else IMAGE_ACTION, detail, now)


def image_scan(
    repository: Repository, digest: str, tags: Sequence[str], complete: bool, counts: Mapping[str, int], now: float
) -> dict[str, Any]:
    """The event of a scan that ended; only severities of which there are findings are counted."""
    detail = {
        "scan-status": "COMPLETE" if complete else "FAILED",
        "repository-name": repository.name,
        "finding-severity-counts": dict(counts),
        "image-digest": digest,
        "image-tags": list(tags),
    }
    return envelope(repository, IMAGE_SCAN, detail, now, resources=[repository.arn])


def envelope(
    repository: Repository,
    kind: str,
    detail: Mapping[str, Any],
    now: float,
    *,
    resources: Sequence[str] = (),
    source: str = "aws.ecr",
) -> dict[str, Any]:
    """The whole event, as a target of a rule would get it; `resources` are ARNs. Members that are None are left out.
    The id is made of what happened, when, and to what."""
    told = {name: value for name, value in detail.items() if value is not None}
    seed = f"{repository.arn}\n{kind}\n{sorted(told.items())}\n{now!r}".encode()
    return {
        "version": "0",
        "id": _uuid(hashlib.sha256(seed).hexdigest()),
        "detail-type": kind,
        "source": source,
        "account": repository.account,
        "time": _iso(now),
        "region": repository.region,
        "resources": list(resources),
        "detail": told,
    }


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
