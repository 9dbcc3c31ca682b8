"""Services on the real engine: they keep their count, roll within their percentages, and leave nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.docker.homeport import SLEEP, Homeport, container, engine, eventually
from tests.docker.service_scene import Counts, Scene

pytestmark = pytest.mark.docker

STEADY = "(service web) has reached a steady state."


@pytest.fixture
def service(homeport: Homeport, request: pytest.FixtureRequest) -> Scene:
    name = request.node.name.replace("test_", "").replace("_", "-")[:40]
    homeport.define(name, container(command=SLEEP))
    return Scene(homeport, name)


def test_it_heals_scales_and_ends(service: Scene) -> None:
    api = engine()
    service.create(2)
    service.stable()
    first, second = service.apps()
    api.kill(first)
    api.remove_container(second, force=True)
    eventually(lambda: len(service.apps()) == 2 and not service.apps().keys() & {first, second})
    service.stable()
    service.update(desiredCount=3)
    service.stable()
    assert len(service.apps()) == 3
    service.rolled()
    service.update(desiredCount=1)
    service.stable()
    eventually(lambda: len(service.apps()) == 1)
    tasks = service.ecs.list_tasks(serviceName=service.name)["taskArns"]
    assert len(tasks) == 1
    service.delete()
    shown = service.shown()
    assert (shown["runningCount"], shown["pendingCount"], shown["deployments"]) == (0, 0, [])
    said = "\n".join(service.messages())
    for words in ("has started 2 tasks", "has reached a steady state", "has stopped 2 running tasks"):
        assert words in said


def test_a_stopped_task_of_a_service_is_replaced(service: Scene) -> None:
    service.create(1)
    service.stable()
    (task,) = service.ecs.list_tasks(serviceName=service.name)["taskArns"]
    service.ecs.stop_task(task=task, reason="by hand")
    service.homeport.stopped(task)
    eventually(lambda: service.ecs.list_tasks(serviceName=service.name)["taskArns"] not in ([task], []))
    service.stable()
    service.delete()


def test_a_new_revision_rolls_within_the_percentages(service: Scene) -> None:
    service.create(4, deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150})
    service.stable()
    before = service.apps()
    second = service.homeport.define(service.name, container(command=SLEEP, cpu=64))
    with Counts(service) as counts:
        service.update(taskDefinition=second)
        service.rolled()
    assert set(service.apps().values()) == {"2"}
    assert not before.keys() & service.apps().keys()
    assert 2 <= counts.least <= counts.most <= 6
    assert any(len(each) == 2 for each in counts.seen)  # both revisions ran side by side
    (deployment,) = service.shown()["deployments"]
    assert (deployment["rolloutState"], deployment["taskDefinition"]) == ("COMPLETED", second)
    service.delete()


def test_with_no_room_above_old_tasks_stop_first(service: Scene) -> None:
    service.create(2, deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 100})
    service.stable()
    before = service.apps()
    with Counts(service) as counts:
        service.update(forceNewDeployment=True)
        service.rolled()
    assert not before.keys() & service.apps().keys()
    assert 1 <= counts.least <= counts.most <= 2
    service.delete()


def test_force_new_deployment_replaces_every_task(service: Scene) -> None:
    service.create(2)
    service.stable()
    before = service.apps()
    with Counts(service) as counts:
        service.update(forceNewDeployment=True)
        service.rolled()
    assert not before.keys() & service.apps().keys()
    assert 2 <= counts.least <= counts.most <= 4
    shown = service.shown()
    assert (shown["runningCount"], shown["pendingCount"], len(shown["deployments"])) == (2, 0, 1)
    started = "(service web) has started 2 tasks: (task T) (task T)."
    said = service.says_at_last("(service web) (deployment D) deployment completed.", STEADY)
    assert said[:2] == [started, started] and service.stops_told() == 2
    service.delete()


@pytest.mark.parametrize("fault", ["no image", "no command", "exits", "unhealthy"])
def test_a_bad_revision_keeps_the_old_tasks_running(homeport: Homeport, fault: str) -> None:
    name = f"bad-{fault.replace(' ', '-')}"
    homeport.define(name, container(command=SLEEP))
    service = Scene(homeport, name)
    service.create(2)
    service.stable()
    before = service.apps()
    probe = {"command": ["CMD-SHELL", "exit 1"], "interval": 5, "timeout": 2, "retries": 1}
    bad = {
        "no image": container(image="homeport-test/nowhere:1"),
        "no command": container(entryPoint=["nope"]),
        "exits": container(command=["false"]),
        "unhealthy": container(command=SLEEP, healthCheck=probe),
    }[fault]

    def ended() -> list[dict[str, Any]]:
        homeport.pass_time(10)  # the back-off between launches that fail
        arns = service.ecs.list_tasks(serviceName=name, desiredStatus="STOPPED")["taskArns"]
        found = service.ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        return [task for task in found if task["lastStatus"] == "STOPPED"]

    with Counts(service) as counts:
        service.update(taskDefinition=homeport.define(name, bad))
        enough = 1 if fault == "unhealthy" else 3
        eventually(lambda: len(ended()) >= enough)
    assert before.keys() <= service.apps().keys()
    assert all(each["1"] == 2 and each.total() <= 4 for each in counts.seen)
    deployments = {d["status"]: d for d in service.shown()["deployments"]}
    assert deployments["PRIMARY"]["rolloutState"] == "IN_PROGRESS"
    assert deployments["ACTIVE"]["runningCount"] == 2
    if fault != "unhealthy":
        assert deployments["PRIMARY"]["failedTasks"] >= 1
    service.delete()
