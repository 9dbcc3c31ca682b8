"""What a deployment has of Service Connect: the endpoints that it offers, and the aliases that its tasks know. Pure.

A task knows the aliases of its namespace as they were when its deployment began, as on AWS: an endpoint that comes
later is reached after the next deployment of the client. Who answers behind an alias changes at any time.
Source: Amazon ECS developer guide, "Service Connect" (concepts, client services).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.domain.service_connect.proxy import AppProtocol

_PLACES: Final = 254


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry of serviceConnectConfiguration.services, every default filled in. `container_port` is where its tasks
    listen; `alias_port` None when no client alias was given, so that nobody can name it. `idle_s`: 0 is for ever."""

    port_name: str
    discovery_name: str
    container_port: int
    protocol: AppProtocol
    idle_s: int
    alias: str | None = None
    alias_port: int | None = None


@dataclass(frozen=True, slots=True)
class ClientAlias:
    """A name that a task resolves to `address`, where its proxy answers on `port`; and whose endpoint that is."""

    name: str
    address: str
    port: int
    cluster: str
    service: str
    discovery_name: str

    @property
    def owner(self) -> tuple[str, str]:
        return self.cluster, self.service


@dataclass(frozen=True, slots=True)
class Connected:
    """`namespace`: ARN of the Cloud Map namespace; `log_configuration`: where the proxy's own log goes."""

    namespace: str
    endpoints: list[Endpoint] = field(default_factory=list)
    aliases: list[ClientAlias] = field(default_factory=list)
    log_configuration: dict[str, Any] | None = None


Offers = Mapping[tuple[str, str], Iterable[Endpoint]]
"""By (cluster, service)."""


def client_aliases(offers: Offers) -> list[ClientAlias]:
    """All that can be named in a namespace, in the order of their names; an address for each name.

    From 127.255.0.1 on, as the ECS agent gives them: loopback addresses that nobody else listens on.
    """
    named = sorted(
        (endpoint.alias, endpoint.alias_port, *owner, endpoint.discovery_name)
        for owner, endpoints in offers.items()
        for endpoint in endpoints
        if endpoint.alias is not None and endpoint.alias_port is not None
    )
    names = list(dict.fromkeys(name for name, *_ in named))
    addresses = {name: f"127.255.{number // _PLACES}.{number % _PLACES + 1}" for number, name in enumerate(names)}
    return [ClientAlias(name, addresses[name], port, *rest) for name, port, *rest in named]


def taken_alias(endpoints: Iterable[Endpoint], others: Iterable[ClientAlias]) -> ClientAlias | None:
    """The first of the others that one of the endpoints would answer to as well."""
    wanted = {(endpoint.alias, endpoint.alias_port) for endpoint in endpoints}
    return next((other for other in others if (other.name, other.port) in wanted), None)


def host_names(connected: Connected) -> tuple[tuple[str, str], ...]:
    """What /etc/hosts of its tasks has: (name, address)."""
    return tuple(dict.fromkeys((alias.name, alias.address) for alias in connected.aliases))
