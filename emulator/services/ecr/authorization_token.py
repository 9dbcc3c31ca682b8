"""Tokens with which docker logs in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.registry.auth import TokenSigner
from emulator.registry.naming import RegistryNaming
from emulator.wire.call import Call


def get_authorization_token(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """One entry for each registry asked for, the caller's own by default; good for 12 hours of clock.

    Whichever registry is asked for, a token speaks for its caller: it opens nothing that the caller may not.
    """
    signer, naming = call.parts.get(TokenSigner), call.parts.get(RegistryNaming)
    entries = []
    for account in dict.fromkeys(request.get("registryIds") or [call.account]):
        token, expires_at = signer.authorization_token(
            call.account, call.region, call.caller.arn, call.now, call.caller.access_key
        )
        endpoint = naming.proxy_endpoint(account, call.region)
        entries.append({"authorizationToken": token, "expiresAt": expires_at, "proxyEndpoint": endpoint})
    return {"authorizationData": entries}
