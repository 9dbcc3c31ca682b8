"""The ladder decided purely: whatever the engine shows and however actions end, a task only goes forward, and a
stopped one leaves nothing behind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.tasks.task import LADDER, Container, Eni, Task
from emulator.domain.tasks.task_actions import (
    FindImage,
    KillContainer,
    LaunchContainer,
    ProvideNetwork,
    RemoveContainer,
    RemoveNetwork,
    RestartContainer,
    SignalContainer,
    TaskAction,
)
from emulator.domain.tasks.task_outcomes import Done, Failed, Outcome, settled
from emulator.domain.tasks.task_progress import Needs, Observed, Sight, advance, stop

NOW = 1_700_000_000.0


def task_of(*names: str) -> Task:
    arn = "arn:aws:ecs:us-east-1:123456789012:task/default/0123456789abcdef0123456789abcdef"
    return Task(
        account="123456789012",
        region="us-east-1",
        cluster="default",
        id=arn.rpartition("/")[2],
        arn=arn,
        cluster_arn="arn:aws:ecs:us-east-1:123456789012:cluster/default",
        definition_arn="arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
        family="web",
        group="family:web",
        launch_type="FARGATE",
        cpu="256",
        memory="512",
        desired_status="RUNNING",
        last_status="PROVISIONING",
        created_at=NOW,
        containers=[Container(name, f"id-{name}", f"{name}:1", essential=True) for name in names],
        eni=Eni("attachment", "eni-1", "subnet-a", "PRECREATED"),
    )


class Bench:
    """Stands for the engine: does what is asked, or fails when told so; remembers what exists."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.now = NOW
        self.exists: dict[str, Observed] = {}
        self.deaf = False

    def look(self, failures: frozenset[str] = frozenset()) -> list[TaskAction]:
        plan = advance(self.task, Sight(self.exists), Needs({}), frozenset(), self.now)
        before, self.task = self.task, plan.task
        assert LADDER.index(self.task.last_status) >= LADDER.index(before.last_status), "a rung was climbed back"
        for action in plan.actions:
            outcome = self._do(action, type(action).__name__ in failures)
            self.task = settled(self.task, action, outcome, self.now)
        return list(plan.actions)

    def _do(self, action: TaskAction, fails: bool) -> Outcome:
        if fails:
            return Failed("CannotDoError: told to fail")
        match action:
            case ProvideNetwork():
                self.exists["pause"] = Observed(running=True)
                return Done(runtime_id="pause", private_ip="172.31.0.4", network="bridge")
            case FindImage(name):
                return Done(image_id=f"sha256:{name}")
            case LaunchContainer(name) | RestartContainer(name):
                self.exists[name] = Observed(running=True, started_at=self.now)
                return Done(runtime_id=name)
            case SignalContainer(name) | KillContainer(name):
                if isinstance(action, KillContainer) or not self.deaf:
                    self.exists[name] = Observed(running=False, exit_code=137 if self.deaf else 0)
            case RemoveContainer(name):
                self.exists.pop(name, None)
            case RemoveNetwork():
                self.exists.pop("pause", None)
        return Done()

    def run(self, looks: int = 60, failures: frozenset[str] = frozenset()) -> None:
        for _ in range(looks):
            if self.task.stopped:
                return
            self.look(failures)
            self.now += 1.0


def test_nothing_is_launched_before_network_resources_and_images() -> None:
    bench = Bench(task_of("a", "b"))
    seen: list[str] = []
    for _ in range(10):
        seen += [type(action).__name__ for action in bench.look()]
    order = ["ProvideNetwork", "InitializeResources", "FindImage", "FindImage", "LaunchContainer", "LaunchContainer"]
    assert seen == order
    assert bench.task.last_status == "RUNNING"


def test_what_is_under_way_is_not_planned_again() -> None:
    plan = advance(task_of("a"), Sight(), Needs(), frozenset({"ProvideNetwork"}), NOW)
    assert plan.actions == ()


def test_a_kill_follows_thirty_seconds_after_the_signal() -> None:
    bench = Bench(task_of("a"))
    bench.run(10)
    bench.deaf = True
    bench.task = stop(bench.task, "UserInitiated", "enough", bench.now)
    bench.look(), bench.look(), bench.look()
    sent = bench.task.container("a").term_sent_at
    assert sent is not None
    plan = advance(bench.task, Sight(bench.exists), Needs(), frozenset(), sent + 29.9)
    assert (plan.actions, plan.next_look) == ((), sent + 30)
    plan = advance(bench.task, Sight(bench.exists), Needs(), frozenset(), sent + 30)
    assert [type(action) for action in plan.actions] == [KillContainer]


def test_nothing_is_concluded_while_the_engine_does_not_answer() -> None:
    bench = Bench(task_of("a"))
    bench.run(10)
    plan = advance(bench.task, Sight({}, trusted=False), Needs(), frozenset(), bench.now)
    assert plan.task.desired_status == "RUNNING"


def test_a_child_killed_for_memory_is_no_out_of_memory_error() -> None:
    bench = Bench(task_of("a"))
    bench.run(10)
    bench.exists["a"] = Observed(running=False, exit_code=3, oom_killed=True)
    bench.look()
    assert bench.task.container("a").reason is None


ACTIONS = ["ProvideNetwork", "InitializeResources", "FindImage", "LaunchContainer"]


@settings(max_examples=200, deadline=None)
@given(
    failing=st.sets(st.sampled_from(ACTIONS)),
    stop_at=st.integers(0, 12),
    deaf=st.booleans(),
    dies=st.one_of(st.none(), st.sampled_from(["a", "b", "pause"])),
    vanishes=st.booleans(),
)
def test_every_history_ends_stopped_and_clean(
    failing: set[str], stop_at: int, deaf: bool, dies: str | None, vanishes: bool
) -> None:
    bench = Bench(task_of("a", "b"))
    bench.run(stop_at, frozenset(failing))
    bench.deaf = deaf
    if dies in bench.exists:
        if vanishes:
            del bench.exists[dies]
        else:
            bench.exists[dies] = Observed(running=False, exit_code=1)
    bench.task = stop(bench.task, "UserInitiated", "enough", bench.now)
    bench.run(200)
    assert bench.task.stopped
    assert bench.exists == {}
    assert bench.task.stop_code is not None
    assert bench.task.stopped_reason
