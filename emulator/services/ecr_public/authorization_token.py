"""Tokens with which docker logs in to public.ecr.aws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.public_registry import PUBLIC
from emulator.registry.auth import TokenSigner
from emulator.services.ecr_public.lookup import check_region
from emulator.wire.call import Call


def get_authorization_token(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """One object, not a list, and no endpoint; good for 12 hours of clock."""
    check_region(call)
    token, expires_at = call.parts.get(TokenSigner).authorization_token(
        call.account, PUBLIC, call.caller.arn, call.now, call.caller.access_key
    )
    return {"authorizationData": {"authorizationToken": token, "expiresAt": expires_at}}
