"""The main path on the real engine, through boto3: what the API says and what the engine shows are the same."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from typing import Any

import docker
import pytest

from tests.docker.homeport import GROUP, IMAGE, NETWORK, Homeport, eventually, free_port

pytestmark = pytest.mark.docker

AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t"},
}
PROBE = {
    "command": ["CMD-SHELL", "wget -q -O /dev/null http://localhost/ || exit 1"],
    "interval": 5,
    "timeout": 2,
    "retries": 2,
}
SLEEP = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 1; done"]


def container(name: str = "app", image: str = IMAGE, **members: Any) -> dict[str, Any]:
    return {"name": name, "image": image, "stopTimeout": 5, **members}


def shell(script: str, **members: Any) -> dict[str, Any]:
    return container(entryPoint=["sh", "-c"], command=[script], **members)


def _messages(homeport: Homeport, arn: str) -> list[str]:
    stream = f"t/app/{arn.rpartition('/')[2]}"
    events = homeport.client("logs").get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
    return [event["message"] for event in events["events"]]


def test_a_web_task_is_healthy_and_reachable(homeport: Homeport) -> None:
    homeport.define("web", container(healthCheck=PROBE, logConfiguration=AWSLOGS), container("side", command=SLEEP))
    arn = homeport.run("web")
    task = homeport.running(arn)
    address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    assert b"Hello" in eventually(lambda: urllib.request.urlopen(f"http://{address}/", timeout=5).read())
    eventually(lambda: {c["name"]: c["healthStatus"] for c in homeport.task(arn)["containers"]}["app"] == "HEALTHY")
    shown = homeport.containers(arn)
    assert set(shown) == {"app", "side", "~internal~ecs~pause"}
    pause = shown["~internal~ecs~pause"]
    assert shown["app"]["HostConfig"]["NetworkMode"] == f"container:{pause['Id']}"
    assert "listening on port 80" in eventually(lambda: _messages(homeport, arn))
    homeport.client("ecs").stop_task(task=arn, reason="seen enough")
    task = homeport.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "seen enough")
    assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"app": 0, "side": 7}
    assert homeport.containers(arn) == {}


def test_what_a_container_is_created_with(homeport: Homeport) -> None:
    secret = homeport.client("secretsmanager").create_secret(Name="db", SecretString=json.dumps({"user": "u1"}))["ARN"]
    homeport.client("ssm").put_parameter(Name="/app/key", Value="k1", Type="SecureString")
    homeport.define(
        "detail",
        container(
            command=["sleep", "600"],
            environment=[{"name": "A", "value": "1"}],
            secrets=[
                {"name": "USER_NAME", "valueFrom": f"{secret}:user::"},
                {"name": "WHOLE", "valueFrom": secret},
                {"name": "KEY", "valueFrom": "/app/key"},
            ],
            user="nobody",
            workingDirectory="/tmp",
            readonlyRootFilesystem=True,
            memory=64,
            cpu=128,
            dockerLabels={"team": "x"},
            ulimits=[{"name": "nofile", "softLimit": 100, "hardLimit": 200}],
            linuxParameters={"initProcessEnabled": True, "capabilities": {"drop": ["NET_RAW"]}},
        ),
    )
    arn = homeport.run("detail")
    homeport.running(arn)
    shown = homeport.containers(arn)["app"]
    environment = dict(entry.split("=", 1) for entry in shown["Config"]["Env"])
    assert {"A": "1", "USER_NAME": "u1", "KEY": "k1", "WHOLE": '{"user": "u1"}'}.items() <= environment.items()
    assert environment["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE"
    assert (shown["Config"]["User"], shown["Config"]["WorkingDir"]) == ("nobody", "/tmp")
    assert shown["Config"]["Labels"]["team"] == "x"
    host = shown["HostConfig"]
    assert (host["ReadonlyRootfs"], host["Memory"], host["CpuShares"], host["Init"]) == (True, 64 << 20, 128, True)
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 100, "Hard": 200}]
    assert host["CapDrop"] == ["NET_RAW"]
    homeport.client("ecs").stop_task(task=arn)


def test_ends(homeport: Homeport) -> None:
    homeport.define("exit", shell("exit 3"))
    homeport.define("hog", shell("exec awk 'BEGIN { while (1) s = s s \"xxxxxxxxxxxxxxxx\" }'", memory=32))
    homeport.define("typo", container(entryPoint=["nope"]))
    homeport.define("nowhere", container(image="homeport-test/nowhere:1"))
    arns = {name: homeport.run(name) for name in ("exit", "hog", "typo", "nowhere")}
    exited = homeport.stopped(arns["exit"])
    assert (exited["stopCode"], exited["containers"][0]["exitCode"]) == ("EssentialContainerExited", 3)
    hog = homeport.stopped(arns["hog"])["containers"][0]
    assert (hog["exitCode"], hog["reason"]) == (137, "OutOfMemoryError: Container killed due to memory usage")
    typo = homeport.stopped(arns["typo"])
    assert typo["stopCode"] == "TaskFailedToStart"
    assert typo["stoppedReason"].startswith("CannotStartContainerError: ")
    nowhere = homeport.stopped(arns["nowhere"])
    assert nowhere["stoppedReason"].startswith("CannotPullContainerError: ")
    assert all(homeport.containers(arn) == {} for arn in arns.values())


def test_interference_from_outside(homeport: Homeport) -> None:
    api: Any = docker.APIClient(version="auto")
    homeport.define("plain", container(command=SLEEP))
    removed, unpaused = homeport.run("plain"), homeport.run("plain")
    homeport.running(removed), homeport.running(unpaused)
    api.remove_container(homeport.containers(removed)["app"]["Id"], force=True)
    api.kill(homeport.containers(unpaused)["~internal~ecs~pause"]["Id"])
    assert homeport.stopped(removed)["stopCode"] == "EssentialContainerExited"
    assert homeport.stopped(unpaused)["stopCode"] == "InfrastructureHealth"


def test_a_pushed_image_runs_by_its_real_name(homeport: Homeport) -> None:
    ecr = homeport.client("ecr")
    uri = ecr.create_repository(repositoryName="my-app")["repository"]["repositoryUri"]
    token = base64.b64decode(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]).decode()
    api: Any = docker.APIClient(version="auto")
    api.tag(IMAGE, uri, "v1")
    auth = {"username": "AWS", "password": token.partition(":")[2]}
    lines = [
        json.loads(line) for part in api.push(uri, "v1", stream=True, auth_config=auth) for line in part.splitlines()
    ]
    digest = next(line["aux"]["Digest"] for line in lines if "aux" in line)
    assert ecr.describe_images(repositoryName="my-app")["imageDetails"][0]["imageDigest"] == digest
    api.remove_image(f"{uri}:v1", force=True)
    real = "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-app"
    homeport.define("pushed", container(image=f"{real}:v1", command=SLEEP))
    homeport.define("absent", container(image=f"{real}:v2"))
    arn, absent = homeport.run("pushed"), homeport.run("absent")
    assert homeport.running(arn)["containers"][0]["imageDigest"] == digest
    assert "failed to resolve ref" in homeport.stopped(absent)["stoppedReason"]
    homeport.client("ecs").stop_task(task=arn)
    homeport.stopped(arn)
    for image in api.images(name=real) + api.images(name=uri):
        for reference in (image["RepoTags"] or []) + (image["RepoDigests"] or []):
            if reference.startswith((real, uri)) and "<none>" not in reference:
                api.remove_image(reference, force=True)


def test_a_task_reaches_the_emulator_and_its_own_port_80_is_free(homeport: Homeport) -> None:
    target = "AmazonEC2ContainerServiceV20141113.ListClusters"
    signed = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0"
    script = (
        f"wget -q -O - --header 'X-Amz-Target: {target}' --header 'Content-Type: application/x-amz-json-1.1' "
        f"--header 'Authorization: {signed}' --post-data '{{}}' $AWS_ENDPOINT_URL/; echo; "
        "httpd -p 0.0.0.0:80 -h / && echo port 80 is mine"
    )
    homeport.define("relay", shell(script, logConfiguration=AWSLOGS))
    arn = homeport.run("relay")
    assert homeport.stopped(arn)["containers"][0]["exitCode"] == 0
    said = eventually(lambda: _messages(homeport, arn))
    assert "cluster/default" in said[0]
    assert said[-1] == "port 80 is mine"


def test_a_service_heals_scales_and_ends(homeport: Homeport) -> None:
    ecs: Any = homeport.client("ecs")
    api: Any = docker.APIClient(version="auto")
    homeport.define("svc", container(command=SLEEP))
    ecs.create_service(
        serviceName="svc", taskDefinition="svc", desiredCount=2, launchType="FARGATE", networkConfiguration=NETWORK
    )

    def service() -> dict[str, Any]:
        found: dict[str, Any] = ecs.describe_services(services=["svc"])["services"][0]
        return found

    def apps() -> set[str]:
        labels = [f"homeport.instance={homeport.instance}", "homeport.service=svc", "homeport.kind=app"]
        return {c["Id"] for c in api.containers(filters={"label": labels})}

    eventually(lambda: service()["runningCount"] == 2)
    first, second = apps()
    api.kill(first)
    api.remove_container(second, force=True)
    eventually(lambda: len(apps()) == 2 and not apps() & {first, second})
    ecs.update_service(service="svc", desiredCount=3)
    eventually(lambda: service()["runningCount"] == 3 and len(apps()) == 3)
    ecs.delete_service(service="svc", force=True)
    eventually(lambda: service()["status"] == "INACTIVE")
    eventually(lambda: not apps())
    said = [event["message"] for event in service()["events"]]
    assert any("has started 2 tasks" in message for message in said)


@pytest.mark.timeout(180)
def test_a_killed_emulator_adopts_what_runs(own_homeport: Homeport) -> None:
    ecs = own_homeport.client("ecs")
    own_homeport.define("keep", container(command=SLEEP))
    ecs.create_service(
        serviceName="keep", taskDefinition="keep", desiredCount=2, launchType="FARGATE", networkConfiguration=NETWORK
    )
    arn = own_homeport.run("keep")
    own_homeport.running(arn)
    eventually(lambda: ecs.describe_services(services=["keep"])["services"][0]["runningCount"] == 2)

    def started() -> dict[str, str]:
        api: Any = docker.APIClient(version="auto")
        labels = [f"homeport.instance={own_homeport.instance}"]
        ids = [c["Id"] for c in api.containers(filters={"label": labels})]
        return {i: api.inspect_container(i)["State"]["StartedAt"] for i in ids}

    before = started()
    assert len(before) == 6
    own_homeport.kill()
    own_homeport.start()
    assert own_homeport.task(arn)["lastStatus"] == "RUNNING"
    time.sleep(1)
    assert started() == before
    own_homeport.run("keep")
    own_homeport.kill()  # in the middle of a start
    own_homeport.start()
    eventually(lambda: len(started()) == 8)
    assert before.items() <= started().items()


def test_without_an_engine_tasks_say_so_at_once(tmp_path: Any, test_image: str) -> None:
    lonely = Homeport(tmp_path / "data", free_port(), ("--docker-host", "unix:///nonexistent.sock"))
    lonely.start()
    lonely.client("ecs").create_cluster()
    lonely.define("web", container())
    task = lonely.stopped(lonely.run("web"), within_s=5)
    assert task["stopCode"] == "TaskFailedToStart"
    assert "no container engine answers" in task["stoppedReason"]
    assert lonely.stop() < 10
