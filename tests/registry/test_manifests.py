"""Manifests as OCI Distribution's conformance suite looks at them: every kind, by tag and digest, and deleted."""

from __future__ import annotations

import json

import pytest

from emulator.domain.ecr.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.registry.conftest import (
    CONFIG_TYPE,
    LAYER_TYPE,
    House,
    descriptor,
    digest,
    error_of,
    image_manifest,
    index_of,
)

EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def assert_stored(house: House, reference: str, body: bytes, media_type: str) -> None:
    for method in ("GET", "HEAD"):
        answer = house.call(method, f"/v2/app/manifests/{reference}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Content-Length"] == str(len(body))
        assert answer.headers["Docker-Content-Digest"] == digest(body)
        assert answer.data == (body if method == "GET" else b"")


def documents(house: House) -> dict[str, tuple[str, bytes]]:
    """One manifest of each kind that registries take; their blobs are pushed, children before parents."""
    for blob in (b"config", b"layer", b"{}"):
        house.push_blob("app", blob)
    plain = image_manifest(b"config", b"layer")
    empty = descriptor(b"{}", EMPTY_TYPE)

    def artifact(**more):
        return json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": empty, **more}).encode()

    docker = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": descriptor(b"config", "application/vnd.docker.container.image.v1+json"),
            "layers": [descriptor(b"layer", "application/vnd.docker.image.rootfs.diff.tar.gzip")],
        },
        indent=3,
    ).encode()
    foreign = {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "size": 5}
    unstored = {**foreign, "digest": digest(b"never pushed"), "urls": ["https://example.com/layer"]}
    inner = index_of(plain)
    return {
        "image": (OCI_MANIFEST, plain),
        "docker": (DOCKER_MANIFEST, docker),
        "docker-list": (DOCKER_LIST, json.dumps({
            "schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [descriptor(docker, DOCKER_MANIFEST)]
        }).encode()),
        "large": (OCI_MANIFEST, image_manifest(b"config", annotations={"filler": "x" * 3_900_000})),
        "index": (OCI_INDEX, inner),
        "nested-index": (OCI_INDEX, index_of(inner, media_type=OCI_INDEX)),
        "empty-index": (OCI_INDEX, index_of()),
        "artifact": (OCI_MANIFEST, artifact(artifactType="text/x", layers=[descriptor(b"layer", "text/plain")])),
        "artifact-index": (OCI_INDEX, index_of(plain, artifactType="text/x")),
        "artifact-without-layers": (OCI_MANIFEST, artifact(artifactType="text/x")),
        "empty-layers": (OCI_MANIFEST, artifact(artifactType="text/x", layers=[])),
        "subject": (OCI_MANIFEST, artifact(artifactType="text/x", subject=descriptor(plain, OCI_MANIFEST))),
        "index-with-subject": (OCI_INDEX, index_of(plain, subject=descriptor(plain, OCI_MANIFEST))),
        "missing-subject": (OCI_MANIFEST, artifact(artifactType="a/b", subject=descriptor(b"nowhere", OCI_MANIFEST))),
        "data": (OCI_MANIFEST, artifact(artifactType="c/d", layers=[descriptor(b"{}", EMPTY_TYPE, data="e30=")])),
        "foreign": (OCI_MANIFEST, json.dumps({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(b"config", CONFIG_TYPE),
            "layers": [unstored, descriptor(b"layer", LAYER_TYPE)],
        }).encode()),
        "custom-fields": (OCI_MANIFEST, image_manifest(b"config", b"layer", **{"org.example.more": {"deep": [1]}})),
        "no-media-type": (OCI_MANIFEST, json.dumps({
            "schemaVersion": 2, "config": descriptor(b"config", CONFIG_TYPE), "layers": []
        }).encode()),
    }  # fmt: skip


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_every_kind_is_kept_as_it_came(house: House, by: str) -> None:
    for name, (media_type, body) in documents(house).items():
        reference = name if by == "tag" else digest(body)
        answer = house.push_manifest("app", reference, body, f"{media_type}; charset=utf-8")
        assert answer.status_code == 201, (name, answer.text)
        assert answer.headers["Docker-Content-Digest"] == digest(body)
        assert answer.headers["Location"] == f"/v2/app/manifests/{digest(body)}"
        subject = json.loads(body).get("subject")
        assert answer.headers.get("OCI-Subject") == (subject and subject["digest"])
        assert_stored(house, reference, body, media_type)
        assert_stored(house, digest(body), body, media_type)


