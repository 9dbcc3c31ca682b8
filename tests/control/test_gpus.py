"""GPUs of container instances: counted by placement, told by the APIs, given to containers if the engine has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.engine.base import ContainerSpec
from emulator.engine.docker.spec import create_body
from emulator.engine.nvidia import gpus_of
from emulator.store.ecs_tables import TASKS
from tests.conftest import Aws
from tests.control.test_instances import add
from tests.control.world import World
from tests.services.ecs_scene import refuses
from tests.services.instance_scene import ec2_definition, provide_image, register, resources, run_on_ec2

REAL = ("GPU-aaaaaaaa-0000-0000-0000-000000000001", "GPU-bbbbbbbb-0000-0000-0000-000000000002")


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    world = World(emulator, clock, aws)
    world.ecs.create_cluster(clusterName="c")
    provide_image(emulator)
    return world


def wants(*counts: str) -> dict[str, Any]:
    """A definition whose containers ask for so many GPUs each."""
    return ec2_definition() | {
        "containerDefinitions": [
            {
                "name": f"c{number}",
                "image": "busybox",
                "memory": 64,
                "resourceRequirements": [{"type": "GPU", "value": count}] if count else [],
            }
            for number, count in enumerate(counts)
        ]
    }


def task_of(world: World, arn: str) -> dict[str, Any]:
    return dict(world.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0])


def left(world: World, arn: str) -> set[str]:
    found = world.ecs.describe_container_instances(cluster="c", containerInstances=[arn])["containerInstances"][0]
    return set(resources(found)["GPU"])


def test_real_gpus_are_given_to_containers_and_given_back(world: World) -> None:
    world.engine.gpus = REAL
    _, added = add(world.emulator, type="g4dn.xlarge", zone="a", cluster="c", count=2)
    hosts = [instance["arn"] for instance in added["instances"]]
    assert added["warnings"] == []
    assert [left(world, host) for host in hosts] == [{REAL[0]}, {REAL[1]}]
    status, refused = add(world.emulator, type="g4dn.xlarge", zone="a", cluster="c")
    assert status == 400
    assert "g4dn.xlarge has 1 GPU, and engine local has 0 of 2 GPUs free" in refused["error"]
    assert "--gpus 1 makes GPUs that are counted only" in refused["error"]

    world.ecs.register_task_definition(**wants("1", ""))
    answer = run_on_ec2(world.ecs, count=3)
    assert len(answer["tasks"]) == 2
    assert sorted(answer["failures"], key=lambda f: f["arn"]) == [
        {"arn": host, "reason": "RESOURCE:GPU"} for host in sorted(hosts)
    ]
    world.pass_time(5)
    [task, other] = [task_of(world, task["taskArn"]) for task in answer["tasks"]]
    given = {task["containerInstanceArn"]: task["containers"][0]["gpuIds"] for task in (task, other)}
    assert given == {hosts[0]: [REAL[0]], hosts[1]: [REAL[1]]}
    assert "gpuIds" not in task["containers"][1]
    assert left(world, hosts[0]) == left(world, hosts[1]) == set()
    specs = {world.engine.spec(s.id).name: world.engine.spec(s.id).gpu_ids for s in world.engine.list_containers({})}
    assert sorted(ids for ids in specs.values() if ids) == [(REAL[0],), (REAL[1],)]

    world.ecs.stop_task(cluster="c", task=task["taskArn"])
    world.pass_time(60)
    assert left(world, str(task["containerInstanceArn"])) == set(task["containers"][0]["gpuIds"])
    assert len(run_on_ec2(world.ecs)["tasks"]) == 1


def test_without_gpus_of_the_engine_there_is_no_such_instance(world: World) -> None:
    status, refused = add(world.emulator, type="p3.8xlarge", zone="a", cluster="c")
    assert status == 400 and "p3.8xlarge has 4 GPUs, and engine local has 0 of 0 GPUs free" in refused["error"]
    assert add(world.emulator, type="m5.large", zone="a", cluster="c", gpus=17)[0] == 400
    assert add(world.emulator, type="g4dn.xlarge", zone="a", cluster="c", gpus=0)[0] == 200
    world.ecs.register_task_definition(**wants("1"))
    assert [f["reason"] for f in run_on_ec2(world.ecs)["failures"]] == ["RESOURCE:GPU"]


def test_gpus_that_are_counted_only_are_told_as_such(world: World) -> None:
    _, added = add(world.emulator, type="p3.8xlarge", zone="a", cluster="c", gpus=4)
    assert added["warnings"] == ["its GPUs are counted only: tasks are placed by them, and no container gets a device"]
    host = added["instances"][0]["arn"]
    world.ecs.register_task_definition(**wants("2", "1"))
    [task] = run_on_ec2(world.ecs)["tasks"]
    world.pass_time(5)
    shown = task_of(world, task["taskArn"])
    ids = [gpu for container in shown["containers"] for gpu in container["gpuIds"]]
    assert shown["lastStatus"] == "RUNNING" and len(set(ids)) == 3
    assert all(gpu.startswith("counted-gpu-") for gpu in ids)
    assert len(left(world, host)) == 1
    assert not any(world.engine.spec(s.id).gpu_ids for s in world.engine.list_containers({}))
    with world.emulator.database.read() as reader:
        [record] = reader.find(TASKS)
    assert any("counted only: its containers have no device" in text for text in record.warnings)


def test_all_takes_every_gpu_of_an_instance(world: World) -> None:
    _, added = add(world.emulator, type="p3.8xlarge", zone="a", cluster="c", gpus=4)
    world.ecs.register_task_definition(**wants("ALL", "1"))
    [task] = run_on_ec2(world.ecs)["tasks"]
    one, other = task_of(world, task["taskArn"])["containers"]
    assert len(one["gpuIds"]) == 4 and other["gpuIds"] == one["gpuIds"][:1]
    assert left(world, added["instances"][0]["arn"]) == set()
    assert [f["reason"] for f in run_on_ec2(world.ecs)["failures"]] == ["RESOURCE:GPU"]


def test_a_gpu_that_the_engine_has_not_ends_the_task_at_once(world: World) -> None:
    """An agent may register what it likes; Homeport's engine runs the task."""
    devices = [{"id": "GPU-x", "type": "GPU"}]
    host = register(world.ecs, platformDevices=devices)
    assert resources(host)["GPU"] == ["GPU-x"]
    world.ecs.register_task_definition(**wants("1"))
    [task] = run_on_ec2(world.ecs)["tasks"]
    world.pass_time(30)
    shown = task_of(world, task["taskArn"])
    assert (shown["stopCode"], shown["stoppedReason"]) == (
        "TaskFailedToStart",
        "CannotCreateContainerError: engine local has no GPU GPU-x",
    )


