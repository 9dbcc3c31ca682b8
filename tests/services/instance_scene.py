"""What tests of container instances start from: registered instances, and definitions for them."""

from __future__ import annotations

import json
from typing import Any

from emulator.app import Emulator
from emulator.domain.networks.network import default_subnets
from emulator.engine.simulated.engine import SimulatedEngine

SUBNETS = [subnet.id for subnet in default_subnets("123456789012", "us-east-1")]
EVERYWHERE = {"awsvpcConfiguration": {"subnets": SUBNETS}}


def provide_image(emulator: Emulator) -> None:
    """What `job` runs."""
    assert isinstance(emulator.engine, SimulatedEngine)
    emulator.engine.add_image("busybox")


def register(ecs: Any, number: int = 0, *, zone: str = "a", kind: str = "m5.large", **members: Any) -> dict[str, Any]:
    """Registers a host of a type in a zone of cluster `c`."""
    document = {
        "instanceId": f"i-{number:017x}",
        "instanceType": kind,
        "availabilityZone": f"us-east-1{zone}",
        "architecture": "x86_64",
        "imageId": "ami-0123456789abcdef0",
    }
    request = {"cluster": "c", "instanceIdentityDocument": json.dumps(document), **members}
    registered: dict[str, Any] = ecs.register_container_instance(**request)["containerInstance"]
    return registered


def ec2_definition(family: str = "job", **members: Any) -> dict[str, Any]:
    """A RegisterTaskDefinition request for instances, with interfaces of its own."""
    container = {"name": "app", "image": "busybox", "cpu": 256, "memory": 512, **members.pop("container", {})}
    return {
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [container],
        **members,
    }


def run_on_ec2(ecs: Any, **members: Any) -> dict[str, Any]:
    """RunTask of `job` on instances of cluster `c`."""
    request = {
        "cluster": "c",
        "taskDefinition": "job",
        "launchType": "EC2",
        "networkConfiguration": EVERYWHERE,
        **members,
    }
    answer: dict[str, Any] = ecs.run_task(**{k: v for k, v in request.items() if v is not None})
    return answer


def resources(instance: dict[str, Any], which: str = "remainingResources") -> dict[str, Any]:
    """By name: numbers, and sets of ports."""
    return {r["name"]: r.get("stringSetValue", r["integerValue"]) for r in instance[which]}
