"""Long-lived access keys of users. The emulator names their owner as the caller of what they sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import LimitExceededException
from emulator.domain.iam.identity import AccessKey, User, access_key_id
from emulator.domain.iam.identity_errors import InvalidInputException, NoSuchEntityException
from emulator.services.iam.callers import user_meant
from emulator.services.iam.shown import paged
from emulator.store.iam_tables import ACCESS_KEYS
from emulator.store.principals import secret_access_key
from emulator.wire.call import Call

_LIMIT = 2


def create_access_key(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    user = user_meant(call, request)
    if call.reader.count(ACCESS_KEYS, account=call.account, user=user.name) >= _LIMIT:
        raise LimitExceededException(f"Cannot exceed quota for AccessKeysPerUser: {_LIMIT}")
    key_id = access_key_id("AKIA", call.account, call.ids.token(5))
    key = AccessKey(call.account, key_id, user.name, secret_access_key(call.ids), call.now)
    call.tx.insert(ACCESS_KEYS, key)
    return {"AccessKey": {**_shown(key), "SecretAccessKey": key.secret_key}}


def list_access_keys(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    user = user_meant(call, request)
    page = call.page(
        request, call.reader.find(ACCESS_KEYS, account=call.account, user=user.name), key=lambda key: key.id
    )
    return paged(page, "AccessKeyMetadata", [_shown(key) for key in page.items])


def update_access_key(call: Call, request: Mapping[str, Any]) -> None:
    key = _key(call, user_meant(call, request), request["AccessKeyId"])
    if request["Status"] == "Expired":
        raise InvalidInputException("The status of an access key can be set to Active or Inactive only.")
    call.tx.put(ACCESS_KEYS, replace(key, active=request["Status"] == "Active"))


def delete_access_key(call: Call, request: Mapping[str, Any]) -> None:
    key = _key(call, user_meant(call, request), request["AccessKeyId"])
    call.tx.delete(ACCESS_KEYS, call.account, key.id)


def _key(call: Call, user: User, key_id: str) -> AccessKey:
    key = call.reader.get(ACCESS_KEYS, call.account, key_id)
    if key is None or key.user != user.name:
        raise NoSuchEntityException(f"The Access Key with id {key_id} cannot be found.")
    return key


def _shown(key: AccessKey) -> dict[str, Any]:
    return {
        "UserName": key.user,
        "AccessKeyId": key.id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created_at,
    }
