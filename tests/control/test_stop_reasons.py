"""Every stop code and stopped reason that ECS documents, each brought about by what causes it.

tests/stop_reasons.py is the list of what is documented; what the simulated engine can bring about is done here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.engine.base import (
    ContainerCreateFailed,
    EngineError,
    EngineNotResponding,
    ImageNotFound,
    ImagePullFailed,
)
from emulator.engine.simulated.behaviour import Behaviour, HealthTurn, RemoteImage
from emulator.events.task_changes import state_changes
from tests import stop_reasons
from tests.control.world import NETWORK, World, awslogs, container, health_check
from tests.docker import test_stop_reasons as on_docker
from tests.services.capacity_scene import make_group, make_provider, make_template
from tests.services.instance_scene import ec2_definition

SLOW = EngineNotResponding("the engine did not answer within 30 s")


@dataclass(frozen=True)
class Ended:
    """What DescribeTasks is to say; `reason` may be the beginning. `exit_code` None: the container never ran."""

    code: str
    reason: str
    container_reason: str = ""
    exit_code: int | None = None


def _run(world: World, behaviour: Behaviour | None = None, **members: Any) -> str:
    world.image("app", behaviour)
    world.define(container(**members))
    arn = world.run()
    world.pass_time(5)
    return arn


def _exits(world: World) -> str:
    return _run(world, Behaviour(runs_for_s=2, exit_code=7))


def _placed(world: World) -> tuple[str, str]:
    """An instance, and a task that runs there."""
    world.cluster()
    world.image("app")
    document = json.dumps({"instanceId": "i-0", "instanceType": "m5.large", "availabilityZone": "us-east-1a"})
    host = world.ecs.register_container_instance(instanceIdentityDocument=document)["containerInstance"]
    world.define(container())
    [task] = world.ecs.run_task(taskDefinition="web", launchType="EC2", networkConfiguration=NETWORK)["tasks"]
    world.pass_time(5)
    return str(host["containerInstanceArn"]), str(task["taskArn"])


def _instance_deregistered(world: World) -> str:
    host, task = _placed(world)
    world.ecs.deregister_container_instance(containerInstance=host, force=True)
    world.settle()
    return task


def _on_instance(world: World, fault: dict[str, str]) -> str:
    _, task = _placed(world)
    world.emulator.faults.add(fault, account="123456789012", region="us-east-1")
    world.pass_time(125)
    return task


def _spot_interrupted(world: World) -> str:
    world.ecs.put_cluster_capacity_providers(
        cluster="default", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    world.image()
    world.define(container())
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    [task] = world.ecs.run_task(taskDefinition="web", capacityProviderStrategy=strategy, networkConfiguration=NETWORK)[
        "tasks"
    ]
    world.pass_time(5)
    fault = {"kind": "spot-interruption", "task": str(task["taskArn"])}
    world.emulator.faults.add(fault, account="123456789012", region="us-east-1")
    world.settle()
    return str(task["taskArn"])


def _on_hosts(world: World, hosts: int, tasks: int) -> list[str]:
    """Tasks, each of more than half a host, of a provider whose group has so many hosts."""
    world.cluster()
    world.image("app")
    make_template(world.aws)
    make_provider(world.aws, make_group(world.aws, MaxSize=hosts))
    strategy = [{"capacityProvider": "ec2", "weight": 1}]
    world.ecs.put_cluster_capacity_providers(
        cluster="default", capacityProviders=["ec2"], defaultCapacityProviderStrategy=strategy
    )
    half = container(cpu=1100, memory=256)
    world.ecs.register_task_definition(**ec2_definition("web", container=half))
    started = world.ecs.run_task(taskDefinition="web", count=tasks, networkConfiguration=NETWORK)["tasks"]
    world.pass_time(10)
    return [str(task["taskArn"]) for task in started]


def _waits_for_a_host(world: World, hosts: int, tasks: int) -> str:
    arns = _on_hosts(world, hosts, tasks)
    world.pass_time(15 * 60)
    return next(arn for arn in arns if world.task(arn)["lastStatus"] == "STOPPED")


def _host_terminated(world: World) -> str:
    [arn] = _on_hosts(world, hosts=1, tasks=1)
    ec2 = world.aws("ec2")
    [reservation] = ec2.describe_instances()["Reservations"]
    ec2.terminate_instances(InstanceIds=[reservation["Instances"][0]["InstanceId"]])
    world.pass_time(5)
    return arn


def _out_of_memory(world: World) -> str:
    return _run(world, Behaviour(out_of_memory_after_s=2))


def _user(world: World, **said: str) -> str:
    arn = _run(world)
    world.ecs.stop_task(task=arn, **said)
    world.settle()
    return arn


def _fails(world: World, call: str, error: EngineError, times: int = 1, **members: Any) -> str:
    for _ in range(times):
        world.engine.fail(call, error)
    return _run(world, **members)


def _fails_once_networked(world: World, error: Exception) -> str:
    """The engine fails at the first container that is not the pause."""

    def after_pause(when: str, name: str, arguments: object) -> None:
        if (when, name) == ("after", "start_container"):
            world.engine.on_call = None
            world.engine.fail("create_container", error)

    world.engine.on_call = after_pause
    return _run(world)


def _fails_volume(world: World) -> str:
    world.engine.fail("ensure_volume", EngineError("no space left on device", 500))
    world.image()
    point = [{"sourceVolume": "work", "containerPath": "/work"}]
    world.define(container(mountPoints=point), volumes=[{"name": "work"}])
    arn = world.run()
    world.pass_time(5)
    return arn


def _slow_to_start(world: World) -> str:
    def after_pause(when: str, name: str, arguments: object) -> None:
        if (when, name) == ("after", "start_container"):
            world.engine.on_call = None
            world.engine.fail("start_container", SLOW, SLOW, SLOW)

    world.engine.on_call = after_pause
    return _run(world)


def _pull_fails(world: World, error: EngineError) -> str:
    world.engine.add_remote_image("far:1", RemoteImage(error=error))
    world.define(container(image="far:1"))
    arn = world.run()
    world.pass_time(60)
    return arn


def _nowhere(world: World) -> str:
    world.define(container(image="nowhere:1"))
    arn = world.run()
    world.pass_time(5)
    return arn


def _in_ecr_never_pushed(world: World) -> str:
    world.define(container(image="123456789012.dkr.ecr.us-east-1.amazonaws.com/app:latest"))
    arn = world.run()
    world.pass_time(5)
    return arn


def _without_engine(world: World) -> str:
    world.image()
    world.define(container())
    world.engine.lose()
    arn = world.run()
    world.settle()
    return arn


def _missing_secret(world: World) -> str:
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-password"
    return _run(world, secrets=[{"name": "PASSWORD", "valueFrom": secret}])


def _missing_parameter(world: World) -> str:
    return _run(world, secrets=[{"name": "P", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/none"}])


def _missing_log_group(world: World) -> str:
    return _run(world, logConfiguration=awslogs())


def _vanishes(world: World) -> str:
    arn = _run(world)
    app = next(s for s in world.engine.list_containers({}) if s.labels.get("homeport.container") == "app")
    world.engine.remove_container(app.id)
    world.settle()
    return arn


def _service(world: World, behaviour: Behaviour | None = None, **members: Any) -> str:
    world.image("app", behaviour)
    world.define(container(**members))
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
    )
    world.settle()
    return str(world.ecs.list_tasks(serviceName="web")["taskArns"][0])


def _scaled_in(world: World) -> str:
    arn = _service(world)
    world.ecs.update_service(service="web", desiredCount=0)
    world.pass_time(60)
    return arn


def _replaced(world: World) -> str:
    arn = _service(world)
    world.ecs.update_service(service="web", forceNewDeployment=True)
    world.pass_time(300)
    return arn


def _unhealthy(world: World) -> str:
    turns = Behaviour(health=(HealthTurn(5, "healthy"), HealthTurn(60, "unhealthy")))
    arn = _service(world, turns, healthCheck=health_check())
    world.pass_time(120)
    return arn


def _waits_in_vain(world: World) -> str:
    world.image()
    world.image("init", Behaviour(runs_for_s=1, exit_code=1))
    needs = [{"containerName": "init", "condition": "SUCCESS"}]
    world.define(container(dependsOn=needs), container("init", image="init:1", essential=False))
    arn = world.run()
    world.pass_time(5)
    return arn


def _cannot_be_stopped(world: World) -> str:
    arn = _run(world)
    world.engine.fail("kill_container", EngineError("Cannot kill container: no such process", 500))
    world.ecs.stop_task(task=arn)
    world.pass_time(60)
    return arn


def _cannot_be_inspected(world: World) -> str:
    world.image()
    world.define(container())
    arn = world.run()
    pause_made = False

    def after_pause(when: str, name: str, arguments: object) -> None:
        nonlocal pause_made
        if (when, name) == ("after", "create_container"):
            if pause_made:
                world.engine.on_call = None
                world.engine.fail("inspect_container", EngineError("device or resource busy", 500))
            pause_made = True

    world.engine.on_call = after_pause
    world.pass_time(5)
    return arn


def _stopped_before_the_pull(world: World) -> str:
    world.image()
    world.define(container())
    arn = world.run()
    world.ecs.stop_task(task=arn)
    world.settle()
    return arn


def _namespace_gone(world: World) -> str:
    arn = _run(world)
    pause = next(s for s in world.engine.list_containers({}) if s.labels.get("homeport.kind") == "pause")
    world.engine.kill_container(pause.id, "SIGKILL")
    world.pass_time(5)
    return arn


PULL = "CannotPullContainerError: "
INITIALIZATION = "ResourceInitializationError: "
SECRETS = f"{INITIALIZATION}unable to pull secrets or registry auth: execution resource retrieval failed: "
ECR_APP = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:latest"

ROWS: dict[str, tuple[Callable[[World], str], Ended]] = {
    "exit": (_exits, Ended("EssentialContainerExited", "Essential container in task exited", exit_code=7)),
    "out of memory": (
        _out_of_memory,
        Ended(
            "EssentialContainerExited",
            "Essential container in task exited",
            "OutOfMemoryError: Container killed due to memory usage",
            137,
        ),
    ),
    "removed by another": (
        _vanishes,
        Ended("EssentialContainerExited", "Essential container in task exited", "ContainerVanishedError: "),
    ),
    "user": (lambda w: _user(w, reason="enough"), Ended("UserInitiated", "enough", exit_code=0)),
    "user without a word": (_user, Ended("UserInitiated", "Task stopped by user", exit_code=0)),
    "scale-in": (
        _scaled_in,
        Ended("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/", exit_code=0),
    ),
    "rolling replacement": (
        _replaced,
        Ended("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/", exit_code=0),
    ),
    "container health": (
        _unhealthy,
        Ended("ServiceSchedulerInitiated", "Task failed container health checks", exit_code=0),
    ),
    "no such image": (
        lambda w: _pull_fails(w, ImageNotFound("repository far not found", 404)),
        Ended("TaskFailedToStart", "CannotPullContainerError: ", "CannotPullContainerError: "),
    ),
    "image nowhere": (_nowhere, Ended("TaskFailedToStart", "CannotPullContainerError: ", "CannotPullContainerError: ")),
    "never pushed to ECR": (
        _in_ecr_never_pushed,
        Ended(
            "TaskFailedToStart",
            f"{PULL}pull image manifest has been retried 1 time(s): failed to resolve ref {ECR_APP}",
            "CannotPullContainerError: ",
        ),
    ),
    "disk full": (
        lambda w: _pull_fails(w, ImagePullFailed("write /var/lib/x: no space left on device", 500)),
        Ended(
            "TaskFailedToStart",
            "CannotPullContainerError: write /var/lib/x: no space left on device",
            "CannotPullContainerError: ",
        ),
    ),
    "secret": (_missing_secret, Ended("TaskFailedToStart", f"{SECRETS}unable to retrieve secret from asm: ")),
    "parameter": (
        _missing_parameter,
        Ended("TaskFailedToStart", f"{SECRETS}unable to retrieve secrets from ssm: "),
    ),
    "log group": (
        _missing_log_group,
        Ended(
            "TaskFailedToStart",
            f"{INITIALIZATION}failed to validate logger args: create stream has been retried 1 times: failed to create "
            "Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.",
        ),
    ),
    "no engine": (_without_engine, Ended("TaskFailedToStart", f"{INITIALIZATION}no container engine answers")),
    "network interface": (
        lambda w: _fails(w, "ensure_network", SLOW, times=3),
        Ended("TaskFailedToStart", "Timeout waiting for network interface provisioning to complete."),
    ),
    "create": (
        lambda w: _run(w, Behaviour(create_error=ContainerCreateFailed("invalid volume specification"))),
        Ended(
            "TaskFailedToStart",
            "CannotCreateContainerError: invalid volume specification",
            "CannotCreateContainerError: ",
        ),
    ),
    "bad command": (
        lambda w: _run(w, Behaviour(start_error='exec: "nope": executable file not found in $PATH: unknown')),
        Ended("TaskFailedToStart", "CannotStartContainerError: ", "CannotStartContainerError: "),
    ),
    "slow start": (
        _slow_to_start,
        Ended(
            "TaskFailedToStart",
            "ContainerRuntimeTimeoutError: Could not transition to running; timed out: the engine did not answer",
            "ContainerRuntimeTimeoutError: ",
        ),
    ),
    "dependency": (_waits_in_vain, Ended("TaskFailedToStart", "Task failed to start", "TaskDependencyError: ")),
    "rate limit": (
        lambda w: _pull_fails(w, ImagePullFailed("toomanyrequests: You have reached your pull rate limit.", 429)),
        Ended("TaskFailedToStart", f"{PULL}toomanyrequests: ", f"{PULL}toomanyrequests: "),
    ),
    "cannot be stopped": (
        _cannot_be_stopped,
        Ended("UserInitiated", "Task stopped by user", "CannotStopContainerError: Cannot kill container", 0),
    ),
    "cannot be inspected": (
        _cannot_be_inspected,
        Ended(
            "TaskFailedToStart",
            "CannotInspectContainerError: device or resource busy",
            "CannotInspectContainerError: ",
        ),
    ),
    "a bug of ours": (
        lambda w: _fails_once_networked(w, ValueError("boom")),
        Ended("TaskFailedToStart", "InternalError: ValueError: boom", "InternalError: "),
    ),
    "stopped before the pull": (
        _stopped_before_the_pull,
        Ended(
            "UserInitiated", "Task stopped by user", "TaskStoppedBeforePullBeginError: Task stopped before image pull"
        ),
    ),
    "namespace": (
        _namespace_gone,
        Ended("InfrastructureHealth", "The task's network namespace is gone: ", exit_code=0),
    ),
    "instance deregistered": (
        _instance_deregistered,
        Ended("InfrastructureHealth", "Container instance deregistration forced by user.", exit_code=0),
    ),
    "no room on any host": (
        lambda w: _waits_for_a_host(w, hosts=1, tasks=2),
        Ended("TaskFailedToStart", "TaskFailedToStart: RESOURCE:CPU"),
    ),
    "no host": (
        lambda w: _waits_for_a_host(w, hosts=0, tasks=1),
        Ended("TaskFailedToStart", "TaskFailedToStart: EMPTY CAPACITY PROVIDER"),
    ),
    "host terminated": (_host_terminated, Ended("InfrastructureHealth", "Host EC2 (instance i-", exit_code=0)),
    "spot interruption": (
        _spot_interrupted,
        Ended("SpotInterruption", "Your Spot Task was interrupted.", exit_code=0),
    ),
    "Spot Instance terminated": (
        lambda w: _on_instance(w, {"kind": "spot-interruption", "instance": "i-0"}),
        Ended("InfrastructureHealth", "Host EC2 (instance i-0) terminated.", exit_code=137),
    ),
    "host stopped": (
        lambda w: _on_instance(w, {"kind": "zone-loss", "zone": "a"}),
        Ended("InfrastructureHealth", "Host EC2 (instance i-0) stopped.", exit_code=137),
    ),
    "volume": (
        lambda w: _fails_volume(w),
        Ended("TaskFailedToStart", "CannotCreateVolumeError: "),
    ),
}


@pytest.mark.parametrize("cause", ROWS)
def test_a_stopped_task_says_why(world: World, cause: str) -> None:
    bring_about, ended = ROWS[cause]
    arn = bring_about(world)
    code, reason = world.stopped(arn)
    app = world.task(arn)["containers"][0]
    assert (code, reason[: len(ended.reason)]) == (ended.code, ended.reason)
    assert app.get("reason", "")[: len(ended.container_reason)] == ended.container_reason
    assert app.get("exitCode") == ended.exit_code
    assert len(app.get("reason", "")) <= 1024
    for row in stop_reasons.rows_of("simulated", cause):
        if row.code == stop_reasons.NOTICE:
            with world.emulator.database.read() as reader:
                told = [(e["lastStatus"], e.get("stopCode")) for e in state_changes(reader, arn)]
            assert ("RUNNING", row.code) in told
            continue
        assert row.code == code
        own_words = row.reason == "the caller's own words"
        assert own_words or (app["reason"] if row.container else reason).startswith(row.reason)


def test_every_documented_row_is_brought_about_or_says_what_it_waits_for() -> None:
    for row in stop_reasons.ROWS:
        assert bool(row.docker or row.simulated) != bool(row.needs), row
    assert {cause for row in stop_reasons.ROWS for cause in row.simulated} <= set(ROWS)
    assert {cause for row in stop_reasons.ROWS for cause in row.docker} == set(on_docker.CAUSES)
