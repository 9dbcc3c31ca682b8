"""Stands in for the engine under services: the scheduler looks, and tasks run, stop and fall ill as rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.control.service_scheduler.services import ServiceController
from emulator.control.turn import Turn
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_progress import stop
from emulator.ids import Ids
from emulator.store.ecs_tables import TASKS
from tests.services.ecs_scene import NETWORK


@dataclass
class Scene:
    emulator: Emulator
    clock: VirtualClock
    ecs: Any
    ids: Ids = field(default_factory=lambda: Ids(5))

    def create(self, name: str = "web", **members: Any) -> dict[str, Any]:
        """CreateService of `web` on Fargate in cluster `c`; None leaves a member out."""
        request = {
            "cluster": "c",
            "serviceName": name,
            "taskDefinition": "web",
            "desiredCount": 2,
            "launchType": None if "capacityProviderStrategy" in members else "FARGATE",
            "networkConfiguration": NETWORK,
            **members,
        }
        service: dict[str, Any] = self.ecs.create_service(**{k: v for k, v in request.items() if v is not None})
        return service["service"]  # type: ignore[no-any-return]

    def update(self, name: str = "web", **members: Any) -> dict[str, Any]:
        return self.ecs.update_service(cluster="c", service=name, **members)["service"]  # type: ignore[no-any-return]

    def describe(self, name: str = "web") -> dict[str, Any]:
        return self.ecs.describe_services(cluster="c", services=[name])["services"][0]  # type: ignore[no-any-return]

    def look(self, name: str = "web") -> None:
        """The scheduler looks until it has nothing more to do."""
        controller = ServiceController(self.clock, self.emulator.database, self.ids)
        for _ in range(10):
            with Turn(self.emulator.database) as turn:
                controller.look(turn, f"123456789012/us-east-1/c/{name}")

    def tasks(self) -> list[Task]:
        with self.emulator.database.read() as reader:
            return reader.find(TASKS)

    def put(self, task: Task) -> None:
        with self.emulator.database.write() as tx:
            tx.put(TASKS, task)

    def everything_works(self) -> None:
        """What shall run runs, what shall stop has stopped."""
        for task in self.tasks():
            if task.desired_status == "STOPPED":
                self.put(replace(task, last_status="STOPPED", stopped_at=self.clock.now()))
            elif task.last_status != "RUNNING":
                self.put(replace(task, last_status="RUNNING", started_at=self.clock.now()))

    def run_on(self, name: str = "web") -> None:
        """Long enough for anything to settle when all goes well."""
        for _ in range(8):
            self.look(name)
            self.everything_works()
            self.clock.advance(41)
        self.look(name)

    def fail_launches(self) -> None:
        for task in self.tasks():
            if task.desired_status == "RUNNING" and task.last_status != "RUNNING":
                stopped = stop(task, "TaskFailedToStart", "CannotPullContainerError: no such image", self.clock.now())
                self.put(replace(stopped, last_status="STOPPED"))
