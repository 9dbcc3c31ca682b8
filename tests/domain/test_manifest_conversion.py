"""Manifests in their other form: the same config and layers under the other names, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.domain.ecr.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, parse_manifest
from emulator.domain.ecr.manifest_conversion import converted

OCI_CONFIG, DOCKER_CONFIG = "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"
OCI_LAYERS = [f"application/vnd.oci.image.layer.{kind}" for kind in (
    "v1.tar", "v1.tar+gzip", "nondistributable.v1.tar+gzip",
)]  # fmt: skip
DOCKER_LAYERS = [f"application/vnd.docker.image.rootfs.{kind}" for kind in (
    "diff.tar", "diff.tar.gzip", "foreign.diff.tar.gzip",
)]  # fmt: skip


def descriptor(media_type: str, number: int, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{number:064x}", "size": number, **more}


def manifest(media_type: str, config: str, layers: list[str], **more: Any) -> bytes:
    parts = [descriptor(kind, number + 1, urls=["https://x"]) for number, kind in enumerate(layers)]
    document = {"schemaVersion": 2, "mediaType": media_type, "config": descriptor(config, 99), "layers": parts}
    return json.dumps({**document, **more}).encode()


@pytest.mark.parametrize(
    ("stored", "config", "layers", "other", "other_config", "other_layers"),
    [
        (OCI_MANIFEST, OCI_CONFIG, OCI_LAYERS, DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYERS),
        (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYERS, OCI_MANIFEST, OCI_CONFIG, OCI_LAYERS),
    ],
)
def test_there_and_back(
    stored: str, config: str, layers: list[str], other: str, other_config: str, other_layers: list[str]
) -> None:
    body = manifest(stored, config, layers)
    found = converted(body, stored, [other, OCI_INDEX])
    assert found is not None
    media_type, document = found[0], json.loads(found[1])
    assert media_type == document["mediaType"] == other
    assert document["config"] == descriptor(other_config, 99)
    expected = [descriptor(kind, number + 1, urls=["https://x"]) for number, kind in enumerate(other_layers)]
    assert document["layers"] == expected
    assert parse_manifest(found[1], media_type).media_type == other
    assert converted(body, stored, [other]) == found
    back = converted(found[1], other, [stored])
    assert back is not None and json.loads(back[1]) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "stored", "accepted"),
    [
        (manifest(OCI_MANIFEST, OCI_CONFIG, []), OCI_MANIFEST, [OCI_MANIFEST, DOCKER_MANIFEST]),
        (manifest(OCI_MANIFEST, OCI_CONFIG, []), OCI_MANIFEST, [DOCKER_LIST]),
        (manifest(OCI_MANIFEST, OCI_CONFIG, ["application/vnd.oci.image.layer.v1.tar+zstd"]), OCI_MANIFEST,
         [DOCKER_MANIFEST]),
        (manifest(OCI_MANIFEST, "application/x.thing", []), OCI_MANIFEST, [DOCKER_MANIFEST]),
        (manifest(OCI_MANIFEST, OCI_CONFIG, [], subject=descriptor(OCI_MANIFEST, 5)), OCI_MANIFEST, [DOCKER_MANIFEST]),
        (b'{"schemaVersion": 2, "manifests": []}', OCI_INDEX, [DOCKER_LIST]),
    ],
    ids=["accepted", "neither accepted", "zstd", "artifact", "with a subject", "index"],
)  # fmt: skip
def test_what_stays_as_it_is(body: bytes, stored: str, accepted: list[str]) -> None:
    assert converted(body, stored, accepted) is None
