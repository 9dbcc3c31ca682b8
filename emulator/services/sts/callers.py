"""Who somebody is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.iam.identity import account_of_access_key
from emulator.domain.iam.identity_errors import ValidationError
from emulator.wire.call import Call


def get_caller_identity(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"UserId": call.caller.user_id, "Account": call.caller.account, "Arn": call.caller.arn}


def get_access_key_info(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The account is read from the key id, whoever gave it out, as AWS does."""
    account = account_of_access_key(request["AccessKeyId"])
    if account is None:
        raise ValidationError(f"{request['AccessKeyId']} is not an access key id that names an account")
    return {"Account": account}
