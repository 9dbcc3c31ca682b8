"""A pretend world for the scheduler: it carries plans out on records, and makes tasks start, fail, sicken and end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.domain.service_scheduler import deployment as deployments
from emulator.domain.service_scheduler import service_deployment as history
from emulator.domain.service_scheduler.alarm import AlarmState
from emulator.domain.service_scheduler.lifecycle_stages import answered
from emulator.domain.service_scheduler.scheduler import Plan, Surroundings, reconcile
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_deployment import ServiceDeployment
from emulator.domain.service_scheduler.service_events import Notice
from emulator.domain.service_scheduler.service_placement import Placer, Spot, on_fargate
from emulator.domain.service_scheduler.service_tasks import LIVE, TargetHealth
from emulator.domain.tasks.actions import NoteEnds, StartTasks, StopTask, noted
from emulator.domain.tasks.task import Container, Task
from emulator.ids import Ids

CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/default"


def make_service(desired: int = 2, **changes: Any) -> Service:
    first = deployments.begin("ecs-svc/1", "arn:web:1", {"launchType": "FARGATE"}, 0.0, "d1")
    service = Service(
        account="123456789012",
        region="us-east-1",
        cluster="default",
        name="web",
        arn="arn:aws:ecs:us-east-1:123456789012:service/default/web",
        cluster_arn=CLUSTER,
        status="ACTIVE",
        desired_count=desired,
        task_definition="arn:web:1",
        created_at=0.0,
        created_by="arn:aws:iam::123456789012:root",
        deployments=[first],
        launch_type="FARGATE",
    )
    return replace(service, **changes)


@dataclass
class World:
    """Time, a service and its tasks. `look()` is one reconciliation, carried out at once."""

    service: Service
    health_check: bool = False
    now: float = 1000.0
    tasks: dict[str, Task] = field(default_factory=dict)
    ids: Ids = field(default_factory=lambda: Ids(7))
    rollouts: int = 1
    watch: Callable[[World, Plan], None] | None = None
    targets: dict[str, list[TargetHealth]] = field(default_factory=dict)
    place: Placer = on_fargate
    drained: set[str] = field(default_factory=set)
    alarms: dict[str, AlarmState] = field(default_factory=dict)
    history: dict[str, ServiceDeployment] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._keep_rollout()

    @property
    def rollout(self) -> ServiceDeployment:
        """The service deployment that the PRIMARY deployment belongs to."""
        return self.history[self.service.primary.service_deployment_id]

    def plan(self) -> Plan:
        primary = next((d.service_deployment_id for d in self.service.deployments if d.status == "PRIMARY"), "")
        around = Surroundings(
            self.place,
            frozenset(self.drained),
            targets=self.targets,
            alarms=self.alarms,
            rollout=self.history.get(primary),
        )
        return reconcile(self.service, list(self.tasks.values()), self.now, self.ids, around)

    def look(self) -> Plan:
        plan = self.plan()
        if self.watch is not None:
            self.watch(self, plan)
        self.service = plan.service or self.service
        self.notices += plan.notices
        if plan.rollout is not None:
            self.history[plan.rollout.id] = plan.rollout
        for action in plan.actions:
            match action:
                case StartTasks():
                    for task_id, spot in zip(action.task_ids, action.spots, strict=True):
                        self._add(task_id, action.deployment_id, spot)
                case StopTask(arn, code, reason):
                    self.ask_to_stop(self.tasks[arn], code, reason)
                case NoteEnds(arns):
                    for arn in arns:
                        self.put(noted(self.tasks[arn]))
        return plan

    def settle(self) -> Plan:
        """Looks until there is nothing more to do now; the last, empty plan."""
        for _ in range(50):
            plan = self.look()
            if plan.service is None and plan.rollout is None and not plan.actions:
                return plan
        raise AssertionError(f"no end to it: {plan}")

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.settle()

    def run_on(self, seconds: float) -> None:
        """Everything goes well for so long: what starts runs, what shall stop stops, checks pass."""
        end = self.now + seconds
        while True:
            self.everything_works()
            plan = self.settle()
            if any(t.last_status not in ("RUNNING", "STOPPED") or self._leaving(t) for t in self.tasks.values()):
                continue
            if plan.next_look is None or plan.next_look > end:
                break
            self.now = max(self.now, plan.next_look)
            self.settle()
        self.now = end
        self.settle()

    def everything_works(self) -> None:
        for task in list(self.tasks.values()):
            if self._leaving(task):
                self.finish(task)
            elif task.last_status in ("PROVISIONING", "PENDING"):
                self.run(task)
        if self.health_check:
            for task in self.running():
                self.health(task, "HEALTHY")

    # --- what may befall a task ----------------------------------------------------------------------------------

    def run(self, task: Task) -> None:
        self.put(replace(task, last_status="RUNNING", started_at=self.now))

    def health(self, task: Task, status: str) -> None:
        changed = replace(task.containers[0], health_status=status)
        self.put(self.tasks[task.arn].with_container(changed))

    def fail_launch(self, task: Task, reason: str = "CannotPullContainerError: no such image") -> None:
        self.finish(self.ask_to_stop(task, "TaskFailedToStart", reason))

    def crash(self, task: Task) -> None:
        self.finish(self.ask_to_stop(task, "EssentialContainerExited", "Essential container in task exited"))

    def ask_to_stop(self, task: Task, code: str, reason: str) -> Task:
        current = self.tasks[task.arn]
        if current.desired_status == "STOPPED":
            return current
        return self.put(replace(current, desired_status="STOPPED", stop_code=code, stopped_reason=reason))

    def finish(self, task: Task) -> None:
        self.put(replace(self.tasks[task.arn], last_status="STOPPED"))

    # --- what a user does ----------------------------------------------------------------------------------------

    def scale(self, desired: int) -> None:
        self.service = deployments.without_back_off(replace(self.service, desired_count=desired))

    def roll(self) -> None:
        self.rollouts += 1
        new = deployments.begin(f"ecs-svc/{self.rollouts}", f"arn:web:{self.rollouts}", {"launchType": "FARGATE"},
                                self.now, f"d{self.rollouts}")  # fmt: skip
        before = self.rollout
        self.history[before.id] = history.stopped(before, history.SUPERSEDED, self.now)
        self.service = deployments.supersede(self.service, new, self.now)
        self._keep_rollout()

    def configure(self, **members: Any) -> None:
        """Members of deploymentConfiguration."""
        spec = {**self.service.spec, "deploymentConfiguration": members}
        self.service = replace(self.service, spec=spec)

    def breaker(self, *, rollback: bool = True, **members: Any) -> None:
        self.configure(deploymentCircuitBreaker={"enable": True, "rollback": rollback, **members})

    def alarm(self, name: str, state: str) -> None:
        self.alarms[name] = AlarmState("123456789012", "us-east-1", name, state, self.now)

    def ask_rollout_to(self, status: Any) -> None:
        """What StopServiceDeployment writes."""
        self.history[self.rollout.id] = replace(self.rollout, status=status)

    def blue_green(self, *pauses: str, bake_minutes: int = 0, action: str = "ROLLBACK", **members: Any) -> None:
        """From the next deployment on, with a PAUSE hook of an hour at each of these stages."""
        timeout = {"timeoutInMinutes": 60, "action": action}
        hooks = [{"targetType": "PAUSE", "lifecycleStages": [p], "timeoutConfiguration": timeout} for p in pauses]
        self.configure(strategy="BLUE_GREEN", bakeTimeInMinutes=bake_minutes, lifecycleHooks=hooks, **members)

    def answer(self, action: Any = "CONTINUE") -> None:
        """What ContinueServiceDeployment writes, of the first hook that waits."""
        hook = next(hook for hook in self.rollout.hooks if hook.waits)
        status: Any = "IN_PROGRESS" if action == "CONTINUE" else "ROLLBACK_REQUESTED"
        hooks = answered(self.rollout.hooks, hook.id, action, self.now)
        self.history[self.rollout.id] = replace(self.rollout, status=status, hooks=hooks)

    def _keep_rollout(self) -> None:
        begun = history.begin_service_deployment(self.service, self.service.primary, self.now)
        self.history[begun.id] = begun

    # --- what can be seen ----------------------------------------------------------------------------------------

    def wanted(self, rollout: int | None = None) -> list[Task]:
        return [
            t
            for t in self.tasks.values()
            if t.desired_status == "RUNNING" and (rollout is None or t.deployment_id == f"ecs-svc/{rollout}")
        ]

    def running(self, rollout: int | None = None) -> list[Task]:
        return [t for t in self.wanted(rollout) if t.last_status == "RUNNING"]

    def starting(self) -> list[Task]:
        return [t for t in self.wanted() if t.last_status != "RUNNING"]

    def live(self) -> list[Task]:
        return [t for t in self.tasks.values() if t.last_status in LIVE]

    def messages(self) -> list[str]:
        """Events newest first, task ids replaced by T."""
        said = []
        for event in self.service.events:
            text = event.message
            for task in self.tasks.values():
                text = text.replace(task.id, "T")
            said.append(text)
        return said

    def put(self, task: Task) -> Task:
        self.tasks[task.arn] = task
        return task

    def _leaving(self, task: Task) -> bool:
        return task.desired_status == "STOPPED" and task.last_status != "STOPPED"

    def _add(self, task_id: str, deployment_id: str, spot: Spot) -> None:
        container = Container("app", task_id, "web", essential=True, has_health_check=self.health_check)
        self.put(
            Task(
                account=self.service.account,
                region=self.service.region,
                cluster="default",
                id=task_id,
                arn=f"arn:aws:ecs:us-east-1:123456789012:task/default/{task_id}",
                cluster_arn=CLUSTER,
                definition_arn="arn:web:1",
                family="web",
                group="service:web",
                launch_type="FARGATE",
                cpu="256",
                memory="512",
                desired_status="RUNNING",
                last_status="PROVISIONING",
                created_at=self.now,
                containers=[container],
                service="web",
                deployment_id=deployment_id,
                capacity_provider=spot.capacity_provider,
                container_instance_arn=spot.instance,
            )
        )
