"""The documented stop codes and reasons that Docker itself brings about (tests/stop_reasons.py is the list)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import stop_reasons
from tests.docker.homeport import (
    ACCOUNT,
    LOG_OPTIONS,
    NETWORK,
    PAUSE,
    REGION,
    SLEEP,
    Homeport,
    container,
    engine,
    eventually,
    shell,
)

pytestmark = pytest.mark.docker

Begin = Callable[[Homeport], str]
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:never-made"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/never-made"
NO_GROUP = {"logDriver": "awslogs", "options": {**LOG_OPTIONS, "awslogs-group": "/no/such"}}
HOG = "exec awk 'BEGIN { while (1) s = s s \"xxxxxxxxxxxxxxxx\" }'"
AFTER_INIT = [{"containerName": "init", "condition": "SUCCESS"}]
SICK = {"command": ["CMD-SHELL", "test ! -e /tmp/sick"], "interval": 5, "timeout": 2, "retries": 1}


def _name(cause: str) -> str:
    return f"why-{cause.replace(' ', '-')}"


def _task(cause: str, *containers: dict[str, Any]) -> Begin:
    def begin(homeport: Homeport) -> str:
        homeport.define(_name(cause), *containers)
        return homeport.run(_name(cause))

    return begin


def _running(cause: str, then: Callable[[Homeport, str], object]) -> Begin:
    """A task that runs, to which something is done."""

    def begin(homeport: Homeport) -> str:
        arn = _task(cause, container(command=SLEEP))(homeport)
        homeport.running(arn)
        then(homeport, arn)
        return arn

    return begin


def _served(cause: str, then: Callable[[Homeport, str, str], object], **members: Any) -> Begin:
    """A service's task, to which something is done; the service is deleted when its task has ended."""

    def begin(homeport: Homeport) -> str:
        name, ecs = _name(cause), homeport.client("ecs")
        homeport.define(name, container(command=SLEEP, **members))
        ecs.create_service(
            serviceName=name, taskDefinition=name, desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
        )
        (arn,) = eventually(lambda: ecs.list_tasks(serviceName=name)["taskArns"])
        homeport.running(arn)
        then(homeport, name, arn)
        return str(arn)

    return begin


def _in_container(homeport: Homeport, arn: str, command: list[str]) -> None:
    made = engine().exec_create(homeport.containers(arn)["app"]["Id"], command)
    engine().exec_start(made["Id"])


def _replace(homeport: Homeport, name: str, arn: str) -> None:
    ecs = homeport.client("ecs")
    ecs.update_service(service=name, forceNewDeployment=True)
    (newer,) = eventually(lambda: [task for task in ecs.list_tasks(serviceName=name)["taskArns"] if task != arn])
    homeport.running(newer)
    homeport.pass_time(41)  # from then on the new task counts as healthy


def _sicken(homeport: Homeport, name: str, arn: str) -> None:
    eventually(lambda: homeport.task(arn)["healthStatus"] == "HEALTHY")
    _in_container(homeport, arn, ["touch", "/tmp/sick"])
    ecs = homeport.client("ecs")
    (newer,) = eventually(lambda: [task for task in ecs.list_tasks(serviceName=name)["taskArns"] if task != arn])
    eventually(lambda: homeport.task(newer)["healthStatus"] == "HEALTHY")


CAUSES: dict[str, Begin] = {
    "exit": _task("exit", shell("exit 3")),
    "out of memory": _task("out of memory", shell(HOG, memory=32)),
    "image nowhere": _task("image nowhere", container(image="homeport-test/nowhere:1")),
    "never pushed to ECR": _task(
        "never pushed to ECR", container(image=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/never:1")
    ),
    "secret": _task("secret", container(secrets=[{"name": "S", "valueFrom": SECRET}])),
    "parameter": _task("parameter", container(secrets=[{"name": "P", "valueFrom": PARAMETER}])),
    "log group": _task("log group", container(logConfiguration=NO_GROUP)),
    "create": _task("create", container(workingDirectory="not/absolute")),
    "bad command": _task("bad command", container(entryPoint=["nope"])),
    "dependency": _task(
        "dependency", container(command=SLEEP, dependsOn=AFTER_INIT), shell("exit 1", "init", essential=False)
    ),
    "user": _running("user", lambda h, arn: h.client("ecs").stop_task(task=arn, reason="enough of it")),
    "user without a word": _running("user without a word", lambda h, arn: h.client("ecs").stop_task(task=arn)),
    "namespace": _running("namespace", lambda h, arn: engine().kill(h.containers(arn)[PAUSE]["Id"])),
    "scale-in": _served("scale-in", lambda h, name, arn: h.client("ecs").update_service(service=name, desiredCount=0)),
    "rolling replacement": _served("rolling replacement", _replace),
    "container health": _served("container health", _sicken, healthCheck=SICK),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_stopped_task_says_why(homeport: Homeport, cause: str) -> None:
    arn = CAUSES[cause](homeport)
    task = homeport.stopped(arn)
    app = next(c for c in task["containers"] if c["name"] == "app")
    rows = stop_reasons.rows_of("docker", cause)
    assert rows
    for row in rows:
        expected = "enough of it" if row.reason == "the caller's own words" else row.reason
        assert task["stopCode"] == row.code
        assert (app["reason"] if row.container else task["stoppedReason"]).startswith(expected)
    _tidy(homeport, cause)


def _tidy(homeport: Homeport, cause: str) -> None:
    ecs = homeport.client("ecs")
    if ecs.describe_services(services=[_name(cause)])["services"]:
        ecs.delete_service(service=_name(cause), force=True)
        eventually(lambda: not homeport.apps(_name(cause)))
