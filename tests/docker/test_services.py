"""Services on the real engine: they keep their count, roll within their percentages, and leave nothing."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from tests.docker.homeport import NETWORK, SLEEP, Homeport, container, engine, eventually

pytestmark = pytest.mark.docker


class Scene:
    """One service of a name, its API view and its containers."""

    def __init__(self, homeport: Homeport, name: str) -> None:
        self.homeport = homeport
        self.name = name
        self.ecs = homeport.client("ecs")

    def create(self, count: int, **members: Any) -> None:
        self.ecs.create_service(
            serviceName=self.name,
            taskDefinition=self.name,
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            **members,
        )

    def update(self, **members: Any) -> None:
        self.ecs.update_service(service=self.name, **members)

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.describe_services(services=[self.name])["services"][0]
        return found

    def apps(self) -> dict[str, str]:
        return self.homeport.apps(self.name)

    def stable(self) -> None:
        """As `aws ecs wait services-stable` sees it, but looking more often."""
        waiter = self.ecs.get_waiter("services_stable")
        waiter.wait(services=[self.name], WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def rolled(self) -> None:
        """Waits until the deployment is complete. A task without a health check counts as healthy 40 s after it began
        to run: those are skipped by moving the emulator's clock."""

        def look() -> bool:
            shown = self.shown()
            if shown["deployments"][0]["rolloutState"] == "COMPLETED" and len(shown["deployments"]) == 1:
                return True
            if shown["pendingCount"] == 0 and shown["runningCount"]:
                self.homeport.pass_time(41)
            return False

        eventually(look, 60)
        self.stable()
        eventually(lambda: len(self.apps()) == self.shown()["desiredCount"])

    def messages(self) -> list[str]:
        return [event["message"] for event in self.shown()["events"]]

    def delete(self) -> None:
        self.ecs.delete_service(service=self.name, force=True)
        eventually(lambda: self.shown()["status"] == "INACTIVE")
        eventually(lambda: not self.apps())


class Counts:
    """Counts a service's running containers by revision while it is entered, as fast as the engine answers."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.seen: list[Counter[str]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Counts:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.02):
            self.seen.append(Counter(self.scene.apps().values()))

    @property
    def least(self) -> int:
        return min(each.total() for each in self.seen)

    @property
    def most(self) -> int:
        return max(each.total() for each in self.seen)


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
        eventually(lambda: len(ended()) >= enough, 60)
    assert before.keys() <= service.apps().keys()
    assert all(each["1"] == 2 and each.total() <= 4 for each in counts.seen)
    deployments = {d["status"]: d for d in service.shown()["deployments"]}
    assert deployments["PRIMARY"]["rolloutState"] == "IN_PROGRESS"
    assert deployments["ACTIVE"]["runningCount"] == 2
    if fault != "unhealthy":
        assert deployments["PRIMARY"]["failedTasks"] >= 1
    service.delete()
