"""What a caller of Parameter Store and of sessions needs (Service Authorization Reference, AWS Systems Manager)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.iam.policy_conditions import Context
from emulator.domain.iam.policy_evaluation import Access
from emulator.domain.secrets.parameter import SECRETS_PREFIX, reference
from emulator.services.access import request_tags, tag_keys
from emulator.services.ssm.shown import scope_of
from emulator.store.secret_access import key_of_parameter, parameter_access, value_of_secret
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

Request = Mapping[str, Any]


def _described(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"ssm:{call.operation}", call.arn("*"))


def _parameter(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, request["Name"])


def _parameters(call: Call, request: Request) -> Iterable[Access]:
    for name in request["Names"]:
        yield _on(call, name)


def _read(call: Call, request: Request) -> Iterable[Access]:
    """Each parameter, then the keys of those to decrypt, then the secrets that are read through Parameter Store."""
    names = [request["Name"]] if "Name" in request else request["Names"]
    for name in names:
        yield _on(call, name)
    for name in names if request.get("WithDecryption") else ():
        if name.startswith(SECRETS_PREFIX):
            yield from value_of_secret(call.reader, scope_of(call), call.partition, name.removeprefix(SECRETS_PREFIX))
        else:
            yield from key_of_parameter(call.reader, scope_of(call), call.partition, reference(name))


def _by_path(call: Call, request: Request) -> Iterable[Access]:
    context = {"ssm:recursive": ("true" if request.get("Recursive") else "false",)}
    yield Access(f"ssm:{call.operation}", call.arn(f"parameter/{request['Path'].lstrip('/')}"), context)


def _put(call: Call, request: Request) -> Iterable[Access]:
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request.get("Tags") or ()}
    context = {"ssm:overwrite": ("true" if request.get("Overwrite") else "false",)}
    yield _on(call, request["Name"], {**context, **(request_tags(tags) if tags else {})})
    if tags:
        found = _on(call, request["Name"], request_tags(tags))
        yield Access("ssm:AddTagsToResource", found.resource, found.context)


def _session(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"ssm:{call.operation}", call.arn(f"session/{request['SessionId']}"))


def _tag(call: Call, request: Request) -> Iterable[Access]:
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request["Tags"]}
    yield _tagged(call, request, request_tags(tags))


def _untag(call: Call, request: Request) -> Iterable[Access]:
    yield _tagged(call, request, tag_keys(request["TagKeys"]))


def _tags_shown(call: Call, request: Request) -> Iterable[Access]:
    yield _tagged(call, request, {})


def _tagged(call: Call, request: Request, context: Context) -> Access:
    if request["ResourceType"] == "Parameter":
        return _on(call, request["ResourceId"], context)
    arn = call.arn(f"{request['ResourceType'].lower()}/{request['ResourceId']}")
    return Access(f"ssm:{call.operation}", arn, context)


def _on(call: Call, name: str, context: Context | None = None) -> Access:
    return parameter_access(call.reader, scope_of(call), call.partition, call.operation, reference(name), context)


AUTHORIZATION: Authorization = {
    **dict.fromkeys(
        ("DeleteParameter", "GetParameterHistory", "LabelParameterVersion", "UnlabelParameterVersion"), _parameter
    ),
    **dict.fromkeys(("GetParameter", "GetParameters"), _read),
    "AddTagsToResource": _tag,
    "DeleteParameters": _parameters,
    "DescribeParameters": _described,
    "GetParametersByPath": _by_path,
    "ListTagsForResource": _tags_shown,
    "PutParameter": _put,
    "RemoveTagsFromResource": _untag,
    **dict.fromkeys(("ResumeSession", "TerminateSession"), _session),
}
