"""Blue/green deployments through boto3: what is refused of their configuration, what their history tells, and answering
the hook at which one pauses."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.admin.explain import explain, plans
from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.events import journal
from emulator.store.ecs_tables import SERVICE_DEPLOYMENTS
from tests.conftest import Aws
from tests.services.ecs_scene import fargate_definition, prepare, refuses
from tests.services.service_scene import Scene

P = "arn:aws:ecs:us-east-1:123456789012:"
LAMBDA = f"{P}function:check".replace(":ecs:", ":lambda:")
ROLE = "arn:aws:iam::123456789012:role/hooks"


@pytest.fixture
def scene(aws: Aws, emulator: Emulator, clock: VirtualClock) -> Scene:
    ecs = aws("ecs")
    prepare(ecs)
    return Scene(emulator, clock, ecs)


def pause(*stages: str, **timeout: Any) -> dict[str, Any]:
    hook: dict[str, Any] = {"targetType": "PAUSE", "lifecycleStages": list(stages)}
    return {**hook, **({"timeoutConfiguration": timeout} if timeout else {})}


def blue_green(*hooks: dict[str, Any], bake: int = 0, **members: Any) -> dict[str, Any]:
    return {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": bake, "lifecycleHooks": list(hooks), **members}


def described(scene: Scene, arn: str) -> dict[str, Any]:
    answer = scene.ecs.describe_service_deployments(serviceDeploymentArns=[arn])
    return answer["serviceDeployments"][0]  # type: ignore[no-any-return]


def roll(scene: Scene, **members: Any) -> str:
    scene.ecs.register_task_definition(**fargate_definition(container={"image": "busybox:2"}))
    return str(scene.update(taskDefinition="web", **members)["currentServiceDeployment"])


def paused(scene: Scene, *hooks: dict[str, Any], **members: Any) -> tuple[str, str]:
    """A steady service whose second deployment pauses: the ARN of that, and the hook's id."""
    scene.create()
    scene.run_on()
    arn = roll(scene, deploymentConfiguration=blue_green(*(hooks or [pause("POST_SCALE_UP")]), **members))
    scene.run_on()
    (hook,) = described(scene, arn)["lifecycleHookDetails"]
    assert hook["status"] == "AWAITING_ACTION"
    return arn, hook["hookId"]


def proceed(scene: Scene, arn: str, hook: str, **action: str) -> str:
    answer = scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, **action)
    return str(answer["serviceDeploymentArn"])


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("configuration", "word"),
    [
        ({"strategy": "BLUE_GREEN"}, "bakeTimeInMinutes is required"),
        (blue_green(bake=1441), "bakeTimeInMinutes must be between 0 and 1440"),
        (blue_green({"targetType": "PAUSE"}), "lifecycleStages is required"),
        (blue_green(pause()), "lifecycleStages is required"),
        (blue_green(pause("PRE_SCALE_UP", "PRE_SCALE_UP")), "duplicates"),
        (blue_green(pause("TEST_TRAFFIC_SHIFT")), "cannot be configured at the TEST_TRAFFIC_SHIFT stage"),
        (blue_green(pause("PRODUCTION_TRAFFIC_SHIFT")), "cannot be configured at the PRODUCTION_TRAFFIC_SHIFT stage"),
        (blue_green(pause("SCALE_UP")), "RECONCILE_SERVICE, PRE_SCALE_UP, POST_SCALE_UP"),
        (blue_green(pause("BAKE_TIME")), "RECONCILE_SERVICE, PRE_SCALE_UP, POST_SCALE_UP"),
        (blue_green(pause("PRE_SCALE_UP", timeoutInMinutes=20161)), "20160"),
        (blue_green(pause("PRE_SCALE_UP", timeoutInMinutes=10, action="WAIT")), "[ROLLBACK, CONTINUE]"),
        (blue_green({**pause("PRE_SCALE_UP"), "hookTargetArn": LAMBDA}), "hookTargetArn is not applicable"),
        (blue_green({**pause("PRE_SCALE_UP"), "targetType": "SNS"}),
         "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE"),
        (blue_green({"lifecycleStages": ["PRE_SCALE_UP"], "roleArn": ROLE}), "hookTargetArn is required"),
        (blue_green(linearConfiguration={"stepPercent": 10.0}), "linearConfiguration"),
        (blue_green(earlySuccessCriteria={"enable": False}), "earlySuccessCriteria"),
    ],
)  # fmt: skip
def test_configurations_that_are_refused(scene: Scene, configuration: dict[str, Any], word: str) -> None:
    with refuses("InvalidParameterException", word, part=True):
        scene.create(deploymentConfiguration=configuration)
    assert scene.ecs.list_services(cluster="c")["serviceArns"] == []
    scene.create()
    with refuses("InvalidParameterException", word, part=True):
        scene.update(deploymentConfiguration=configuration)
    assert scene.describe()["deploymentConfiguration"]["strategy"] == "ROLLING"


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"deploymentConfiguration": blue_green({"lifecycleStages": ["POST_SCALE_UP"], "hookTargetArn": LAMBDA,
                                                 "roleArn": ROLE})}, "lifecycleHooks with targetType AWS_LAMBDA"),
        ({"deploymentConfiguration": blue_green() | {"strategy": "LINEAR"}}, "strategy LINEAR"),
        ({"deploymentConfiguration": blue_green() | {"strategy": "CANARY"}}, "strategy CANARY"),
        ({"deploymentConfiguration": blue_green(),
          "loadBalancers": [{"targetGroupArn": "a", "containerName": "app", "containerPort": 80}]}, "load balancers"),
    ],
)  # fmt: skip
def test_what_cannot_act_yet_is_refused_by_name(scene: Scene, members: dict[str, Any], word: str) -> None:
    scene.ecs.register_task_definition(**fargate_definition(container={"portMappings": [{"containerPort": 80}]}))
    with refuses("NotEmulatedYet", word, part=True):
        scene.create(**members)
    assert scene.ecs.list_services(cluster="c")["serviceArns"] == []


