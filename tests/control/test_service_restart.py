"""The emulator dies at any commit and any engine call of a service's life: it converges, containers that run are
adopted as they are, and nothing runs twice. The simulated engine outlives it, as a real one does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from emulator.app import build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.engine.simulated.engine import SimulatedEngine
from tests.conftest import aws_of
from tests.control.world import NETWORK, World, container
from tests.services.instance_scene import EVERYWHERE, ec2_definition, register

Where = dict[str, str]
DEFAULT: Where = {"cluster": "default", "service": "web"}


class Death(BaseException):
    """The process is gone: nothing after this point happened."""


@dataclass
class Life:
    """One emulator after another on the same data directory and the same engine. It dies once, at the `moment`-th
    commit or engine call after `mortal` is set, `when` before or after it is done."""

    config: Config
    clock: VirtualClock
    engine: SimulatedEngine
    when: str
    moment: int
    mortal: bool = False
    steps: int = 0
    deaths: int = 0

    def __post_init__(self) -> None:
        self.engine.on_call = lambda now, name, arguments: self._step(now)
        self.world = self._born()

    def _born(self) -> World:
        emulator = build(self.config, clock=self.clock, engine=self.engine, threaded=False)
        write = emulator.database.write

        @contextmanager
        def mortal_write() -> Iterator[Any]:
            with write() as tx:
                yield tx
                self._step("before")
            self._step("after")

        emulator.database.write = mortal_write  # type: ignore[method-assign]
        emulator.start()
        return World(emulator, self.clock, aws_of(emulator))

    def _step(self, now: str) -> None:
        if not self.mortal or now != self.when:
            return
        self.steps += 1
        if self.steps == self.moment:
            self.mortal = False
            raise Death

    def live(self, seconds: float) -> None:
        """So much time passes, through a death if it comes now."""
        end = self.clock.now() + seconds
        try:
            self.pass_time(seconds)
        except Death:
            self.deaths += 1
            before = self.apps()
            self._restart()
            after = self.apps()
            assert {id_: after[id_] for id_ in before if id_ in after} == {
                id_: started for id_, started in before.items() if id_ in after
            }, "what runs is adopted, not restarted"
            self.pass_time(max(0.0, end - self.clock.now()) + 60)

    def _restart(self) -> None:
        """Lets go of files only, as a kill would."""
        dead = self.world.emulator
        dead.plane.close()
        dead.log_events.close()
        dead.database.close()
        dead.data.close()
        self.config = replace(self.config, seed=(self.config.seed or 0) + 1000)
        self.world = self._born()

    def pass_time(self, seconds: float) -> None:
        self.world.emulator.plane.advance(seconds, self.clock.advance)
        self.nothing_runs_twice()

    def apps(self) -> dict[str, float | None]:
        return {s.id: s.started_at for s in self._listed() if s.status == "running"}

    def nothing_runs_twice(self) -> None:
        whose = Counter((s.labels["homeport.task"], s.labels["homeport.container"]) for s in self._listed())
        assert not [one for one, count in whose.items() if count > 1]

    def revisions(self) -> Counter[str]:
        return Counter(
            s.labels["com.amazonaws.ecs.task-definition-version"] for s in self._listed() if s.status == "running"
        )

    def _listed(self) -> list[Any]:
        mortal, self.mortal = self.mortal, False
        try:
            return list(self.engine.list_containers({"homeport.kind": "app"}))
        finally:
            self.mortal = mortal

    def shown(self) -> dict[str, Any]:
        found = self.world.ecs.describe_services(cluster="default", services=["web"])["services"]
        return found[0]  # type: ignore[no-any-return]


def serve(world: World, **members: Any) -> None:
    world.cluster()
    world.define(container())
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=2, launchType="FARGATE", networkConfiguration=NETWORK,
        **members,
    )  # fmt: skip


def rolls_forward(life: Life) -> None:
    serve(life.world)
    life.pass_time(60)
    life.world.define(container(cpu=1))
    life.world.ecs.update_service(service="web", taskDefinition="web")
    life.mortal = True
    life.live(120)
    life.mortal = False
    [deployment] = life.shown()["deployments"]
    assert (deployment["rolloutState"], deployment["runningCount"]) == ("COMPLETED", 2)
    assert life.revisions() == {"2": 2}


def turns_back(life: Life) -> None:
    """The breaker trips at three launches that never run; those that ran all along are the same containers."""
    serve(life.world, deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    life.pass_time(60)
    before = life.apps()
    life.world.define(container(image="nowhere:1"))
    update = life.world.ecs.update_service(service="web", taskDefinition="web")["service"]
    prefix = update["serviceArn"].replace(":service/", ":service-deployment/")
    life.mortal = True
    life.live(180)
    life.mortal = False
    assert life.apps() == before
    [deployment] = life.shown()["deployments"]
    assert deployment["taskDefinition"].endswith("web:1")
    assert deployment["rolloutState"] == "COMPLETED"
    told = life.world.ecs.list_service_deployments(service="web")["serviceDeployments"][0]
    assert told["serviceDeploymentArn"].startswith(prefix)
    assert told["status"] == "ROLLBACK_SUCCESSFUL"
    assert sum("rolling back" in event["message"] for event in life.shown()["events"]) == 1


def changes_sides(life: Life) -> None:
    """Through every stage of a blue/green deployment, paused in two of them until the hooks' time runs out."""
    serve(life.world)
    life.pass_time(60)
    timeout = {"timeoutInMinutes": 1, "action": "CONTINUE"}
    hook = {
        "targetType": "PAUSE",
        "lifecycleStages": ["PRE_SCALE_UP", "POST_SCALE_UP"],
        "timeoutConfiguration": timeout,
    }
    life.world.define(container(cpu=1))
    life.world.ecs.update_service(
        service="web", taskDefinition="web",
        deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "lifecycleHooks": [hook]},
    )  # fmt: skip
    life.mortal = True
    for _ in range(30):
        life.live(10)
        running = life.revisions()
        assert running["1"] == 2 or running["2"] == 2, "one side is always whole"
    life.mortal = False
    [deployment] = life.shown()["deployments"]
    assert (deployment["rolloutState"], deployment["runningCount"]) == ("COMPLETED", 2)
    assert life.revisions() == {"2": 2}
    told = life.world.ecs.list_service_deployments(service="web")["serviceDeployments"][0]
    [shown] = life.world.ecs.describe_service_deployments(serviceDeploymentArns=[told["serviceDeploymentArn"]])[
        "serviceDeployments"
    ]
    assert shown["status"] == "SUCCESSFUL"
    assert [each["status"] for each in shown["lifecycleHookDetails"]] == ["TIMED_OUT", "TIMED_OUT"]


