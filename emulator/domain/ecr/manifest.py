"""What a manifest says: reads Docker v2 schema 2, manifest lists, OCI images, indexes and artifacts, or refuses.

Knows documents only; whether the blobs and images that they name exist is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from emulator.domain.ecr.image_errors import InvalidManifest

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

IMAGE_TYPES = (DOCKER_MANIFEST, OCI_MANIFEST)
LIST_TYPES = (DOCKER_LIST, OCI_INDEX)

MANIFEST_LIMIT = 4 * 1024 * 1024
"""Bytes; the ECR API model allows 4,194,304 characters."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_FOREIGN = (
    "application/vnd.docker.image.rootfs.foreign.",
    "application/vnd.oci.image.layer.nondistributable.",
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """`platform` is the descriptor's own platform object (os, architecture, variant, ...), empty without one."""

    media_type: str
    digest: str
    size: int
    platform: dict[str, Any] = field(default_factory=dict)

    @property
    def foreign(self) -> bool:
        """A layer that registries need not hold: clients fetch it from its own place."""
        return self.media_type.startswith(_FOREIGN)


@dataclass(frozen=True, slots=True)
class Manifest:
    media_type: str
    artifact_media_type: str | None
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject_digest: str | None
    annotations: dict[str, str]

    @property
    def required_blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers that must lie in the repository, each digest once."""
        config = () if self.config is None else (self.config,)
        wanted = [one for one in (*config, *self.layers) if not one.foreign]
        return tuple({one.digest: one for one in wanted}.values())


def is_digest(text: str) -> bool:
    """sha256 or sha512 with all of its lower-case digits."""
    return _DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def parse_manifest(body: bytes, media_type: str | None) -> Manifest:
    """`media_type` is what the client said beside the manifest, or None. Raises InvalidManifest."""
    document = _document(body)
    kind = _media_type(document, media_type)
    if document.get("schemaVersion") != 2:
        raise InvalidManifest("Unsupported schema version")
    subject = _optional(document, "subject")
    config = layers = children = None
    if kind in LIST_TYPES:
        children = _descriptors(document, "manifests")
    else:
        config = _descriptor(document.get("config"))
        layers = _descriptors(document, "layers")
    artifact_type = document.get("artifactType") or (config.media_type if config else None)
    if artifact_type is not None and not _is_text(artifact_type):
        raise InvalidManifest("Invalid artifact type")
    return Manifest(
        media_type=kind,
        artifact_media_type=artifact_type,
        config=config,
        layers=layers or (),
        children=children or (),
        subject_digest=None if subject is None else subject.digest,
        annotations=_annotations(document),
    )


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidManifest("Invalid JSON syntax") from error
    if not isinstance(document, dict):
        raise InvalidManifest("Invalid JSON syntax")
    return document


def _media_type(document: dict[str, Any], given: str | None) -> str:
    """The type in the manifest and the type beside it must be one; an OCI manifest may leave its own out, or empty."""
    own = document.get("mediaType")
    if own == "":
        own = None
    stated = own or given
    if own is not None and own != (given or own):
        raise InvalidManifest("Manifest media type does not match the media type of the request")
    if stated is None:
        if "manifests" in document:
            return OCI_INDEX
        if "config" in document:
            return OCI_MANIFEST
    if not isinstance(stated, str) or stated not in (*IMAGE_TYPES, *LIST_TYPES):
        raise InvalidManifest("Unsupported manifest media type")
    return stated


def _optional(document: dict[str, Any], name: str) -> Descriptor | None:
    value = document.get(name)
    return None if value is None else _descriptor(value)


def _descriptors(document: dict[str, Any], name: str) -> tuple[Descriptor, ...]:
    values = document.get(name)
    if values is None:
        values = []
    if not isinstance(values, list):
        raise InvalidManifest(f"Invalid {name}")
    return tuple(_descriptor(value) for value in values)


def _descriptor(value: Any) -> Descriptor:
    if not isinstance(value, dict):
        raise InvalidManifest("Invalid descriptor")
    media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
    platform = value.get("platform") or {}
    if not isinstance(media_type, str) or not isinstance(size, int) or size < 0 or not isinstance(platform, dict):
        raise InvalidManifest("Invalid descriptor")
    if not isinstance(digest, str) or not is_digest(digest):
        raise InvalidManifest("Invalid digest")
    return Descriptor(media_type, digest, size, platform)


def _annotations(document: dict[str, Any]) -> dict[str, str]:
    values = document.get("annotations")
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(_is_text(text) for pair in values.items() for text in pair):
        raise InvalidManifest("Invalid annotations")
    return values


def _is_text(value: Any) -> bool:
    """A string that has a form in UTF-8; JSON can spell halves of surrogate pairs, which have none."""
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False
