"""What the conformance tests are written with: an OCI client over a real socket that knows the specification alone.

The list follows the endpoints and every MUST of the OCI Distribution specification; each test file is one of its
workflow categories: pull, push, content discovery, content management.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from typing import Any
from urllib.parse import urlsplit

from emulator.domain.ecr.manifest import OCI_INDEX, OCI_MANIFEST
from tests.registry.conftest import CONFIG_TYPE, LAYER_TYPE, House, digest, index_of
from tests.registry.served import serving

ALGORITHMS = ("sha256", "sha512")
EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True)
class Said:
    """An answer. `length` is what Content-Length says, also without a body."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def length(self) -> int:
        return int(self.headers["Content-Length"])

    @property
    def codes(self) -> list[str]:
        """Of the errors, whose form is the specification's."""
        errors = json.loads(self.body)["errors"]
        assert all(set(error) <= {"code", "message", "detail"} for error in errors)
        return [error["code"] for error in errors]

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Client:
    def __init__(self, port: int, credentials: str) -> None:
        self._connection = HTTPConnection("localhost", port, timeout=30)
        self._credentials = credentials

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Said:
        """`path` may be a whole address, as a Location may. Keywords are headers: Content_Type for Content-Type."""
        parts = urlsplit(path)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        chunked = "Transfer-Encoding" in named
        self._connection.request(
            method, target, body, {"Authorization": self._credentials, **named}, encode_chunked=chunked
        )
        answer = self._connection.getresponse()
        return Said(answer.status, answer.headers, answer.read())

    def start(self, repository: str = "app", query: str = "") -> str:
        """A new session's location."""
        said = self.call("POST", f"/v2/{repository}/blobs/uploads/{query}", Content_Length="0")
        assert said.status == 202
        return str(said.headers["Location"])

    def chunk(self, location: str, content: bytes, at: int) -> Said:
        span = f"{at}-{at + len(content) - 1}"
        return self.call(
            "PATCH", location, content, Content_Range=span, Content_Type="application/octet-stream"
        )  # fmt: skip

    def finish(self, location: str, named: str, content: bytes = b"", **headers: str) -> Said:
        joint = "&" if "?" in location else "?"
        return self.call("PUT", f"{location}{joint}digest={named}", content, **headers)

    def push_blob(self, content: bytes, algorithm: str = "sha256", repository: str = "app") -> str:
        named = digest(content, algorithm)
        assert self.finish(self.start(repository), named, content).status == 201
        return named

    def push_manifest(self, body: bytes, reference: str, media_type: str = OCI_MANIFEST) -> Said:
        return self.call("PUT", f"/v2/app/manifests/{reference}", body, Content_Type=media_type)

    def head(self, path: str) -> Said:
        said = self.call("HEAD", path)
        assert said.body == b""
        return said

    def gone(self, path: str) -> None:
        """404 to both, with the specification's error."""
        assert self.head(path).status == 404
        said = self.call("GET", path)
        assert said.status == 404
        assert said.codes

    def pullable(self, location: str, content: bytes) -> None:
        head, said = self.head(location), self.call("GET", location)
        assert (head.status, said.status) == (200, 200)
        assert (head.length, said.length, said.body) == (len(content), len(content), content)


@contextmanager
def client_of(house: House) -> Iterator[Client]:
    with serving(house) as port:
        yield Client(port, house.credentials())


def described(content: bytes, media_type: str, algorithm: str = "sha256", **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content, algorithm), "size": len(content), **more}


def manifest(config: dict[str, Any], layers: list[dict[str, Any]] | None, **more: Any) -> bytes:
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, **more}
    return json.dumps(document if layers is None else {**document, "layers": layers}).encode()


