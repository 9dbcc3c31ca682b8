"""Deployments on the real engine, each by its events, deployments, counts and containers: how they arrive, how they
fail, how they turn back."""

from __future__ import annotations

import pytest

from tests.docker.homeport import SLEEP, Homeport, container, eventually, shell
from tests.docker.service_scene import Counts, Scene
from tests.docker.walkthrough import follow

pytestmark = pytest.mark.docker

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
NO_ROLLBACK = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
BROKEN = "Service deployment rolled back because the circuit breaker threshold was exceeded."
STARTED_2 = "(service web) has started 2 tasks: (task T) (task T)."
COMPLETED = "(service web) (deployment D) deployment completed."
STEADY = "(service web) has reached a steady state."
FIRST = [STARTED_2, COMPLETED, STEADY]
FAILED = "(service web) (deployment D) deployment failed: tasks failed to start."
BACK = "(service web) rolling back to deployment D."


@pytest.fixture
def scene(homeport: Homeport, request: pytest.FixtureRequest) -> Scene:
    """A service of its test's name, with a first revision that runs until it is stopped."""
    name = (
        request.node.name.replace("test_", "d-").replace("_", "-").replace("[", "-").replace("]", "")[-40:].strip("-")
    )
    homeport.define(name, container(command=SLEEP))
    return Scene(homeport, name)


def steady(scene: Scene, **members: object) -> dict[str, str]:
    """Two tasks whose first deployment has completed; their containers."""
    scene.deployed(scene.create(2, **members), "SUCCESSFUL")
    assert scene.says_at_last(STEADY) == FIRST
    return scene.apps()


def test_the_first_deployment(scene: Scene) -> None:
    arn = scene.create(2)
    assert scene.deployment(arn)["status"] in ("PENDING", "IN_PROGRESS")
    scene.stable()
    assert scene.revisions() == {"1": 2}
    assert scene.shown()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    done = scene.deployed(arn, "SUCCESSFUL")
    assert (done["sourceServiceRevisions"], done["targetServiceRevision"]["runningTaskCount"]) == ([], 2)
    assert scene.says_at_last(STEADY) == FIRST
    assert "currentServiceDeployment" not in scene.shown()
    scene.delete()


