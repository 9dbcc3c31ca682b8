"""UpdateService with another deployment controller: tasks stay as they are, and go on under the new one."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.domain.service_scheduler import service_rules
from tests.conftest import Aws
from tests.control.test_task_sets import Sets
from tests.services.ecs_scene import NETWORK, fargate_definition, refuses
from tests.services.instance_scene import ec2_definition

EXTERNAL = {"type": "EXTERNAL"}
ECS = {"type": "ECS"}


@pytest.fixture
def sets(emulator: Emulator, aws: Aws, clock: VirtualClock) -> Sets:
    return Sets(emulator, aws, clock)


def rolling(sets: Sets, **members: Any) -> str:
    """A steady service of two tasks under the ECS controller; its deployment's id."""
    request = {
        "cluster": "c",
        "serviceName": "web",
        "taskDefinition": "web:1",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
        **members,
    }
    id_ = sets.ecs.create_service(**request)["service"]["deployments"][0]["id"]
    sets.pass_time()
    return str(id_)


def update(sets: Sets, **members: Any) -> dict[str, Any]:
    return sets.ecs.update_service(**sets.where, **members)["service"]  # type: ignore[no-any-return]


def containers(sets: Sets) -> set[str]:
    return {state.id for state in sets.engine.list_containers({"homeport.kind": "app"}) if state.status == "running"}


def test_from_ecs_to_external_and_on_with_task_sets(sets: Sets) -> None:
    first = rolling(sets)
    before = containers(sets)
    service = update(sets, deploymentController=EXTERNAL)
    assert service["deploymentController"] == EXTERNAL
    assert (service["availabilityZoneRebalancing"], "taskSets" in service) == ("DISABLED", False)
    assert service["deploymentConfiguration"] == {"maximumPercent": 200, "minimumHealthyPercent": 100}
    sets.pass_time()
    assert containers(sets) == before
    kept = sets.set_(first)
    assert (kept["status"], kept["scale"]["value"], kept["stabilityStatus"]) == ("PRIMARY", 100.0, "STEADY_STATE")
    assert kept["taskSetArn"].endswith(f":task-set/c/web/{first}")

    second = sets.create("web:2")["id"]
    sets.pass_time()
    assert len(containers(sets)) == 4
    sets.ecs.update_service_primary_task_set(**sets.where, primaryTaskSet=second)
    shown = [(d["id"], d["status"], d["desiredCount"]) for d in sets.shown()["deployments"]]
    assert sorted(shown) == sorted([(first, "ACTIVE", 2), (second, "PRIMARY", 2)]), (
        "the old one is the user's to delete"
    )
    sets.ecs.delete_task_set(**sets.where, taskSet=first, force=True)
    sets.pass_time()
    assert [d["id"] for d in sets.shown()["deployments"]] == [second]
    assert sets.shown()["taskDefinition"].endswith("web:2")
    with refuses("InvalidParameterException", "Unable to update task definition", part=True):
        update(sets, taskDefinition="web:1")


def test_from_external_to_ecs_the_primary_stays_and_others_are_drained(sets: Sets) -> None:
    sets.service(desiredCount=2)
    blue, green = sets.create("web:1")["id"], sets.create("web:2", scale=50.0)["id"]
    sets.ecs.update_service_primary_task_set(**sets.where, primaryTaskSet=blue)
    sets.pass_time()
    before = containers(sets)
    assert len(before) == 3
    service = update(sets, deploymentController=ECS, desiredCount=3)
    assert [(d["id"], d["status"]) for d in service["deployments"]] == [(blue, "PRIMARY"), (green, "ACTIVE")]
    arn = service["currentServiceDeployment"]
    with refuses("InvalidParameterException", "EXTERNAL deployment controller", part=True):
        sets.set_(blue)
    sets.pass_time(100)
    [deployment] = sets.shown()["deployments"]
    assert (deployment["id"], deployment["rolloutState"], deployment["runningCount"]) == (blue, "COMPLETED", 3)
    assert len(containers(sets) & before) == 2, "those of the primary task set"
    [told] = sets.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert told["status"] == "SUCCESSFUL"
    revision = told["targetServiceRevision"]["arn"]
    [found] = sets.ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    assert found["taskDefinition"].endswith("web:1")
    update(sets, taskDefinition="web:2")
    sets.pass_time(100)
    assert sets.shown()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_back_to_ecs_with_another_revision_rolls(sets: Sets) -> None:
    rolling(sets)
    update(sets, deploymentController=EXTERNAL)
    service = update(sets, deploymentController=ECS, taskDefinition="web:2")
    assert [d["status"] for d in service["deployments"]] == ["PRIMARY", "ACTIVE"]
    sets.pass_time(100)
    [deployment] = sets.shown()["deployments"]
    assert (deployment["rolloutState"], deployment["taskDefinition"][-5:]) == ("COMPLETED", "web:2")


