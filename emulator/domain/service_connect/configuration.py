"""What ECS refuses in a serviceConnectConfiguration, which of its members Homeport cannot act on, and what it means.

It knows no tables: whether a namespace, a name or an alias is free is asked by who reads them. Source: ECS API model
(ServiceConnectConfiguration and below), Amazon ECS developer guide "Service Connect". Wordings are unconfirmed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.errors import InvalidParameterException, NotEmulatedYet
from emulator.domain.service_connect.endpoint import Endpoint
from emulator.domain.service_connect.proxy import AppProtocol
from emulator.domain.task_definitions.container_logging import check_log_options

Members = Mapping[str, Any]

MAX_ALIASES: Final = 1
HTTP_IDLE_S: Final = 300
TCP_IDLE_S: Final = 3600
_MAX_IDLE_S: Final = 2**31 - 1
_DISCOVERY_NAME: Final = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
_DNS_NAME: Final = re.compile(r"[a-z0-9_.][a-z0-9_.-]{0,126}")


def is_on(settings: Members) -> bool:
    return bool((settings.get("serviceConnectConfiguration") or {}).get("enabled"))


def check_network_mode(definition: Members) -> None:
    mode = definition.get("networkMode") or "bridge"
    if mode in ("host", "none"):
        raise InvalidParameterException(f"Service Connect is not supported with network mode '{mode}'.")
    if mode != "awsvpc":
        raise NotEmulatedYet(
            f"Homeport does not emulate serviceConnectConfiguration (Service Connect) with network mode {mode} yet."
        )


def endpoints_of(
    configuration: Members, definition: Members, namespace: str, *, on_fargate: bool = True
) -> list[Endpoint]:
    """The endpoints that a service offers. `namespace` is the namespace's name. InvalidParameterException for what AWS
    refuses, NotEmulatedYet for what Homeport cannot do."""
    _check_proxy(configuration, on_fargate)
    mappings = {
        mapping["name"]: mapping
        for container in definition.get("containerDefinitions") or ()
        for mapping in container.get("portMappings") or ()
        if mapping.get("name")
    }
    endpoints = [_endpoint(each, mappings, namespace) for each in configuration.get("services") or ()]
    _once("portName", (endpoint.port_name for endpoint in endpoints))
    _once("discoveryName", (endpoint.discovery_name for endpoint in endpoints))
    _once("client alias", (f"{e.alias}:{e.alias_port}" for e in endpoints if e.alias))
    return endpoints


def check_unchanged(before: Iterable[Endpoint], after: Iterable[Endpoint]) -> None:
    """portName and appProtocol of an endpoint stay for the service's life."""
    known = {endpoint.discovery_name: endpoint for endpoint in before}
    for endpoint in after:
        old = known.get(endpoint.discovery_name)
        if old is not None and old.port_name != endpoint.port_name:
            raise InvalidParameterException(
                f"The portName of Service Connect service {endpoint.discovery_name} cannot be changed. Delete the "
                "service and create it again."
            )
        if old is not None and old.protocol != endpoint.protocol:
            raise InvalidParameterException(
                f"The appProtocol of port {endpoint.port_name} cannot be changed from {old.protocol} to "
                f"{endpoint.protocol} in a Service Connect service. Delete the service and create it again."
            )


def _endpoint(service: Members, mappings: Mapping[str, Members], namespace: str) -> Endpoint:
    name = service["portName"]
    mapping = mappings.get(name)
    if mapping is None:
        raise InvalidParameterException(f"The portName {name} names no port mapping of the task definition.")
    if mapping.get("containerPortRange"):
        raise InvalidParameterException(
            f"The port mapping {name} is a containerPortRange; Service Connect needs a port."
        )
    if mapping.get("protocol") == "udp":
        raise InvalidParameterException(f"The port mapping {name} has protocol udp; Service Connect supports tcp.")
    discovery = service.get("discoveryName") or name
    if not _DISCOVERY_NAME.fullmatch(discovery):
        raise InvalidParameterException(
            f"The discoveryName {discovery} is not valid. It can have up to 64 lowercase letters, numbers, underscores "
            "and hyphens, and cannot start with a hyphen."
        )
    protocol: AppProtocol = mapping.get("appProtocol") or "tcp"
    _check_emulated(service)
    alias = _alias(service.get("clientAliases") or (), f"{discovery}.{namespace}")
    idle_s = _idle_s(service.get("timeout") or {}, protocol)
    return Endpoint(name, discovery, int(mapping["containerPort"]), protocol, idle_s, *alias)


