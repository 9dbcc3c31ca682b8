"""A registry in this process, on a temporary directory and a clock that stands still."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from emulator.clock import VirtualClock
from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.manifest import OCI_INDEX, OCI_MANIFEST
from emulator.ids import Ids
from emulator.registry.auth import TokenSigner
from emulator.registry.blobs import BlobStore
from emulator.registry.http import RegistryApp
from emulator.registry.repository import create_repository
from emulator.registry.uploads import Uploads
from emulator.store import ecr_tables, settings_table
from emulator.store.database import Database

ACCOUNT, REGION = "123456789012", "us-east-1"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


def digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def descriptor(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content), **more}


def image_manifest(config: bytes, *layers: bytes, **more: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, CONFIG_TYPE),
        "layers": [descriptor(layer, LAYER_TYPE) for layer in layers],
        **more,
    }
    return json.dumps(document).encode()


def index_of(*manifests: bytes, media_type: str = OCI_MANIFEST, **more: Any) -> bytes:
    children = [descriptor(one, media_type) for one in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children, **more}).encode()


class House:
    """The registry and what a client of it says."""

    def __init__(self, directory: Path, *, strict: bool = False) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.clock = VirtualClock()
        self.database = Database(directory / "state.db", (*ecr_tables.TABLES, *settings_table.TABLES))
        self.blobs = BlobStore(directory / "registry")
        self.uploads = Uploads(self.blobs)
        self.signer = TokenSigner.kept_in(self.database, Ids())
        self.app = RegistryApp(
            self.database,
            self.blobs,
            self.uploads,
            self.signer,
            self.clock,
            Ids(),
            default_account=ACCOUNT,
            default_region=REGION,
            strict=strict,
        )
        self.client = Client(self.app)

    def create(self, name: str, account: str = ACCOUNT, region: str = REGION, **more: Any) -> Repository:
        repository = Repository(account, region, name, self.clock.now(), **more)
        with self.database.write() as tx:
            create_repository(tx, repository)
        return repository

    def credentials(self, account: str = ACCOUNT, region: str = REGION) -> str:
        """An Authorization header."""
        principal = f"arn:aws:iam::{account}:root"
        token, _ = self.signer.authorization_token(account, region, principal, self.clock.now())
        return f"Basic {token}"

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Authorization": self.credentials(), **more.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **more)

    def push_blob(self, repository: str, content: bytes, algorithm: str = "sha256") -> str:
        named = digest(content, algorithm)
        start = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        assert start.status_code == 202
        done = self.call("PUT", f"{start.headers['Location']}?digest={named}", data=content)
        assert done.status_code == 201, done.text
        return named

    def push_manifest(
        self, repository: str, reference: str, body: bytes, media_type: str = OCI_MANIFEST
    ) -> TestResponse:
        return self.call(
            "PUT", f"/v2/{repository}/manifests/{reference}", data=body, headers={"Content-Type": media_type}
        )

    def push_image(self, repository: str, tag: str, *layers: bytes, **more: Any) -> bytes:
        """Pushes config, layers and manifest; returns the manifest."""
        config = json.dumps({"os": "linux", "architecture": "amd64", "tag": tag}).encode()
        for blob in (config, *layers):
            self.push_blob(repository, blob)
        manifest = image_manifest(config, *layers, **more)
        answer = self.push_manifest(repository, tag, manifest)
        assert answer.status_code == 201, answer.text
        return manifest

    def close(self) -> None:
        self.database.close()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def error_of(answer: TestResponse) -> tuple[str, str]:
    """(code, message) of the one error."""
    (error,) = answer.json["errors"]
    return error["code"], error["message"]


@pytest.fixture
def strict_house(tmp_path: Path) -> Iterator[House]:
    """With `--registry-strict-ecr`."""
    house = House(tmp_path / "strict", strict=True)
    house.create("app")
    house.create("other")
    yield house
    house.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.create("app")
    house.create("other")
    yield house
    house.close()
