"""What tasks ask of container instances, read from a task definition and a request; and what ECS refuses in it.

Source: ECS API model (PlacementConstraint, PlacementStrategy), AWS developer guide "Amazon ECS task placement".
Wordings are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.capacity.container_instance import InstancePort
from emulator.domain.capacity.placement import ALL_GPUS, Demand, Strategy
from emulator.domain.capacity.query_language import parse_query
from emulator.domain.errors import InvalidParameterException
from emulator.domain.task_definitions.task_size import task_size

Members = Mapping[str, Any]

MAX_CONSTRAINTS: Final = 10
MAX_STRATEGIES: Final = 5
SERVICE_DEFAULT: Final = (Strategy("spread", "attribute:ecs.availability-zone"), Strategy("spread", "instanceId"))
"""How a service without strategies is spread; a strategy of its own replaces it."""
PACKED: Final = (Strategy("binpack", "cpu"),)
"""How tasks of no service fill managed instances (Amazon ECS developer guide, "Amazon ECS Managed Instances auto
scaling and task placement"; by what they are packed is unconfirmed)."""


def check_placement(constraints: Sequence[Members], strategies: Sequence[Members], already: int = 0) -> None:
    """InvalidParameterException for constraints and strategies that ECS does not take.

    `already`: how many constraints the task definition has, which count with these.
    """
    if len(constraints) + already > MAX_CONSTRAINTS:
        raise InvalidParameterException(f"At most {MAX_CONSTRAINTS} placement constraints can be specified.")
    if len(strategies) > MAX_STRATEGIES:
        raise InvalidParameterException(f"At most {MAX_STRATEGIES} placement strategies can be specified.")
    for constraint in constraints:
        _check_constraint(constraint)
    for strategy in strategies:
        _check_strategy(strategy.get("type"), str(strategy.get("field") or ""))


def _check_constraint(constraint: Members) -> None:
    expression = constraint.get("expression")
    match constraint.get("type"):
        case "distinctInstance":
            if expression is not None:  # observed
                raise InvalidParameterException("distinctInstance expression should not be specified.")
        case "memberOf":
            if not expression:
                raise InvalidParameterException("memberOf expression should be specified.")
            parse_query(expression)
        case _:
            raise InvalidParameterException("A placement constraint needs a type.")


def _check_strategy(kind: object, field: str) -> None:
    if kind == "binpack" and field.lower() not in ("cpu", "memory"):
        raise InvalidParameterException("The field of a binpack placement strategy must be cpu or memory.")
    if kind == "spread" and field not in ("instanceId", "host") and not field.partition("attribute:")[2]:
        raise InvalidParameterException(
            "The field of a spread placement strategy must be instanceId, host, or attribute:NAME."
        )
    if kind == "random" and field:
        raise InvalidParameterException("A random placement strategy has no field.")
    if kind not in ("binpack", "spread", "random"):
        raise InvalidParameterException("A placement strategy needs a type.")


def strategies_of(strategies: Iterable[Members]) -> tuple[Strategy, ...]:
    """Checked placementStrategy[] members."""
    return tuple(Strategy(s["type"], _field(s["type"], s.get("field") or "")) for s in strategies)


def _field(kind: str, field: str) -> str:
    if kind == "binpack":
        return field.lower()
    return "instanceId" if field == "host" else field


def demand_of(
    definition: Members, *, group: str, constraints: Sequence[Members] = (), zones: Collection[str] | None = None
) -> Demand:
    """What a task of an (overridden) definition asks of an instance.

    `constraints` are the request's; the definition's own come to them. `zones`: where its subnets are (awsvpc).
    """
    every = [*(definition.get("placementConstraints") or ()), *constraints]
    size = task_size(definition)
    awsvpc = definition.get("networkMode") == "awsvpc"
    return Demand(
        group=group,
        cpu=size.cpu_units,
        memory_mib=size.memory_mib,
        ports=host_ports(definition),
        eni=awsvpc,
        gpus=gpus_of(definition),
        attributes=frozenset(attribute["name"] for attribute in definition.get("requiresAttributes") or ()),
        architecture=_architecture(definition),
        zones=frozenset(zones) if awsvpc and zones is not None else None,
        distinct_instance=any(c.get("type") == "distinctInstance" for c in every),
        member_of=tuple(parse_query(c["expression"]) for c in every if c.get("type") == "memberOf"),
    )


def gpus_of(definition: Members) -> tuple[tuple[str, int], ...]:
    """How many GPUs each container asks for, by name; ALL_GPUS for all of its host."""
    found = {
        str(container["name"]): ALL_GPUS if requirement["value"] == "ALL" else int(requirement["value"])
        for container in definition.get("containerDefinitions") or ()
        for requirement in container.get("resourceRequirements") or ()
        if requirement.get("type") == "GPU" and requirement.get("value")
    }
    return tuple(found.items())


def host_ports(definition: Members) -> tuple[InstancePort, ...]:
    """The ports that a task takes of its host: those named in bridge mode, the containers' own in host mode.

    Dynamic ones (hostPort 0 or none in bridge mode) are chosen on the instance, and never collide.
    """
    mode = definition.get("networkMode") or "bridge"
    if mode not in ("bridge", "host"):
        return ()
    found: dict[InstancePort, None] = {}
    for container in definition.get("containerDefinitions") or ():
        for mapping in container.get("portMappings") or ():
            port = mapping.get("hostPort") or (mapping.get("containerPort") if mode == "host" else None)
            if port:
                found[InstancePort("udp" if mapping.get("protocol") == "udp" else "tcp", int(port))] = None
    return tuple(found)


def _architecture(definition: Members) -> str | None:
    asked = (definition.get("runtimePlatform") or {}).get("cpuArchitecture")
    return {"ARM64": "arm64", "X86_64": "x86_64"}.get(str(asked))
