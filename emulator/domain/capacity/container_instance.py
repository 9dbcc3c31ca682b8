"""A container instance: a virtual host with cpu, memory, ports, attributes and a zone, and what its tasks take of it.

Nothing here decides where a task goes (placement.py) or runs one. The tasks of all virtual hosts run on the engine
that `engine` names; `local` is Homeport's own. Source: ECS API model (ContainerInstance, Resource, Attribute).
Units: cpu in CPU units, memory in MiB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

InstanceStatus = Literal["ACTIVE", "DRAINING", "DEREGISTERING", "INACTIVE"]

ZONE: Final = "ecs.availability-zone"
INSTANCE_TYPE: Final = "ecs.instance-type"
ARCHITECTURE: Final = "ecs.cpu-architecture"
EXTERNAL: Final = "ecs.capability.external"
RESERVED_TCP: Final = (22, 2376, 2375, 51678, 51679, 51680)
"""Taken on every instance by SSH, Docker and the agent (AWS developer guide, "Container agent configuration")."""
BUILT_IN: Final = ("ecs.", "com.amazonaws.ecs.")
"""How the names of attributes begin that the agent and ECS set themselves."""
MAX_CUSTOM_ATTRIBUTES: Final = 10
INACTIVE_KEPT_S: Final = 3600.0
"""How long a deregistered instance can still be described (AWS says only "for a period of time")."""


@dataclass(frozen=True, slots=True)
class InstanceAttribute:
    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class ContainerInstance:
    """`ports` and `ports_udp` are reserved from the start. `ec2_instance_id` is a managed instance's id (`mi-...`)
    for one outside EC2. `version` grows with every change that AWS tells of. `enis`: how many tasks can have a network
    interface of their own, None for no limit. `engine` names the Engine endpoint that runs its tasks. `gpus` are ids:
    those that the engine has can be given to containers, others are counted only. `managed`: ECS itself launched it
    for its capacity provider, so that only tasks of that provider go there."""

    account: str
    region: str
    cluster: str  # its name
    id: str
    arn: str
    cluster_arn: str
    status: InstanceStatus
    registered_at: float
    cpu: int
    memory_mib: int
    ports: list[int] = field(default_factory=lambda: list(RESERVED_TCP))
    ports_udp: list[int] = field(default_factory=list)
    gpus: list[str] = field(default_factory=list)
    attributes: list[InstanceAttribute] = field(default_factory=list)
    ec2_instance_id: str | None = None
    capacity_provider: str | None = None
    enis: int | None = None
    engine: str = "local"
    agent_connected: bool = True
    agent_version: str = ""
    agent_hash: str = ""
    docker_version: str = ""
    agent_update_status: str | None = None
    status_reason: str | None = None
    deregistered_at: float | None = None
    version: int = 1
    tags: list[dict[str, str]] = field(default_factory=list)
    managed: bool = False

    @property
    def zone(self) -> str:
        """Its Availability Zone; empty outside EC2."""
        return self.attribute(ZONE) or ""

    @property
    def external(self) -> bool:
        """Whether it is outside EC2 (ECS Anywhere), so that only tasks of launch type EXTERNAL go there."""
        return any(attribute.name == EXTERNAL for attribute in self.attributes)

    @property
    def by_name(self) -> dict[str, str | None]:
        """The values of its attributes."""
        return {attribute.name: attribute.value for attribute in self.attributes}

    def attribute(self, name: str) -> str | None:
        """The value; None for one without a value, and for one that it does not have."""
        return next((a.value for a in self.attributes if a.name == name), None)


@dataclass(frozen=True, slots=True)
class InstancePort:
    protocol: str  # tcp or udp
    port: int


@dataclass(frozen=True, slots=True)
class Load:
    """What the tasks of an instance take of it until they have STOPPED. `ports` are without the reserved ones;
    `groups` counts its tasks by task group; `running` are those whose lastStatus is RUNNING. `gpus` are ids."""

    cpu: int = 0
    memory_mib: int = 0
    enis: int = 0
    ports: frozenset[InstancePort] = frozenset()
    groups: Mapping[str, int] = field(default_factory=dict)
    running: int = 0
    pending: int = 0
    gpus: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class InstanceAllocation:
    """What one task takes of its instance: a row from its placement until it has STOPPED (D3)."""

    task_arn: str
    cluster_arn: str
    instance_arn: str
    task_group: str
    cpu: int
    memory_mib: int
    eni: int  # 1 for a task with a network interface of its own


@dataclass(frozen=True, slots=True)
class InstancePortAllocation:
    """A host port of an instance in use by a task; unique, so that no two tasks ever get the same one (D3)."""

    instance_arn: str
    protocol: str
    port: int
    task_arn: str
    cluster_arn: str


@dataclass(frozen=True, slots=True)
class InstanceGpuAllocation:
    """A GPU of an instance in use by a task; unique, as a port is."""

    instance_arn: str
    gpu: str
    task_arn: str
    cluster_arn: str


def deregistered(instance: ContainerInstance, now: float) -> ContainerInstance:
    """The instance as it is described for a while after it is gone."""
    return replace(instance, status="INACTIVE", agent_connected=False, deregistered_at=now)


def is_custom(name: str) -> bool:
    """Whether users own attributes of this name."""
    return not name.startswith(BUILT_IN)


def with_attributes(own: Sequence[InstanceAttribute], added: Sequence[InstanceAttribute]) -> list[InstanceAttribute]:
    """Those of the same name are replaced, in their place."""
    merged = {attribute.name: attribute for attribute in own}
    merged.update({attribute.name: attribute for attribute in added})
    return list(merged.values())
