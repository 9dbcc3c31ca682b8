"""Secrets: create, describe, list, update, delete, restore, tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import InvalidParameterException, NotEmulatedYet
from emulator.domain.key_value_tags import TAG_LIMIT, as_list, repeated_keys, tags_of, without
from emulator.domain.secrets.secret import (
    CURRENT,
    InvalidRequestException,
    ResourceExistsException,
    Secret,
    check_name,
    deletion_time,
)
from emulator.services.secretsmanager.writing import (
    GivenValue,
    add_version,
    erase,
    given_value,
    is_repeated,
    scope_of,
    secrets_found,
    token_in_use,
    versions_of,
    wanted_secret,
    warn_of_key,
)
from emulator.store.secret_values import find_secret
from emulator.store.secrets_tables import SECRETS
from emulator.wire.call import Call


def create_secret(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_unsupported(request)
    name = request["Name"]
    check_name(name)
    given = given_value(request)
    taken = call.reader.get(SECRETS, call.account, call.region, name)
    if taken is not None and taken.gone(call.now):
        erase(call, taken)
        taken = None
    if taken is not None:
        return _created_before(call, taken, given)
    warn_of_key(call, request)
    secret = Secret(
        account=call.account,
        region=call.region,
        name=name,
        arn=call.arn(f"secret:{name}-{call.ids.letters(6)}"),
        created_at=call.now,
        changed_at=call.now,
        description=request.get("Description"),
        kms_key_id=request.get("KmsKeyId") or None,
        tags=_checked_tags({}, request.get("Tags", ())),
    )
    if given is None:
        call.tx.insert(SECRETS, secret)
    else:
        add_version(call, secret, given, [CURRENT])
    return _named(secret, given)


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    for member in ("AddReplicaRegions", "ForceOverwriteReplicaSecret", "CrossAccountPrimaryARN", "Type"):
        if request.get(member):
            raise NotEmulatedYet(f"{member} of a secret is not emulated yet.")


def _created_before(call: Call, secret: Secret, given: GivenValue | None) -> dict[str, Any]:
    if secret.deleted_at is not None:
        raise InvalidRequestException(
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
    if given is None or not is_repeated(call, secret, given):
        raise ResourceExistsException(f"The operation failed because the secret {secret.name} already exists.")
    return _named(secret, given)


def _named(secret: Secret, given: GivenValue | None) -> dict[str, Any]:
    return {"ARN": secret.arn, "Name": secret.name, "VersionId": given.version_id if given else None}


def _checked_tags(current: Mapping[str, str], given: Any) -> dict[str, str]:
    if any("Key" not in tag for tag in given):  # the model does not require it
        raise InvalidParameterException("You must provide a key for each tag.")
    if repeated_keys(given, fold_case=False):
        raise InvalidParameterException("The tag list contains duplicate tag keys.")
    if any(tag["Key"].lower().startswith("aws:") for tag in given):
        raise InvalidParameterException("Tag keys can't start with aws:.")
    merged = {**current, **tags_of(given)}
    if len(merged) > TAG_LIMIT:
        raise InvalidParameterException(f"You can't attach more than {TAG_LIMIT} tags to a secret.")
    return merged


def describe_secret(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    secret = wanted_secret(call, request, usable=False)
    return {
        **_described(secret),
        "DeletedDate": secret.purge_at,
        "VersionIdsToStages": secret.stages_by_version() or None,
    }


def _described(secret: Secret) -> dict[str, Any]:
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "Description": secret.description,
        "KmsKeyId": secret.kms_key_id,
        "LastChangedDate": secret.changed_at,
        "LastAccessedDate": secret.accessed_on,
        "Tags": as_list(secret.tags) or None,
        "CreatedDate": secret.created_at,
    }


def list_secrets(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Sorted by creation unless asked otherwise, the oldest first: AWS documents no default direction."""
    planned = bool(request.get("IncludePlannedDeletion"))
    found = secrets_found(call, request.get("Filters", ()), deleted_too=planned)
    order, backwards = request.get("SortBy", "created-date"), request.get("SortOrder") == "desc"

    def position(secret: Secret) -> str:
        return _position(secret, order, backwards=backwards)

    page = call.page(request, sorted(found, key=position), key=position)
    return {"SecretList": [_entry(secret) for secret in page.items], "NextToken": page.next_token}


def _position(secret: Secret, order: str, *, backwards: bool) -> str:
    times = {
        "created-date": secret.created_at,
        "last-changed-date": secret.changed_at,
        "last-accessed-date": secret.accessed_on or 0.0,
    }
    when = f"{times[order]:018.6f} " if order in times else ""
    text = when + secret.name
    # Names are printable ASCII: mirrored letters, and an end above them all, sort the other way round.
    return "".join(chr(0x9E - ord(letter)) for letter in text) + "\x7f" if backwards else text


def _entry(secret: Secret) -> dict[str, Any]:
    return {
        **_described(secret),
        "DeletedDate": secret.deleted_at,
        "SecretVersionsToStages": secret.stages_by_version() or None,
    }


def update_secret(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if request.get("Type"):
        raise NotEmulatedYet("Type of a secret is not emulated yet.")
    secret = wanted_secret(call, request)
    given = given_value(request)
    warn_of_key(call, request)
    if "Description" in request:
        secret = replace(secret, description=request["Description"])
    if "KmsKeyId" in request:
        secret = replace(secret, kms_key_id=request["KmsKeyId"] or None)
    if given is None:
        call.tx.put(SECRETS, replace(secret, changed_at=call.now))
        return _named(secret, None)
    if any(version.version_id == given.version_id for version in versions_of(call, secret)):
        raise token_in_use(secret, given)
    return _named(add_version(call, secret, given, [CURRENT]), given)


def delete_secret(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    force = bool(request.get("ForceDeleteWithoutRecovery"))
    purge_at = deletion_time(call.now, request.get("RecoveryWindowInDays"), force=force)
    if force:
        return _forced(call, request["SecretId"])
    secret = wanted_secret(call, request)
    call.tx.put(SECRETS, replace(secret, deleted_at=call.now, changed_at=call.now, purge_at=purge_at))
    return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": purge_at}


def _forced(call: Call, secret_id: str) -> dict[str, Any]:
    """At once, and never ResourceNotFoundException, as the API reference says of forcing."""
    secret = find_secret(call.reader, scope_of(call), secret_id)
    if secret is None:
        name = secret_id.split(":", 6)[-1]
        return {"ARN": secret_id if secret_id.startswith("arn:") else None, "Name": name, "DeletionDate": call.now}
    erase(call, secret)
    return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": call.now}


def restore_secret(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    secret = wanted_secret(call, request, usable=False)
    call.tx.put(SECRETS, replace(secret, deleted_at=None, purge_at=None, changed_at=call.now))
    return {"ARN": secret.arn, "Name": secret.name}


def tag_resource(call: Call, request: Mapping[str, Any]) -> None:
    secret = wanted_secret(call, request)
    tags = _checked_tags(secret.tags, request["Tags"])
    call.tx.put(SECRETS, replace(secret, tags=tags, changed_at=call.now))


def untag_resource(call: Call, request: Mapping[str, Any]) -> None:
    secret = wanted_secret(call, request)
    tags = without(secret.tags, request["TagKeys"])
    call.tx.put(SECRETS, replace(secret, tags=tags, changed_at=call.now))
