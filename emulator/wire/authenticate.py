"""Who is calling. Any key is taken by default; `--auth strict` knows its keys and verifies signatures (D10, D13)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from emulator.clock import wall_clock
from emulator.domain.region import partition_of
from emulator.wire.call import Caller
from emulator.wire.errors import (
    ExpiredTokenException,
    InvalidSignatureException,
    RequestExpired,
    UnrecognizedClientException,
)
from emulator.wire.identify import Scope
from emulator.wire.request import HttpRequest
from emulator.wire.signature import signature_of, verify


class Principal(Protocol):
    """A key the emulator itself gave out: an IAM user's, or temporary credentials."""

    @property
    def arn(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def session_token(self) -> str | None: ...
    @property
    def expires_at(self) -> float | None: ...


FindPrincipal = Callable[[str], Principal | None]


@dataclass(frozen=True, slots=True)
class Authenticator:
    """`keys` maps configured access keys to secret keys; used only when `strict`."""

    default_account: str
    strict: bool = False
    keys: tuple[tuple[str, str], ...] = ()
    find_principal: FindPrincipal | None = None
    is_deactivated: Callable[[str], bool] | None = None  # given where policies are enforced

    def caller(self, scope: Scope, request: HttpRequest, body: bytes, now: float) -> Caller:
        principal = self.find_principal(scope.access_key) if self.find_principal else None
        if self.strict:
            self._verify(scope, request, body, now, principal)
        elif self.is_deactivated is not None:
            self._check_alive(scope, now, principal)
        if principal is not None:
            return Caller(principal.arn, principal.account, scope.access_key, principal.user_id)
        account = self._account(scope.access_key)
        return Caller(f"arn:{partition_of(scope.region)}:iam::{account}:root", account, scope.access_key, account)

    def _account(self, access_key: str) -> str:
        return access_key if len(access_key) == 12 and access_key.isdigit() else self.default_account

    def _check_alive(self, scope: Scope, now: float, principal: Principal | None) -> None:
        """A key that is no longer good stands for nobody, rather than for the root user as a stranger's does."""
        if principal is None and self.is_deactivated is not None and self.is_deactivated(scope.access_key):
            raise UnrecognizedClientException("The security token included in the request is invalid.")
        _check_age(principal, now)

    def _verify(self, scope: Scope, request: HttpRequest, body: bytes, now: float, principal: Principal | None) -> None:
        secret = principal.secret_key if principal else dict(self.keys).get(scope.access_key)
        if secret is None:
            raise UnrecognizedClientException("The security token included in the request is invalid.")
        _check_age(principal, now)
        signature = signature_of(request)
        token = principal.session_token if principal is not None else None
        said = (signature and signature.token) or ""
        if token is not None and not hmac.compare_digest(said.encode(errors="replace"), token.encode()):
            raise UnrecognizedClientException("The security token included in the request is invalid.")
        if signature is not None and not signature.in_time(wall_clock()):
            raise RequestExpired(
                "Signature expired: X-Amz-Date is more than 15 minutes from now."
                if signature.expires_s is None
                else f"Signature expired: it was good for {signature.expires_s} seconds from {signature.date}."
            )
        if signature is None or not verify(request, body, secret, signature):
            raise InvalidSignatureException(
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
            )


def _check_age(principal: Principal | None, now: float) -> None:
    if principal is not None and principal.expires_at is not None and principal.expires_at <= now:
        raise ExpiredTokenException("The security token included in the request is expired")
