"""Virtual hosts added by the user: `homeport add-instance`, by way of /_emulator/instances."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.app import Emulator
from tests.conftest import Aws, call_wsgi, make_environ
from tests.services.instance_scene import ec2_definition, provide_image, resources, run_on_ec2


def add(emulator: Emulator, **asked: Any) -> tuple[int, dict[str, Any]]:
    environ = make_environ("POST", "/_emulator/instances", json.dumps(asked).encode(), {"Content-Type": "json"})
    status, _, body = call_wsgi(emulator.wsgi, environ)
    return status, json.loads(body)


def test_added_instances_take_tasks(emulator: Emulator, aws: Aws) -> None:
    ecs = aws("ecs")
    provide_image(emulator)
    ecs.create_cluster(clusterName="c")
    status, added = add(emulator, type="t3.medium", zone="b", cluster="c", count=2)
    assert status == 200 and added["warnings"] == []
    assert [i["zone"] for i in added["instances"]] == ["us-east-1b"] * 2
    arns = [i["arn"] for i in added["instances"]]
    [first, _] = ecs.describe_container_instances(cluster="c", containerInstances=arns)["containerInstances"]
    assert resources(first)["CPU"] == 2048
    assert first["versionInfo"]["dockerVersion"].startswith("DockerVersion: ")
    ecs.register_task_definition(**ec2_definition())
    tasks = run_on_ec2(ecs, count=2, placementStrategy=[{"type": "spread", "field": "instanceId"}])["tasks"]
    assert {t["containerInstanceArn"] for t in tasks} == {*arns}
    emulator.plane.settle()
    _, _, body = call_wsgi(emulator.wsgi, make_environ("GET", "/_emulator/status", b"", {}))
    shown = json.loads(body)["instances"]
    assert [(i["type"], i["cpuLeft"], i["running"]) for i in shown] == [("t3.medium", 1792, 1)] * 2


def test_the_default_cluster_is_made(emulator: Emulator, aws: Aws) -> None:
    status, added = add(emulator, type="m6g.large", zone="us-east-1c")
    assert status == 200
    assert added["warnings"] == ["m6g.large is arm64, but the engine is x86_64 and runs such images"]
    assert aws("ecs").describe_clusters()["clusters"][0]["registeredContainerInstancesCount"] == 1


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, "type is needed"),
        ({"type": "t3.medium"}, "zone is needed"),
        ({"type": "t3.huge", "zone": "a"}, "unknown instance type 't3.huge': t3 has nano, micro,"),
        ({"type": "x9.large", "zone": "a"}, "unknown instance type 'x9.large': the families are t2, t3, t3a, t4g, m5"),
        ({"type": "t3.micro", "zone": "q"}, "unknown Availability Zone 'q': us-east-1 has us-east-1a, us-east-1b"),
        ({"type": "t3.micro", "zone": "a", "cluster": "nope"}, "there is no cluster 'nope' in us-east-1"),
        ({"type": "t3.micro", "zone": "a", "count": 0}, "count is a number from 1 to 1000"),
        (
            {"type": "t3.micro", "zone": "a", "engine": "tcp://b:2375"},
            "was not told of an engine 'tcp://b:2375' (there is: local)",
        ),
        ({"type": 5, "zone": "a"}, "are texts"),
        ({"type": "t3.micro", "zone": "a", "region": "us-mars-1"}, "there is no region 'us-mars-1'"),
    ],
)
def test_refused(emulator: Emulator, aws: Aws, asked: dict[str, Any], error: str) -> None:
    status, answer = add(emulator, **asked)
    assert status == 400
    assert error in answer["error"]
    assert aws("ecs").list_clusters()["clusterArns"] == []
