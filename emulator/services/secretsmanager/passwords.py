"""Random passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.secrets.password import PasswordRules, random_password
from emulator.wire.call import Call


def get_random_password(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    rules = PasswordRules(
        length=request.get("PasswordLength", 32),
        exclude_characters=request.get("ExcludeCharacters", ""),
        numbers=not request.get("ExcludeNumbers", False),
        punctuation=not request.get("ExcludePunctuation", False),
        uppercase=not request.get("ExcludeUppercase", False),
        lowercase=not request.get("ExcludeLowercase", False),
        space=bool(request.get("IncludeSpace", False)),
        require_each_type=bool(request.get("RequireEachIncludedType", True)),
    )
    return {"RandomPassword": random_password(rules, call.ids.pick)}
