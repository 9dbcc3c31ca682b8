"""Virtual hosts: what a type has, where a zone is, and that every definition Homeport can run finds its attributes."""

from __future__ import annotations

import pytest

from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.instance_attributes import check_attribute
from emulator.domain.capacity.instance_capabilities import capabilities
from emulator.domain.capacity.instance_type import INSTANCE_TYPES
from emulator.domain.capacity.virtual_host import (
    UnknownInstanceType,
    UnknownZone,
    instance_type,
    interfaces_for_tasks,
    virtual_host,
    zone_named,
)
from emulator.domain.task_definitions.requires_attributes import requires_attributes
from emulator.ids import Ids

CLUSTER = Cluster("123456789012", "eu-west-1", "c", "arn:aws:ecs:eu-west-1:123456789012:cluster/c", "ACTIVE", 0.0)


@pytest.mark.parametrize(
    ("name", "cpu", "gib", "tasks", "trunked", "architecture"),
    [
        ("t3.nano", 2048, 0.5, 1, 1, "x86_64"),
        ("t3.medium", 2048, 4, 2, 2, "x86_64"),
        ("t3a.small", 2048, 2, 1, 1, "x86_64"),
        ("t4g.2xlarge", 8192, 32, 3, 3, "arm64"),
        ("m5.large", 2048, 8, 2, 10, "x86_64"),
        ("c6i.4xlarge", 16384, 32, 7, 60, "x86_64"),
        ("r6g.medium", 1024, 8, 1, 4, "arm64"),
        ("m7i.48xlarge", 196608, 768, 14, 120, "x86_64"),
    ],
)
def test_types(name: str, cpu: int, gib: float, tasks: int, trunked: int, architecture: str) -> None:
    kind = instance_type(name)
    assert (kind.cpu, kind.architecture) == (cpu, architecture)
    assert 0.8 < kind.memory_mib / (gib * 1024) < 0.98
    assert interfaces_for_tasks(kind, trunking=False) == tasks
    assert interfaces_for_tasks(kind, trunking=True) == trunked


def test_what_there_is_not() -> None:
    with pytest.raises(UnknownInstanceType, match="c5 has large, xlarge, 2xlarge, 4xlarge, 9xlarge"):
        instance_type("c5.8xlarge")
    with pytest.raises(UnknownInstanceType, match="the families are t2, t3, t3a, t4g, m5"):
        instance_type("p4d.24xlarge")
    assert zone_named("b", "eu-west-1", "123456789012") == zone_named("eu-west-1b", "eu-west-1", "1") == "eu-west-1b"
    with pytest.raises(UnknownZone, match="eu-west-1 has eu-west-1a, eu-west-1b, eu-west-1c"):
        zone_named("us-east-1a", "eu-west-1", "123456789012")


def test_a_host_of_every_type_can_be_made() -> None:
    for kind in INSTANCE_TYPES.values():
        host = virtual_host(CLUSTER, kind, "eu-west-1a", now=1.0, ids=Ids(1), capacity_provider="cp")
        assert (host.zone, host.external, host.capacity_provider) == ("eu-west-1a", False, "cp")
        assert host.attribute("ecs.instance-type") == kind.name
        for attribute in host.attributes:
            check_attribute({"name": attribute.name} | ({"value": attribute.value} if attribute.value else {}))


def test_the_attributes_that_definitions_require_are_there() -> None:
    secret = {"name": "S", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}
    definition = {
        "networkMode": "awsvpc",
        "taskRoleArn": "arn:aws:iam::123456789012:role/t",
        "executionRoleArn": "arn:aws:iam::123456789012:role/e",
        "pidMode": "task",
        "volumes": [{"name": "v", "dockerVolumeConfiguration": {"driver": "local"}}],
        "containerDefinitions": [
            {
                "name": "a",
                "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1",
                "secrets": [secret, {"name": "P", "valueFrom": "p"}],
                "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/k.env"}],
                "dependsOn": [{"containerName": "b", "condition": "HEALTHY"}],
                "restartPolicy": {"enabled": True},
                "repositoryCredentials": {"credentialsParameter": "c"},
                "healthCheck": {"command": ["CMD", "true"], "startPeriod": 1},
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-create-group": "true"}},
                "memoryReservation": 64,
            },
            {"name": "b", "image": "f", "firelensConfiguration": {"type": "fluentbit"}},
            {"name": "p", "image": "f", "privileged": True},
        ],
    }
    required = {attribute["name"] for attribute in requires_attributes(definition)}
    assert len(required) > 15
    privileged = "com.amazonaws.ecs.capability.privileged-container"
    assert required - {a.name for a in capabilities(privileged=False)} == {privileged}
    assert required <= {a.name for a in capabilities(privileged=True)}