@dataclass(frozen=True)
class DataSet:
    """What a client pushes in order: blobs, then manifests of which the last is the one that the data set is about."""

    blobs: tuple[bytes, ...]
    manifests: tuple[tuple[str, bytes], ...]  # media type and bytes
    algorithm: str = "sha256"

    @property
    def top(self) -> tuple[str, bytes]:
        return self.manifests[-1]

    def push(self, client: Client, tag: str) -> None:
        for blob in self.blobs:
            client.push_blob(blob, self.algorithm)
        for media_type, body in self.manifests:
            assert client.push_manifest(body, digest(body, self.algorithm), media_type).status == 201
        media_type, body = self.top
        reference = tag if self.algorithm == "sha256" else f"{digest(body, self.algorithm)}?tag={tag}"
        assert client.push_manifest(body, reference, media_type).status == 201


def _image(number: int, algorithm: str = "sha256", **more: Any) -> tuple[tuple[bytes, ...], bytes]:
    """Blobs and the manifest of a small image of its own."""
    config, layers = f'{{"architecture": "amd64", "os": "linux", "n": {number}}}'.encode(), (b"one", b"two %d" % number)
    described_layers = [described(layer, LAYER_TYPE, algorithm) for layer in layers]
    return (config, *layers), manifest(described(config, CONFIG_TYPE, algorithm), described_layers, **more)


def _artifact(**more: Any) -> bytes:
    return manifest(described(EMPTY, EMPTY_TYPE), more.pop("layers", [described(EMPTY, EMPTY_TYPE)]), **more)


def data_sets() -> dict[str, DataSet]:
    """Every kind of content that the specification lets a registry hold."""
    blobs, image = _image(1)
    other_blobs, other = _image(2)
    strong_blobs, strong = _image(3, "sha512")
    both = (*blobs, *other_blobs)
    images = ((OCI_MANIFEST, image), (OCI_MANIFEST, other))
    index = index_of(image, other)
    signature = _artifact(artifactType="application/x.signature", subject=described(image, OCI_MANIFEST))
    signed_index = index_of(image, artifactType="application/x.bundle", subject=described(image, OCI_MANIFEST))
    foreign = described(
        b"kept elsewhere", "application/vnd.oci.image.layer.nondistributable.v1.tar", urls=["https://x"]
    )
    config = described(blobs[0], CONFIG_TYPE)
    orphan = _artifact(artifactType="application/x.early", subject=described(b"not here yet", OCI_MANIFEST))
    artifacts = {
        "artifact": _artifact(artifactType="application/x.thing"),
        "artifact-without-layers": _artifact(artifactType="application/x.thing", layers=None),
        "artifact-with-empty-layers": _artifact(artifactType="application/x.thing", layers=[]),
        "data-field": _artifact(artifactType="application/x.data", layers=[described(EMPTY, EMPTY_TYPE, data="e30=")]),
        "missing-subject": orphan,
        "custom-fields": _artifact(artifactType="application/x.more", **{"org.example.field": {"deep": [1, None]}}),
    }
    large = manifest(config, [described(b"one", LAYER_TYPE)], annotations={"filler": "x" * 3_900_000})
    sets = {
        "image": DataSet(blobs, (images[0],)),
        "sha512": DataSet(strong_blobs, ((OCI_MANIFEST, strong),), "sha512"),
        "large-manifest": DataSet(blobs, ((OCI_MANIFEST, large),)),
        "no-layers": DataSet(blobs[:1], ((OCI_MANIFEST, manifest(config, [])),)),
        "index": DataSet(both, (*images, (OCI_INDEX, index))),
        "nested-index": DataSet(
            both, (*images, (OCI_INDEX, index), (OCI_INDEX, index_of(index, media_type=OCI_INDEX)))
        ),
        "empty-index": DataSet((), ((OCI_INDEX, index_of()),)),
        "artifact-index": DataSet(blobs, (images[0], (OCI_INDEX, index_of(image, artifactType="application/x.set")))),
        "subject": DataSet((*blobs, EMPTY), (images[0], (OCI_MANIFEST, signature))),
        "index-with-subject": DataSet(blobs, (images[0], (OCI_INDEX, signed_index))),
        "nondistributable": DataSet(
            blobs, ((OCI_MANIFEST, manifest(config, [foreign, described(b"one", LAYER_TYPE)])),)
        ),
    }
    return sets | {name: DataSet((EMPTY,), ((OCI_MANIFEST, body),)) for name, body in artifacts.items()}