def test_a_service_waits_for_a_gpu(world: World) -> None:
    world.ecs.register_task_definition(**wants("1"))
    add(world.emulator, type="g4dn.xlarge", zone="a", cluster="c", gpus=1)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}
    world.ecs.create_service(
        cluster="c", serviceName="s", taskDefinition="job", desiredCount=2, launchType="EC2",
        networkConfiguration=network,
    )  # fmt: skip
    world.pass_time(30)
    service = world.ecs.describe_services(cluster="c", services=["s"])["services"][0]
    assert service["runningCount"] == 1
    assert 'encountered error "RESOURCE:GPU"' in " ".join(event["message"] for event in service["events"])
    add(world.emulator, type="g4dn.xlarge", zone="b", cluster="c", gpus=1)
    world.pass_time(30)
    assert world.ecs.describe_services(cluster="c", services=["s"])["services"][0]["runningCount"] == 2


def test_other_devices_and_shared_gpus_are_refused(world: World) -> None:
    register(world.ecs)
    definition = wants("1")
    definition["containerDefinitions"][0]["resourceRequirements"] = [{"type": "NeuronDevice", "value": "ALL"}]
    world.ecs.register_task_definition(**definition)
    with refuses("NotEmulatedYet", part=True, message="devices of type NeuronDevice"):
        run_on_ec2(world.ecs)
    override = {"containerOverrides": [{"name": "c0", "resourceRequirements": [{"type": "GPU", "value": "x"}]}]}
    with refuses("InvalidParameterException", part=True, message="the GPU value must be a positive number or ALL"):
        run_on_ec2(world.ecs, overrides=override)


def test_what_the_driver_and_the_engine_show(tmp_path: Path) -> None:
    for number, gpu in enumerate(REAL):
        directory = tmp_path / f"0000:0{number}:00.0"
        directory.mkdir()
        (directory / "information").write_text(f"Model: \t\t Tesla T4\nIRQ:   \t\t 10\nGPU UUID: \t {gpu}\n")
    runtime = {"Runtimes": {"runc": {}, "nvidia": {}}}
    assert gpus_of(runtime, on_this_host=True, driver=tmp_path) == REAL
    assert gpus_of({"Runtimes": {"runc": {}}}, on_this_host=True, driver=tmp_path) == ()
    assert gpus_of(runtime, on_this_host=False, driver=tmp_path) == ()
    assert gpus_of(runtime, on_this_host=True, driver=tmp_path / "none") == ()


def test_the_docker_engine_is_asked_for_devices_by_id() -> None:
    spec = ContainerSpec("n", "i", {}, gpu_ids=REAL[:1])
    asked = create_body(spec, (1, 41))["HostConfig"]["DeviceRequests"]
    assert asked == [{"Driver": "nvidia", "DeviceIDs": [REAL[0]], "Capabilities": [["gpu"]]}]
    assert "DeviceRequests" not in create_body(ContainerSpec("n", "i", {}), (1, 41))["HostConfig"]
