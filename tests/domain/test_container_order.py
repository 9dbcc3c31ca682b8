"""Containers of one task in their order, over random dependency graphs and random ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.tasks.container_order import order_of, readiness, starts_again
from emulator.domain.tasks.task import Container, Task
from emulator.domain.tasks.task_actions import KillContainer, LaunchContainer, RestartContainer, SignalContainer
from emulator.domain.tasks.task_outcomes import settled
from emulator.domain.tasks.task_progress import Needs, Observed, Sight, advance, stop
from tests.domain.test_task_progress import NOW, Bench, task_of

Definition = dict[str, Any]


def depends(**on: str) -> list[dict[str, str]]:
    return [{"containerName": name, "condition": condition} for name, condition in on.items()]


def definition(name: str, **members: Any) -> Definition:
    return {"name": name, **members}


class OrderedBench(Bench):
    """A bench whose task has an order; `ends` scripts how a container that was started ends: (seconds, exit code)."""

    def __init__(self, definitions: list[Definition], ends: Mapping[str, tuple[float, int]] | None = None) -> None:
        task = task_of(*(d["name"] for d in definitions))
        containers = [
            replace(c, essential=d.get("essential", True), has_health_check="healthCheck" in d)
            for c, d in zip(task.containers, definitions, strict=True)
        ]
        super().__init__(replace(task, containers=containers))
        self.order = order_of(definitions)
        self.ends = dict(ends or {})
        self.healthy_after: dict[str, float] = {}
        self.launched: list[str] = []
        self.signalled: list[str] = []

    def turn(self) -> None:
        """What happens in the containers by now; then one look."""
        for name, seen in list(self.exists.items()):
            if not seen.running or name == "pause":
                continue
            after, code = self.ends.get(name, (1e9, 0))
            if self.now - seen.started_at >= after:
                self.exists[name] = replace(seen, running=False, exit_code=code, finished_at=self.now)
            elif self.now - seen.started_at >= self.healthy_after.get(name, 1e9):
                self.exists[name] = replace(seen, health="healthy")
        plan = advance(self.task, Sight(self.exists), Needs({}, self.order), frozenset(), self.now)
        self.task = plan.task
        for action in plan.actions:
            if isinstance(action, LaunchContainer):
                self.launched.append(action.container)
                self.check_conditions(action.container)
            if isinstance(action, SignalContainer | KillContainer):
                self.signalled.append(action.container)
                self.check_dependents(action.container)
            self.task = settled(self.task, action, self._do(action, False), self.now)

    def check_conditions(self, name: str) -> None:
        for dependency in self.order.dependencies[name]:
            seen = self.exists.get(dependency.container)
            assert seen is not None, f"{name} started before {dependency}"
            if dependency.condition == "HEALTHY":
                assert self.task.container(dependency.container).health_status == "HEALTHY"
            if dependency.condition in ("COMPLETE", "SUCCESS"):
                assert not seen.running
            if dependency.condition == "SUCCESS":
                assert seen.exit_code == 0

    def check_dependents(self, name: str) -> None:
        for other, dependencies in self.order.dependencies.items():
            if any(d.container == name for d in dependencies):
                assert self.task.container(other).last_status == "STOPPED", f"{name} stopped before {other}"

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            if self.task.stopped:
                return
            self.turn()
            self.turn()
            self.now += 1.0


def test_init_then_app_then_sidecar_and_back() -> None:
    bench = OrderedBench(
        [
            definition("sidecar", dependsOn=depends(app="HEALTHY")),
            definition("app", dependsOn=depends(init="SUCCESS"), healthCheck={"command": ["CMD", "x"]}),
            definition("init", essential=False),
        ],
        {"init": (3, 0)},
    )
    bench.healthy_after["app"] = 4
    bench.live(30)
    assert bench.launched == ["init", "app", "sidecar"]
    assert bench.task.last_status == "RUNNING"
    bench.task = stop(bench.task, "UserInitiated", "enough", bench.now)
    bench.live(30)
    assert bench.signalled == ["sidecar", "app"]
    assert bench.task.stopped


DEPENDENCY = "TaskDependencyError: dependency graph: "


@pytest.mark.parametrize(
    ("condition", "ends", "timeout", "reason"),
    [
        ("SUCCESS", (2, 1), None, "failed to resolve {of} as dependency did not exit successfully."),
        ("HEALTHY", (2, 0), None, "failed to resolve {of} as dependency has stopped."),
        ("SUCCESS", None, 5, "{of} has timed out."),
        ("COMPLETE", None, 5, "{of} has timed out."),
        ("HEALTHY", None, 5, "{of} has timed out."),
    ],
)
def test_what_can_never_be_ends_the_task(
    condition: str, ends: tuple[float, int] | None, timeout: int | None, reason: str
) -> None:
    first = definition("first", essential=False, healthCheck={"command": ["CMD", "x"]}, startTimeout=timeout)
    bench = OrderedBench(
        [first, definition("app", dependsOn=depends(first=condition))], {"first": ends} if ends else {}
    )
    bench.live(60)
    assert bench.task.stopped
    assert (bench.task.stop_code, bench.task.stopped_reason) == ("TaskFailedToStart", "Task failed to start")
    told = bench.task.container("app").reason or ""
    of = "container ordering dependency [first] for target [app]"
    assert told == DEPENDENCY + reason.replace("{of}", of)
    assert bench.launched == ["first"]


def test_complete_asks_for_no_exit_code() -> None:
    bench = OrderedBench(
        [definition("first", essential=False), definition("app", dependsOn=depends(first="COMPLETE"))],
        {"first": (2, 7)},
    )
    bench.live(10)
    assert (bench.launched, bench.task.last_status) == (["first", "app"], "RUNNING")


def test_start_is_met_by_what_started_and_ended() -> None:
    bench = OrderedBench(
        [definition("first", essential=False), definition("app", dependsOn=depends(first="START"))], {"first": (0, 9)}
    )
    bench.live(10)
    assert bench.task.last_status == "RUNNING"


def test_what_is_implied() -> None:
    log = {"logConfiguration": {"logDriver": "awsfirelens"}}
    order = order_of(
        [
            definition("app", links=["db:database"], volumesFrom=[{"sourceContainer": "data"}], **log),
            definition("db", dependsOn=depends(data="HEALTHY"), volumesFrom=[{"sourceContainer": "data"}]),
            definition("data"),
            definition("router", firelensConfiguration={"type": "fluentbit"}, **log),
        ]
    )
    shown = {name: [(d.container, d.condition) for d in found] for name, found in order.dependencies.items()}
    assert shown == {
        "app": [("db", "START"), ("data", "START"), ("router", "START")],
        "db": [("data", "HEALTHY")],
        "data": [],
        "router": [],
    }


# -- restarts


def _ended(seconds: float, code: int | None, **members: Any) -> Container:
    record = Container("app", "id", "app:1", essential=True, last_status="STOPPED", runtime_id="app", **members)
    return replace(record, started_at=NOW, finished_at=NOW + seconds, exit_code=code)


@pytest.mark.parametrize(
    ("container", "policy", "again"),
    [
        (_ended(300, 1), {}, True),
        (_ended(299, 1), {}, False),
        (_ended(60, 1), {"restartAttemptPeriod": 60}, True),
        (_ended(300, 0), {}, True),
        (_ended(300, 0), {"ignoredExitCodes": [0]}, False),
        (_ended(300, None), {}, False),
        (_ended(300, 1, removed=True), {}, False),
        (_ended(300, 1, restarts_ended=True), {}, False),
    ],
)
def test_who_is_started_again(container: Container, policy: Definition, again: bool) -> None:
    order = order_of([definition("app", restartPolicy={"enabled": True, **policy})])
    assert starts_again(container, order) is again
    assert not starts_again(container, order_of([definition("app", restartPolicy={"enabled": False, **policy})]))


def test_a_restart_keeps_the_task_running_and_an_early_end_stops_it() -> None:
    policy = {"enabled": True, "restartAttemptPeriod": 60}
    bench = OrderedBench([definition("app", restartPolicy=policy)], {"app": (60, 1)})
    bench.live(200)
    assert bench.task.last_status == "RUNNING"
    assert bench.task.container("app").restart_count == 3
    bench.ends["app"] = (10, 1)
    bench.live(100)
    assert (bench.task.stop_code, bench.task.last_status) == ("EssentialContainerExited", "STOPPED")


def test_a_restart_that_was_not_recorded_is_seen_and_not_done_twice() -> None:
    order = order_of([definition("app", restartPolicy={"enabled": True})])
    task = replace(task_of("app"), containers=[_ended(300, 1)], last_status="RUNNING", pause_id="pause")
    sight = Sight({"app": Observed(True, started_at=NOW + 301), "pause": Observed(True)})
    plan = advance(task, sight, Needs({}, order), frozenset(), NOW + 302)
    assert plan.actions == ()
    assert (plan.task.container("app").restart_count, plan.task.container("app").last_status) == (1, "RUNNING")
    again = settled(plan.task, RestartContainer("app", "x"), bench_done(), NOW + 303)
    assert again.container("app").restart_count == 1


def bench_done() -> Any:
    from emulator.domain.tasks.task_outcomes import Done

    return Done(runtime_id="app")


# -- any graph, any history


@st.composite
def graphs(draw: st.DrawFn) -> list[Definition]:
    """Up to six containers; each may wait for earlier ones only, so there is no cycle."""
    found: list[Definition] = []
    for number in range(draw(st.integers(1, 6))):
        on = {
            earlier["name"]: draw(
                st.sampled_from(["START", "HEALTHY"] if earlier["essential"] else ["START", "COMPLETE", "SUCCESS"])
            )
            for earlier in found
            if draw(st.booleans())
        }
        essential = draw(st.booleans()) or number == 0
        found.append(
            definition(
                f"c{number}",
                essential=essential,
                healthCheck={"command": ["CMD", "x"]},
                startTimeout=draw(st.sampled_from([None, 5])),
                dependsOn=depends(**on),
            )
        )
    return draw(st.permutations(found))


@settings(max_examples=200, deadline=None)
@given(graphs(), st.data())
def test_order_holds_whatever_happens_and_the_task_ends(definitions: list[Definition], data: st.DataObject) -> None:
    ends = {
        d["name"]: (float(data.draw(st.integers(0, 20))), data.draw(st.sampled_from([0, 0, 1])))
        for d in definitions
        if data.draw(st.booleans())
    }
    bench = OrderedBench(definitions, ends)
    bench.healthy_after = {
        d["name"]: float(data.draw(st.integers(0, 8))) for d in definitions if data.draw(st.booleans())
    }
    bench.live(data.draw(st.integers(0, 40)))
    bench.task = stop(bench.task, "UserInitiated", "enough", bench.now)
    bench.live(400)
    assert bench.task.stopped
    assert bench.exists == {}


def test_a_look_tells_what_is_waited_for() -> None:
    task: Task = task_of("db", "app")
    order = order_of(
        [definition("db", healthCheck={"command": ["CMD", "x"]}), definition("app", dependsOn=depends(db="HEALTHY"))]
    )
    ready = readiness(task, "app", order, NOW)
    assert [(d.container, d.condition) for d in ready.waits_for] == [("db", "HEALTHY")]
