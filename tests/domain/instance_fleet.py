"""Container instances to place tasks on."""

from __future__ import annotations

from typing import Any

from emulator.domain.capacity.container_instance import ContainerInstance, InstanceAttribute, Load
from emulator.domain.capacity.placement import Candidate

CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/c"


def instance(
    number: int = 0, *, zone: str = "a", attributes: dict[str, str] | None = None, **members: Any
) -> ContainerInstance:
    """One of 2048 CPU units and 4096 MiB in a zone."""
    given = {"ecs.availability-zone": f"us-east-1{zone}", "ecs.instance-type": "m5.large", **(attributes or {})}
    return ContainerInstance(
        **{
            "account": "123456789012",
            "region": "us-east-1",
            "cluster": "c",
            "id": f"{number:032x}",
            "arn": f"{CLUSTER.replace(':cluster/', ':container-instance/')}/{number:032x}",
            "cluster_arn": CLUSTER,
            "status": "ACTIVE",
            "registered_at": 1_700_000_000.0,
            "cpu": 2048,
            "memory_mib": 4096,
            "ec2_instance_id": f"i-{number:017x}",
            "agent_version": "1.86.3",
            "attributes": [InstanceAttribute(name, value) for name, value in given.items()],
            **members,
        }
    )


def candidate(number: int = 0, *, load: Load | None = None, **members: Any) -> Candidate:
    return Candidate(instance(number, **members), load or Load())
