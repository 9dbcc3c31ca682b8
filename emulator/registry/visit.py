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
from emulator.domain.ecr.creation_template import CREATE_ON_PUSH
from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.image_errors import RepositoryNotFoundException
from emulator.domain.ecr.manifest import is_digest
from emulator.domain.ecr.public_registry import PUBLIC
from emulator.domain.iam.policy_conditions import request_keys
from emulator.ids import Ids
from emulator.registry.access import WITHOUT_POLICIES, Doorkeeper
from emulator.registry.address import Addressing, Place
from emulator.registry.auth import TokenClaims, TokenSigner
from emulator.registry.blobs import BlobStore
from emulator.registry.creation import create_by_template, makes_on_push
from emulator.registry.dialect import OCI, Dialect
from emulator.registry.errors import RegistryError, digest_invalid, upstream_failed
from emulator.registry.pull_through import PullThroughCache, Wanted
from emulator.registry.repository import find_repository
from emulator.registry.signing_orders import signing_refusal
from emulator.registry.uploads import Uploads
from emulator.registry.upstream import UpstreamError
from emulator.serve import FileSlice
from emulator.store.database import Database, Reader, Transaction

ANONYMOUS = TokenClaims("", PUBLIC, "anonymous", 0.0)
"""Who shows no token: may pull public images."""

_PUBLIC_READS = frozenset(
    {"BatchGetImage", "BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "ListImages", "ListImageReferrers"}
)


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
    cache: PullThroughCache | None = None


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
        self._authorize(reader, action)
        return find_repository(reader, place.account, place.region, place.name)

    def repository_to_push(self, tx: Transaction, action: str) -> Repository:
        """The repository that something is pushed to: a CREATE_ON_PUSH template makes it when it is not there."""
        try:
            return self.repository(tx, action)
        except RepositoryNotFoundException:
            place = self.place
            if not makes_on_push(tx, place.account, place.region, place.name):
                raise
        self._authorize(tx, "CreateRepository")
        return create_by_template(tx, place.account, place.region, place.name, CREATE_ON_PUSH, self.now)

    def bring(self) -> None:
        """Has the image of the path brought from its upstream, if a pull-through cache rule leads to one."""
        place, cache = self.place, self.registry.cache
        if cache is None or cache.is_own(self.request.headers.get("Via", "")):
            return
        if place.region == PUBLIC or not place.valid or self.claims.region != place.region:
            return
        arn = Repository(place.account, place.region, place.name, 0.0).arn
        wanted = Wanted(place.account, place.region, place.name, self.item)
        try:
            cache.bring(wanted, self.now, lambda reader, action: self.refusal(reader, action, arn))
        except UpstreamError as error:
            raise upstream_failed(error) from error

    def refusal(self, reader: Reader, action: str, arn: str) -> str | None:
        """Why the caller may not do something with a repository, given by its ARN; None when it may."""
        request = request_keys(self.claims.region, self.now, self.request.remote_addr or "")
        return self.registry.doorkeeper.refusal(reader, self.claims, arn, f"ecr:{action}", request)

    def signing_refusal(self, reader: Reader, profile_arn: str) -> str | None:
        """Why what the caller pushes cannot be signed with a profile in its name; None when it can."""
        who, enforce = self.claims, self.registry.doorkeeper.enforce
        return signing_refusal(reader, who.principal, who.account, who.access_key, profile_arn, enforce=enforce)

    def _authorize(self, reader: Reader, action: str) -> None:
        place = self.place
        arn = Repository(place.account, place.region, place.name, 0.0).arn
        if place.region == PUBLIC:
            self._authorize_public(reader, action, arn)
            return
        refusal = self.refusal(reader, action, arn)
        if refusal is not None:
            raise RegistryError(403, "DENIED", refusal)
        if self.claims.region != place.region:
            raise RegistryError(
                403,
                "DENIED",
                f"Your authorization token is for region {self.claims.region}, not for {place.region}. "
                "Reauthenticate and try again.",
            )

    def _authorize_public(self, reader: Reader, action: str, arn: str) -> None:
        """Anybody may pull; who pushes must be of the account, or let in by the repository's policy. A token of either
        registry does: on localhost they are one host, for which a client keeps one."""
        if action in _PUBLIC_READS:
            return
        if self.claims == ANONYMOUS:
            raise RegistryError(403, "DENIED", f"Anonymous callers are not authorized to perform: ecr-public:{action}")
        request = request_keys(self.claims.region, self.now, self.request.remote_addr or "")
        refusal = self.registry.doorkeeper.refusal(reader, self.claims, arn, f"ecr-public:{action}", request)
        if refusal is not None:
            raise RegistryError(403, "DENIED", refusal)


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