def test_only_replica_services_of_the_ecs_controller_take_it(scene: Scene) -> None:
    scene.ecs.register_task_definition(family="ec2", containerDefinitions=[{"name": "a", "image": "b", "memory": 64}])
    on_ec2: dict[str, Any] = {"taskDefinition": "ec2", "launchType": "EC2", "networkConfiguration": None}
    with refuses("NotEmulatedYet", "strategy BLUE_GREEN for the DAEMON scheduling strategy", part=True):
        scene.create(schedulingStrategy="DAEMON", desiredCount=None, deploymentConfiguration=blue_green(), **on_ec2)
    with refuses(
        "InvalidParameterException", "EXTERNAL deployment controller does not support strategy BLUE_GREEN", part=True
    ):
        scene.ecs.create_service(
            cluster="c",
            serviceName="x",
            deploymentController={"type": "EXTERNAL"},
            deploymentConfiguration=blue_green(),
        )


# --- what it tells ---------------------------------------------------------------------------------------------------


def test_an_update_keeps_what_it_does_not_say(scene: Scene) -> None:
    hook = pause("PRE_SCALE_UP", timeoutInMinutes=30, action="CONTINUE")
    shown = scene.create(deploymentConfiguration=blue_green(hook, bake=5))["deploymentConfiguration"]
    assert (shown["strategy"], shown["bakeTimeInMinutes"], shown["lifecycleHooks"]) == ("BLUE_GREEN", 5, [hook])
    shown = scene.update(deploymentConfiguration={"strategy": "BLUE_GREEN", "lifecycleHooks": []})
    assert shown["deploymentConfiguration"]["bakeTimeInMinutes"] == 5
    shown = scene.update(deploymentConfiguration={"strategy": "ROLLING"})
    assert shown["deploymentConfiguration"]["strategy"] == "ROLLING"


