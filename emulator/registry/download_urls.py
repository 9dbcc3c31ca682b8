"""Signed URLs of layers: whoever has one may fetch that one layer for an hour, without a token.

What GetDownloadUrlForLayer answers. At AWS it leads to a bucket; here it is the blob's own path in the registry with a
signature in the query, so that the same ranges work. It knows no repository and no policy: who gave the URL away asked.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

VALID_S = 3600
_EXPIRES, _SIGNATURE = "X-Homeport-Expires", "X-Homeport-Signature"


class ExpiredUrl(Exception):
    """It was valid, more than an hour ago."""


class DownloadUrls:
    """Makes and verifies URLs with one secret."""

    def __init__(self, secret: bytes) -> None:
        # Another key than that of tokens, so that neither can be taken for the other.
        self._secret = hmac.new(secret, b"download-urls", hashlib.sha256).digest()

    def url(self, endpoint: str, account: str, region: str, name: str, digest: str, now: float) -> str:
        """`endpoint` is where the registry answers, `http://localhost:4566`."""
        expires = str(int(now) + VALID_S)
        query = {_EXPIRES: expires, _SIGNATURE: self._sign(account, region, name, digest, expires)}
        return f"{endpoint}/v2/{account}.{region}/{name}/blobs/{digest}?{urlencode(query)}"

    def is_signed(
        self, query: Mapping[str, str], account: str, region: str, name: str, digest: str, now: float
    ) -> bool:
        """Whether the query of a request for a blob makes it one of our URLs. Raises ExpiredUrl."""
        expires, given = query.get(_EXPIRES, ""), query.get(_SIGNATURE)
        if given is None or not hmac.compare_digest(
            given.encode(), self._sign(account, region, name, digest, expires).encode()
        ):
            return False
        if now >= int(expires):
            raise ExpiredUrl
        return True

    def _sign(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
