"""Volumes, environment files, shared namespaces and private registries, on the simulated engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.admin.explain import explain
from emulator.app import build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.control.tasks.task_volumes import CannotCreateVolume
from emulator.engine.base import ContainerSpec, EngineError
from emulator.engine.simulated.behaviour import RemoteImage
from emulator.store.ecs_tables import TASKS
from tests.conftest import aws_of
from tests.control.world import World, container
from tests.services.ecs_scene import refuses

OBJECT = "arn:aws:s3:::settings/web/app.env"


@pytest.fixture
def world(tmp_path: Path, clock: VirtualClock) -> Iterator[World]:
    """With a folder for Amazon S3 and one host directory that tasks may mount."""
    folder, host = tmp_path / "s3", tmp_path / "host"
    (folder / "settings" / "web").mkdir(parents=True)
    host.mkdir()
    config = Config(
        data_dir=tmp_path / "data",
        engine="simulated",
        seed=1,
        registry_port=None,
        s3_folder=folder,
        allow_host_paths=(str(host),),
    )
    emulator = build(config, clock=clock, threaded=False)
    emulator.start()
    world = World(emulator, clock, aws_of(emulator))
    world.cluster()
    world.image()
    yield world
    emulator.close()


def spec(world: World, name: str = "app") -> ContainerSpec:
    found = next(s for s in world.engine.list_containers({}) if s.labels.get("homeport.container") == name)
    return world.engine.spec(found.id)


def volumes(world: World) -> list[str]:
    return sorted(world.engine.list_volumes({}))


def point(volume: str, path: str, **more: Any) -> dict[str, Any]:
    return {"mountPoints": [{"sourceVolume": volume, "containerPath": path, **more}]}


def test_a_scratch_volume_is_the_tasks_own_and_goes_with_it(world: World) -> None:
    world.define(
        container(**point("work", "/shared")),
        container("side", **point("work", "/in", readOnly=True)),
        volumes=[{"name": "work"}],
    )
    first, second = world.run(), world.run()
    world.settle()
    assert len(volumes(world)) == 2
    (own,) = world.engine.list_volumes({"homeport.task": first})
    assert own.startswith("ecs-web-1-work-")
    assert {m.source for m in spec(world, "side").mounts} < set(volumes(world))
    assert [(m.kind, m.target, m.read_only) for m in spec(world, "side").mounts] == [("volume", "/in", True)]
    world.ecs.stop_task(task=first)
    world.settle()
    assert world.stopped(first)[0] == "UserInitiated"
    assert list(world.engine.list_volumes({"homeport.task": second})) == volumes(world)
    world.ecs.stop_task(task=second)
    world.settle()
    assert volumes(world) == []


def test_a_volume_that_cannot_be_made_says_so(world: World) -> None:
    world.define(container(**point("work", "/shared")), volumes=[{"name": "work"}])
    world.engine.fail("ensure_volume", EngineError("no space left on device", 500))
    arn = world.run()
    world.settle()
    assert world.stopped(arn) == ("TaskFailedToStart", "CannotCreateVolumeError: no space left on device")
    assert volumes(world) == []


def test_a_volume_whose_task_is_gone_is_swept_at_the_next_start(world: World) -> None:
    world.define(container(**point("work", "/shared")), volumes=[{"name": "work"}])
    arn = world.run()
    world.settle()
    world.engine.fail("remove_volume", *[EngineError("volume is in use", 409)] * 3)
    world.ecs.stop_task(task=arn)
    world.pass_time(1)
    assert len(volumes(world)) == 1
    world.pass_time(120)
    assert world.stopped(arn)
    assert volumes(world) == []


def test_an_efs_file_system_outlives_its_tasks(world: World) -> None:
    efs = {"fileSystemId": "fs-12345678"}
    point_of_access = {"accessPointId": "fsap-1", "iam": "DISABLED"}
    other = {**efs, "transitEncryption": "ENABLED", "authorizationConfig": point_of_access}
    world.define(
        container(**point("data", "/data")),
        volumes=[{"name": "data", "efsVolumeConfiguration": efs}, {"name": "b", "efsVolumeConfiguration": other}],
    )
    first = world.run()
    world.settle()
    mounted = spec(world).mounts[0].source
    assert mounted.endswith("-123456789012-us-east-1-fs-12345678")
    assert f"{mounted}-fsap-1" in volumes(world)
    world.ecs.stop_task(task=first)
    world.settle()
    assert mounted in volumes(world)
    world.run()
    world.settle()
    assert spec(world).mounts[0].source == mounted
    world.emulator.reset()
    assert volumes(world) == []


def test_a_directory_of_an_efs_file_system(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    efs = {"fileSystemId": "fs-12345678", "rootDirectory": "/web/../data/"}
    world.define(
        container(**point("data", "/data")), volumes=[{"name": "data", "efsVolumeConfiguration": efs}, {"name": "w"}]
    )
    world.run()
    world.settle()
    (mount,) = spec(world).mounts
    assert (mount.kind, mount.subpath) == ("volume", "data")
    assert mount.source.endswith("-fs-12345678")
    info = replace(world.engine.info(), version="20.10.24", volume_subpaths=False)
    monkeypatch.setattr(world.engine, "info", lambda: info)
    refused = world.run()
    world.settle()
    code, reason = world.stopped(refused)
    assert code == "TaskFailedToStart"
    assert reason.startswith("CannotCreateVolumeError: rootDirectory /data of data: ")
    assert "Docker Engine 26 or newer only, and this is 20.10.24" in reason


@pytest.mark.parametrize(
    ("volume", "named"),
    [
        ({"configuredAtLaunch": True}, "Amazon EBS"),
    ],
)
def test_volumes_that_are_not_emulated(world: World, volume: dict[str, Any], named: str) -> None:
    world.define(container(**point("v", "/v")), volumes=[{"name": "v", **volume}])
    with refuses("NotEmulatedYet", named, part=True):
        world.run()


def test_a_link_that_comes_after_the_first_look_leads_nowhere(world: World, tmp_path: Path) -> None:
    """Host paths are judged by where they really lead, when the volumes are made and when a container is."""
    world.define(container())
    arn = world.run()
    with world.emulator.database.read() as reader:
        task = reader.find(TASKS, arn=arn)[0]
    inside, link = tmp_path / "host" / "data", tmp_path / "host" / "link"
    inside.mkdir()
    link.symlink_to(inside)
    volumes = world.emulator.plane.executor.volumes
    definition = {"volumes": [{"name": "h", "host": {"sourcePath": str(link)}}]}
    app = container(**point("h", "/h"))
    volumes.create(task, definition)
    assert [(m.kind, m.source) for m in volumes.mounts(task, definition, app)] == [("bind", str(inside))]
    link.unlink()
    link.symlink_to("/etc")
    with pytest.raises(CannotCreateVolume, match="in no directory of --allow-host-path"):
        volumes.mounts(task, definition, app)
    bound = {"driverOpts": {"type": "none", "o": "bind", "device": str(link)}}
    with pytest.raises(CannotCreateVolume, match="in no directory of --allow-host-path"):
        volumes.create(task, {"volumes": [{"name": "b", "dockerVolumeConfiguration": bound}]})


def test_a_disk_is_reported_and_not_enforced_and_the_task_says_so(world: World) -> None:
    world.define(container(), ephemeralStorage={"sizeInGiB": 30})
    arn = world.run()
    world.settle()
    assert world.task(arn)["ephemeralStorage"] == {"sizeInGiB": 30}
    told = explain(world.emulator.database, world.emulator.plane, arn, world.clock.now())["words"]
    assert any("ephemeralStorage of 30 GiB is reported, not enforced" in word for word in told)


def test_mounts_of_another_container(world: World) -> None:
    world.define(
        container("reader", volumesFrom=[{"sourceContainer": "app", "readOnly": True}]),
        container(**point("work", "/shared")),
        volumes=[{"name": "work"}],
    )
    arn = world.run()
    world.settle()
    source = world.engine_ids(arn)["app"]
    assert spec(world, "reader").volumes_from == (f"{source}:ro",)


# -- environment files


def _settings(world: World, text: str, key: str = "web/app.env") -> None:
    folder = world.emulator.config.s3_folder
    assert folder is not None
    (folder / "settings" / key).write_text(text)


def test_files_of_the_folder_and_what_wins_over_them(world: World) -> None:
    _settings(world, "A=file\nB=file\nAWS_REGION=file\n")
    _settings(world, "A=second\nC=second\n", "web/more.env")
    files = [{"type": "s3", "value": OBJECT}, {"type": "s3", "value": "arn:aws:s3:::settings/web/more.env"}]
    world.define(container(environmentFiles=files, environment=[{"name": "B", "value": "own"}]))
    world.run()
    world.settle()
    found = dict(spec(world).environment)
    assert (found["A"], found["B"], found["C"], found["AWS_REGION"]) == ("file", "own", "second", "file")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (OBJECT, "NoSuchKey: The specified key does not exist: settings/web/app.env"),
        ("arn:aws:s3:::other/app.env", "NoSuchBucket: The specified bucket does not exist: other"),
        ("arn:aws:s3:::settings/../../x.env", "names no object"),
        ("arn:aws:s3:::settings/link.env", "leads out of its bucket"),
    ],
)
def test_files_that_cannot_be_had_stop_the_task(world: World, tmp_path: Path, value: str, said: str) -> None:
    (tmp_path / "secret").write_text("A=1")
    (tmp_path / "s3" / "settings" / "link.env").symlink_to(tmp_path / "secret")
    world.define(container(environmentFiles=[{"type": "s3", "value": value}]))
    arn = world.run()
    world.settle()
    code, reason = world.stopped(arn)
    assert code == "TaskFailedToStart"
    assert reason.startswith("ResourceInitializationError: failed to download env files: ")
    assert said in reason


# -- namespaces, private registries


def test_one_process_namespace_for_all(world: World) -> None:
    world.define(container(), pidMode="task")
    world.run()
    world.settle()
    pause = next(s.id for s in world.engine.list_containers({}) if s.labels["homeport.kind"] == "pause")
    assert spec(world).pid_mode == f"container:{pause}"


def test_kernel_settings_of_the_network_are_the_namespaces_own(world: World) -> None:
    controls = [
        {"namespace": "net.core.somaxconn", "value": "1024"},
        {"namespace": "kernel.msgmax", "value": "9000"},
    ]
    world.define(container(systemControls=controls))
    world.run()
    world.settle()
    assert spec(world).sysctls == (("kernel.msgmax", "9000"),)
    assert spec(world, "~internal~ecs~pause").sysctls == (("net.core.somaxconn", "1024"),)


def test_a_private_registry_is_asked_with_the_secrets_credentials(world: World) -> None:
    world.engine.add_remote_image("far.example/app:1", RemoteImage(needs=("me", "word")))
    secrets = world.aws("secretsmanager")
    right = json.dumps({"username": "me", "password": "word"})
    arn = secrets.create_secret(Name="registry", SecretString=right)["ARN"]
    private = {"repositoryCredentials": {"credentialsParameter": arn}}
    world.define(container(image="far.example/app:1", **private))
    task = world.run()
    world.settle()
    assert world.task(task)["lastStatus"] == "RUNNING"
    secrets.put_secret_value(SecretId=arn, SecretString="no json")
    task = world.run()
    world.settle()
    code, reason = world.stopped(task)
    assert code == "TaskFailedToStart"
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
