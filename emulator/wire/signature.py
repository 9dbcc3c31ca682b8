"""AWS Signature Version 4, verified: for `--auth strict`. The rule is AWS's published signing process."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from emulator.wire.request import HttpRequest

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<signed>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


MAXIMUM_SKEW_S = 900.0


def signed_lately(request: HttpRequest, now: float) -> bool:
    """Whether X-Amz-Date is within 15 minutes of the machine's time."""
    try:
        stamp = datetime.strptime(request.header("X-Amz-Date") or "", "%Y%m%dT%H%M%SZ")
    except ValueError:
        return False
    return abs(stamp.replace(tzinfo=UTC).timestamp() - now) <= MAXIMUM_SKEW_S


def verify(request: HttpRequest, body: bytes, secret_key: str) -> bool:
    """Whether the Authorization header's signature is that of this request under the secret key."""
    found = _AUTHORIZATION.match(request.header("Authorization") or "")
    stamp = request.header("X-Amz-Date")
    if found is None or stamp is None:
        return False
    scope = found["credential"].split("/", 1)[1]
    canonical = _canonical(request, found["signed"], body)
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.new(key, to_sign.encode(), "sha256").hexdigest(), found["signature"])


def _canonical(request: HttpRequest, signed: str, body: bytes) -> str:
    names = signed.split(";")
    headers = "".join(f"{name}:{' '.join((request.header(name) or '').split())}\n" for name in names)
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(request.query, True))
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