@pytest.mark.parametrize("after", [ECS, EXTERNAL])
def test_code_deploy_can_be_left(sets: Sets, monkeypatch: pytest.MonkeyPatch, after: dict[str, str]) -> None:
    """No such service can be made without load balancers, which are refused by name; here they are let through."""
    monkeypatch.setattr(service_rules, "LATER", {})
    sets.ecs.register_task_definition(**fargate_definition(container={"portMappings": [{"containerPort": 80}]}))
    group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
    sets.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="web:3", desiredCount=2, launchType="FARGATE",
        networkConfiguration=NETWORK, deploymentController={"type": "CODE_DEPLOY"},
        loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 80}],
    )  # fmt: skip
    sets.pass_time()
    before = containers(sets)
    service = update(sets, deploymentController=after)
    assert service["deploymentController"] == after
    assert bool(service["deployments"]) == (after == ECS)
    sets.pass_time()
    assert containers(sets) == before and len(before) == 2
    if after == ECS:
        assert [d["rolloutState"] for d in sets.shown()["deployments"]] == ["COMPLETED"]
    else:
        assert [s["status"] for s in sets.shown()["taskSets"]] == ["PRIMARY"]


def test_an_external_service_that_never_ran_needs_a_definition(sets: Sets) -> None:
    sets.service(desiredCount=1)
    with refuses("InvalidParameterException", "TaskDefinition can not be blank."):
        update(sets, deploymentController=ECS)
    sets.ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
    )
    strategy = [{"capacityProvider": "FARGATE", "weight": 1}]
    update(
        sets, deploymentController=ECS, taskDefinition="web:1", networkConfiguration=NETWORK,
        capacityProviderStrategy=strategy,
    )  # fmt: skip
    sets.pass_time()
    assert (sets.shown()["runningCount"], sets.shown()["deployments"][0]["rolloutState"]) == (1, "COMPLETED")


@pytest.mark.parametrize(
    ("configuration", "word"),
    [
        ({"deploymentCircuitBreaker": {"enable": True, "rollback": False}}, "a deployment circuit breaker"),
        ({"alarms": {"enable": True, "rollback": False, "alarmNames": ["a"]}}, "alarms"),
    ],
)
def test_what_watches_deployments_goes_first(sets: Sets, configuration: dict[str, Any], word: str) -> None:
    rolling(sets, deploymentConfiguration=configuration)
    with refuses("InvalidParameterException", f"includes {word}.", part=True):
        update(sets, deploymentController=EXTERNAL)


def test_other_changes_are_refused(sets: Sets) -> None:
    rolling(sets)
    with refuses("InvalidParameterException", "from ECS to CODE_DEPLOY", part=True):
        update(sets, deploymentController={"type": "CODE_DEPLOY"})
    with refuses("InvalidParameterException", "Unable to update task definition", part=True):
        update(sets, deploymentController=EXTERNAL, taskDefinition="web:2")
    update(sets, taskDefinition="web:2")
    with refuses("InvalidParameterException", "during a service deployment", part=True):
        update(sets, deploymentController=EXTERNAL)
    assert sets.shown()["deploymentController"] == ECS
    with refuses("InvalidParameterException", "DAEMON", part=True):
        sets.service(serviceName="agent", schedulingStrategy="DAEMON")
    sets.ecs.register_task_definition(**ec2_definition("agent", networkMode="bridge"))
    sets.ecs.create_service(
        cluster="c", serviceName="agent", taskDefinition="agent", schedulingStrategy="DAEMON", launchType="EC2"
    )
    with refuses("InvalidParameterException", "DAEMON", part=True):
        sets.ecs.update_service(cluster="c", service="agent", deploymentController=EXTERNAL)
    for configuration in (
        {"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
        {"alarms": {"enable": True, "rollback": False, "alarmNames": ["a"]}},
        {"strategy": "CANARY"},
    ):
        with refuses("InvalidParameterException", "The EXTERNAL deployment controller does not support", part=True):
            sets.service(serviceName="other", deploymentConfiguration=configuration)
