"""Settings of an account for its registry in a region: what the registry's policy decides, whether blobs are mounted,
which scanner scans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.registry_settings import (
    BLOB_MOUNTING,
    DISABLED,
    SETTINGS,
    AccountSetting,
    check_setting,
)
from emulator.services.ecr.lookup import note_registry
from emulator.store.ecr_tables import ACCOUNT_SETTINGS
from emulator.store.registry_settings import put_setting
from emulator.wire.call import Call


def get_account_setting(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """What holds. Blobs are mounted by default, as OCI clients expect; with `--registry-strict-ecr` they are not."""
    name = request["name"]
    check_setting(name)
    value = put_setting(call.reader, call.account, call.region, name)
    if value is None:
        strict = name == BLOB_MOUNTING and call.facts.registry_strict_ecr
        value = DISABLED if strict else SETTINGS[name][0]
    return {"name": name, "value": value}


def put_account_setting(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, value = request["name"], request["value"]
    check_setting(name, value)
    call.tx.put(ACCOUNT_SETTINGS, AccountSetting(call.account, call.region, name, value))
    note_registry(call, "registry.setting_put", name=name, value=value)
    return {"name": name, "value": value}
