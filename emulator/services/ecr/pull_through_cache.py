"""Pull-through cache rules: made, changed, checked, shown, deleted. Pulls by them: registry/pull_through.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.pull_through import MAXIMUM_RULES, NEEDS_CREDENTIALS, ROOT, PullThroughRule, kind_of
from emulator.domain.ecr.registry_settings import ValidationException
from emulator.domain.errors import AwsError, LimitExceededException, ResourceNotFoundException
from emulator.registry.pull_through import PullThroughCache, credentials_of
from emulator.registry.upstream import UpstreamDenied, UpstreamError
from emulator.services.ecr.lookup import note_registry, registry_of
from emulator.store.database import Database
from emulator.store.ecr_tables import PULL_THROUGH_RULES
from emulator.store.sealing import Sealer
from emulator.store.secret_values import Scope, secret_named
from emulator.wire.call import Call, slow

Request = Mapping[str, Any]


class PullThroughCacheRuleAlreadyExistsException(AwsError):
    def __init__(self, prefix: str, account: str) -> None:
        super().__init__(
            f"A pull through cache rule with the repository prefix '{prefix}' already exists in the registry with id "
            f"'{account}'"
        )


class PullThroughCacheRuleNotFoundException(AwsError):
    def __init__(self, prefix: str, account: str) -> None:
        super().__init__(
            f"A pull through cache rule with the repository prefix '{prefix}' does not exist in the registry with id "
            f"'{account}'"
        )


class UnsupportedUpstreamRegistryException(AwsError):
    """Neither a registry that AWS caches, nor one that `--upstream-registry` names."""


class SecretNotFoundException(AwsError):
    """The secret of the credentials."""


class UnableToAccessSecretException(AwsError):
    """It is another account's or region's, or marked for deletion."""


class UnableToDecryptSecretValueException(AwsError):
    """Its value cannot be read as credentials."""


def create_pull_through_cache_rule(call: Call, request: Request) -> dict[str, Any]:
    """For an upstream that AWS supports or the user allowed, with credentials where it wants some."""
    account = registry_of(call, request)
    prefix = _prefix(request["ecrRepositoryPrefix"])
    host = request["upstreamRegistryUrl"].removeprefix("https://").rstrip("/")
    supported, kind = kind_of(host, call.parts.get(PullThroughCache).named)
    given = request.get("upstreamRegistry")
    if not supported or (given is not None and kind is not None and given != kind):
        raise UnsupportedUpstreamRegistryException(
            f"The upstream registry '{host}' is not supported. --upstream-registry allows another for Homeport."
        )
    secret = request.get("credentialArn")
    if kind in NEEDS_CREDENTIALS and secret is None:
        raise ValidationException(f"A credentialArn is required for the upstream registry '{host}'")  # unconfirmed
    if call.tx.get(PULL_THROUGH_RULES, account, call.region, prefix) is not None:
        raise PullThroughCacheRuleAlreadyExistsException(prefix, account)
    if call.tx.count(PULL_THROUGH_RULES, account=account, region=call.region) >= MAXIMUM_RULES:
        raise LimitExceededException(f"A registry can have at most {MAXIMUM_RULES} pull through cache rules")
    rule = PullThroughRule(
        account, call.region, prefix, host, call.now, call.now,
        upstream_registry=given or kind,
        upstream_prefix=_prefix(request.get("upstreamRepositoryPrefix") or ROOT),
        credential_arn=secret,
        custom_role_arn=request.get("customRoleArn"),
    )  # fmt: skip
    _check_secret(call, rule)
    call.tx.insert(PULL_THROUGH_RULES, rule)
    note_registry(call, "registry.pull_through_rule_created", prefix=prefix)
    return _without(_shown(rule), "updatedAt")


def update_pull_through_cache_rule(call: Call, request: Request) -> dict[str, Any]:
    """Its credentials or its role."""
    rule = _rule(call, request)
    changed = replace(
        rule,
        updated_at=call.now,
        credential_arn=request.get("credentialArn", rule.credential_arn),
        custom_role_arn=request.get("customRoleArn", rule.custom_role_arn),
    )
    _check_secret(call, changed)
    call.tx.put(PULL_THROUGH_RULES, changed)
    note_registry(call, "registry.pull_through_rule_updated", prefix=rule.prefix)
    return _without(_shown(changed), "createdAt", "upstreamRegistryUrl", "upstreamRegistry")


def delete_pull_through_cache_rule(call: Call, request: Request) -> dict[str, Any]:
    """What is cached stays."""
    rule = _rule(call, request)
    call.tx.delete(PULL_THROUGH_RULES, rule.account, rule.region, rule.prefix)
    note_registry(call, "registry.pull_through_rule_deleted", prefix=rule.prefix)
    return _without(_shown(rule), "updatedAt", "upstreamRegistry")


def describe_pull_through_cache_rules(call: Call, request: Request) -> dict[str, Any]:
    """By prefix; one asked for that is not there fails the call."""
    account = registry_of(call, request)
    found = call.reader.find(PULL_THROUGH_RULES, account=account, region=call.region)
    wanted = request.get("ecrRepositoryPrefixes")
    if wanted:
        known = {rule.prefix for rule in found}
        for prefix in map(_prefix, wanted):
            if prefix not in known:
                raise PullThroughCacheRuleNotFoundException(prefix, account)
        found = [rule for rule in found if rule.prefix in set(map(_prefix, wanted))]
    page = call.page(request, found, key=lambda rule: rule.prefix)
    return {"pullThroughCacheRules": [_shown(rule) for rule in page.items], "nextToken": page.next_token}


@slow  # the upstream is asked; the database's writer is not held meanwhile
def validate_pull_through_cache_rule(call: Call, request: Request) -> dict[str, Any]:
    """Whether the upstream answers and takes the credentials."""
    with call.parts.get(Database).read() as call.reader:
        rule = _rule(call, request)
    shown = _without(_shown(rule), "createdAt", "updatedAt", "upstreamRegistry")
    try:
        call.parts.get(PullThroughCache).check(rule, call.now)
    except UpstreamError as error:
        return {**shown, "isValid": False, "failure": str(error)}
    return {**shown, "isValid": True}


def _prefix(given: str) -> str:
    return given.rstrip("/")


def _rule(call: Call, request: Request) -> PullThroughRule:
    account = registry_of(call, request)
    prefix = _prefix(request["ecrRepositoryPrefix"])
    found = call.reader.get(PULL_THROUGH_RULES, account, call.region, prefix)
    if found is None:
        raise PullThroughCacheRuleNotFoundException(prefix, account)
    return found


def _check_secret(call: Call, rule: PullThroughRule) -> None:
    arn = rule.credential_arn
    if arn is None:
        return
    if arn.split(":")[3:5] != [rule.region, rule.account]:
        raise UnableToAccessSecretException(f"The secret '{arn}' is not in this account and region")
    scope = Scope(rule.account, rule.region, call.now)
    try:
        secret_named(call.reader, scope, arn)
    except ResourceNotFoundException as error:
        raise SecretNotFoundException(f"The secret '{arn}' does not exist") from error
    except AwsError as error:
        raise UnableToAccessSecretException(f"The secret '{arn}' cannot be accessed: {error.message}") from error
    try:
        credentials_of(call.reader, call.parts.get(Sealer), rule, arn, call.now)
    except UpstreamDenied as error:
        raise UnableToDecryptSecretValueException(str(error)) from error


def _shown(rule: PullThroughRule) -> dict[str, Any]:
    shown = {
        "ecrRepositoryPrefix": rule.prefix,
        "upstreamRegistryUrl": rule.upstream_url,
        "createdAt": rule.created_at,
        "updatedAt": rule.updated_at,
        "registryId": rule.account,
        "upstreamRegistry": rule.upstream_registry,
        "credentialArn": rule.credential_arn,
        "customRoleArn": rule.custom_role_arn,
        "upstreamRepositoryPrefix": rule.upstream_prefix,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _without(shown: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in names}
