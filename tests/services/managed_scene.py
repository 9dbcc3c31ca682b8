"""What tests of managed instances start from: a cluster, a provider that ECS launches hosts for, a definition."""

from __future__ import annotations

from typing import Any

from tests.conftest import Aws
from tests.services.instance_scene import SUBNETS

ROLE = "arn:aws:iam::123456789012:role/ecsInfrastructureRole"
PROFILE = "arn:aws:iam::123456789012:instance-profile/ecsInstanceRole"
SMALL = {"vCpuCount": {"min": 2, "max": 2}, "memoryMiB": {"min": 4096, "max": 8192}}
"""Types of two vCPUs, on which two tasks of `job` have room."""


def settings(
    *, requirements: dict[str, Any] | None = None, after: int | None = None, **template: Any
) -> dict[str, Any]:
    """managedInstancesProvider."""
    made: dict[str, Any] = {
        "infrastructureRoleArn": ROLE,
        "instanceLaunchTemplate": {
            "ec2InstanceProfileArn": PROFILE,
            "networkConfiguration": {"subnets": SUBNETS[:1]},
            **({"instanceRequirements": requirements} if requirements else {}),
            **template,
        },
    }
    if after is not None:
        made["infrastructureOptimization"] = {"scaleInAfter": after}
    return made


def make_managed(aws: Aws, name: str = "mi", cluster: str = "c", **members: Any) -> dict[str, Any]:
    """The provider; `members` are those of `settings`, and tags."""
    tags = members.pop("tags", [])
    propagate = members.pop("propagate", None)
    asked = settings(**members)
    if propagate:
        asked["propagateTags"] = propagate
    made = aws("ecs").create_capacity_provider(name=name, cluster=cluster, managedInstancesProvider=asked, tags=tags)
    shape: dict[str, Any] = made["capacityProvider"]
    return shape


def managed_definition(family: str = "job", *, cpu: int = 1024, memory: int = 512, **members: Any) -> dict[str, Any]:
    """A RegisterTaskDefinition request: a task that takes half of a host of SMALL."""
    return {
        "family": family,
        "networkMode": "none",
        "requiresCompatibilities": ["MANAGED_INSTANCES"],
        "containerDefinitions": [{"name": "app", "image": "busybox", "cpu": cpu, "memory": memory}],
        **members,
    }


def hosts_of(aws: Aws, cluster: str = "c") -> list[dict[str, Any]]:
    """The container instances of a cluster that are not INACTIVE."""
    arns = aws("ecs").list_container_instances(cluster=cluster)["containerInstanceArns"]
    if not arns:
        return []
    answer = aws("ecs").describe_container_instances(cluster=cluster, containerInstances=arns, include=["TAGS"])
    found: list[dict[str, Any]] = answer["containerInstances"]
    return found
