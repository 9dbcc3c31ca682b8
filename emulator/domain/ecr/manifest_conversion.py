"""Image manifests turned from OCI's form into Docker's and back, for clients that accept only the other. Pure.

Configs and layers are the same bytes in both; only the names of their types differ. Lists name their images by digest,
so they have no other form; nor has what the other form has no type for (artifacts, layers in zstd).
Source: Amazon ECR user guide, "Container image manifest format support"; OCI image-spec, "Compatibility matrix".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from emulator.domain.ecr.manifest import DOCKER_MANIFEST, OCI_MANIFEST

_OCI_TO_DOCKER: Final[Mapping[str, str]] = {
    "application/vnd.oci.image.config.v1+json": "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.layer.v1.tar": "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": (
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    ),
}
_DOCKER_TO_OCI: Final = {docker: oci for oci, docker in _OCI_TO_DOCKER.items()}

_FORMS: Final = {OCI_MANIFEST: (DOCKER_MANIFEST, _OCI_TO_DOCKER), DOCKER_MANIFEST: (OCI_MANIFEST, _DOCKER_TO_OCI)}


def converted(body: bytes, media_type: str, accepted: Collection[str]) -> tuple[str, bytes] | None:
    """The manifest in its other form, with that form's media type: for who does not accept the one it has. None when
    the other form is not accepted either, or there is none. Always the same bytes for the same manifest."""
    other, names = _FORMS.get(media_type, ("", {}))
    if media_type in accepted or other not in accepted:
        return None
    manifest = json.loads(body)
    parts = [manifest["config"], *(manifest.get("layers") or ())]
    if manifest.get("subject") is not None or not all(part.get("mediaType") in names for part in parts):
        return None
    config, *layers = (_renamed(part, names) for part in parts)
    document = {"schemaVersion": 2, "mediaType": other, "config": config, "layers": layers}
    return other, json.dumps(document, separators=(",", ":")).encode()


def _renamed(descriptor: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    kept = {name: descriptor[name] for name in ("size", "digest", "urls") if name in descriptor}
    return {"mediaType": names[descriptor["mediaType"]], **kept}
