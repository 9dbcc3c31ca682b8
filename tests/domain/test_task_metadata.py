"""What the documents of a task say of it where it runs otherwise than as the simulated engine's tasks do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.domain.tasks.container_statistics import InterfaceCounters, Sample, document
from emulator.domain.tasks.task import Container, Eni, Task
from emulator.domain.tasks.task_metadata import (
    ClockReading,
    SeenContainer,
    TaskNetwork,
    TaskView,
    task_document,
    timestamp,
)
from emulator.domain.token_bucket import TokenBucket, take
from tests import metadata_schema as schema
from tests.metadata_schema import fits

CLUSTER = "arn:aws:ecs:eu-central-1:123456789012:cluster/blue"
ARN = f"arn:aws:ecs:eu-central-1:123456789012:task/blue/{'a' * 32}"
ENI = Eni(
    "att", "eni-1", "subnet-1", "ATTACHED", "172.31.16.4", "02:42:00:00:00:01",
    "ip-172-31-16-4.eu-central-1.compute.internal", vpc_id="vpc-1",
)  # fmt: skip
CONTAINER = Container(
    "app", f"{'0' * 8}-0000-0000-0000-{'0' * 12}", "web:1", essential=True, last_status="RUNNING",
    image_id=f"sha256:{'b' * 64}", runtime_id="c" * 64, started_at=1_700_000_000.25,
)  # fmt: skip
TASK = Task(
    "123456789012", "eu-central-1", "blue", "a" * 32, ARN, CLUSTER, "arn:aws:ecs:x:y:task-definition/web:3", "web",
    "service:web", "FARGATE", "256", "512", "RUNNING", "RUNNING", 1_700_000_000.0, [CONTAINER], service="web",
    availability_zone="eu-central-1b", eni=ENI, pull_started_at=1_700_000_001.0, pull_stopped_at=1_700_000_002.0,
)  # fmt: skip
VIEW = TaskView(
    TASK,
    {"app": {}},
    {"app": SeenContainer("ecs-web-3-app-0", {"homeport.task": ARN, "team": "a"}, created_at=1_700_000_000.0)},
    TaskNetwork("172.31.16.0/20", "172.31.0.0/16", "172.31.0.1", ("127.0.0.11",)),
    storage_mib=17,
    clock=ClockReading(1_700_000_000.9, 0.5, synchronized=True),
)


def test_on_fargate() -> None:
    told = task_document(VIEW, tags={"team": "a"})
    fits(told, schema.TASK)
    assert not {"ServiceName", "VPCID"} & told.keys()
    assert told["EphemeralStorageMetrics"] == {"Utilized": 17, "Reserved": 20480}
    assert told["ClockDrift"] == {
        "ClockErrorBound": 0.5,
        "ReferenceTimestamp": "2023-11-14T22:13:20Z",
        "ClockSynchronizationStatus": "SYNCHRONIZED",
    }
    assert (told["AvailabilityZoneID"], told["Containers"][0]["Labels"]) == ("euc1-az2", {"team": "a"})


def test_on_an_ec2_instance() -> None:
    told = task_document(replace(VIEW, task=replace(TASK, launch_type="EC2", cpu="", memory="")), tags={})
    fits(told, schema.TASK_ON_EC2)
    assert (told["Cluster"], told["ServiceName"], told["VPCID"]) == ("blue", "web", "vpc-1")
    assert "Limits" not in told


def test_the_pause_container_and_the_tags_of_the_instance_are_shown_there() -> None:
    seen = {**VIEW.seen, "~internal~ecs~pause": SeenContainer("ecs-web-pause", {}, created_at=1_700_000_000.0)}
    task = replace(TASK, launch_type="EC2", pause_id="d" * 64)
    view = replace(VIEW, task=task, seen=seen, host_tags={"team": "hosts"})
    told = task_document(view, tags={"a": "1"})
    pause = told["Containers"].pop()
    fits(pause, schema.PAUSE_ON_EC2)
    fits(told, schema.TASK_ON_EC2)
    assert told["ContainerInstanceTags"] == {"team": "hosts"}
    assert pause["Networks"] == told["Containers"][0]["Networks"]
    assert "ContainerInstanceTags" not in task_document(view)


def test_a_container_with_an_address_of_its_own() -> None:
    seen = replace(
        VIEW.seen["app"], ports=((80, "tcp", "127.0.0.1", 32768), (53, "udp", "", 0)), addresses=("172.17.0.2",)
    )
    bridge = replace(TASK, launch_type="EC2", network_mode="bridge", eni=None)
    (told,) = task_document(replace(VIEW, task=bridge, seen={"app": seen}))["Containers"]
    fits(told, schema.CONTAINER_OF_BRIDGE)
    assert told["Networks"] == [{"NetworkMode": "bridge", "IPv4Addresses": ["172.17.0.2"]}]
    assert told["Ports"] == [
        {"ContainerPort": 80, "Protocol": "tcp", "HostPort": 32768, "HostIp": "127.0.0.1"},
        {"ContainerPort": 53, "Protocol": "udp"},
    ]
    host = replace(bridge, network_mode="host")
    (told,) = task_document(replace(VIEW, task=host))["Containers"]
    assert (told["Networks"], "Ports" in told) == ([{"NetworkMode": "host"}], False)


@pytest.mark.parametrize("version", [2, 3])
def test_older_versions_tell_less(version: int) -> None:
    fits(task_document(VIEW, version=version), schema.TASK_V3)


def test_what_is_not_known_is_left_out() -> None:
    told = task_document(replace(VIEW, storage_mib=None, clock=None))
    fits(told, schema.TASK)
    assert not {"EphemeralStorageMetrics", "ClockDrift", "TaskTags", "Errors"} & told.keys()


def test_a_clock_that_nobody_sets() -> None:
    told = task_document(replace(VIEW, clock=ClockReading(1.0, 16000.0, synchronized=False)))
    assert told["ClockDrift"]["ClockSynchronizationStatus"] == "NOT_SYNCHRONIZED"


def test_times_have_nine_digits() -> None:
    assert timestamp(1_700_000_000.25) == "2023-11-14T22:13:20.250000000Z"
    assert (timestamp(0.0), timestamp(None)) == (None, None)


def test_statistics_fit_and_counters_that_began_anew_are_no_negative_rate() -> None:
    before = Sample(1_700_000_000.0, 1, interfaces={"eth0": InterfaceCounters(rx_bytes=1000)})
    after = Sample(1_700_000_002.0, 2, interfaces={"eth0": InterfaceCounters(rx_bytes=10, tx_bytes=500)})
    told = document("c" * 64, "ecs-web-3-app-0", after, before, 1 << 30)
    fits(told, {**schema.STATS, "id": "c{64}"})
    assert told["network_rate_stats"] == {"rx_bytes_per_sec": 0.0, "tx_bytes_per_sec": 250.0}


def test_a_bucket_empties_and_fills_at_its_rate() -> None:
    bucket, allowed = take(None, 0.0, rate=40, burst=60)
    assert (bucket, allowed) == (TokenBucket(59, 0.0), True)
    for _ in range(59):
        bucket, allowed = take(bucket, 0.0, rate=40, burst=60)
        assert allowed
    assert take(bucket, 0.0, rate=40, burst=60)[1] is False
    assert take(bucket, 0.02, rate=40, burst=60)[1] is False
    assert take(bucket, 0.025, rate=40, burst=60)[1] is True
    assert take(bucket, 3600.0, rate=40, burst=60)[0].tokens == 59
    assert take(bucket, -5.0, rate=40, burst=60)[1] is False