def test_sha512_manifests_keep_their_digest(house: House) -> None:
    house.push_blob("app", b"config")
    body = image_manifest(b"config")
    named = digest(body, "sha512")
    assert house.push_manifest("app", f"{named}?tag=strong", body).headers["Docker-Content-Digest"] == named
    for reference in (named, "strong"):
        answer = house.call("GET", f"/v2/app/manifests/{reference}")
        assert (answer.data, answer.headers["Docker-Content-Digest"]) == (body, named)


def test_push_by_digest_with_tags(house: House) -> None:
    house.push_blob("app", b"config")
    body = image_manifest(b"config")
    tags = [f"t{number}" for number in range(12)]
    answer = house.push_manifest("app", f"{digest(body)}?{'&'.join(f'tag={tag}' for tag in tags)}", body)
    assert (answer.status_code, answer.headers.getlist("OCI-Tag")) == (201, tags)
    for tag in tags:
        assert_stored(house, tag, body, OCI_MANIFEST)


def test_pushing_again_is_no_error(house: House) -> None:
    body = house.push_image("app", "v1", b"layer")
    for reference in ("v1", digest(body)):
        assert house.push_manifest("app", reference, body).status_code == 201


def test_a_tag_moves_and_leaves_the_old_image_untagged(house: House) -> None:
    old = house.push_image("app", "v1", b"old")
    new = house.push_image("app", "v1", b"new")
    assert_stored(house, "v1", new, OCI_MANIFEST)
    assert_stored(house, digest(old), old, OCI_MANIFEST)