def _alias(aliases: Sequence[Members], default: str) -> tuple[str, int] | tuple[None, None]:
    if len(aliases) > MAX_ALIASES:
        raise InvalidParameterException(f"A Service Connect service can have at most {MAX_ALIASES} client alias.")
    if not aliases:
        return None, None
    (alias,) = aliases
    name, port = alias.get("dnsName") or default, alias["port"]
    if not 1 <= port <= 65535:
        raise InvalidParameterException(f"The client alias port {port} must be between 1 and 65535.")
    if alias.get("dnsName") and not _DNS_NAME.fullmatch(name):
        raise InvalidParameterException(
            f"The dnsName {name} is not valid. It can have up to 127 lowercase letters, numbers, underscores, hyphens "
            "and periods, and cannot start with a hyphen."
        )
    if alias.get("testTrafficRules"):
        raise _refused("services.clientAliases.testTrafficRules", "test traffic of blue/green deployments")
    return name, port


def _idle_s(timeout: Members, protocol: str) -> int:
    idle, request = timeout.get("idleTimeoutSeconds"), timeout.get("perRequestTimeoutSeconds")
    for member, value in (("idleTimeoutSeconds", idle), ("perRequestTimeoutSeconds", request)):
        if value is not None and not 0 <= value <= _MAX_IDLE_S:
            raise InvalidParameterException(f"{member} must be between 0 and {_MAX_IDLE_S}.")
    if request is not None and protocol == "tcp":
        raise InvalidParameterException("perRequestTimeoutSeconds cannot be set for appProtocol tcp.")
    if request:
        raise _refused("services.timeout.perRequestTimeoutSeconds", "the proxy balances connections, not requests")
    if idle is not None:
        return int(idle)
    return TCP_IDLE_S if protocol == "tcp" else HTTP_IDLE_S


def _check_emulated(service: Members) -> None:
    if service.get("tls"):
        raise _refused("services.tls", "certificates of AWS Private CA")
    if service.get("ingressPortOverride") is not None:
        raise _refused("services.ingressPortOverride", "a proxy before the server's own port")


def _check_proxy(configuration: Members, on_fargate: bool) -> None:
    """What the configuration says of the proxy itself."""
    if configuration.get("accessLogConfiguration"):
        if not configuration.get("logConfiguration"):
            raise InvalidParameterException("accessLogConfiguration requires a logConfiguration.")
        raise _refused("accessLogConfiguration", "the proxy sees connections, not requests")
    log = configuration.get("logConfiguration")
    if log is not None:
        check_log_options(log, on_fargate=on_fargate)
        if log["logDriver"] != "awslogs":
            raise _refused(f"logConfiguration.logDriver {log['logDriver']}", "the proxy's own log elsewhere")
    settings: Sequence[Members] = configuration.get("containerConfigurations") or ()
    if any(len(setting) != 1 for setting in settings):
        raise InvalidParameterException("Each of containerConfigurations must set exactly one setting.")
    _once("containerConfigurations setting", (next(iter(setting)) for setting in settings))
    for setting in settings:
        if setting.get("logLevel") not in (None, "info"):
            raise _refused("containerConfigurations.logLevel debug", "the proxy's own log")


def _once(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise InvalidParameterException(f"The {what} {name} is given more than once for Service Connect.")


def _refused(member: str, what: str) -> NotEmulatedYet:
    return NotEmulatedYet(f"Homeport does not emulate serviceConnectConfiguration.{member} ({what}) yet.")
