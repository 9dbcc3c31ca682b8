"""Launch templates: what Auto Scaling groups make instances from. Each version stays what it was made as.

Type, image, user data, tags and the names shown with an instance count; volumes, networks and the rest of a template
are kept and shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from emulator.domain.capacity.launch_template import LaunchTemplate, TemplateVersion, is_base64
from emulator.domain.networks.ec2_errors import (
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidUserDataMalformed,
    LaunchTemplateNameMalformed,
    LaunchTemplateNameTaken,
    LaunchTemplateVersionNotFound,
    MissingParameter,
)
from emulator.domain.resource_filter import UnknownFilter, matching
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import LAUNCH_TEMPLATES
from emulator.wire.call import Call

Request = Mapping[str, Any]

_NAME: Final = re.compile(r"[a-zA-Z0-9().\-/_]{3,128}")
_FILTERS: Final = {
    "launch-template-name": lambda template: [template.name],
    "create-time": lambda template: [str(template.created_at)],
}
_VERSION_FILTERS: Final = {
    "is-default-version": lambda pair: [str(pair[1].number == pair[0].default).lower()],
    "instance-type": lambda pair: [str(pair[1].data.get("InstanceType", ""))],
    "image-id": lambda pair: [str(pair[1].data.get("ImageId", ""))],
}
_ACTED_ON: Final = {"InstanceType", "ImageId", "UserData", "TagSpecifications"}


def create_launch_template(call: Call, request: Request) -> dict[str, Any]:
    name = request["LaunchTemplateName"]
    if not _NAME.fullmatch(name):  # unconfirmed wording
        raise LaunchTemplateNameMalformed(
            "Launch template names must be between 3 and 128 characters, and may contain letters, numbers, and the "
            "following characters: - ( ) . / _"
        )
    token = request.get("ClientToken")
    again = next((t for t in _all(call) if token and (t.client_token, t.name) == (token, name)), None)
    if again is not None:
        return {"LaunchTemplate": _shown(again)}
    if any(template.name == name for template in _all(call)):
        raise LaunchTemplateNameTaken("Launch template name already in use.")
    template = LaunchTemplate(
        account=call.account,
        region=call.region,
        id=finding.new_id(call, "lt"),
        name=name,
        created_at=call.now,
        created_by=call.caller.arn,
        versions=[_version(call, 1, request, {})],
        tags=finding.new_tags(request, "launch-template"),
        client_token=token,
    )
    call.tx.insert(LAUNCH_TEMPLATES, template)
    return {"LaunchTemplate": _shown(template)}


def create_launch_template_version(call: Call, request: Request) -> dict[str, Any]:
    """SourceVersion's data, over which the request's members win."""
    template = _named(call, request)
    source: Mapping[str, Any] = {}
    if "SourceVersion" in request:
        source = _existing_version(template, request["SourceVersion"]).data
    version = _version(call, template.latest + 1, request, source)
    changed = replace(template, versions=[*template.versions, version], latest=version.number)
    call.tx.put(LAUNCH_TEMPLATES, changed)
    return {"LaunchTemplateVersion": _shown_version(changed, version)}


def modify_launch_template(call: Call, request: Request) -> dict[str, Any]:
    """The default version."""
    template = _named(call, request)
    asked = request.get("SetDefaultVersion") or request.get("DefaultVersion")
    if not asked:
        raise MissingParameter("The request must contain the parameter SetDefaultVersion")
    changed = replace(template, default=_existing_version(template, asked).number)
    call.tx.put(LAUNCH_TEMPLATES, changed)
    return {"LaunchTemplate": _shown(changed)}


def delete_launch_template(call: Call, request: Request) -> dict[str, Any]:
    """Instances that were made from it stay; a group that names it can launch no more."""
    template = _named(call, request)
    call.tx.delete(LAUNCH_TEMPLATES, template.account, template.region, template.id)
    return {"LaunchTemplate": _shown(template)}


def delete_launch_template_versions(call: Call, request: Request) -> dict[str, Any]:
    template = _named(call, request)
    gone: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    named = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
    for asked in request["Versions"]:
        version = template.version(asked)
        number = int(asked) if str(asked).isdecimal() else 0
        if version is None or version.number == template.default:
            code, text = (
                ("launchTemplateVersionDoesNotExist", f"Could not find the specified version {asked[:64]}.")
                if version is None
                else ("unexpectedError", "The default version of a launch template cannot be deleted.")
            )
            failed = {"Code": code, "Message": text}
            kept.append({**named, "VersionNumber": number, "ResponseError": failed})
            continue
        gone.append({**named, "VersionNumber": version.number})
        template = replace(template, versions=[v for v in template.versions if v.number != version.number])
    call.tx.put(LAUNCH_TEMPLATES, template)
    return {"SuccessfullyDeletedLaunchTemplateVersions": gone, "UnsuccessfullyDeletedLaunchTemplateVersions": kept}


def describe_launch_templates(call: Call, request: Request) -> dict[str, Any]:
    for name in request.get("LaunchTemplateNames", ()):
        _by_name(call, name)
    names = request.get("LaunchTemplateNames")
    found, token = finding.chosen(
        call,
        request,
        [template for template in _all(call) if not names or template.name in names],
        ids="LaunchTemplateIds",
        find=_by_id,
        filters=_FILTERS,
        record_id=lambda template: template.id,
        tags=lambda template: template.tags,
    )
    return finding.paged("LaunchTemplates", [_shown(template) for template in found], token)


def describe_launch_template_versions(call: Call, request: Request) -> dict[str, Any]:
    """Of one template all versions, or those named; without a template the $Latest or $Default of every one."""
    asked: Sequence[str] = request.get("Versions", ())
    if "LaunchTemplateId" in request or "LaunchTemplateName" in request:
        template = _named(call, request)
        chosen = {v.number: v for v in ([_existing_version(template, a) for a in asked] or template.versions)}
        least, most = _bound(request, "MinVersion", 1), _bound(request, "MaxVersion", 1 << 31)
        pairs = [(template, v) for n, v in sorted(chosen.items(), reverse=True) if least <= n <= most]
    elif asked and set(asked) <= {"$Latest", "$Default"}:
        pairs = [(t, v) for t in _all(call) for a in asked if (v := t.version(a)) is not None]
    else:
        raise MissingParameter("Either a launch template ID or a launch template name must be specified in the request")
    try:
        found = matching(pairs, request.get("Filters", ()), _VERSION_FILTERS, lambda _: {})
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
    page = call.page(request, found, key=lambda pair: f"{pair[0].id} {(1 << 31) - pair[1].number:010d}")
    return finding.paged("LaunchTemplateVersions", [_shown_version(t, v) for t, v in page.items], page.next_token)


def _version(call: Call, number: int, request: Request, source: Mapping[str, Any]) -> TemplateVersion:
    data = {**source, **request["LaunchTemplateData"]}
    if not data:  # unconfirmed wording
        raise MissingParameter("The request must contain the parameter LaunchTemplateData")
    if data.get("UserData") and not is_base64(data["UserData"]):
        raise InvalidUserDataMalformed("Invalid BASE64 encoding of user data.")
    kept = sorted(set(data) - _ACTED_ON)
    if kept:
        call.warn(f"{', '.join(kept)}: kept and shown; a virtual host has none of it")
    return TemplateVersion(number, call.now, call.caller.arn, data, request.get("VersionDescription"))


def _all(call: Call) -> list[LaunchTemplate]:
    return call.reader.find(LAUNCH_TEMPLATES, account=call.account, region=call.region)


def _named(call: Call, request: Request) -> LaunchTemplate:
    if "LaunchTemplateId" in request and "LaunchTemplateName" in request:
        raise InvalidParameterCombination("Specify either a launch template ID or a launch template name, not both.")
    if "LaunchTemplateId" in request:
        return _by_id(call, request["LaunchTemplateId"])
    if "LaunchTemplateName" in request:
        return _by_name(call, request["LaunchTemplateName"])
    raise MissingParameter("Either a launch template ID or a launch template name must be specified in the request")


def _by_id(call: Call, template_id: str) -> LaunchTemplate:
    return finding.launch_template(_all(call), {"LaunchTemplateId": template_id})


def _by_name(call: Call, name: str) -> LaunchTemplate:
    return finding.launch_template(_all(call), {"LaunchTemplateName": name})


def _bound(request: Request, member: str, default: int) -> int:
    said = str(request.get(member, default))
    if not (said.isascii() and said.isdigit() and len(said) < 12):
        raise InvalidParameterValue(f"Invalid value '{said[:64]}' for {member}: it must be a version number.")
    return int(said)


def _existing_version(template: LaunchTemplate, asked: str) -> TemplateVersion:
    version = template.version(asked)
    if version is None:
        raise LaunchTemplateVersionNotFound(
            f"Could not find the specified version {str(asked)[:64]} for the launch template with ID {template.id}."
        )
    return version


def _shown(template: LaunchTemplate) -> dict[str, Any]:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "CreateTime": template.created_at,
        "CreatedBy": template.created_by,
        "DefaultVersionNumber": template.default,
        "LatestVersionNumber": template.latest,
        "Tags": finding.shown_tags(template.tags),
    }


def _shown_version(template: LaunchTemplate, version: TemplateVersion) -> dict[str, Any]:
    shown = {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionNumber": version.number,
        "CreateTime": version.created_at,
        "CreatedBy": version.created_by,
        "DefaultVersion": version.number == template.default,
        "LaunchTemplateData": version.data,
    }
    return {**shown, "VersionDescription": version.description} if version.description else shown
