"""What a virtual host can do: the attributes that a container agent reports of itself, and those that ECS sets. Pure.

A task is placed only where every attribute that its definition requires is there
(domain/task_definitions/requires_attributes.py), so these are exactly what Homeport's engine can do.
Names: the container agent's capabilities.
"""

from __future__ import annotations

from typing import Final

from emulator.domain.capacity.container_instance import ARCHITECTURE, INSTANCE_TYPE, ZONE, InstanceAttribute
from emulator.domain.task_definitions.requires_attributes import NEW, OLD

_DOCKER_APIS: Final = range(17, 45)
_LOG_DRIVERS: Final = (
    "json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "awsfirelens", "none",
)  # fmt: skip
_OLD: Final = ("ecr-auth", "task-iam-role", "task-iam-role-network-host")
_NEW: Final = (
    "task-eni", "task-cpu-mem-limit", "execution-role-awslogs", "execution-role-ecr-pull", "container-health-check",
    "container-ordering", "container-restart-policy", "secrets.ssm.environment-variables",
    "secrets.ssm.bootstrap.log-driver", "secrets.asm.environment-variables", "secrets.asm.bootstrap.log-driver",
    "private-registry-authentication.secretsmanager", "env-files.s3", "efs", "efsAuth", "pid-ipc-namespace-sharing",
    "firelens.fluentbit", "firelens.fluentd", "firelens.options.config.file", "firelens.options.config.s3",
    "docker-plugin.local", "network.container-port-range", "aws-appmesh", "storage.ebs-task-volume-attach",
    "fault-injection",
)  # fmt: skip
"""Also what Homeport does not do yet: starting such a task says so by itself, in words of its own."""


_NOT_OUTSIDE: Final = ("task-eni", "efs", "efsAuth", "aws-appmesh", "storage.ebs-task-volume-attach")
"""What an external instance lacks (AWS developer guide, "External instances": no awsvpc, no EFS, no App Mesh)."""


def capabilities(*, privileged: bool, external: bool = False) -> list[InstanceAttribute]:
    """`privileged`: whether containers may be (--allow-privileged); `external`: whether it is outside EC2."""
    names = [f"{OLD}docker-remote-api.1.{minor}" for minor in _DOCKER_APIS]
    names += [f"{OLD}logging-driver.{driver}" for driver in _LOG_DRIVERS]
    names += [f"{OLD}{name}" for name in (*_OLD, *(["privileged-container"] if privileged else []))]
    names += [f"{NEW}{name}" for name in _NEW if not (external and name in _NOT_OUTSIDE)]
    return [InstanceAttribute(name) for name in names]


def platform(
    *,
    architecture: str,
    zone: str = "",
    instance_type: str = "",
    ami_id: str = "",
    subnet_id: str = "",
    vpc_id: str = "",
) -> list[InstanceAttribute]:
    """The built-in attributes that have a value; empty ones are left out."""
    values = {
        ZONE: zone,
        INSTANCE_TYPE: instance_type,
        "ecs.ami-id": ami_id,
        "ecs.os-type": "linux",
        "ecs.os-family": "LINUX",
        ARCHITECTURE: architecture,
        "ecs.vpc-id": vpc_id,
        "ecs.subnet-id": subnet_id,
    }
    return [InstanceAttribute(name, value) for name, value in values.items() if value]
