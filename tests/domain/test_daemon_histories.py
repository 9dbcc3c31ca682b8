"""DAEMON over random histories of instances and tasks: never two tasks on one instance, none where it must not be, and
once things go well exactly one on each that is eligible."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.domain.service_scheduler.deployment import bounds
from emulator.domain.service_scheduler.reconciliation import Surroundings
from emulator.domain.service_scheduler.scheduler import Plan, reconcile
from emulator.domain.service_scheduler.service_placement import DaemonHost, Unplaced
from emulator.domain.tasks.actions import StartTasks
from tests.domain.service_world import World, make_service

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["host", "host", "drain", "back", "unfit", "fit", "full", "free", "other", "run", "run", "fail", "crash",
             "sick", "finish", "advance", "roll", "protect", "look"]
        ),
        st.integers(0, 100),
    ),
    max_size=40,
)  # fmt: skip
FULL = Unplaced("The closest matching (container-instance x) has insufficient CPU units available.", "RESOURCE:CPU")


@dataclass
class Daemons(World):
    hosts: dict[str, DaemonHost] = field(default_factory=dict)

    def plan(self) -> Plan:
        around = Surroundings(
            leaving=frozenset(h.arn for h in self.hosts.values() if h.draining),
            rollout=self.history.get(self.service.primary.service_deployment_id),
            hosts=tuple(self.hosts.values()),
        )
        plan = reconcile(self.service, list(self.tasks.values()), self.now, self.ids, around)
        self.check(plan)
        return plan

    def check(self, plan: Plan) -> None:
        standing = {t.container_instance_arn for t in self.tasks.values() if not t.stopped}
        for action in plan.actions:
            if isinstance(action, StartTasks):
                for spot in action.spots:
                    host = self.hosts[spot.instance or ""]
                    assert host.arn not in standing, "one at a time"
                    assert host.eligible and not host.draining and host.lack is None
                    standing.add(host.arn)

    def change(self, number: int, **members: object) -> None:
        if self.hosts:
            arn = sorted(self.hosts)[number % len(self.hosts)]
            self.hosts[arn] = replace(self.hosts[arn], **members)  # type: ignore[arg-type]


def take(world: Daemons, what: str, number: int) -> None:
    changes = {
        "drain": {"draining": True},
        "back": {"draining": False, "others": 0},
        "unfit": {"eligible": False},
        "fit": {"eligible": True},
        "full": {"lack": FULL},
        "free": {"lack": None},
        "other": {"others": number % 2},
    }
    pool = {"run": world.starting(), "fail": world.starting(), "finish": [t for t in world.live() if t.stop_code]}
    tasks = pool.get(what, world.running())
    task = tasks[number % len(tasks)] if tasks else None
    if what in changes:
        world.change(number, **changes[what])
    elif what == "host" and len(world.hosts) < 5:
        world.hosts[f"h{len(world.hosts)}"] = DaemonHost(f"h{len(world.hosts)}")
    elif what == "roll":
        world.roll()
    elif what == "advance":
        world.advance(number)
    elif task is not None:
        match what:
            case "run":
                world.run(task)
            case "fail":
                world.fail_launch(task)
            case "crash":
                world.crash(task)
            case "sick":
                world.health(task, "UNHEALTHY")
            case "finish":
                world.finish(task)
            case "protect":
                world.put(replace(task, protection_enabled=True, protection_expires_at=world.now + number))
    world.settle()


@settings(deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([0, 50, 75]))
def test_any_history_of_a_daemon(steps: list[tuple[str, int]], health_check: bool, minimum: int) -> None:
    service = make_service(
        0, scheduling_strategy="DAEMON", minimum_healthy_percent=minimum, maximum_percent=100, launch_type="EC2"
    )
    world = Daemons(service, health_check=health_check)
    for what, number in steps:
        take(world, what, number)
    for arn, host in world.hosts.items():
        world.hosts[arn] = replace(host, lack=None, others=0)
    world.run_on(4000)
    wanted = sorted(h.arn for h in world.hosts.values() if h.eligible and not h.draining)
    assert sorted(t.container_instance_arn or "" for t in world.running()) == wanted
    assert world.service.desired_count == len(wanted)
    if wanted and bounds(len(wanted), minimum, 100).floor == len(wanted) and world.rollouts > 1:
        return  # one is the whole floor: nothing can be replaced, which is said
    assert {t.deployment_id for t in world.wanted()} <= {world.service.primary.id}
    assert world.service.primary.rollout_state == "COMPLETED"
    assert len(world.service.deployments) == 1
