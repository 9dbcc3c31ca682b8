"""AWS Signature Version 4, verified: for `--auth strict`. The rules are AWS's published signing process, for the
Authorization header and for query parameters (presigned requests)."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from emulator.wire.errors import IncompleteSignatureException
from emulator.wire.request import HttpRequest

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<signed>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_PARAMETERS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")

MAXIMUM_SKEW_S = 900.0
LONGEST_S = 604_800


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says of its signature. `expires_s`: how long a presigned one is good, None for a header's."""

    credential: str
    signed_headers: str
    value: str
    date: str
    token: str | None
    expires_s: int | None = None

    def in_time(self, now: float) -> bool:
        """Whether it is of now, give or take 15 minutes; a presigned one, whether it is good still."""
        try:
            stamp = datetime.strptime(self.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            return False
        return stamp - MAXIMUM_SKEW_S <= now <= stamp + (MAXIMUM_SKEW_S if self.expires_s is None else self.expires_s)


def signature_of(request: HttpRequest) -> Signature | None:
    """From the header, else from the query string; None when there is none of a known form.

    Raises IncompleteSignatureException for a presigned request that lacks a part, or is to last longer than a week.
    """
    header = request.header("Authorization")
    if header is not None:
        found = _AUTHORIZATION.match(header)
        date, token = request.header("X-Amz-Date"), request.header("X-Amz-Security-Token")
        if found is None or date is None:
            return None
        return Signature(found["credential"], found["signed"], found["signature"], date, token)
    given = dict(_pairs(request))
    for name in _PARAMETERS:
        if not given.get(name):
            raise IncompleteSignatureException(
                f"AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
            )
    if given["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
        raise IncompleteSignatureException("X-Amz-Algorithm only supports AWS4-HMAC-SHA256")  # unconfirmed
    _, credential, date, signed, value = (given[name] for name in _PARAMETERS)
    return Signature(credential, signed, value, date, given.get("X-Amz-Security-Token"), _lasts(given))


def _lasts(given: dict[str, str]) -> int | None:
    said = given.get("X-Amz-Expires")
    if said is None:
        return None
    seconds = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    if not 1 <= seconds <= LONGEST_S:
        raise IncompleteSignatureException(f"X-Amz-Expires must be between 1 and {LONGEST_S} seconds.")  # unconfirmed
    return seconds


def verify(request: HttpRequest, body: bytes, secret_key: str, signature: Signature) -> bool:
    """Whether the signature is that of this request under the secret key."""
    scope = signature.credential.partition("/")[2]
    canonical = _canonical(request, signature.signed_headers, body)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(("AWS4-HMAC-SHA256", signature.date, scope, digest))
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    return hmac.compare_digest(expected.encode(), signature.value.encode())


def _canonical(request: HttpRequest, signed: str, body: bytes) -> str:
    names = signed.split(";")
    headers = "".join(f"{name}:{' '.join((request.header(name) or '').split())}\n" for name in names)
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in _pairs(request) if k != "X-Amz-Signature")
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~") or "/",
            "&".join(f"{k}={v}" for k, v in pairs),
            headers,
            signed,
            hashlib.sha256(body).hexdigest(),
        )
    )


def _pairs(request: HttpRequest) -> list[tuple[str, str]]:
    return parse_qsl(request.query, keep_blank_values=True, errors="surrogateescape")
