"""Instance profiles: a name under which an EC2 instance gets a role. Launch templates that name one need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import LimitExceededException
from emulator.domain.iam.identity import InstanceProfile
from emulator.domain.iam.identity_errors import (
    DeleteConflictException,
    EntityAlreadyExistsException,
    NoSuchEntityException,
)
from emulator.domain.key_value_tags import as_list, without
from emulator.services.iam.finding import check_free, new_id, profile_named, role_named, tags_with
from emulator.services.iam.shown import paged, profile_shown
from emulator.store.iam_tables import INSTANCE_PROFILES
from emulator.wire.call import Call, Page


def create_instance_profile(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, path = request["InstanceProfileName"], request.get("Path", "/")
    if not check_free(call, INSTANCE_PROFILES, name):
        raise EntityAlreadyExistsException(f"Instance Profile {name} already exists.")
    profile = InstanceProfile(
        account=call.account,
        name=name,
        arn=f"arn:{call.partition}:iam::{call.account}:instance-profile{path}{name}",
        id=new_id(call, "AIPA"),
        path=path,
        created_at=call.now,
        tags=tags_with({}, request.get("Tags", ())),
    )
    call.tx.insert(INSTANCE_PROFILES, profile)
    return {"InstanceProfile": profile_shown(call, profile)}


def tag_instance_profile(call: Call, request: Mapping[str, Any]) -> None:
    profile = profile_named(call, request["InstanceProfileName"])
    call.tx.put(INSTANCE_PROFILES, replace(profile, tags=tags_with(profile.tags, request["Tags"])))


def untag_instance_profile(call: Call, request: Mapping[str, Any]) -> None:
    profile = profile_named(call, request["InstanceProfileName"])
    call.tx.put(INSTANCE_PROFILES, replace(profile, tags=without(profile.tags, request["TagKeys"])))


def list_instance_profile_tags(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    profile = profile_named(call, request["InstanceProfileName"])
    page = call.page(
        request, sorted(as_list(profile.tags), key=lambda tag: tag["Key"]), key=lambda tag: str(tag["Key"])
    )
    return paged(page, "Tags", page.items)


def get_instance_profile(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"InstanceProfile": profile_shown(call, profile_named(call, request["InstanceProfileName"]))}


def list_instance_profiles(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    profiles = call.reader.find(INSTANCE_PROFILES, account=call.account)
    page = call.page(
        request, [profile for profile in profiles if profile.path.startswith(prefix)], key=lambda profile: profile.name
    )
    return _listed(call, page)


def list_instance_profiles_for_role(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    role = role_named(call, request["RoleName"])
    profiles = call.reader.find(INSTANCE_PROFILES, account=call.account, role=role.name)
    return _listed(call, call.page(request, profiles, key=lambda profile: profile.name))


def _listed(call: Call, page: Page) -> dict[str, Any]:
    return paged(page, "InstanceProfiles", [profile_shown(call, profile) for profile in page.items])


def add_role_to_instance_profile(call: Call, request: Mapping[str, Any]) -> None:
    profile = profile_named(call, request["InstanceProfileName"])
    role = role_named(call, request["RoleName"])
    if profile.role is not None:
        raise LimitExceededException("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    call.tx.put(INSTANCE_PROFILES, replace(profile, role=role.name))


def remove_role_from_instance_profile(call: Call, request: Mapping[str, Any]) -> None:
    profile = profile_named(call, request["InstanceProfileName"])
    name = role_named(call, request["RoleName"]).name
    if profile.role != name:
        raise NoSuchEntityException(f"The role with name {name} cannot be found.")
    call.tx.put(INSTANCE_PROFILES, replace(profile, role=None))


def delete_instance_profile(call: Call, request: Mapping[str, Any]) -> None:
    profile = profile_named(call, request["InstanceProfileName"])
    if profile.role is not None:
        raise DeleteConflictException("Cannot delete entity, must remove roles from instance profile first.")
    call.tx.delete(INSTANCE_PROFILES, call.account, profile.name)
