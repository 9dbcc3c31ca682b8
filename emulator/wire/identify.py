"""Which service and which operation a request names, and whose account and region it is about."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.region import is_region
from emulator.wire.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnknownOperationException,
)
from emulator.wire.operations import Service, Services
from emulator.wire.protocols import cbor, query
from emulator.wire.request import HttpRequest

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Scope:
    """The credential scope of a request's signature."""

    access_key: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Identified:
    service: Service
    operation: str
    scope: Scope
    json_version: str | None  # None: Query
    form: query.Form | None
    body: bytes
    is_cbor: bool = False


@functools.lru_cache(maxsize=4096)
def _scope(credential: str) -> Scope | None:
    found = _CREDENTIAL.search(credential)
    if found is None:
        return None
    return Scope(found[1], found[3], found[4])


def scope_of(request: HttpRequest) -> Scope:
    """From the Authorization header or a presigned URL; the signature itself is not looked at here.

    Raises MissingAuthenticationTokenException, IncompleteSignatureException; InvalidSignatureException for a region
    that there is not.
    """
    header = request.header("Authorization")
    if header is None:
        presigned = parse_qs(request.query).get("X-Amz-Credential") if "X-Amz-Credential" in request.query else None
        if presigned is None:
            raise MissingAuthenticationTokenException("Missing Authentication Token")
        header = f"Credential={presigned[0]}"
    elif not header.startswith("AWS4-HMAC-SHA256"):
        raise IncompleteSignatureException("Authorization header requires 'Credential' parameter.")
    end = header.find("SignedHeaders=")
    scope = _scope(header if end < 0 else header[:end])
    if scope is None:
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term"
        )
    if not is_region(scope.region):
        raise InvalidSignatureException(f"Credential should be scoped to a valid region, not '{scope.region}'.")
    return scope


class Identifier:
    """Knows the services by target prefix and by signing name."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def service_of_target(self, request: HttpRequest) -> Service | None:
        """The service an error belongs to, as far as the request tells."""
        if cbor.is_spoken(request):
            named = cbor.named(request)
            return self._services.by_target_prefix(named[0]) if named else None
        target = request.header("X-Amz-Target")
        return self._services.by_target_prefix(target.partition(".")[0]) if target else None

    def json(self, target: str, request: HttpRequest, body: bytes) -> Identified:
        prefix, _, operation = target.partition(".")
        service = self._services.by_target_prefix(prefix)
        if service is None:
            named = scope_of(request).service
            if self._services.by_signing_name(named) is not None:
                raise UnknownOperationException(f"{named} has no operation {target[:200]!r}.")
            raise NotEmulatedYet(f"Homeport does not emulate {named[:64]}:{operation[:100]} yet.")
        if not operation:
            raise UnknownOperationException(f"The target {target[:200]!r} names no operation.")
        version = "1.0" if "json-1.0" in (request.header("Content-Type") or "") else "1.1"
        return Identified(service, operation, scope_of(request), version, None, body)

    def cbor(self, request: HttpRequest, body: bytes) -> Identified:
        """Only for services whose models list the protocol."""
        service, named = self.service_of_target(request), cbor.named(request)
        scope = scope_of(request)
        if service is None and self._services.by_signing_name(scope.service) is None:
            operation = f":{named[1][:100]}" if named else ""
            raise NotEmulatedYet(f"Homeport does not emulate {scope.service[:64]}{operation} yet.")
        if service is None or named is None or cbor.NAME not in service.api.model.metadata.get("protocols", ()):
            raise UnknownOperationException(f"{scope.service[:64]} takes no operation at {request.path[:200]!r}.")
        return Identified(service, named[1], scope, None, None, body, is_cbor=True)

    def query(self, request: HttpRequest, body: bytes) -> Identified:
        form = query.read_form(request.query, body)
        scope = scope_of(request)
        service = self._services.by_signing_name(scope.service)
        operation = form.get("Action")
        if service is None:
            what = f"{scope.service[:64]}{f':{operation[:100]}' if operation else ''}"
            raise NotEmulatedYet(f"Homeport does not emulate {what} yet.")
        if not operation:
            raise UnknownOperationException("The request names no operation: neither X-Amz-Target nor Action.")
        if service.api.protocol not in ("query", "ec2"):
            raise UnknownOperationException(f"{scope.service} takes its operation in X-Amz-Target.")
        return Identified(service, operation, scope, None, form, body)
