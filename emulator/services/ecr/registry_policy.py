"""The registry's own policy: who of other accounts may replicate into it, and in scope V2 do anything else.

It is evaluated in registry/access.py and where images are replicated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.registry_settings import RegistryPolicy
from emulator.domain.errors import AwsError
from emulator.domain.iam.policy_document import check_policy
from emulator.services.ecr.lookup import invalid, note_registry
from emulator.store.ecr_tables import REGISTRY_POLICIES
from emulator.wire.call import Call


class RegistryPolicyNotFoundException(AwsError):
    def __init__(self, account: str) -> None:
        super().__init__(f"Registry policy does not exist in the registry with id '{account}'")


def put_registry_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """A policy document with principals and resources, which are this registry's."""
    text = request["policyText"]
    try:
        check_policy(text, "resource")
        json.loads(text)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError, AwsError) as error:
        raise invalid("PolicyText", "Invalid registry policy provided") from error
    call.tx.put(REGISTRY_POLICIES, RegistryPolicy(call.account, call.region, text))
    note_registry(call, "registry.policy_put")
    return {"registryId": call.account, "policyText": text}


def get_registry_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"registryId": call.account, "policyText": _policy(call).text}


def delete_registry_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = _policy(call)
    call.tx.delete(REGISTRY_POLICIES, call.account, call.region)
    note_registry(call, "registry.policy_deleted")
    return {"registryId": call.account, "policyText": policy.text}


def _policy(call: Call) -> RegistryPolicy:
    found = call.reader.get(REGISTRY_POLICIES, call.account, call.region)
    if found is None:
        raise RegistryPolicyNotFoundException(call.account)
    return found
