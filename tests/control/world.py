"""A whole emulator on the simulated engine and a standing clock, driven by boto3: what control tests stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.engine.simulated.behaviour import Behaviour
from emulator.engine.simulated.engine import SimulatedEngine
from emulator.store.ecs_tables import TASKS
from tests.conftest import Aws

SUBNETS = ["subnet-aaaa", "subnet-bbbb"]
NETWORK = {"awsvpcConfiguration": {"subnets": SUBNETS}}
EXECUTION_ROLE = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"


@dataclass
class World:
    """`pass_time` moves the clock timer by timer; `engine` is what containers stand on."""

    emulator: Emulator
    clock: VirtualClock
    aws: Aws

    @property
    def engine(self) -> SimulatedEngine:
        assert isinstance(self.emulator.engine, SimulatedEngine)
        return self.emulator.engine

    @property
    def ecs(self) -> Any:
        return self.aws("ecs")

    def image(self, name: str = "app", behaviour: Behaviour | None = None) -> str:
        self.engine.add_image(f"{name}:1", behaviour)
        return f"{name}:1"

    def define(self, *containers: dict[str, Any], family: str = "web", **members: Any) -> str:
        definition = self.ecs.register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            executionRoleArn=EXECUTION_ROLE,
            containerDefinitions=list(containers),
            **members,
        )["taskDefinition"]
        return str(definition["taskDefinitionArn"])

    def cluster(self) -> None:
        self.ecs.create_cluster(clusterName="default")

    def run(self, definition: str = "web", **members: Any) -> str:
        answer = self.ecs.run_task(
            taskDefinition=definition, launchType="FARGATE", networkConfiguration=NETWORK, **members
        )
        assert answer["failures"] == []
        return str(answer["tasks"][0]["taskArn"])

    def settle(self) -> None:
        assert self.emulator.plane.settle()

    def pass_time(self, seconds: float) -> None:
        """Timers of the emulator and turns of the simulated containers, each at its time."""
        target = self.clock.now() + seconds
        while self.clock.now() < target:
            self.settle()
            due = self.emulator.plane.loop.next_due()
            step = min(1.0, target - self.clock.now())
            if due is not None:
                step = min(step, max(due - self.clock.now(), 0.001))
            self.clock.advance(step)
        self.settle()

    def task(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.describe_tasks(tasks=[arn])["tasks"][0]
        return found

    def stopped(self, arn: str) -> tuple[str, str]:
        """Stop code and reason of a task that must be STOPPED."""
        task = self.task(arn)
        assert task["lastStatus"] == "STOPPED", task
        return task["stopCode"], task["stoppedReason"]

    def engine_ids(self, arn: str) -> dict[str, str]:
        """The engine's own ids of the task's containers, by name; the API shows none on Fargate."""
        with self.emulator.database.read() as reader:
            (task,) = [task for task in reader.find(TASKS) if task.arn == arn]
        return {c.name: c.runtime_id for c in task.containers if c.runtime_id is not None}

    def containers(self) -> list[str]:
        """What is in the engine, by label; this look is no call that a test's hook is told of."""
        hook, self.engine.on_call = self.engine.on_call, None
        try:
            return sorted(s.labels.get("homeport.container", s.name) for s in self.engine.list_containers({}))
        finally:
            self.engine.on_call = hook


def container(name: str = "app", image: str = "app:1", **members: Any) -> dict[str, Any]:
    return {"name": name, "image": image, **members}


def awslogs(group: str = "/ecs/web", **options: str) -> dict[str, Any]:
    settings = {"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs", **options}
    return {"logDriver": "awslogs", "options": settings}


def health_check(**members: Any) -> dict[str, Any]:
    return {"command": ["CMD-SHELL", "true"], "interval": 5, "timeout": 2, "retries": 2, **members}


def names(tasks: Sequence[dict[str, Any]]) -> list[str]:
    return sorted(task["taskArn"].rpartition("/")[2] for task in tasks)
