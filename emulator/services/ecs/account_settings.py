"""Account settings: a principal's own and the account's defaults."""

from __future__ import annotations

from typing import Final

from api_models._generated import ecs as m
from emulator.domain.capacity.cluster import AccountSetting
from emulator.domain.errors import InvalidParameterException
from emulator.events import journal
from emulator.services.ecs.account_values import KNOWN, effective_value, root_arn
from emulator.store.ecs_tables import ACCOUNT_SETTINGS
from emulator.wire.call import Call

_ACTED_ON: Final = (
    "containerInsights", "containerInstanceLongArnFormat", "defaultLogDriverMode", "serviceLongArnFormat",
    "tagResourceAuthorization", "taskLongArnFormat",
)  # fmt: skip


def put_account_setting(call: Call, request: m.PutAccountSettingRequest) -> m.PutAccountSettingResponse:
    return {"setting": _put(call, request.get("principalArn") or call.caller.arn, request["name"], request["value"])}


def put_account_setting_default(
    call: Call, request: m.PutAccountSettingDefaultRequest
) -> m.PutAccountSettingDefaultResponse:
    return {"setting": _put(call, root_arn(call), request["name"], request["value"])}


def list_account_settings(call: Call, request: m.ListAccountSettingsRequest) -> m.ListAccountSettingsResponse:
    """Without effectiveSettings only what was put for the principal."""
    name, value = request.get("name"), request.get("value")
    if value is not None and name is None:
        raise InvalidParameterException("A setting name is required when a value is specified.")
    principal = request.get("principalArn") or call.caller.arn
    if request.get("effectiveSettings"):
        settings = [_shape(principal, n, effective_value(call, n, principal)) for n in KNOWN]
    else:
        own = call.reader.find(ACCOUNT_SETTINGS, account=call.account, region=call.region, principal=principal)
        settings = [_shape(principal, s.name, s.value) for s in own]
    chosen = [s for s in settings if name in (None, s["name"]) and value in (None, s["value"])]
    page = call.page(request, sorted(chosen, key=lambda s: s["name"]), key=lambda s: s["name"])
    answer: m.ListAccountSettingsResponse = {"settings": page.items}
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def delete_account_setting(call: Call, request: m.DeleteAccountSettingRequest) -> m.DeleteAccountSettingResponse:
    """Answers the value that holds from now on."""
    principal, name = request.get("principalArn") or call.caller.arn, request["name"]
    call.tx.delete(ACCOUNT_SETTINGS, call.account, call.region, principal, name)
    return {"setting": _shape(principal, name, effective_value(call, name, principal))}


def _put(call: Call, principal: str, name: str, value: str) -> m.Setting:
    known = KNOWN[name]
    if known.kind == "aws_managed":
        raise InvalidParameterException(f"{name} is managed by AWS and cannot be changed.")
    if value not in known.values:
        raise InvalidParameterException(f"value should be one of [{','.join(known.values)}]")
    if name.endswith("LongArnFormat") and value == "disabled":
        raise InvalidParameterException(f"{name} cannot be disabled: the long ARN format is required.")
    if name not in _ACTED_ON:
        call.warn(f"{name} is stored; nothing in Homeport depends on it yet")
    call.tx.put(ACCOUNT_SETTINGS, AccountSetting(call.account, call.region, principal, name, value))
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind="account_setting.put",
        subject=principal,
        detail={"name": name, "value": value},
    )
    return _shape(principal, name, value)


def _shape(principal: str, name: str, value: str) -> m.Setting:
    return {"name": name, "value": value, "principalArn": principal, "type": KNOWN[name].kind}
