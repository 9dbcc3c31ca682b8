"""One service on the real engine, for scenarios: what its API says of it, and which containers there are."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any

from tests.docker.homeport import NETWORK, Homeport, eventually


class Scene:
    """One service of a name, its API view and its containers."""

    def __init__(self, homeport: Homeport, name: str) -> None:
        self.homeport = homeport
        self.name = name
        self.ecs = homeport.client("ecs")

    def create(self, count: int, **members: Any) -> str:
        """The ARN of its first service deployment."""
        service = self.ecs.create_service(
            serviceName=self.name,
            taskDefinition=self.name,
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            **members,
        )["service"]
        return str(service["currentServiceDeployment"])

    def update(self, **members: Any) -> str:
        """The ARN of the service deployment under way, if there is one."""
        service = self.ecs.update_service(service=self.name, **members)["service"]
        return str(service.get("currentServiceDeployment"))

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.describe_services(services=[self.name])["services"][0]
        return found

    def apps(self) -> dict[str, str]:
        return self.homeport.apps(self.name)

    def stable(self) -> None:
        """As `aws ecs wait services-stable` sees it, but looking more often."""
        waiter = self.ecs.get_waiter("services_stable")
        waiter.wait(services=[self.name], WaiterConfig={"Delay": 1, "MaxAttempts": 120})

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

        eventually(look)
        self.stable()
        eventually(lambda: len(self.apps()) == self.shown()["desiredCount"])

    def deployed(self, arn: str, *statuses: str, within_s: float = 110) -> dict[str, Any]:
        """The service deployment, once it has one of these statuses; the emulator's clock is moved meanwhile, so that
        neither back-off nor the 40 seconds of a task without health check are waited for."""

        def look() -> dict[str, Any] | None:
            shown = self.deployment(arn)
            if shown["status"] in statuses:
                return shown
            self.homeport.pass_time(5)
            return None

        found: dict[str, Any] = eventually(look, within_s)
        return found

    def deployment(self, arn: str) -> dict[str, Any]:
        found = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
        return found[0]  # type: ignore[no-any-return]

    def messages(self) -> list[str]:
        return [event["message"] for event in self.shown()["events"]]

    def said(self) -> list[str]:
        """Events, oldest first, without the ids that differ from run to run."""
        texts = [text.replace(self.name, "web") for text in reversed(self.messages())]
        return [re.sub(r"[0-9a-f]{32}", "T", re.sub(r"ecs-svc/\d+", "D", text)) for text in texts]

    def stops_told(self) -> int:
        """How many running tasks its events say it has stopped, be it one by one or together."""
        told = (re.search(r"has stopped (\d+) running tasks", text) for text in self.messages())
        return sum(int(found[1]) for found in told if found)

    def says_at_last(self, *texts: str) -> list[str]:
        """Its events once these are the last: what is decided is told a moment after it can be seen."""
        eventually(lambda: self.said()[-len(texts) :] == [*texts])
        return self.said()

    def revisions(self) -> Counter[str]:
        """How many application containers run of each revision."""
        return Counter(self.apps().values())

    def stopped_tasks(self) -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(serviceName=self.name, desiredStatus="STOPPED")["taskArns"]
        tasks: list[dict[str, Any]] = self.ecs.describe_tasks(tasks=arns[:100])["tasks"] if arns else []
        return tasks

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