def shifts_task_sets(life: Life) -> None:
    world = life.world
    world.cluster()
    world.define(container())
    world.define(container(cpu=1))
    world.ecs.create_service(serviceName="web", deploymentController={"type": "EXTERNAL"}, desiredCount=2)
    scale = {"value": 100.0, "unit": "PERCENT"}
    request = {**DEFAULT, "launchType": "FARGATE", "networkConfiguration": NETWORK, "scale": scale}
    blue = world.ecs.create_task_set(taskDefinition="web:1", **request)["taskSet"]["id"]
    life.pass_time(60)
    green = world.ecs.create_task_set(taskDefinition="web:2", **request)["taskSet"]["id"]
    world.ecs.update_service_primary_task_set(**DEFAULT, primaryTaskSet=green)
    world.ecs.delete_task_set(**DEFAULT, taskSet=blue, force=True)
    life.mortal = True
    life.live(60)
    life.mortal = False
    [only] = life.shown()["taskSets"]
    assert (only["id"], only["runningCount"], only["stabilityStatus"]) == (green, 2, "STEADY_STATE")
    assert life.revisions() == {"2": 2}


def drains_a_daemon(life: Life) -> None:
    world = life.world
    world.cluster()
    world.ecs.register_task_definition(**ec2_definition("web", container={"image": "app:1"}))
    first, second = (register(world.ecs, n, cluster="default")["containerInstanceArn"] for n in range(2))
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", schedulingStrategy="DAEMON", launchType="EC2",
        networkConfiguration=EVERYWHERE,
    )  # fmt: skip
    life.pass_time(60)
    register(world.ecs, 2, cluster="default")
    world.ecs.update_container_instances_state(cluster="default", containerInstances=[first], status="DRAINING")
    life.mortal = True
    life.live(60)
    life.mortal = False
    shown = life.shown()
    assert (shown["desiredCount"], shown["runningCount"], len(shown["deployments"])) == (2, 2, 1)
    tasks = life.world.ecs.describe_tasks(tasks=life.world.ecs.list_tasks()["taskArns"])["tasks"]
    hosts = Counter(task["containerInstanceArn"] for task in tasks)
    assert hosts[first] == 0
    assert hosts[second] == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("story", [rolls_forward, turns_back, changes_sides, shifts_task_sets, drains_a_daemon])
def test_death_at_every_moment(
    tmp_path: Path, story: Callable[[Life], None], when: str, request: pytest.FixtureRequest
) -> None:
    """Every seventeenth moment, from another one on for each story; with --soak every one."""
    stride = 1 if request.config.getoption("--soak") else 17
    for moment in range(1 + len(f"{story.__name__}{when}") % stride, 2000, stride):
        clock = VirtualClock()
        engine = SimulatedEngine(clock)
        engine.add_image("app:1")
        config = Config(data_dir=tmp_path / str(moment), engine="simulated", seed=moment, registry_port=None)
        life = Life(config, clock, engine, when, moment)
        story(life)
        life.world.emulator.close()
        if not life.deaths:
            assert moment > 20, "it took fewer commits and engine calls than expected"
            return
    raise AssertionError("it never came to an end by itself")
