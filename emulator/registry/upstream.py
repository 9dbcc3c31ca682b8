"""Another registry, as a client of it: manifests and blobs, with Basic credentials or by its token service.

Speaks OCI Distribution and the token flow of its challenges. It connects to nothing but the address it is given and
what that leads to over HTTPS: a registry cannot send it to a plain address of this machine or its network. It knows no
rule and no cache.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from emulator.domain.ecr.manifest import IMAGE_TYPES, LIST_TYPES, MANIFEST_LIMIT, digest_of

if TYPE_CHECKING:
    import urllib3

_ACCEPT = ", ".join((*IMAGE_TYPES, *LIST_TYPES))
_PARAMETER = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
_REDIRECTS = (301, 302, 303, 307, 308)
_MAXIMUM_REDIRECTS = 3


class UpstreamError(Exception):
    """`code` is ECR's failure code for it."""

    code = "UpstreamUnavailable"


class UpstreamNotFound(UpstreamError):
    """The upstream has no such image, layer or repository."""

    code = "ImageNotFound"


class UpstreamDenied(UpstreamError):
    code = "UpstreamAccessDenied"


class UpstreamTooManyRequests(UpstreamError):
    code = "UpstreamTooManyRequests"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest as the upstream has it; `body` is empty after a HEAD."""

    digest: str
    media_type: str
    body: bytes


class Body:
    """What a blob's bytes are read from: `readinto`, as uploads want it."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def readinto(self, buffer: memoryview, /) -> int:
        """Raises UpstreamError when the connection breaks."""
        from urllib3.exceptions import HTTPError

        try:
            got = self._response.read(len(buffer))
        except (HTTPError, OSError) as error:
            raise UpstreamError(f"the upstream registry broke off: {error}") from error
        buffer[: len(got)] = got
        return len(got)


class Upstream:
    """`base` is its address (`https://quay.io`); `credentials` are a user and a password; `host` is sent as Host, where
    the registry tells its names apart by that; `mark` is sent as Via, so that whoever sends it knows itself again."""

    def __init__(
        self, base: str, credentials: tuple[str, str] | None = None, host: str | None = None, mark: str = "homeport"
    ) -> None:
        import urllib3  # most emulators never have an upstream, and start sooner without it

        self._base = base.rstrip("/")
        self._credentials = credentials
        self._host = host
        self._mark = mark
        self._tokens: dict[str, str] = {}
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5.0, read=60.0), retries=False, maxsize=4, block=False
        )

    def manifest(self, name: str, reference: str, *, head: bool = False) -> Fetched:
        """By tag or digest; what came under a digest has that digest. Raises UpstreamError and its kinds."""
        with self._request("HEAD" if head else "GET", f"/v2/{name}/manifests/{reference}", name) as response:
            body = b"" if head else response.read(MANIFEST_LIMIT + 1)
            if len(body) > MANIFEST_LIMIT:
                raise UpstreamError("the upstream's manifest is larger than 4 MiB")
            told = response.headers.get("Docker-Content-Digest", "")
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        digest = told if head else digest_of(body, (reference if ":" in reference else "sha256:").partition(":")[0])
        if ":" in reference and not head and digest != reference:
            raise UpstreamError(f"the upstream's manifest does not have the digest {reference}")
        return Fetched(digest, media_type, body)

    @contextmanager
    def blob(self, name: str, digest: str) -> Iterator[Body]:
        with self._request("GET", f"/v2/{name}/blobs/{digest}", name) as response:
            yield Body(response)

    def check(self) -> None:
        """Whether it is a registry that takes the credentials. Raises UpstreamError and its kinds."""
        with self._request("GET", "/v2/", None):
            pass

    @contextmanager
    def _request(self, method: str, path: str, name: str | None) -> Iterator[urllib3.BaseHTTPResponse]:
        from urllib3.exceptions import HTTPError

        try:
            response = self._send(method, self._base + path, self._headers(name))
            if response.status == 401:
                challenge = response.headers.get("WWW-Authenticate", "")
                response.drain_conn()
                self._answer(challenge, name)
                response = self._send(method, self._base + path, self._headers(name))
            try:
                self._check(response, path)
                yield response
            finally:
                response.release_conn()
        except (HTTPError, OSError) as error:
            raise UpstreamError(f"the upstream registry {self._base} cannot be reached: {error}") from error

    def _headers(self, name: str | None) -> dict[str, str]:
        headers = {"Accept": _ACCEPT, "User-Agent": "homeport", "Via": f"1.1 {self._mark}"}
        if (token := self._tokens.get(name or "")) is not None:
            headers["Authorization"] = token
        if self._host is not None:
            headers["Host"] = self._host
        return headers

    def _send(self, method: str, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        for _ in range(_MAXIMUM_REDIRECTS + 1):
            response = self._pool.request(method, url, headers=headers, redirect=False, preload_content=False)
            if response.status not in _REDIRECTS or "Location" not in response.headers:
                return response
            target = urljoin(url, response.headers["Location"])
            response.drain_conn()
            self._check_address(target)
            if _origin(target) != _origin(url):
                headers = {k: v for k, v in headers.items() if k not in ("Authorization", "Host")}
            url = target
        raise UpstreamError("the upstream registry redirects too often")

    def _check_address(self, url: str) -> None:
        if urlsplit(url).scheme != "https" and _origin(url) != _origin(self._base):
            raise UpstreamError(f"the upstream registry leads to {_origin(url)}, which is not HTTPS")

    def _answer(self, challenge: str, name: str | None) -> None:
        """Takes up what a 401 asks for: Basic, or a token from the service that it names."""
        from urllib3 import make_headers

        scheme, _, rest = challenge.partition(" ")
        asked = dict(_PARAMETER.findall(rest))
        basic = None
        if self._credentials is not None:
            basic = make_headers(basic_auth=":".join(self._credentials))["authorization"]
        if scheme.lower() == "basic":
            if basic is None:
                raise UpstreamDenied("the upstream registry wants credentials")
            self._tokens[name or ""] = basic
        elif scheme.lower() == "bearer" and "realm" in asked:
            self._tokens[name or ""] = f"Bearer {self._token(asked, name, basic)}"
        else:
            raise UpstreamDenied("the upstream registry asks for an authentication that is not known")

    def _token(self, asked: dict[str, str], name: str | None, basic: str | None) -> str:
        self._check_address(asked["realm"])
        query = {"service": asked["service"]} if "service" in asked else {}
        scope = asked.get("scope") or (f"repository:{name}:pull" if name else "")
        if scope:
            query["scope"] = scope
        headers = {"Authorization": basic} if basic else {}
        joint = "&" if "?" in asked["realm"] else "?"
        response = self._pool.request(
            "GET", f"{asked['realm']}{joint}{urlencode(query)}", headers=headers, redirect=False
        )
        if response.status != 200:
            raise UpstreamDenied(f"the upstream's token service answers {response.status}")
        try:
            answer = json.loads(response.data)
            return str(answer.get("token") or answer["access_token"])
        except (ValueError, KeyError, AttributeError) as error:
            raise UpstreamDenied("the upstream's token service answers no token") from error

    def _check(self, response: urllib3.BaseHTTPResponse, path: str) -> None:
        if response.status in (200, 206):
            return
        response.drain_conn()
        if response.status == 404:
            raise UpstreamNotFound(f"{self._base}{path}: not found")
        if response.status in (401, 403):
            raise UpstreamDenied(f"{self._base}{path}: access denied ({response.status})")
        if response.status == 429:
            raise UpstreamTooManyRequests(f"{self._base}{path}: too many requests")
        raise UpstreamError(f"{self._base}{path}: status {response.status}")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
