"""Task sets on the simulated engine: they run, scale, take turns as primary, drain and go."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.domain.service_scheduler import service_rules
from emulator.engine.simulated.behaviour import Behaviour
from emulator.engine.simulated.engine import SimulatedEngine
from tests.conftest import Aws
from tests.services.ecs_scene import NETWORK, fargate_definition, refuses
from tests.services.instance_scene import register


class Sets:
    """Cluster `c`, an EXTERNAL service `web` and definitions web:1 and web:2."""

    def __init__(self, emulator: Emulator, aws: Aws, clock: VirtualClock) -> None:
        self.emulator, self.clock, self.ecs = emulator, clock, aws("ecs")
        assert isinstance(emulator.engine, SimulatedEngine)
        self.engine = emulator.engine
        self.engine.add_image("busybox")
        self.ecs.create_cluster(clusterName="c")
        for cpu in (1, 2):
            self.ecs.register_task_definition(**fargate_definition(container={"cpu": cpu}))
        self.where = {"cluster": "c", "service": "web"}

    def service(self, **members: Any) -> dict[str, Any]:
        request = {"cluster": "c", "serviceName": "web", "deploymentController": {"type": "EXTERNAL"}, **members}
        return self.ecs.create_service(**request)["service"]  # type: ignore[no-any-return]

    def create(self, definition: str = "web:1", scale: float | None = 100.0, **members: Any) -> dict[str, Any]:
        given = {} if scale is None else {"scale": {"value": scale, "unit": "PERCENT"}}
        request = {
            **self.where,
            "taskDefinition": definition,
            "launchType": "FARGATE",
            "networkConfiguration": NETWORK,
            **given,
            **members,
        }
        return self.ecs.create_task_set(**request)["taskSet"]  # type: ignore[no-any-return]

    def scale(self, id_: str, value: float) -> dict[str, Any]:
        return self.ecs.update_task_set(**self.where, taskSet=id_, scale={"value": value, "unit": "PERCENT"})["taskSet"]  # type: ignore[no-any-return]

    def pass_time(self, seconds: float = 60) -> None:
        self.emulator.plane.advance(seconds, self.clock.advance)

    def shown(self) -> dict[str, Any]:
        return self.ecs.describe_services(cluster="c", services=["web"])["services"][0]  # type: ignore[no-any-return]

    def set_(self, id_: str) -> dict[str, Any]:
        [found] = self.ecs.describe_task_sets(**self.where, taskSets=[id_])["taskSets"]
        return found  # type: ignore[no-any-return]

    def messages(self) -> list[str]:
        return [event["message"] for event in self.shown()["events"]]

    def tasks(self, id_: str) -> list[str]:
        return self.ecs.list_tasks(cluster="c", startedBy=id_)["taskArns"]  # type: ignore[no-any-return]


@pytest.fixture
def sets(emulator: Emulator, aws: Aws, clock: VirtualClock) -> Sets:
    return Sets(emulator, aws, clock)


def test_an_external_service_has_nothing_until_it_has_a_task_set(sets: Sets) -> None:
    made = sets.service()
    assert made["deployments"] == made["taskSets"] == []
    assert made["deploymentController"] == {"type": "EXTERNAL"}
    assert made["desiredCount"] == 0
    assert "taskDefinition" not in made
    assert "launchType" not in made
    assert sets.service()["serviceArn"] == made["serviceArn"]
    with refuses("InvalidParameterException", "Creation of service was not idempotent."):
        sets.service(desiredCount=3)
    sets.pass_time()
    assert sets.shown()["events"] == []


def test_task_sets_run_at_their_share(sets: Sets) -> None:
    service = sets.service(desiredCount=3)
    blue = sets.create(externalId="blue", tags=[{"key": "colour", "value": "blue"}])
    assert blue["status"] == "ACTIVE"
    assert blue["taskSetArn"] == f"{service['serviceArn'].replace(':service/', ':task-set/')}/{blue['id']}"
    assert (blue["computedDesiredCount"], blue["stabilityStatus"], blue["externalId"]) == (3, "STABILIZING", "blue")
    assert blue["launchType"] == "FARGATE"
    assert "startedBy" not in blue
    sets.pass_time()
    shown = sets.set_(blue["id"])
    assert (shown["runningCount"], shown["pendingCount"], shown["stabilityStatus"]) == (3, 0, "STEADY_STATE")
    assert len(sets.tasks(blue["id"])) == 3
    assert sets.shown()["runningCount"] == 3

    green = sets.create("web:2", 50.0)
    assert green["computedDesiredCount"] == 2, "rounded up"
    sets.pass_time()
    assert sets.set_(green["id"])["runningCount"] == 2
    told = f"(service web, taskSet {green['id']}) has started 2 tasks:"
    assert any(message.startswith(told) for message in sets.messages())

    assert sets.scale(green["id"], 100.0)["computedDesiredCount"] == 3
    sets.scale(blue["id"], 0.0)
    sets.pass_time()
    assert [sets.set_(s["id"])["runningCount"] for s in (blue, green)] == [0, 3]


def test_blue_and_green_take_turns(sets: Sets) -> None:
    sets.service(desiredCount=2)
    blue, green = sets.create(), sets.create("web:2")
    first = sets.ecs.update_service_primary_task_set(**sets.where, primaryTaskSet=blue["id"])["taskSet"]
    assert first["status"] == "PRIMARY"
    sets.pass_time()
    assert "(service web) has reached a steady state." in sets.messages()
    assert sets.shown()["taskDefinition"].endswith("web:1")
    assert sets.shown()["networkConfiguration"] == blue["networkConfiguration"]
    sets.ecs.update_service_primary_task_set(**sets.where, primaryTaskSet=green["taskSetArn"])
    assert sets.shown()["taskDefinition"].endswith("web:2")
    assert sets.set_(blue["id"])["status"] == "ACTIVE"

    with refuses("InvalidParameterException", "scaled above 0", part=True):
        sets.ecs.delete_task_set(**sets.where, taskSet=blue["id"])
    gone = sets.ecs.delete_task_set(**sets.where, taskSet=blue["id"], force=True)["taskSet"]
    assert (gone["status"], gone["computedDesiredCount"]) == ("DRAINING", 0)
    sets.pass_time()
    assert [s["id"] for s in sets.shown()["taskSets"]] == [green["id"]]
    assert sets.tasks(blue["id"]) == []
    assert len(sets.engine.list_containers({"homeport.container": "app"})) == 2
    answer = sets.ecs.describe_task_sets(**sets.where, taskSets=[blue["id"], green["id"]])
    assert [s["id"] for s in answer["taskSets"]] == [green["id"]]
    assert answer["failures"] == [{"arn": blue["taskSetArn"], "reason": "MISSING"}]

    sets.scale(green["id"], 0.0)
    with refuses("InvalidParameterException", "primary task set", part=True):
        sets.ecs.delete_task_set(**sets.where, taskSet=green["id"])
    sets.ecs.delete_task_set(**sets.where, taskSet=green["id"], force=True)
    sets.pass_time()
    assert sets.shown()["taskSets"] == []


def test_the_desired_count_scales_all_and_nothing_else_can_be_updated(sets: Sets) -> None:
    sets.service(desiredCount=1)
    blue = sets.create()
    sets.ecs.update_service(**sets.where, desiredCount=4, healthCheckGracePeriodSeconds=5)
    sets.pass_time()
    assert sets.set_(blue["id"])["runningCount"] == 4
    text = "Unable to update task definition on services with a EXTERNAL deployment controller. Create a task set."
    with refuses("InvalidParameterException", text):
        sets.ecs.update_service(**sets.where, taskDefinition="web:2")
    with refuses("InvalidParameterException", "Cannot force a new deployment", part=True):
        sets.ecs.update_service(**sets.where, forceNewDeployment=True)
    with refuses("InvalidParameterException", "deployment configuration", part=True):
        sets.ecs.update_service(**sets.where, deploymentConfiguration={"maximumPercent": 150})
    sets.ecs.update_service(**sets.where, desiredCount=0, deploymentController={"type": "EXTERNAL"})
    sets.pass_time()
    assert sets.shown()["runningCount"] == 0


def test_a_task_set_whose_tasks_never_start_backs_off(sets: Sets) -> None:
    sets.service(desiredCount=1)
    sets.ecs.register_task_definition(**fargate_definition(container={"image": "nowhere:1"}))
    bad = sets.create("web:3")
    sets.pass_time(300)
    assert "(service web) is unable to consistently start tasks successfully." in sets.messages()
    started = [m for m in sets.messages() if "has started" in m]
    assert 4 <= len(started) <= 7, "10, 20, 40, 80, 160 seconds"
    assert sets.set_(bad["id"])["stabilityStatus"] == "STABILIZING"
    sets.engine.add_image("nowhere:1")
    sets.scale(bad["id"], 50.0)
    sets.pass_time()
    assert sets.set_(bad["id"])["stabilityStatus"] == "STEADY_STATE"


def test_a_crashed_and_an_unhealthy_task_are_replaced(sets: Sets) -> None:
    sets.engine.add_image("crash", Behaviour(runs_for_s=50, exit_code=1))
    sets.service(desiredCount=1)
    sets.ecs.register_task_definition(**fargate_definition(container={"image": "crash"}))
    set_ = sets.create("web:3")
    sets.pass_time(45)
    [before] = sets.tasks(set_["id"])
    sets.pass_time(30)
    assert sets.tasks(set_["id"]) != [before]
    assert len(sets.tasks(set_["id"])) == 1


def test_delete_service_takes_its_task_sets_along(sets: Sets) -> None:
    sets.service(desiredCount=2)
    sets.create()
    sets.pass_time()
    with refuses("InvalidParameterException", "The service cannot be stopped while it is scaled above 0."):
        sets.ecs.delete_service(**sets.where)
    sets.ecs.delete_service(**sets.where, force=True)
    sets.pass_time()
    assert sets.shown()["status"] == "INACTIVE"
    assert sets.engine.list_containers({}) == []
    with refuses("ServiceNotActiveException", "Service was not ACTIVE."):
        sets.create()


def test_what_task_sets_refuse(sets: Sets) -> None:
    sets.ecs.create_service(
        cluster="c", serviceName="rolling", taskDefinition="web", desiredCount=0, launchType="FARGATE",
        networkConfiguration=NETWORK,
    )  # fmt: skip
    with refuses("InvalidParameterException", "EXTERNAL deployment controller", part=True):
        sets.create(service="rolling")
    with refuses("ServiceNotFoundException", "Service not found."):
        sets.create(service="nowhere")
    sets.service(desiredCount=1)
    with refuses("TaskSetNotFoundException", "The specified task set does not exist."):
        sets.scale("ecs-svc/1", 10.0)
    with refuses("TaskSetNotFoundException"):
        sets.ecs.delete_task_set(**sets.where, taskSet="ecs-svc/1")
    with refuses("TaskSetNotFoundException"):
        sets.ecs.update_service_primary_task_set(**sets.where, primaryTaskSet="ecs-svc/1")
    with refuses("InvalidParameterException", "The scale value must be between 0.0 and 100.0."):
        sets.create(scale=101.0)
    with refuses("InvalidParameterException", "but not both", part=True):
        sets.create(capacityProviderStrategy=[{"capacityProvider": "FARGATE"}])
    with refuses("InvalidParameterException", "Network Configuration must be provided", part=True):
        sets.ecs.create_task_set(**sets.where, taskDefinition="web", launchType="FARGATE")
    with refuses("ClientException", "TaskDefinition not found."):
        sets.create("gone")
    sets.service(serviceName="entered", enableExecuteCommand=True)
    with refuses("InvalidParameterException", "a valid taskRoleArn is not being used", part=True):
        sets.create(service="entered")
    for member, value in (("taskDefinition", "web"), ("launchType", "FARGATE"), ("networkConfiguration", NETWORK)):
        with refuses("InvalidParameterException", f"{member} cannot be specified", part=True):
            sets.service(serviceName="other", **{member: value})


def test_five_task_sets_tokens_and_tags(sets: Sets) -> None:
    sets.service(desiredCount=1)
    first = sets.create(scale=None, clientToken="a")
    assert (first["scale"], first["computedDesiredCount"]) == ({"value": 0.0, "unit": "PERCENT"}, 0)
    assert sets.create(scale=None, clientToken="a")["id"] == first["id"]
    with refuses("InvalidParameterException", "not idempotent", part=True):
        sets.create(scale=10.0, clientToken="a")
    for _ in range(4):
        sets.create(scale=None)
    with refuses("LimitExceededException"):
        sets.create(scale=None)
    sets.ecs.tag_resource(resourceArn=first["taskSetArn"], tags=[{"key": "colour", "value": "red"}])
    assert sets.ecs.list_tags_for_resource(resourceArn=first["taskSetArn"])["tags"] == [
        {"key": "colour", "value": "red"}
    ]
    [shown] = sets.ecs.describe_task_sets(**sets.where, taskSets=[first["id"]], include=["TAGS"])["taskSets"]
    assert shown["tags"] == [{"key": "colour", "value": "red"}]
    sets.ecs.untag_resource(resourceArn=first["taskSetArn"], tagKeys=["colour"])
    assert sets.ecs.list_tags_for_resource(resourceArn=first["taskSetArn"])["tags"] == []


def test_code_deploy_as_far_as_there_are_load_balancers(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """CodeDeploy needs a load balancer, which Homeport refuses by name; what CreateService makes is seen without."""
    rolled = {
        "cluster": "c",
        "serviceName": "web",
        "taskDefinition": "web:1",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
        "deploymentController": {"type": "CODE_DEPLOY"},
    }
    with refuses("InvalidParameterException", "exactly one load balancer", part=True):
        sets.ecs.create_service(**rolled)
    sets.ecs.register_task_definition(**fargate_definition(container={"portMappings": [{"containerPort": 80}]}))
    group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
    balanced = {
        **rolled,
        "taskDefinition": "web:3",
        "loadBalancers": [{"targetGroupArn": group, "containerName": "app", "containerPort": 80}],
    }
    with refuses("NotEmulatedYet", "loadBalancers", part=True):
        sets.ecs.create_service(**balanced)
    monkeypatch.setattr(service_rules, "LATER", {})
    service = sets.ecs.create_service(**balanced)["service"]
    [first] = service["taskSets"]
    assert service["deployments"] == []
    assert (first["status"], first["scale"]["value"], first["computedDesiredCount"]) == ("PRIMARY", 100.0, 2)
    sets.pass_time()
    assert sets.set_(first["id"])["runningCount"] == 2
    text = (
        "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to "
        "trigger a new deployment."
    )
    with refuses("InvalidParameterException", text):
        sets.ecs.update_service(**sets.where, taskDefinition="web:2")
    sets.ecs.update_service(**sets.where, desiredCount=1, deploymentConfiguration={"maximumPercent": 150})
    sets.pass_time()
    assert sets.shown()["runningCount"] == 1


def test_a_deleted_service_is_forgotten_after_a_day(sets: Sets) -> None:
    sets.service()
    sets.ecs.delete_service(**sets.where)
    assert sets.shown()["status"] == "INACTIVE"
    sets.pass_time(26 * 3600)
    answer = sets.ecs.describe_services(cluster="c", services=["web"])
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]
    with refuses("ServiceNotFoundException"):
        sets.ecs.delete_service(**sets.where)


def test_sets_that_start_at_once_are_not_promised_the_same_port_of_an_instance(sets: Sets) -> None:
    for number in range(2):
        register(sets.ecs, number)
    fixed = {
        "name": "app",
        "image": "busybox",
        "memory": 64,
        "portMappings": [{"containerPort": 80, "hostPort": 18080}],
    }
    sets.ecs.register_task_definition(family="fixed", containerDefinitions=[fixed])
    sets.service(desiredCount=1)
    on_ec2 = {"launchType": "EC2", "networkConfiguration": {}}
    made = [sets.create("fixed", **on_ec2)["id"] for _ in range(2)]
    sets.pass_time()
    hosts = {
        task["containerInstanceArn"]
        for set_ in made
        for task in sets.ecs.describe_tasks(cluster="c", tasks=sets.tasks(set_))["tasks"]
    }
    assert len(hosts) == 2 and [sets.set_(set_)["runningCount"] for set_ in made] == [1, 1]
