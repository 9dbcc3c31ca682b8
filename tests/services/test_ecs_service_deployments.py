"""Service deployments and revisions through boto3: the history of a service, stopping it, the breaker's and alarms'."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.domain.service_scheduler.alarm import AlarmState
from emulator.events import journal
from emulator.store.ecs_tables import ALARM_STATES
from tests.conftest import Aws
from tests.services.ecs_scene import fargate_definition, prepare, refuses
from tests.services.service_scene import Scene

P = "arn:aws:ecs:us-east-1:123456789012:"
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
ALARMS = {"alarms": {"enable": True, "rollback": True, "alarmNames": ["errors"]}}


@pytest.fixture
def scene(aws: Aws, emulator: Emulator, clock: VirtualClock) -> Scene:
    ecs = aws("ecs")
    prepare(ecs)
    return Scene(emulator, clock, ecs)


def listed(scene: Scene, **filters: Any) -> list[dict[str, Any]]:
    answer = scene.ecs.list_service_deployments(cluster="c", service="web", **filters)
    return answer["serviceDeployments"]  # type: ignore[no-any-return]


def described(scene: Scene, arn: str) -> dict[str, Any]:
    answer = scene.ecs.describe_service_deployments(serviceDeploymentArns=[arn])
    assert answer["failures"] == []
    return answer["serviceDeployments"][0]  # type: ignore[no-any-return]


def revision(scene: Scene, arn: str) -> dict[str, Any]:
    answer = scene.ecs.describe_service_revisions(serviceRevisionArns=[arn])
    assert answer["failures"] == []
    return answer["serviceRevisions"][0]  # type: ignore[no-any-return]


def roll(scene: Scene, **members: Any) -> str:
    """A second revision; the ARN of its service deployment."""
    scene.ecs.register_task_definition(**fargate_definition(container={"image": "busybox:2"}))
    return str(scene.update(taskDefinition="web", **members)["currentServiceDeployment"])


def fail_until_done(scene: Scene) -> None:
    for _ in range(8):
        scene.look()
        scene.fail_launches()
        scene.look()
        scene.clock.advance(200)


# --- the history -----------------------------------------------------------------------------------------------------


def test_the_first_deployment_from_pending_to_successful(scene: Scene, clock: VirtualClock) -> None:
    service = scene.create()
    arn = service["currentServiceDeployment"]
    number = service["deployments"][0]["id"].partition("/")[2]
    target = f"{P}service-revision/c/web/{number}"
    deployment = described(scene, arn)
    assert deployment["createdAt"].timestamp() == clock.now()
    del deployment["createdAt"], deployment["updatedAt"]
    assert deployment == {
        "serviceDeploymentArn": arn,
        "serviceArn": f"{P}service/c/web",
        "clusterArn": f"{P}cluster/c",
        "sourceServiceRevisions": [],
        "targetServiceRevision": {
            "arn": target,
            "requestedTaskCount": 2,
            "runningTaskCount": 0,
            "pendingTaskCount": 0,
        },
        "status": "PENDING",
        "deploymentConfiguration": service["deploymentConfiguration"],
        "deploymentCircuitBreaker": {"status": "DISABLED", "failureCount": 0, "threshold": 0},
        "alarms": {"status": "DISABLED"},
    }
    scene.look()
    deployment = described(scene, arn)
    assert (deployment["status"], deployment["targetServiceRevision"]["pendingTaskCount"]) == ("IN_PROGRESS", 2)
    assert deployment["startedAt"].timestamp() == clock.now()
    scene.run_on()
    deployment = described(scene, arn)
    assert (deployment["status"], deployment["targetServiceRevision"]["runningTaskCount"]) == ("SUCCESSFUL", 2)
    assert deployment["finishedAt"] > deployment["startedAt"] and "stoppedAt" not in deployment
    brief = listed(scene)[0]
    assert brief.pop("createdAt") and brief.pop("startedAt") and brief.pop("finishedAt")
    assert brief == {
        "serviceDeploymentArn": arn,
        "serviceArn": f"{P}service/c/web",
        "clusterArn": f"{P}cluster/c",
        "targetServiceRevisionArn": target,
        "status": "SUCCESSFUL",
    }


def test_a_revision_keeps_what_tasks_are_made_of(scene: Scene) -> None:
    service = scene.create()
    first = revision(scene, service["currentServiceRevisions"][0]["arn"])
    assert first.pop("createdAt")
    assert first == {
        "serviceRevisionArn": service["currentServiceRevisions"][0]["arn"],
        "serviceArn": f"{P}service/c/web",
        "clusterArn": f"{P}cluster/c",
        "taskDefinition": f"{P}task-definition/web:1",
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "networkConfiguration": service["networkConfiguration"],
        "containerImages": [{"containerName": "app", "image": "busybox"}],
        "guardDutyEnabled": False,
    }
    scene.run_on()
    second = described(scene, roll(scene))
    assert [s["arn"] for s in second["sourceServiceRevisions"]] == [first["serviceRevisionArn"]]
    assert second["sourceServiceRevisions"][0]["runningTaskCount"] == 2
    newer = revision(scene, second["targetServiceRevision"]["arn"])
    assert newer["containerImages"] == [{"containerName": "app", "image": "busybox:2"}]
    assert revision(scene, first["serviceRevisionArn"])["taskDefinition"] == f"{P}task-definition/web:1"


def test_a_newer_deployment_stops_the_one_under_way(scene: Scene) -> None:
    scene.create()
    scene.run_on()
    first = roll(scene)
    scene.look()
    second = scene.update(forceNewDeployment=True)["currentServiceDeployment"]
    stopped = described(scene, first)
    assert stopped["status"] == "STOPPED" and stopped["stoppedAt"] == stopped["finishedAt"]
    assert "newer" in stopped["statusReason"]
    scene.run_on()
    assert sorted(d["status"] for d in listed(scene)) == ["STOPPED", "SUCCESSFUL", "SUCCESSFUL"]
    assert described(scene, second)["status"] == "SUCCESSFUL"


def test_scaling_makes_no_history(scene: Scene, emulator: Emulator) -> None:
    arn = scene.create()["serviceArn"]
    scene.run_on()
    scene.update(desiredCount=3)
    assert len(listed(scene)) == 1
    with emulator.database.read() as reader:
        told = [e.detail for e in journal.entries(reader, subject=arn) if e.kind == "eventbridge"][-1]
    assert (told["detail-type"], told["source"], told["resources"]) == ("ECS Service Action", "aws.ecs", [arn])
    detail = told["detail"]
    assert detail.pop("createdAt").endswith("Z")
    assert detail == {
        "eventType": "INFO",
        "eventName": "SERVICE_DESIRED_COUNT_UPDATED",
        "clusterArn": f"{P}cluster/c",
        "desiredCount": 3,
    }


def test_deleting_the_service_stops_it(scene: Scene) -> None:
    arn = scene.create()["currentServiceDeployment"]
    scene.look()
    scene.ecs.delete_service(cluster="c", service="web", force=True)
    assert described(scene, arn)["status"] == "STOPPED"
    scene.run_on()
    assert described(scene, arn)["targetServiceRevision"]["requestedTaskCount"] == 0


def test_list_newest_first_with_pages_and_filters(scene: Scene, clock: VirtualClock) -> None:
    scene.create(desiredCount=0)
    scene.look()
    times = [clock.now()]
    for _ in range(22):
        clock.advance(10)
        times.append(clock.now())
        scene.update(forceNewDeployment=True)
    created = [d["createdAt"].timestamp() for d in listed(scene)]
    assert created == times[::-1][:20]
    first = scene.ecs.list_service_deployments(cluster="c", service="web")
    rest = scene.ecs.list_service_deployments(cluster="c", service="web", nextToken=first["nextToken"])
    assert [d["createdAt"].timestamp() for d in rest["serviceDeployments"]] == times[2::-1]
    assert "nextToken" not in rest
    assert len(listed(scene, status=["SUCCESSFUL"])) == 1
    assert len(listed(scene, status=["PENDING", "SUCCESSFUL"])) == 2
    assert len(listed(scene, maxResults=5)) == 5
    assert len(listed(scene, createdAt={"after": times[-3]})) == 2
    assert len(listed(scene, createdAt={"before": times[2]})) == 2


def test_as_terraform_waits_for_a_steady_state(scene: Scene, clock: VirtualClock) -> None:
    """It finds the service deployment of the PRIMARY deployment by what is after the slash of its id."""
    scene.create()
    scene.run_on()
    operation_time = clock.now()
    clock.advance(0.25)
    scene.ecs.register_task_definition(**fargate_definition())
    scene.update(taskDefinition="web")
    shown = scene.describe()
    assert shown["deploymentController"] == {"type": "ECS"}
    primary = next(d for d in shown["deployments"] if d["status"] == "PRIMARY")
    assert primary["createdAt"].timestamp() > operation_time
    number = primary["id"].partition("/")[2]
    (found,) = [
        d for d in listed(scene, createdAt={"after": operation_time}) if number in d["targetServiceRevisionArn"]
    ]
    assert described(scene, found["serviceDeploymentArn"])["status"] == "PENDING"
    scene.run_on()
    assert described(scene, found["serviceDeploymentArn"])["status"] == "SUCCESSFUL"


# --- failing ---------------------------------------------------------------------------------------------------------


def test_the_breaker_rolls_back(scene: Scene, emulator: Emulator) -> None:
    scene.create(deploymentConfiguration=BREAKER)
    scene.run_on()
    before = scene.describe()
    arn = roll(scene)
    fail_until_done(scene)
    service = scene.describe()
    (deployment,) = service["deployments"]
    assert deployment["id"] == before["deployments"][0]["id"]
    assert deployment["rolloutState"] == "COMPLETED"
    assert service["taskDefinition"] == before["taskDefinition"]
    assert service["runningCount"] == 2
    shown = described(scene, arn)
    reason = "Service deployment rolled back because the circuit breaker threshold was exceeded."
    assert (shown["status"], shown["statusReason"]) == ("ROLLBACK_SUCCESSFUL", reason)
    assert shown["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert shown["rollback"].pop("startedAt")
    assert shown["rollback"] == {
        "reason": reason,
        "serviceRevisionArn": before["currentServiceRevisions"][0]["arn"],
    }
    assert shown["targetServiceRevision"]["requestedTaskCount"] == 0
    with emulator.database.read() as reader:
        entries = journal.entries(reader, subject=service["serviceArn"], limit=10_000)
    names = [e.detail["detail"]["eventName"] for e in entries if e.kind == "eventbridge"]
    assert names[-4:] == [
        "SERVICE_DEPLOYMENT_FAILED",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
        "SERVICE_STEADY_STATE",
    ]


def test_a_rollback_brings_the_services_own_settings_back(scene: Scene) -> None:
    before = scene.create(deploymentConfiguration=BREAKER)
    scene.run_on()
    network = {"awsvpcConfiguration": {"subnets": ["subnet-cccc"]}}
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    roll(scene, networkConfiguration=network, platformVersion="1.4.0", capacityProviderStrategy=strategy)
    fail_until_done(scene)
    after = scene.describe()
    for member in ("networkConfiguration", "platformVersion", "launchType", "taskDefinition"):
        assert after[member] == before[member]
    assert "capacityProviderStrategy" not in after


def test_a_breaker_without_rollback_stops_at_the_failure(scene: Scene) -> None:
    arn = scene.create(
        deploymentConfiguration={
            "deploymentCircuitBreaker": {
                "enable": True,
                "rollback": False,
                "thresholdConfiguration": {"type": "COUNT", "value": 1},
            }
        }
    )["currentServiceDeployment"]
    fail_until_done(scene)
    service = scene.describe()
    (deployment,) = service["deployments"]
    assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "FAILED")
    assert deployment["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert "currentServiceDeployment" not in service
    assert len(scene.tasks()) == 2, "nothing was started after the first wave"
    assert described(scene, arn)["status"] == "STOPPED"


def test_an_alarm_turns_a_deployment_back(scene: Scene, emulator: Emulator, clock: VirtualClock) -> None:
    def set_alarm(state: str) -> None:
        with emulator.database.write() as tx:
            tx.put(ALARM_STATES, AlarmState("123456789012", "us-east-1", "errors", state, clock.now()))

    scene.create(deploymentConfiguration=ALARMS)
    scene.run_on()
    set_alarm("OK")
    arn = roll(scene)
    scene.look()
    scene.everything_works()
    assert described(scene, arn)["alarms"] == {"status": "MONITORING", "alarmNames": ["errors"]}
    set_alarm("ALARM")
    emulator.plane.loop.tick()
    assert described(scene, arn)["status"].startswith("ROLLBACK_"), "the alarm's change woke the service"
    scene.run_on()
    shown = described(scene, arn)
    assert shown["alarms"] == {
        "status": "TRIGGERED",
        "alarmNames": ["errors"],
        "triggeredAlarmNames": ["errors"],
    }
    assert shown["status"] == "ROLLBACK_SUCCESSFUL"


def test_an_unknown_alarm_is_taken_with_a_warning(scene: Scene) -> None:
    answer = scene.ecs.create_service(
        cluster="c",
        serviceName="web",
        taskDefinition="web",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}},
        deploymentConfiguration=ALARMS,
    )
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert any("there is no alarm errors" in value for value in headers.values())
    assert answer["service"]["deploymentConfiguration"]["alarms"] == ALARMS["alarms"]


# --- stopping --------------------------------------------------------------------------------------------------------


def test_stop_rolls_back_without_a_breaker(scene: Scene) -> None:
    scene.create()
    scene.run_on()
    arn = roll(scene)
    scene.look()
    assert scene.ecs.stop_service_deployment(serviceDeploymentArn=arn)["serviceDeploymentArn"] == arn
    assert described(scene, arn)["status"] == "ROLLBACK_REQUESTED"
    scene.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    scene.look()
    assert described(scene, arn)["status"] == "ROLLBACK_IN_PROGRESS"
    scene.run_on()
    assert described(scene, arn)["status"] == "ROLLBACK_SUCCESSFUL"
    assert scene.describe()["taskDefinition"] == f"{P}task-definition/web:1"
    with refuses("ConflictException", "ROLLBACK_SUCCESSFUL", part=True):
        scene.ecs.stop_service_deployment(serviceDeploymentArn=arn)


def test_a_revision_tells_its_monitoring(scene: Scene) -> None:
    monitoring = {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 60}]}
    shown = scene.create(monitoring=monitoring)
    (arn,) = [revision["arn"] for revision in shown["currentServiceRevisions"]]
    (revision,) = scene.ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"]
    assert revision["monitoring"] == monitoring
    assert "monitoring" not in shown["deployments"][0]


def test_abort_leaves_everything_where_it_is(scene: Scene) -> None:
    scene.create()
    scene.run_on()
    arn = roll(scene)
    scene.look()
    scene.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ABORT")
    assert described(scene, arn)["status"] == "STOP_REQUESTED"
    scene.look()
    assert described(scene, arn)["status"] == "STOPPED"
    assert [d["rolloutState"] for d in scene.describe()["deployments"]] == ["FAILED", "COMPLETED"]


def test_errors(scene: Scene) -> None:
    arn = scene.create()["currentServiceDeployment"]
    unknown = f"{P}service-deployment/c/web/aaaaaaaaaaaaaaaaaaaaa"
    with refuses("ServiceDeploymentNotFoundException"):
        scene.ecs.stop_service_deployment(serviceDeploymentArn=unknown)
    with refuses("ServiceDeploymentNotFoundException"):
        scene.ecs.continue_service_deployment(serviceDeploymentArn=unknown, hookId="h")
    with refuses("InvalidParameterException", "The service deployment has no lifecycle hook h."):
        scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId="h")
    with refuses("InvalidParameterException", "The ARN provided is invalid."):
        scene.ecs.stop_service_deployment(serviceDeploymentArn="nonsense")
    with refuses("ServiceNotFoundException", "Service not found."):
        scene.ecs.list_service_deployments(cluster="c", service="nobody")
    with refuses("ClusterNotFoundException", "Cluster not found."):
        scene.ecs.list_service_deployments(cluster="nowhere", service="web")
    with refuses("InvalidParameterException", "20", part=True):
        scene.ecs.describe_service_deployments(serviceDeploymentArns=[f"{unknown[:-2]}{n:02}" for n in range(21)])
    with refuses("InvalidParameterException", "cannot be empty", part=True):
        scene.ecs.describe_service_revisions(serviceRevisionArns=[])
    missing = scene.ecs.describe_service_deployments(serviceDeploymentArns=[unknown, arn])
    assert missing["failures"] == [{"arn": unknown, "reason": "MISSING"}]
    assert len(missing["serviceDeployments"]) == 1
    gone = f"{P}service-revision/c/web/1"
    assert scene.ecs.describe_service_revisions(serviceRevisionArns=[gone])["failures"] == [
        {"arn": gone, "reason": "MISSING"}
    ]


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"alarms": {"enable": True, "rollback": True, "alarmNames": []}}, "alarmNames"),
        ({"bakeTimeInMinutes": -1}, "bakeTimeInMinutes"),
        ({"earlySuccessCriteria": {"enable": True}}, "healthyPercent"),
        (
            {"earlySuccessCriteria": {"enable": True, "healthyPercent": 50,
                                      "sourceServiceRevisionCleanup": "DEFERRED"}},
            "minimumHealthyPercent",
        ),
        (
            {"deploymentCircuitBreaker": {"enable": True, "rollback": True,
                                          "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 101}}},
            "threshold",
        ),
    ],
)  # fmt: skip
def test_configurations_that_are_refused(scene: Scene, members: dict[str, Any], word: str) -> None:
    with refuses("InvalidParameterException", word, part=True):
        scene.create(deploymentConfiguration=members)
