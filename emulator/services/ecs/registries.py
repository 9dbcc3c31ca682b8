"""serviceRegistries of a request, checked against Cloud Map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.discovery.registration import check_registry
from emulator.domain.errors import InvalidParameterException
from emulator.store import discovery
from emulator.store.discovery_tables import DISCOVERY_SERVICES
from emulator.wire.call import Call


def check_registries(
    call: Call, settings: Mapping[str, Any], definition: Mapping[str, Any], standing: Sequence[Mapping[str, Any]] = ()
) -> None:
    """A Cloud Map service of the caller's own account and region. `standing`: what the ECS service has already, which
    may have been deleted meanwhile."""
    registries = settings.get("serviceRegistries") or ()
    if len(registries) > 1:  # unconfirmed wording
        raise InvalidParameterException("A service can have at most 1 service registry.")
    for registry in registries:
        named = discovery.id_in(registry.get("registryArn") or "", "service", call.account, call.region)
        found = call.reader.get(DISCOVERY_SERVICES, call.account, call.region, named)
        if found is None and registry in standing:
            continue
        own = found if found is not None and found.arn == registry.get("registryArn") else None
        check_registry(registry, definition, own)
