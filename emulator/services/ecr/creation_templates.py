"""Repository creation templates: made, changed, shown, deleted. Used by registry/creation.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.creation_template import CreationTemplate
from emulator.domain.ecr.lifecycle_policy import InvalidPolicy, parse_policy
from emulator.domain.ecr.registry_settings import ValidationException
from emulator.domain.errors import AwsError, LimitExceededException
from emulator.services.ecr.lookup import invalid, note_registry
from emulator.services.ecr.members import check_repository_policy, checked_filters
from emulator.services.ecr.tagging import checked_tags
from emulator.store.database import AlreadyExists
from emulator.store.ecr_tables import CREATION_TEMPLATES
from emulator.wire.call import Call

Request = Mapping[str, Any]

_MAXIMUM = 50


class TemplateAlreadyExistsException(AwsError):
    def __init__(self, prefix: str) -> None:
        super().__init__(f"A repository creation template with the prefix '{prefix}' already exists")


class TemplateNotFoundException(AwsError):
    def __init__(self, prefix: str) -> None:
        super().__init__(f"A repository creation template with the prefix '{prefix}' does not exist")


def create_repository_creation_template(call: Call, request: Request) -> dict[str, Any]:
    """For repositories that ECR itself makes from now on."""
    prefix = request["prefix"]
    if call.tx.count(CREATION_TEMPLATES, account=call.account, region=call.region) >= _MAXIMUM:
        raise LimitExceededException(f"A registry can have at most {_MAXIMUM} repository creation templates")
    template = _with(CreationTemplate(call.account, call.region, prefix, call.now, call.now), request)
    try:
        call.tx.insert(CREATION_TEMPLATES, template)
    except AlreadyExists as error:
        raise TemplateAlreadyExistsException(prefix) from error
    note_registry(call, "registry.template_created", prefix=prefix)
    return _answer(template)


def update_repository_creation_template(call: Call, request: Request) -> dict[str, Any]:
    """What is not given stays; an empty text takes away."""
    template = replace(_with(_template(call, request["prefix"]), request), updated_at=call.now)
    call.tx.put(CREATION_TEMPLATES, template)
    note_registry(call, "registry.template_updated", prefix=template.prefix)
    return _answer(template)


def delete_repository_creation_template(call: Call, request: Request) -> dict[str, Any]:
    template = _template(call, request["prefix"])
    call.tx.delete(CREATION_TEMPLATES, call.account, call.region, template.prefix)
    note_registry(call, "registry.template_deleted", prefix=template.prefix)
    return _answer(template)


def describe_repository_creation_templates(call: Call, request: Request) -> dict[str, Any]:
    """By prefix; those asked for that are not there are left out."""
    wanted = request.get("prefixes")
    found = call.reader.find(CREATION_TEMPLATES, account=call.account, region=call.region)
    listed = [one for one in found if not wanted or one.prefix in wanted]
    page = call.page(request, listed, key=lambda one: one.prefix)
    shown = [_shown(one) for one in page.items]
    return {"registryId": call.account, "repositoryCreationTemplates": shown, "nextToken": page.next_token}


def _template(call: Call, prefix: str) -> CreationTemplate:
    found = call.reader.get(CREATION_TEMPLATES, call.account, call.region, prefix)
    if found is None:
        raise TemplateNotFoundException(prefix)
    return found


def _with(template: CreationTemplate, request: Request) -> CreationTemplate:
    """A template with what a request gives, checked."""
    changes: dict[str, Any] = {}
    if "appliedFor" in request:
        changes["applied_for"] = tuple(dict.fromkeys(request["appliedFor"]))
    for member, name in (
        ("description", "description"),
        ("repositoryPolicy", "policy_text"),
        ("lifecyclePolicy", "lifecycle_policy_text"),
        ("customRoleArn", "custom_role_arn"),
    ):
        if member in request:
            changes[name] = request[member] or None
    if "resourceTags" in request:
        changes["tags"] = checked_tags({}, request["resourceTags"] or ())
    mode = request.get("imageTagMutability", template.tag_mutability)
    if "imageTagMutability" in request or "imageTagMutabilityExclusionFilters" in request:
        changes["tag_mutability"] = mode
        changes["exclusion_filters"] = checked_filters(mode, request.get("imageTagMutabilityExclusionFilters"))
    if encryption := request.get("encryptionConfiguration"):
        kind, key = encryption["encryptionType"], encryption.get("kmsKey") or None
        if key and kind == "AES256":
            raise invalid("encryptionConfiguration", "KMS key cannot be specified with the AES256 encryption type")
        changes |= {"encryption_type": kind, "kms_key": key}
    changed = replace(template, **changes)
    _check(changed)
    return changed


def _check(template: CreationTemplate) -> None:
    if template.policy_text is not None:
        check_repository_policy(template.policy_text)
    if template.lifecycle_policy_text is not None:
        try:
            parse_policy(template.lifecycle_policy_text)
        except InvalidPolicy as error:
            raise invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {error}") from error
    if (template.tags or template.encryption_type != "AES256") and template.custom_role_arn is None:
        raise ValidationException(  # unconfirmed
            "A custom role is required for a repository creation template with resource tags or KMS encryption"
        )


def _answer(template: CreationTemplate) -> dict[str, Any]:
    return {"registryId": template.account, "repositoryCreationTemplate": _shown(template)}


def _shown(template: CreationTemplate) -> dict[str, Any]:
    encryption = {"encryptionType": template.encryption_type, "kmsKey": template.kms_key}
    filters = [{"filterType": one.filter_type, "filter": one.filter} for one in template.exclusion_filters]
    shown = {
        "prefix": template.prefix,
        "description": template.description,
        "encryptionConfiguration": {name: value for name, value in encryption.items() if value is not None},
        "resourceTags": [{"Key": key, "Value": value} for key, value in template.tags.items()] or None,
        "imageTagMutability": template.tag_mutability,
        "imageTagMutabilityExclusionFilters": filters or None,
        "repositoryPolicy": template.policy_text,
        "lifecyclePolicy": template.lifecycle_policy_text,
        "appliedFor": list(template.applied_for),
        "customRoleArn": template.custom_role_arn,
        "createdAt": template.created_at,
        "updatedAt": template.updated_at,
    }
    return {name: value for name, value in shown.items() if value is not None}
