"""Layers through boto3: uploaded in parts, completed, looked for, fetched from a URL."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.domain.ecr.image import SMALLEST_PART
from tests.conftest import Aws, call_wsgi, make_environ
from tests.services.ecs_scene import refuses
from tests.services.test_ecr import OCI

ACCOUNT = "123456789012"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def ecr(aws: Aws) -> Any:
    client = aws("ecr")
    client.create_repository(repositoryName="app")
    return client


def upload(ecr: Any, *parts: bytes, repository: str = "app") -> str:
    """The id of an upload with these parts."""
    upload_id = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    first = 0
    for part in parts:
        answer = ecr.upload_layer_part(
            repositoryName=repository, uploadId=upload_id, partFirstByte=first, partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )  # fmt: skip
        first += len(part)
        assert answer["lastByteReceived"] == first - 1
    return str(upload_id)


def layer(ecr: Any, data: bytes, repository: str = "app") -> str:
    digest = _digest(data)
    ecr.complete_layer_upload(
        repositoryName=repository, uploadId=upload(ecr, data, repository=repository), layerDigests=[digest]
    )
    return digest


def image(ecr: Any, tag: str, text: str = "a", repository: str = "app", **more: Any) -> str:
    """An image of a config and one layer, all by the API. Its digest."""
    config, content = f"config {text}".encode(), f"layer {text}".encode()
    for data in (config, content):
        state = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[_digest(data)])
        if state["layers"][0]["layerAvailability"] == "UNAVAILABLE":
            layer(ecr, data, repository)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _digest(config), "size": 1},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": _digest(content), "size": 1}],
        **more,
    }
    request: dict[str, Any] = {"repositoryName": repository, "imageManifest": json.dumps(manifest)}
    if tag:
        request["imageTag"] = tag
    return str(ecr.put_image(**request)["image"]["imageId"]["imageDigest"])


def test_a_layer_in_parts(ecr: Any, emulator: Emulator) -> None:
    first, last = b"x" * SMALLEST_PART, b"the end"
    upload_id = upload(ecr, first, last)
    digest = _digest(first + last)
    done = ecr.complete_layer_upload(repositoryName="app", uploadId=upload_id, layerDigests=[digest])
    assert done["layerDigest"] == digest
    [found] = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[digest])["layers"]
    assert (found["layerAvailability"], found["layerSize"]) == ("AVAILABLE", len(first + last))
    assert emulator.blobs.size(digest) == len(first + last)
    with refuses("UploadNotFoundException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=upload_id, layerDigests=[digest])


def test_parts_follow_each_other(ecr: Any) -> None:
    upload_id = upload(ecr, b"12345")
    for first, last, blob in ((0, 4, b"12345"), (6, 7, b"ab"), (5, 9, b"ab"), (5, 4, b"")):
        with pytest.raises(ecr.exceptions.InvalidLayerPartException) as caught:
            ecr.upload_layer_part(
                repositoryName="app", uploadId=upload_id, partFirstByte=first, partLastByte=last, layerPartBlob=blob
            )
        assert caught.value.response["lastValidByteReceived"] == 4
        assert caught.value.response["repositoryName"] == "app"


def test_only_the_last_part_may_be_small(ecr: Any) -> None:
    upload_id = upload(ecr, b"a", b"b")
    with refuses("LayerPartTooSmallException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=upload_id, layerDigests=[_digest(b"ab")])


def test_what_no_upload_can_become(ecr: Any) -> None:
    empty = upload(ecr)
    with refuses("EmptyUploadException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=empty, layerDigests=[_digest(b"")])
    wrong = upload(ecr, b"abc")
    with refuses("InvalidLayerException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=wrong, layerDigests=[_digest(b"abd")])
    with refuses("InvalidParameterException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=wrong, layerDigests=["md5:00"])
    ecr.complete_layer_upload(repositoryName="app", uploadId=wrong, layerDigests=[_digest(b"abc")])
    again = upload(ecr, b"abc")
    text = (
        f"The layer with digest '{_digest(b'abc')}' already exists in the repository with name 'app' in the registry "
        f"with id '{ACCOUNT}'"
    )
    with refuses("LayerAlreadyExistsException", text):
        ecr.complete_layer_upload(repositoryName="app", uploadId=again, layerDigests=[_digest(b"abc")])
    with refuses("RepositoryNotFoundException"):
        ecr.initiate_layer_upload(repositoryName="nope")


def test_uploads_are_of_one_repository_and_one_day(ecr: Any, clock: VirtualClock) -> None:
    ecr.create_repository(repositoryName="other")
    upload_id = upload(ecr, b"abc")
    part = {"uploadId": upload_id, "partFirstByte": 3, "partLastByte": 3, "layerPartBlob": b"d"}
    with refuses("UploadNotFoundException"):
        ecr.upload_layer_part(repositoryName="other", **part)
    clock.advance(24 * 3600 + 1)
    with refuses("UploadNotFoundException"):
        ecr.upload_layer_part(repositoryName="app", **part)


def test_a_part_that_was_never_acknowledged_is_written_again(ecr: Any, emulator: Emulator) -> None:
    """As after a kill between the write of the file and that of the row."""
    upload_id = upload(ecr, b"abc")
    path = Path(emulator.blobs.layout.upload(upload_id))
    path.write_bytes(path.read_bytes() + b"lost")
    ecr.upload_layer_part(
        repositoryName="app", uploadId=upload_id, partFirstByte=3, partLastByte=5, layerPartBlob=b"def"
    )
    with refuses("LayerPartTooSmallException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=upload_id, layerDigests=[_digest(b"abcdef")])
    assert path.read_bytes() == b"abcdef"


def _fetch(emulator: Emulator, url: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    return call_wsgi(emulator.wsgi, make_environ("GET", parts.path, b"", {}, query=parts.query))


def test_a_layer_is_fetched_from_its_url(ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
    image(ecr, "v1")
    digest = _digest(b"layer a")
    url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=digest)["downloadUrl"]
    status, _, body = _fetch(emulator, url)
    assert (status, body) == (200, b"layer a")
    assert _fetch(emulator, url.replace(digest, _digest(b"config a")))[0] == 401
    assert _fetch(emulator, url.replace("Expires=", "Expires=9"))[0] == 401
    clock.advance(3600)
    assert _fetch(emulator, url)[0] == 403


def test_layers_that_have_no_url(ecr: Any) -> None:
    with refuses("LayersNotFoundException"):
        ecr.get_download_url_for_layer(repositoryName="app", layerDigest=_digest(b"nothing"))
    with refuses("LayerInaccessibleException"):
        ecr.get_download_url_for_layer(repositoryName="app", layerDigest=layer(ecr, b"alone"))
