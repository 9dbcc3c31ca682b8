"""Registry tokens: what GetAuthorizationToken hands out and what every `/v2/` request must show.

A token is the password of user `AWS`. It names account, region and principal, is signed, and holds for 12 hours (ECR
API model, GetAuthorizationToken). Its outer form is that of AWS's tokens: base64 of a JSON object. Decides who a token
speaks for; must not know what that one may do.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import astuple, dataclass
from functools import lru_cache

from emulator.ids import Ids
from emulator.registry.download_urls import DownloadUrls
from emulator.store.database import Database
from emulator.store.settings_table import setting

TOKEN_LIFETIME_S = 12 * 3600.0
USER_NAME = "AWS"


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """Who a token was given to. `principal` is an ARN, `expires_at` seconds since the epoch.

    `access_key` is the key that asked for it: of temporary credentials it leads to what limits them.
    """

    account: str
    region: str
    principal: str
    expires_at: float
    access_key: str = ""


class InvalidToken(Exception):
    """Not a token of this emulator."""


class ExpiredToken(Exception):
    """It was one, more than twelve hours ago."""


class TokenSigner:
    """Makes and verifies tokens with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.download_urls = DownloadUrls(secret)
        # A client shows the same token with each of its hundreds of requests.
        self._genuine = lru_cache(maxsize=256)(self._open)

    @classmethod
    def kept_in(cls, database: Database, ids: Ids) -> TokenSigner:
        """With the secret kept in the database, so that tokens outlive a restart."""
        return cls(bytes.fromhex(setting(database, "registry-token-secret", lambda: ids.token(32).hex())))

    def issue(
        self, account: str, region: str, principal: str, now: float, access_key: str = ""
    ) -> tuple[str, TokenClaims]:
        """A new token and what it claims."""
        claims = TokenClaims(account, region, principal, now + TOKEN_LIFETIME_S, access_key)
        payload = json.dumps(astuple(claims)).encode()
        outer = {
            "payload": base64.b64encode(payload).decode(),
            "datakey": base64.b64encode(self._sign(payload)).decode(),
            "version": "2",
            "type": "DATA_KEY",
            "expiration": int(claims.expires_at),
        }
        return base64.b64encode(json.dumps(outer, separators=(",", ":")).encode()).decode(), claims

    def authorization_token(
        self, account: str, region: str, principal: str, now: float, access_key: str = ""
    ) -> tuple[str, float]:
        """GetAuthorizationToken's `authorizationToken` (base64 of user and password) and `expiresAt`."""
        token, claims = self.issue(account, region, principal, now, access_key)
        return base64.b64encode(f"{USER_NAME}:{token}".encode()).decode(), claims.expires_at

    def verify(self, token: str, now: float) -> TokenClaims:
        """Raises InvalidToken, ExpiredToken."""
        claims = self._genuine(token)
        if now >= claims.expires_at:
            raise ExpiredToken
        return claims

    def _open(self, token: str) -> TokenClaims:
        try:
            outer = json.loads(base64.b64decode(token, validate=True))
            payload = base64.b64decode(outer["payload"], validate=True)
            signature = base64.b64decode(outer["datakey"], validate=True)
        except (binascii.Error, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidToken from error
        if not hmac.compare_digest(signature, self._sign(payload)):
            raise InvalidToken
        return TokenClaims(*json.loads(payload))

    def _sign(self, payload: bytes) -> bytes:
        return hmac.new(self._secret, payload, hashlib.sha256).digest()