def test_an_image_that_is_not_there_is_rolled_back(scene: Scene) -> None:
    before = steady(scene, deploymentConfiguration=BREAKER)
    bad = scene.homeport.define(scene.name, container(image="homeport-test/nowhere:1"))
    with Counts(scene) as counts:
        arn = scene.update(taskDefinition=bad)
        done = scene.deployed(arn, "ROLLBACK_SUCCESSFUL")
    assert done["statusReason"] == done["rollback"]["reason"] == BROKEN
    assert done["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    shown = scene.shown()
    (deployment,) = shown["deployments"]
    assert shown["taskDefinition"] == deployment["taskDefinition"] == bad.rpartition(":")[0] + ":1"
    assert (deployment["rolloutState"], shown["runningCount"], shown["pendingCount"]) == ("COMPLETED", 2, 0)
    assert scene.apps() == before and counts.least == 2, "nobody touched what ran"
    said = scene.says_at_last(STEADY)
    assert [text for text in said if text in (FAILED, BACK, COMPLETED)] == [COMPLETED, FAILED, BACK, COMPLETED]
    assert any("CannotPullContainerError" in task["stoppedReason"] for task in scene.stopped_tasks())
    scene.stable()
    scene.delete()


def test_a_bad_entry_point_stalls_without_rollback_and_rolls_forward(scene: Scene) -> None:
    before = steady(scene, deploymentConfiguration=NO_ROLLBACK)
    bad = scene.homeport.define(scene.name, container(entryPoint=["nope"]))
    arn = scene.update(taskDefinition=bad)
    assert scene.deployed(arn, "STOPPED")["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    new, old = scene.shown()["deployments"]
    assert (new["rolloutState"], old["rolloutState"]) == ("FAILED", "COMPLETED")
    assert new["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    eventually(lambda: (shown := scene.shown()) and (shown["runningCount"], shown["pendingCount"]) == (2, 0))
    eventually(lambda: all(task["lastStatus"] == "STOPPED" for task in scene.stopped_tasks()))
    tried = scene.stopped_tasks()
    assert any('"nope": executable file not found' in task["stoppedReason"] for task in tried)
    scene.homeport.pass_time(1000)
    assert len(scene.stopped_tasks()) == len(tried) and scene.apps() == before, "it starts nothing more"
    good = scene.homeport.define(scene.name, container(command=SLEEP, cpu=64))
    scene.deployed(scene.update(taskDefinition=good), "SUCCESSFUL")
    eventually(lambda: scene.revisions() == {"3": 2})
    assert len(scene.shown()["deployments"]) == 1
    said = scene.says_at_last(COMPLETED, STEADY)
    assert said.count(FAILED) == 1 and BACK not in said
    scene.delete()


def test_failing_health_checks_are_rolled_back(scene: Scene) -> None:
    breaker = {
        "enable": True,
        "rollback": True,
        "thresholdConfiguration": {"type": "COUNT", "value": 2},
    }
    before = steady(scene, deploymentConfiguration={"deploymentCircuitBreaker": breaker})
    probe = {"command": ["CMD-SHELL", "exit 1"], "interval": 5, "timeout": 2, "retries": 1}
    bad = scene.homeport.define(scene.name, container(command=SLEEP, healthCheck=probe))
    with Counts(scene) as counts:
        arn = scene.update(taskDefinition=bad)
        eventually(lambda: scene.deployment(arn)["status"].startswith("ROLLBACK_"))
        done = scene.deployed(arn, "ROLLBACK_SUCCESSFUL")
    assert done["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 2, "threshold": 2}
    assert scene.said().count("(service web) (task T) failed container health checks.") == 2
    assert all(each["1"] == 2 and each.total() <= 4 for each in counts.seen)
    eventually(lambda: scene.apps() == before)
    scene.delete()


@pytest.mark.parametrize("fault", ["crash", "memory"])
def test_what_runs_and_then_ends_is_replaced_at_once(scene: Scene, fault: str) -> None:
    before = steady(scene, deploymentConfiguration=BREAKER)
    hog = "exec awk 'BEGIN { while (1) s = s s \"xxxxxxxxxxxxxxxx\" }'"
    script = {"crash": "sleep 5; exit 3", "memory": f"sleep 2; {hog}"}[fault]
    bad = scene.homeport.define(scene.name, shell(script, memory=32))
    arn = scene.update(taskDefinition=bad)
    ended = eventually(lambda: (found := scene.stopped_tasks()) and len(found) >= 3 and found)
    assert {task["stopCode"] for task in ended} == {"EssentialContainerExited"}
    if fault == "memory":
        assert any("OutOfMemoryError" in t["containers"][0].get("reason", "") for t in ended)
    else:
        assert {t["containers"][0]["exitCode"] for t in ended} == {3}
    shown = scene.deployment(arn)
    assert (shown["status"], shown["deploymentCircuitBreaker"]["failureCount"]) == ("IN_PROGRESS", 0)
    assert before.keys() <= scene.apps().keys(), "the old tasks serve on"
    said = scene.said()
    assert said[:4] == [*FIRST, STARTED_2] and all("has started" in text for text in said[4:])
    scene.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    scene.deployed(arn, "ROLLBACK_SUCCESSFUL")
    eventually(lambda: scene.apps() == before)
    scene.delete()


@pytest.mark.parametrize("desired", [1, 3])
def test_scaling_during_a_rollout(scene: Scene, desired: int) -> None:
    steady(scene)
    second = scene.homeport.define(scene.name, container(command=SLEEP, cpu=64))
    arn = scene.update(taskDefinition=second)
    eventually(lambda: scene.revisions()["2"] == 2 and scene.shown()["runningCount"] == 4)
    assert scene.update(desiredCount=desired) == arn, "the same deployment goes on"
    scene.deployed(arn, "SUCCESSFUL")
    eventually(lambda: scene.revisions() == {"2": desired})
    shown = scene.shown()
    assert (shown["desiredCount"], shown["runningCount"], len(shown["deployments"])) == (desired, desired, 1)
    said = scene.says_at_last(COMPLETED, STEADY)
    assert said[:4] == [*FIRST, STARTED_2]
    assert scene.stops_told() == (2 if desired == 3 else 3)
    scene.delete()


def test_a_newer_deployment_supersedes_one_under_way(scene: Scene) -> None:
    steady(scene)
    first = scene.update(taskDefinition=scene.homeport.define(scene.name, container(command=SLEEP, cpu=64)))
    eventually(lambda: scene.revisions()["2"] == 2 and scene.shown()["runningCount"] == 4)
    second = scene.update(taskDefinition=scene.homeport.define(scene.name, container(command=SLEEP, cpu=32)))
    eventually(lambda: scene.deployment(first)["status"] == "STOPPED")
    scene.deployed(second, "SUCCESSFUL")
    eventually(lambda: scene.revisions() == {"3": 2})
    listed = scene.ecs.list_service_deployments(service=scene.name)["serviceDeployments"]
    assert [d["status"] for d in listed] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
    scene.says_at_last(COMPLETED, STEADY)
    assert len(scene.shown()["deployments"]) == 1
    assert scene.stops_told() == 4
    scene.delete()


def test_a_protected_task_at_scale_in(scene: Scene) -> None:
    steady(scene)
    arns = scene.ecs.list_tasks(serviceName=scene.name)["taskArns"]
    scene.ecs.update_task_protection(cluster="default", tasks=arns, protectionEnabled=True, expiresInMinutes=60)
    scene.update(desiredCount=1)
    eventually(lambda: "protected tasks are more than the desired count" in scene.said()[-1])
    assert scene.revisions() == {"1": 2}
    scene.ecs.update_task_protection(cluster="default", tasks=arns[:1], protectionEnabled=False)
    eventually(lambda: scene.revisions() == {"1": 1})
    assert scene.ecs.list_tasks(serviceName=scene.name)["taskArns"] == arns[1:]
    scene.delete()


def test_an_alarm_turns_a_deployment_back(scene: Scene) -> None:
    alarm = f"errors-of-{scene.name}"
    scene.homeport.admin("alarms", {"name": alarm, "state": "OK"})
    configuration = {"alarms": {"enable": True, "rollback": True, "alarmNames": [alarm]}, "bakeTimeInMinutes": 30}
    before = steady(scene)
    second = scene.homeport.define(scene.name, container(command=SLEEP, cpu=64))
    arn = scene.update(taskDefinition=second, deploymentConfiguration=configuration)
    eventually(lambda: scene.revisions()["2"] == 2 and scene.shown()["runningCount"] == 4)
    scene.homeport.pass_time(41)
    eventually(lambda: scene.revisions() == {"2": 2})
    eventually(lambda: scene.deployment(arn).get("lifecycleStage") == "BAKE_TIME")
    scene.homeport.admin("alarms", {"name": alarm, "state": "ALARM"})
    done = scene.deployed(arn, "ROLLBACK_SUCCESSFUL")
    assert done["alarms"]["triggeredAlarmNames"] == [alarm]
    assert "(service web) (deployment D) deployment failed: alarm detected." in scene.said()
    eventually(lambda: scene.revisions() == {"1": 2})
    assert not before.keys() & scene.apps().keys(), "the old ones had gone, new ones of that revision came"
    scene.delete()


def test_the_example_of_a_rollback_runs_as_written(homeport: Homeport) -> None:
    assert follow(homeport, "rollback") == 2


def test_a_deployment_fails_and_turns_back_across_a_crash(own_homeport: Homeport) -> None:
    own_homeport.define("web", container(command=SLEEP))
    scene = Scene(own_homeport, "web")
    before = steady(scene, deploymentConfiguration=BREAKER)
    bad = own_homeport.define("web", container(image="homeport-test/nowhere:1"))
    arn = scene.update(taskDefinition=bad)
    eventually(lambda: scene.deployment(arn)["deploymentCircuitBreaker"]["failureCount"] >= 2)
    own_homeport.kill()
    own_homeport.start()
    done = scene.deployed(arn, "ROLLBACK_SUCCESSFUL")
    assert done["deploymentCircuitBreaker"]["failureCount"] == 3
    assert scene.apps() == before, "adopted, not restarted"
    assert scene.said().count(FAILED) == scene.said().count(BACK) == 1


def test_a_blue_green_deployment_waits_bakes_and_cleans_up_and_the_next_is_turned_back(scene: Scene) -> None:
    before = steady(scene)
    hook = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    configuration = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5, "lifecycleHooks": [hook]}

    def paused(arn: str) -> str:
        """Once it waits: the hook's id."""
        eventually(lambda: scene.shown()["runningCount"] == 4)
        scene.homeport.pass_time(41)
        (waiting,) = eventually(lambda: scene.deployment(arn).get("lifecycleHookDetails"))
        assert (waiting["status"], scene.deployment(arn)["lifecycleStage"]) == ("AWAITING_ACTION", "POST_SCALE_UP")
        return str(waiting["hookId"])

    with Counts(scene) as counts:
        second = scene.homeport.define(scene.name, container(command=SLEEP, cpu=64))
        arn = scene.update(taskDefinition=second, deploymentConfiguration=configuration)
        id_ = paused(arn)
        (plan,) = [p for p in scene.homeport.admin("plan")["plans"] if p["waits"]]
        assert id_ in plan["waits"][0]
        scene.homeport.pass_time(3600)
        assert scene.revisions() == {"1": 2, "2": 2}
        scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=id_)
        eventually(lambda: scene.deployment(arn).get("lifecycleStage") == "BAKE_TIME")
        assert before.keys() <= scene.apps().keys(), "blue runs on while green bakes"
        scene.homeport.pass_time(300)
        scene.deployed(arn, "SUCCESSFUL")
        eventually(lambda: scene.revisions() == {"2": 2})
    assert all(each["1"] == 2 or each["2"] == 2 for each in counts.seen), "one side is always whole"
    green = scene.apps()

    third = scene.homeport.define(scene.name, container(command=SLEEP, cpu=32))
    arn = scene.update(taskDefinition=third)
    scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=paused(arn), action="ROLLBACK")
    done = scene.deployed(arn, "ROLLBACK_SUCCESSFUL")
    assert "POST_SCALE_UP lifecycle hook(s) failed" in done["statusReason"]
    eventually(lambda: scene.apps() == green)
    scene.stable()
    scene.delete()
