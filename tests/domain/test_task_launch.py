"""New task records, platform versions and subnets: pure."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.domain.capacity.capacity_strategy import share_out
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.network import KnownNetwork, availability_zone_of, default_subnets
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.tasks.launch_settings import check_emulated, check_network
from emulator.domain.tasks.task_launch import Launch, new_task, task_tags
from emulator.domain.tasks.task_overrides import apply_overrides
from emulator.ids import Ids

ACCOUNT, REGION = "123456789012", "eu-west-1"
P = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
BODY: dict[str, Any] = {
    "family": "web",
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "compatibilities": ["EC2", "FARGATE"],
    "containerDefinitions": [
        {"name": "app", "image": "a:1", "essential": True, "cpu": 0, "healthCheck": {"command": ["CMD", "true"]}},
        {"name": "side", "image": "b:1", "essential": False, "cpu": 0, "memoryReservation": 64},
    ],
}


def launch(**members: Any) -> Launch:
    cluster = Cluster(ACCOUNT, REGION, "c", f"{P}:cluster/c", "ACTIVE", 0.0)
    definition = TaskDefinition(ACCOUNT, REGION, "web", 3, f"{P}:task-definition/web:3", "ACTIVE", 0.0, "me", BODY)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"], "assignPublicIp": "ENABLED"}}
    placement = check_network(BODY, network, KnownNetwork(ACCOUNT, REGION), strict=False)
    effective = apply_overrides(BODY, None, launch_type="FARGATE")
    return Launch(cluster, definition, effective, placement, **members)


def test_a_service_task_says_whose_it_is() -> None:
    wanted = launch(group="service:s", started_by="ecs-svc/1", service="s", deployment_id="ecs-svc/1")
    task = new_task(wanted, number=1, capacity_provider="FARGATE_SPOT", now=7.0, ids=Ids(1))
    assert (task.group, task.started_by, task.service, task.deployment_id) == (
        "service:s",
        "ecs-svc/1",
        "s",
        "ecs-svc/1",
    )
    assert (task.capacity_provider, task.launch_type, task.created_at) == ("FARGATE_SPOT", "FARGATE", 7.0)
    assert task.arn == f"{P}:task/c/{task.id}"
    assert task.eni is not None
    assert (task.eni.subnet_id, task.eni.assign_public_ip, task.eni.status) == ("subnet-2", True, "PRECREATED")
    assert [(c.name, c.essential, c.has_health_check, c.memory_reservation_mib) for c in task.containers] == [
        ("app", True, True, None),
        ("side", False, False, 64),
    ]


def test_pinned_digests_go_to_their_containers() -> None:
    task = new_task(launch(image_digests={"app": "sha256:1"}), number=0, capacity_provider=None, now=0.0, ids=Ids(1))
    assert [c.image_digest for c in task.containers] == ["sha256:1", None]


def test_own_tags_win_over_propagated_ones() -> None:
    tags = task_tags([{"key": "a", "value": "own"}], propagated=[{"key": "a", "value": "p"}], cluster="c", service="s")
    assert {t["key"]: t["value"] for t in tags} == {
        "a": "own",
        "aws:ecs:clusterName": "c",
        "aws:ecs:serviceName": "s",
    }


def test_default_subnets_have_a_zone_each_and_strangers_one_for_ever() -> None:
    subnets = default_subnets(ACCOUNT, REGION)
    assert [s.availability_zone for s in subnets] == [f"{REGION}{zone}" for zone in "abc"]
    assert subnets == default_subnets(ACCOUNT, REGION) != default_subnets(ACCOUNT, "us-east-1")
    for subnet in subnets:
        assert availability_zone_of(subnet.id, REGION, ACCOUNT) == subnet.availability_zone
    assert availability_zone_of("subnet-x", REGION) == availability_zone_of("subnet-x", REGION, ACCOUNT)


def test_privileged_needs_consent() -> None:
    body = {**BODY, "containerDefinitions": [{"name": "app", "image": "a", "privileged": True}]}
    with pytest.raises(NotEmulatedYet, match="--allow-privileged"):
        check_emulated(body, allow_privileged=False)
    check_emulated(body, allow_privileged=True)


def test_shares_follow_base_then_weights() -> None:
    strategy = [
        {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
    ]
    chosen = share_out(strategy, {}, 10)
    assert chosen[:2] == ("FARGATE", "FARGATE")
    assert (chosen.count("FARGATE"), chosen.count("FARGATE_SPOT")) == (4, 6)
