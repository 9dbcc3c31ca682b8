"""One request to the registry, as the functions of `pulls` and `pushes` see it, and the parts that they use.

Opens the right repository for its caller or refuses; must not know what is done there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse

from werkzeug.wrappers import Request

from emulator.clock import Clock
from emulator.domain.image import Repository
from emulator.domain.manifest import is_digest
from emulator.domain.policy_conditions import request_keys
from emulator.ids import Ids
from emulator.registry.access import WITHOUT_POLICIES, Doorkeeper
from emulator.registry.address import Addressing, Place
from emulator.registry.auth import TokenClaims, TokenSigner
from emulator.registry.blobs import BlobStore
from emulator.registry.dialect import OCI, Dialect
from emulator.registry.errors import RegistryError, digest_invalid
from emulator.registry.repository import find_repository
from emulator.registry.uploads import Uploads
from emulator.serve import FileSlice
from emulator.store.database import Database, Reader
from emulator.store.ecr_tables import REPOSITORIES


@dataclass(frozen=True, slots=True)
class Registry:
    """What the registry works with."""

    database: Database
    blobs: BlobStore
    uploads: Uploads
    signer: TokenSigner
    clock: Clock
    ids: Ids
    addressing: Addressing
    dialect: Dialect = OCI
    doorkeeper: Doorkeeper = WITHOUT_POLICIES


@dataclass(frozen=True, slots=True)
class Visit:
    """`item` is the digest, reference or upload id of the path."""

    registry: Registry
    request: Request
    claims: TokenClaims
    place: Place
    item: str
    now: float

    def path(self, rest: str) -> str:
        """A path below the repository, in the client's own words, so that it holds wherever the client sees us."""
        return f"/v2/{self.place.shown}/{rest}"

    def location(self, rest: str) -> str:
        """A `Location`: that path, or in ECR's way the whole address."""
        return f"{self.origin}{self.path(rest)}" if self.registry.dialect.whole_locations else self.path(rest)

    @property
    def origin(self) -> str:
        """Scheme and host as the client sees us."""
        return f"{self.request.scheme}://{self.request.host}"

    def check_digest(self, text: str) -> str:
        """A digest of an algorithm that we take. Raises 400 DIGEST_INVALID."""
        if not is_digest(text) or text.partition(":")[0] not in self.registry.dialect.algorithms:
            raise digest_invalid(text)
        return text

    def repository(self, reader: Reader, action: str) -> Repository:
        """The repository, which must exist (RepositoryNotFoundException) and be open to the caller."""
        place = self.place
        if not place.valid:
            raise RegistryError(400, "NAME_INVALID", f"The repository name '{place.name}' is not valid.")
        there = reader.get(REPOSITORIES, place.account, place.region, place.name)
        self._authorize(reader, there, action)
        return find_repository(reader, place.account, place.region, place.name)

    def _authorize(self, reader: Reader, there: Repository | None, action: str) -> None:
        place = self.place
        arn = Repository(place.account, place.region, place.name, 0.0).arn
        request = request_keys(self.claims.region, self.now, self.request.remote_addr or "")
        refusal = self.registry.doorkeeper.refusal(reader, self.claims, arn, there, f"ecr:{action}", request)
        if refusal is not None:
            raise RegistryError(403, "DENIED", refusal)
        if self.claims.region != place.region:
            raise RegistryError(
                403,
                "DENIED",
                f"Your authorization token is for region {self.claims.region}, not for {place.region}. "
                "Reauthenticate and try again.",
            )


class Answer:
    """A response: its status, headers and body. Content-Length is the body's unless the headers say otherwise."""

    __slots__ = ("body", "headers", "repeated", "status")

    def __init__(self, status: int, headers: dict[str, str] | None = None, body: bytes | FileSlice = b"") -> None:
        self.status = status
        self.headers = headers if headers is not None else {}
        self.repeated: list[tuple[str, str]] = []
        self.body = body

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Says the answer in WSGI."""
        body = self.body
        headers = [*self.headers.items(), *self.repeated, _VERSION]
        if "Content-Length" not in self.headers and self.status != 204:
            headers.append(("Content-Length", str(body.length if isinstance(body, FileSlice) else len(body))))
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", headers)
        return body if isinstance(body, FileSlice) else [body] if body else []


_VERSION = ("Docker-Distribution-Api-Version", "registry/2.0")


def json_answer(value: Any, content_type: str, headers: dict[str, str]) -> Answer:
    return Answer(200, {"Content-Type": content_type, **headers}, json.dumps(value).encode())