class TestRefused:
    def test_wrong_digest(self, house: House) -> None:
        house.push_blob("app", b"config")
        answer = house.push_manifest("app", digest(b"else"), image_manifest(b"config"))
        assert answer.status_code == 400
        assert error_of(answer) == (
            "DIGEST_INVALID",
            f"The image with digest '{digest(b'else')}' in repository 'app' and registry ID '123456789012' does not "
            "match the image digest that Amazon ECR has calculated.",
        )

    def test_no_digest(self, house: House) -> None:
        answer = house.push_manifest("app", "sha256:baddigeststring", b"blah")
        assert (answer.status_code, error_of(answer)[0]) == (400, "DIGEST_INVALID")
        for method in ("GET", "HEAD", "DELETE"):
            assert house.call(method, "/v2/app/manifests/sha256:baddigeststring").status_code == 400

    def test_missing_blobs(self, house: House) -> None:
        answer = house.push_manifest("app", "v1", image_manifest(b"config", b"layer"))
        assert answer.status_code == 404
        assert error_of(answer) == (
            "MANIFEST_BLOB_UNKNOWN",
            f"Layers with digests '[{digest(b'config')}, {digest(b'layer')}]' required for pushing image into "
            "repository with name 'app' in the registry with id '123456789012' do not exist",
        )

    def test_blobs_of_another_repository_do_not_count(self, house: House) -> None:
        house.push_blob("other", b"config")
        assert house.push_manifest("app", "v1", image_manifest(b"config")).status_code == 404

    def test_missing_children(self, house: House) -> None:
        answer = house.push_manifest("app", "v1", index_of(b"nowhere"), OCI_INDEX)
        assert (answer.status_code, error_of(answer)[0]) == (404, "MANIFEST_BLOB_UNKNOWN")

    @pytest.mark.parametrize(
        ("body", "constraint"),
        [
            (b"blah", "Invalid JSON syntax"),
            (b"[]", "Invalid JSON syntax"),
            (b"\xff{}", "Invalid JSON syntax"),
            (b"[" * 100_000, "Invalid JSON syntax"),
            (b'{"schemaVersion": 1}', "Unsupported schema version"),
            (b'{"schemaVersion": 2}', "Invalid descriptor"),
            (b'{"schemaVersion": 2, "config": {"mediaType": "x", "size": 1, "digest": "no"}}', "Invalid digest"),
            (b'{"schemaVersion": 2, "mediaType": "text/plain"}', "Manifest media type does not match"),
            (b'{"schemaVersion": 2, "mediaType": {}}', "Manifest media type does not match"),
            (b'{"schemaVersion": 2, "config": {"mediaType": "x", "size": -1, "digest": "no"}}', "Invalid descriptor"),
            (image_manifest(b"config", annotations={"a": "\ud800"}), "Invalid annotations"),
            (image_manifest(b"config", annotations={"a": 1}), "Invalid annotations"),
            (image_manifest(b"config", artifactType=["a"]), "Invalid artifact type"),
            (image_manifest(b"config", layers={}), "Invalid layers"),
            (image_manifest(b"config", subject=[]), "Invalid descriptor"),
        ],
    )
    def test_no_manifest(self, house: House, body: bytes, constraint: str) -> None:
        answer = house.push_manifest("app", "v1", body)
        code, message = error_of(answer)
        assert (answer.status_code, code) == (400, "MANIFEST_INVALID")
        assert message.startswith(f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{constraint}")

    def test_four_mebibytes_is_the_limit(self, house: House) -> None:
        house.push_blob("app", b"config")
        frame = len(image_manifest(b"config", filler=""))
        fits = image_manifest(b"config", filler="x" * (4 * 1024 * 1024 - frame))
        assert house.push_manifest("app", "v1", fits).status_code == 201
        answer = house.push_manifest("app", "v2", fits + b" ")
        assert (answer.status_code, error_of(answer)[0]) == (413, "SIZE_INVALID")

    @pytest.mark.parametrize("tag", ["-x", ".x", "a+b", "x" * 129, "ä"])
    def test_no_tag(self, house: House, tag: str) -> None:
        house.push_blob("app", b"config")
        answer = house.push_manifest("app", tag, image_manifest(b"config"))
        assert (answer.status_code, error_of(answer)[0]) == (400, "TAG_INVALID")
        assert house.call("GET", f"/v2/app/manifests/{tag}").status_code == 404

    @pytest.mark.parametrize("reference", ["nowhere", "sha256:" + "0" * 64])
    def test_missing_image(self, house: House, reference: str) -> None:
        for method in ("GET", "HEAD", "DELETE"):
            assert house.call(method, f"/v2/app/manifests/{reference}").status_code == 404
        answer = house.call("GET", f"/v2/app/manifests/{reference}")
        assert error_of(answer) == ("MANIFEST_UNKNOWN", "Requested image not found")


class TestDelete:
    def test_by_digest_takes_the_tags_along(self, house: House) -> None:
        body = house.push_image("app", "v1", b"layer")
        house.push_manifest("app", "v2", body)
        assert house.call("DELETE", f"/v2/app/manifests/{digest(body)}").status_code == 202
        for reference in ("v1", "v2", digest(body)):
            assert house.call("HEAD", f"/v2/app/manifests/{reference}").status_code == 404
        assert house.call("GET", "/v2/app/tags/list").json["tags"] == []

    def test_by_tag_takes_the_tag_alone(self, house: House) -> None:
        body = house.push_image("app", "v1", b"layer")
        assert house.call("DELETE", "/v2/app/manifests/v1").status_code == 202
        assert house.call("HEAD", "/v2/app/manifests/v1").status_code == 404
        assert_stored(house, digest(body), body, OCI_MANIFEST)

    def test_by_the_last_tag_takes_the_image_in_ecrs_way(self, strict_house: House) -> None:
        house = strict_house
        body = house.push_image("app", "v1", b"layer")
        house.push_manifest("app", "v2", body)
        assert house.call("DELETE", "/v2/app/manifests/v1").status_code == 202
        assert_stored(house, "v2", body, OCI_MANIFEST)
        assert house.call("DELETE", "/v2/app/manifests/v2").status_code == 202
        assert house.call("HEAD", f"/v2/app/manifests/{digest(body)}").status_code == 404

    def test_a_child_waits_for_its_list_in_ecrs_way(self, strict_house: House) -> None:
        house = strict_house
        child = house.push_image("app", "child", b"layer")
        parent = index_of(child)
        house.push_manifest("app", "v1", parent, OCI_INDEX)
        answer = house.call("DELETE", f"/v2/app/manifests/{digest(child)}")
        assert answer.status_code == 405
        assert error_of(answer) == (
            "UNSUPPORTED",
            f"Requested image referenced by manifest list: [{digest(parent)}]",
        )
        assert house.call("DELETE", "/v2/app/manifests/child").status_code == 202  # the tag only
        assert_stored(house, digest(child), child, OCI_MANIFEST)
        assert house.call("DELETE", f"/v2/app/manifests/{digest(parent)}").status_code == 202
        assert house.call("DELETE", f"/v2/app/manifests/{digest(child)}").status_code == 202

    def test_a_deleted_image_can_be_pushed_again(self, house: House) -> None:
        body = house.push_image("app", "v1", b"layer")
        house.call("DELETE", f"/v2/app/manifests/{digest(body)}")
        assert house.push_manifest("app", "v1", body).status_code == 201
        assert_stored(house, "v1", body, OCI_MANIFEST)
