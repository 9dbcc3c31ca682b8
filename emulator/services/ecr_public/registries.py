"""An account's public registry: its alias, and the name that the gallery shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ecr.public_registry import PublicRegistry, alias_of
from emulator.registry.naming import RegistryNaming
from emulator.services.ecr_public.lookup import check_region
from emulator.store.ecr_public_tables import PUBLIC_REGISTRIES
from emulator.wire.call import Call


def describe_registries(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's, which every account has; it is not verified, and has its default alias only."""
    check_region(call)
    alias = alias_of(call.account)
    shown = {
        "registryId": call.account,
        "registryArn": f"arn:{call.partition}:ecr-public::{call.account}:registry/{call.account}",
        "registryUri": call.parts.get(RegistryNaming).public_uri(alias),
        "verified": False,
        "aliases": [{"name": alias, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True}],
    }
    page = call.page(request, [shown], key=lambda one: str(one["registryId"]))
    return {"registries": page.items, "nextToken": page.next_token}


def get_registry_catalog_data(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    check_region(call)
    found = call.reader.get(PUBLIC_REGISTRIES, call.account)
    return {"registryCatalogData": _shown(found or PublicRegistry(call.account))}


def put_registry_catalog_data(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    check_region(call)
    registry = PublicRegistry(call.account, request.get("displayName") or None)
    call.tx.put(PUBLIC_REGISTRIES, registry)
    return {"registryCatalogData": _shown(registry)}


def _shown(registry: PublicRegistry) -> dict[str, str]:
    return {} if registry.display_name is None else {"displayName": registry.display_name}
