"""OCI Distribution over HTTP: authenticates, routes to `pulls` and `pushes`, turns their errors into answers.

One function takes a request and gives an answer. It speaks WSGI itself, with werkzeug to read requests only: a push is
hundreds of small requests, and a framework would be the larger part of each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.datastructures import Authorization
from werkzeug.wrappers import Request

from emulator.clock import Clock
from emulator.domain.ecr.public_registry import HOST as PUBLIC_HOST
from emulator.domain.ecr.public_registry import PUBLIC
from emulator.domain.errors import AwsError
from emulator.domain.region import partition_of
from emulator.ids import Ids
from emulator.registry import pulls, pushes
from emulator.registry.access import Doorkeeper
from emulator.registry.address import Addressing, route
from emulator.registry.auth import USER_NAME, ExpiredToken, InvalidToken, TokenClaims, TokenSigner
from emulator.registry.blobs import BlobStore
from emulator.registry.dialect import ECR, OCI
from emulator.registry.download_urls import ExpiredUrl
from emulator.registry.errors import RegistryError, not_allowed, translated
from emulator.registry.pull_through import PullThroughCache
from emulator.registry.uploads import Uploads
from emulator.registry.visit import ANONYMOUS, Answer, Registry, Visit, json_answer
from emulator.serve import ClientGone, MalformedBody
from emulator.store.database import CannotWrite, Database

TOKEN_PATH = "/token/"
ANONYMOUS_TOKEN = "anonymous"

log = logging.getLogger(__name__)

_VERBS: dict[tuple[str, str], Callable[[Visit], Answer]] = {
    ("blob", "GET"): pulls.get_blob,
    ("blob", "HEAD"): pulls.get_blob,
    ("blob", "DELETE"): pushes.remove_blob,
    ("uploads", "POST"): pushes.start_upload,
    ("upload", "GET"): pushes.upload_status,
    ("upload", "HEAD"): pushes.upload_status,
    ("upload", "PATCH"): pushes.append,
    ("upload", "PUT"): pushes.finish,
    ("upload", "DELETE"): pushes.cancel,
    ("manifest", "GET"): pulls.get_manifest,
    ("manifest", "HEAD"): pulls.get_manifest,
    ("manifest", "PUT"): pushes.push_manifest,
    ("manifest", "DELETE"): pushes.remove_manifest,
    ("tags", "GET"): pulls.get_tags,
    ("tags", "HEAD"): pulls.get_tags,
    ("referrers", "GET"): pulls.get_referrers,
    ("referrers", "HEAD"): pulls.get_referrers,
}


class RegistryApp:
    """`/v2/` and everything under it as a WSGI application, for any host."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        uploads: Uploads,
        signer: TokenSigner,
        clock: Clock,
        ids: Ids,
        *,
        default_account: str,
        default_region: str,
        strict: bool = False,
        enforce_iam: bool = False,
        cache: PullThroughCache | None = None,
    ) -> None:
        """`strict`: as ECR does where it departs from the specification (`dialect`); `enforce_iam`: see
        `access.Doorkeeper`."""
        addressing = Addressing(default_account, default_region)
        self._registry = Registry(
            database,
            blobs,
            uploads,
            signer,
            clock,
            ids,
            addressing,
            ECR if strict else OCI,
            Doorkeeper(enforce_iam),
            cache,
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        path = request.path.removeprefix("/v2").removeprefix("/")
        if request.path in ("/token", "/token/"):
            path = TOKEN_PATH
        return respond(self._registry, request, path).send(start_response)


def respond(registry: Registry, request: Request, path: str) -> Answer:
    """The answer to any request; `path` is what stands behind `/v2/`."""
    try:
        return _answer(registry, request, path)
    except AwsError as error:
        return _refusal(translated(error, registry.dialect))
    except RegistryError as error:
        return _refusal(error)
    except (ClientGone, MalformedBody):
        # Nobody hears this; the server closes the connection or answers for itself.
        return _refusal(RegistryError(400, "BLOB_UPLOAD_INVALID", "The body did not come to its end."))
    except OSError as error:
        log.exception("the registry cannot read or write its files")
        return _refusal(RegistryError(500, "UNKNOWN", f"The registry's disk failed: {error.strerror}"))
    except CannotWrite as error:
        log.error("%s %s was not kept: %s", request.method, request.path, error)
        return _refusal(RegistryError(500, "UNKNOWN", f"The registry's disk failed: {error}"))


def _answer(registry: Registry, request: Request, path: str) -> Answer:
    now = registry.clock.now()
    if path == TOKEN_PATH:
        return _anonymous_token(request, now)
    claims = (
        _authenticate(registry.signer, request, now)
        or _signed_for(registry, request, path, now)
        or _anonymous(registry, request, path)
    )
    if claims is None:
        return _challenge(request)
    if not path:
        return Answer(200, {"Content-Type": "application/json"}) if request.method in ("GET", "HEAD") else _nothing()
    found = route(path)
    if found is None:
        return _nothing()
    kind, name, item = found
    verb = _VERBS.get((kind, request.method))
    if verb is None:
        raise not_allowed()
    host = request.host.partition(":")[0]
    return verb(Visit(registry, request, claims, registry.addressing.place(host, name), item, now))


def _authenticate(signer: TokenSigner, request: Request, now: float) -> TokenClaims | None:
    """Who is calling; None without a valid token. An expired one is refused by name, as ECR does."""
    given = _given(request)
    if given is None or given.type != "basic" or given.username != USER_NAME:
        return None
    try:
        return signer.verify(given.password or "", now)
    except InvalidToken:
        return None
    except ExpiredToken as error:
        raise RegistryError(
            403, "DENIED", "Your authorization token has expired. Reauthenticate and try again."
        ) from error


def _given(request: Request) -> Authorization | None:
    """Credentials in a form that can be read. Of what is no base64 werkzeug says nothing, but not ASCII raises."""
    try:
        return request.authorization
    except ValueError:
        return None


def _signed_for(registry: Registry, request: Request, path: str, now: float) -> TokenClaims | None:
    """Whom the signed URL of a layer speaks for: the owner of its registry, for this one request."""
    found = route(path) if request.method in ("GET", "HEAD") and request.args else None
    if found is None or found[0] != "blob":
        return None
    place = registry.addressing.place(request.host.partition(":")[0], found[1])
    try:
        signed = registry.signer.download_urls.is_signed(
            request.args, place.account, place.region, place.name, found[2], now
        )
    except ExpiredUrl as error:
        raise RegistryError(403, "DENIED", "Request has expired") from error
    owner = f"arn:{partition_of(place.region)}:iam::{place.account}:root"
    return TokenClaims(place.account, place.region, owner, now) if signed else None


def _anonymous(registry: Registry, request: Request, path: str) -> TokenClaims | None:
    """Nobody in particular, who may read public images: without any credentials, or with what `_anonymous_token` gave.

    `/v2/` itself is answered so only to who has that: others are to be told where to get it.
    """
    given = _given(request)
    if given is not None and not (given.type == "bearer" and given.token == ANONYMOUS_TOKEN):
        return None
    host = request.host.partition(":")[0]
    if not path:
        return ANONYMOUS if given is not None and host.lower() == PUBLIC_HOST else None
    found = route(path) if request.method in ("GET", "HEAD") else None
    return ANONYMOUS if found and registry.addressing.place(host, found[1]).region == PUBLIC else None


def _anonymous_token(request: Request, now: float) -> Answer:
    """What a Bearer challenge leads to. The same for everybody: it opens what is open."""
    if request.method != "GET":
        raise not_allowed()
    issued = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json_answer({"token": ANONYMOUS_TOKEN, "expires_in": 3600, "issued_at": issued}, "application/json", {})


def _challenge(request: Request) -> Answer:
    if request.host.partition(":")[0].lower() == PUBLIC_HOST:
        realm = f'Bearer realm="{request.scheme}://{request.host}/token/",service="{PUBLIC_HOST}",scope="aws"'
        body = b'{"errors":[{"code":"DENIED","message":"Not Authorized"}]}'
        return Answer(401, {"WWW-Authenticate": realm, "Content-Type": "application/json; charset=utf-8"}, body)
    realm = f'Basic realm="{request.scheme}://{request.host}/",service="ecr.amazonaws.com"'
    headers = {"WWW-Authenticate": realm, "Content-Type": "text/plain; charset=utf-8"}
    return Answer(401, headers, b"Not Authorized\n")


def _nothing() -> Answer:
    return Answer(404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n")


def _refusal(error: RegistryError) -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8", **error.headers}
    return Answer(error.status, headers, error.body)
