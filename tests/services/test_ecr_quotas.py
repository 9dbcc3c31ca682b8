"""Quotas of ECR, made small: what would pass one is refused whole, by the API and by the registry alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.domain.ecr import image as quotas
from emulator.registry import layer_parts
from emulator.store.ecr_tables import IMAGE_COUNTS
from tests.conftest import Aws, call_wsgi, make_environ
from tests.services.ecs_scene import refuses
from tests.services.test_ecr_layers import ACCOUNT, SMALLEST_PART, image, upload

WHERE = f"The repository with name 'app' in the registry with id '{ACCOUNT}'"


@pytest.fixture
def ecr(aws: Aws) -> Any:
    client = aws("ecr")
    client.create_repository(repositoryName="app")
    return client


def push(emulator: Emulator, ecr: Any, tag: str, body: bytes) -> tuple[int, str, str]:
    """Status, code and message of a manifest's PUT."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    status, _, answer = call_wsgi(emulator.wsgi, make_environ("PUT", f"/v2/app/manifests/{tag}", body, headers))
    error = json.loads(answer)["errors"][0] if answer else {"code": "", "message": ""}
    return status, error["code"], error["message"]


def test_images_of_a_repository(ecr: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    image(ecr, "v1", "a")
    image(ecr, "v2", "b")
    monkeypatch.setattr(quotas, "MAXIMUM_IMAGES", 2)
    full = f"{WHERE} already has the maximum of 2 images"
    with refuses("LimitExceededException", full):
        image(ecr, "v3", "c")
    [found] = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"]
    body = found["imageManifest"]
    assert push(emulator, ecr, "v3", body.encode() + b" ") == (400, "UNSUPPORTED", full)
    assert push(emulator, ecr, "v3", body.encode())[0] == 201  # a tag of what is there
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v2"}])
    image(ecr, "v4", "c")
    with refuses("LimitExceededException", full):
        image(ecr, "v5", "d")
    ecr.delete_repository(repositoryName="app", force=True)
    ecr.create_repository(repositoryName="app")
    for number in range(2):
        image(ecr, f"v{number}", str(number))


def test_layers_of_an_image(ecr: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    image(ecr, "v1")
    [found] = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"]
    manifest = json.loads(found["imageManifest"])
    monkeypatch.setattr(quotas, "MAXIMUM_LAYERS", 3)
    [one] = manifest["layers"]
    many = {count: json.dumps({**manifest, "layers": [one] * count}) for count in (3, 4)}
    ecr.put_image(repositoryName="app", imageManifest=many[3], imageTag="three")
    limit = "Limit on number of layers per image exceeded"
    text = f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{limit}'"
    with refuses("InvalidParameterException", text):
        ecr.put_image(repositoryName="app", imageManifest=many[4], imageTag="four")
    assert push(emulator, ecr, "four", many[4].encode()) == (400, "MANIFEST_INVALID", text)
    assert len(ecr.list_images(repositoryName="app")["imageIds"]) == 2


def test_tags_of_an_image(ecr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "MAXIMUM_TAGS", 2)
    digest = image(ecr, "v1")
    image(ecr, "v2")
    with refuses("LimitExceededException", f"The image with digest '{digest}' in the repository", part=True):
        image(ecr, "v3")
    assert len(ecr.list_images(repositoryName="app")["imageIds"]) == 2


def test_repositories_of_a_registry(ecr: Any, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "MAXIMUM_REPOSITORIES", 1)
    full = f"The registry with id '{ACCOUNT}' already has the maximum of 1 repositories"
    with refuses("LimitExceededException", full):
        ecr.create_repository(repositoryName="more")
    aws("ecr", region="eu-west-1").create_repository(repositoryName="more")


def test_bytes_of_a_layer(ecr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_parts, "MAXIMUM_LAYER", SMALLEST_PART + 1)
    upload(ecr, b"x" * SMALLEST_PART, b"y")
    with refuses("LimitExceededException", "A layer can have at most 5 MiB"):
        upload(ecr, b"x" * SMALLEST_PART, b"yz")


def test_a_data_directory_without_counts(ecr: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that an older Homeport wrote."""
    image(ecr, "v1", "a")
    image(ecr, "v2", "b")
    with emulator.database.write() as tx:
        tx.delete(IMAGE_COUNTS, ACCOUNT, "us-east-1", "app")
    monkeypatch.setattr(quotas, "MAXIMUM_IMAGES", 2)
    with refuses("LimitExceededException", part=True):
        image(ecr, "v3", "c")
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    image(ecr, "v3", "c")
    with refuses("LimitExceededException", part=True):
        image(ecr, "v4", "d")
