"""Which user a request means: the named one, or the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.iam.identity import User
from emulator.domain.iam.identity_errors import ValidationError
from emulator.services.iam.finding import user_named
from emulator.wire.call import Call


def caller_without_user(call: Call) -> bool:
    """Whether the account itself calls."""
    return call.caller.arn.endswith(":root")


def user_meant(call: Call, request: Mapping[str, Any]) -> User:
    """ValidationError when no user is named and the caller is none."""
    name = request.get("UserName")
    if name is not None:
        return user_named(call, name)
    if ":user/" not in call.caller.arn:
        raise ValidationError("Must specify userName when calling with non-User credentials")
    return user_named(call, call.caller.arn.rpartition("/")[2])