def test_a_deployment_that_pauses_and_goes_on(scene: Scene) -> None:
    arn, hook_id = paused(scene, pause("POST_SCALE_UP", timeoutInMinutes=90), bake=3)
    shown = described(scene, arn)
    assert (shown["status"], shown["lifecycleStage"]) == ("IN_PROGRESS", "POST_SCALE_UP")
    (hook,) = shown["lifecycleHookDetails"]
    assert hook_id.startswith("ecs-pause-") and len(hook_id) == 53
    assert (hook["targetType"], hook["status"], hook["timeoutAction"]) == ("PAUSE", "AWAITING_ACTION", "ROLLBACK")
    assert "targetArn" not in hook and hook["expiresAt"].timestamp() > scene.clock.now()
    (blue,), green = shown["sourceServiceRevisions"], shown["targetServiceRevision"]
    for side, weight in ((blue, 100.0), (green, 0.0)):
        assert (side["requestedTaskCount"], side["runningTaskCount"], side["pendingTaskCount"]) == (2, 2, 0)
        assert (side["requestedProductionTrafficWeight"], side["requestedTestTrafficWeight"]) == (weight, 0.0)
    service = scene.describe()
    assert [(d["status"], d["rolloutState"], d["runningCount"]) for d in service["deployments"]] == [
        ("PRIMARY", "IN_PROGRESS", 2),
        ("ACTIVE", "COMPLETED", 2),
    ]
    assert (service["runningCount"], service["currentServiceDeployment"]) == (4, arn)
    assert len(service["currentServiceRevisions"]) == 2

    assert proceed(scene, arn, hook_id) == arn
    assert described(scene, arn)["lifecycleHookDetails"][0]["status"] == "SUCCEEDED"
    scene.look()
    shown = described(scene, arn)
    assert shown["lifecycleStage"] == "BAKE_TIME" and len(scene.tasks()) == 4
    assert shown["targetServiceRevision"]["requestedProductionTrafficWeight"] == 100.0
    assert shown["targetServiceRevision"]["requestedTestTrafficWeight"] == 100.0
    assert shown["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 0.0
    scene.clock.advance(180)
    scene.look()
    assert described(scene, arn)["lifecycleStage"] == "CLEAN_UP"
    scene.run_on()
    shown = described(scene, arn)
    assert shown["status"] == "SUCCESSFUL" and "lifecycleStage" not in shown
    assert proceed(scene, arn, hook_id, action="CONTINUE") == arn, "the same answer again"
    (deployment,) = scene.describe()["deployments"]
    assert (deployment["runningCount"], deployment["taskDefinition"]) == (2, f"{P}task-definition/web:2")
    with scene.emulator.database.read() as reader:
        entries = journal.entries(reader, subject=f"{P}service/c/web")
    (event,) = [e.detail for e in entries if e.detail.get("detail-type") == "ECS Hook State Change"]
    assert event["detail"]["eventName"] == "HOOK_AWAITING_ACTION" and event["detail"]["hookId"] == hook_id
    (answer,) = [e.detail for e in entries if e.kind == "service.deployment_hook_answered"]
    assert (answer["hook"], answer["action"], answer["stage"]) == (hook_id, "CONTINUE", "POST_SCALE_UP")


def test_the_first_deployment_pauses_too(scene: Scene) -> None:
    arn = scene.create(deploymentConfiguration=blue_green(pause("PRE_SCALE_UP"), bake=10))["currentServiceDeployment"]
    scene.run_on()
    shown = described(scene, arn)
    assert (shown["lifecycleStage"], scene.tasks(), shown["sourceServiceRevisions"]) == ("PRE_SCALE_UP", [], [])
    proceed(scene, arn, shown["lifecycleHookDetails"][0]["hookId"])
    scene.run_on()
    assert described(scene, arn)["status"] == "SUCCESSFUL", "nothing bakes beside nothing"
    assert described(scene, arn)["targetServiceRevision"]["requestedProductionTrafficWeight"] == 100.0


def test_the_stage_that_the_enum_forgot_is_told(scene: Scene) -> None:
    arn, _ = paused(scene, pause("PRE_PRODUCTION_TRAFFIC_SHIFT"))
    assert described(scene, arn)["lifecycleStage"] == "PRE_PRODUCTION_TRAFFIC_SHIFT"


def test_explain_and_plan_say_how_to_go_on(scene: Scene) -> None:
    arn, hook_id = paused(scene)
    emulator, now = scene.emulator, scene.clock.now()
    shown = explain(emulator.database, emulator.plane, "service/web", now)
    (block,) = [b for b in shown["blocks"] if b["kind"] == "hook"]
    assert "paused in stage POST_SCALE_UP" in block["text"] and "then turns back" in block["text"]
    command = (
        f"aws ecs continue-service-deployment --service-deployment-arn {arn} --hook-id {hook_id} --action CONTINUE"
    )
    assert command in block["text"] and any(command in words for words in shown["words"])
    (plan,) = plans(emulator.database, emulator.plane, now)["plans"]
    assert plan["actions"] == [] and command in plan["waits"][0]


# --- ContinueServiceDeployment ---------------------------------------------------------------------------------------


def test_a_rollback_by_answer(scene: Scene) -> None:
    arn, hook_id = paused(scene)
    proceed(scene, arn, hook_id, action="ROLLBACK")
    shown = described(scene, arn)
    assert (shown["status"], shown["lifecycleHookDetails"][0]["status"]) == ("ROLLBACK_REQUESTED", "FAILED")
    assert proceed(scene, arn, hook_id, action="ROLLBACK") == arn, "the same answer again"
    with refuses("InvalidParameterException", "not awaiting an action: its status is FAILED", part=True):
        proceed(scene, arn, hook_id)
    scene.look()
    shown = described(scene, arn)
    reason = f"because POST_SCALE_UP lifecycle hook(s) failed. A rollback was requested for lifecycle hook {hook_id}."
    assert (shown["status"], shown["statusReason"]) == (
        "ROLLBACK_IN_PROGRESS", f"Service deployment rolled back {reason}",
    )  # fmt: skip
    assert shown["rollback"]["serviceRevisionArn"] == shown["sourceServiceRevisions"][0]["arn"]
    scene.run_on()
    shown = described(scene, arn)
    assert shown["status"] == "ROLLBACK_SUCCESSFUL"
    assert shown["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 100.0
    service = scene.describe()
    assert (service["taskDefinition"], service["runningCount"], len(service["deployments"])) == (
        f"{P}task-definition/web:1", 2, 1,
    )  # fmt: skip
    assert any("POST_SCALE_UP lifecycle hook(s) failed" in event["message"] for event in service["events"])


def test_answers_that_are_refused(scene: Scene) -> None:
    arn, hook_id = paused(scene)
    with refuses("InvalidParameterException", "The service deployment has no lifecycle hook ecs-pause-x."):
        proceed(scene, arn, "ecs-pause-x")
    with refuses("ServiceDeploymentNotFoundException", "Service deployment not found."):
        proceed(scene, f"{arn[:-3]}xyz", hook_id)
    with refuses("InvalidParameterException", "The ARN provided is invalid."):
        proceed(scene, "web", hook_id)
    with refuses("InvalidParameterException", "[ROLLBACK, CONTINUE]", part=True):
        proceed(scene, arn, hook_id, action="STOP")
    scene.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    with refuses("InvalidParameterException", "it is in the ROLLBACK_REQUESTED state", part=True):
        proceed(scene, arn, hook_id)
    scene.run_on()
    with refuses("InvalidParameterException", "its status is FAILED", part=True):
        proceed(scene, arn, hook_id)


def test_a_hook_that_has_run_out_takes_no_answer(scene: Scene) -> None:
    arn, hook_id = paused(scene, pause("POST_SCALE_UP", timeoutInMinutes=60))
    scene.clock.advance(3600)
    with refuses("InvalidParameterException", "its status is TIMED_OUT", part=True):
        proceed(scene, arn, hook_id)
    with scene.emulator.database.read() as reader:
        assert [d.status for d in reader.find(SERVICE_DEPLOYMENTS)].count("IN_PROGRESS") == 1, "nothing was written"
    scene.run_on()
    shown = described(scene, arn)
    assert (shown["status"], shown["lifecycleHookDetails"][0]["status"]) == ("ROLLBACK_SUCCESSFUL", "TIMED_OUT")


def test_a_newer_deployment_and_a_deletion_end_a_pause(scene: Scene) -> None:
    arn, hook_id = paused(scene)
    newer = scene.update(forceNewDeployment=True)["currentServiceDeployment"]
    assert described(scene, arn)["status"] == "STOPPED"
    assert described(scene, arn)["lifecycleHookDetails"][0]["status"] == "FAILED"
    with refuses("InvalidParameterException", "its status is FAILED", part=True):
        proceed(scene, arn, hook_id)
    scene.run_on()
    shown = described(scene, newer)
    assert shown["lifecycleStage"] == "POST_SCALE_UP" and len(shown["sourceServiceRevisions"]) == 2
    scene.ecs.delete_service(cluster="c", service="web", force=True)
    assert described(scene, newer)["lifecycleHookDetails"][0]["status"] == "FAILED"
    scene.run_on()
    assert scene.describe()["status"] == "INACTIVE"
