"""The process: its command line on real work, what a reset leaves, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docker.homeport import (
    AWSLOGS,
    GROUP,
    NETWORK,
    ROOT,
    SLEEP,
    SOON_S,
    STUBBORN,
    Homeport,
    Pusher,
    aws_commands,
    container,
    engine,
    eventually,
)

pytestmark = pytest.mark.docker

AWS_IDS = ["aws", "aws-debian"][-len(aws_commands()) :]


@pytest.mark.parametrize("aws", aws_commands(), ids=AWS_IDS)
def test_the_tutorial_on_the_command_line(homeport: Homeport, aws: str, tmp_path: Path) -> None:
    """create-cluster to delete-service, with the AWS CLI's own waiters."""
    name = f"cli-{aws_commands().index(aws)}"
    definition = {
        "family": name,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
        "containerDefinitions": [container(logConfiguration=AWSLOGS)],
    }
    (tmp_path / "task.json").write_text(json.dumps(definition))
    ecs, cluster = f"{aws} ecs", f"--cluster {name}"
    network = "'awsvpcConfiguration={subnets=[subnet-aaaa],securityGroups=[sg-1],assignPublicIp=ENABLED}'"

    def say(command: str) -> str:
        return homeport.shell(f"{command} --output text", within_s=180)

    assert say(f"{ecs} create-cluster --cluster-name {name} --query cluster.status") == "ACTIVE"
    file = f"file://{tmp_path}/task.json"
    assert say(f"{ecs} register-task-definition --cli-input-json {file} --query taskDefinition.revision") == "1"
    run = f"{ecs} run-task {cluster} --task-definition {name} --launch-type FARGATE"
    arn = say(f"{run} --network-configuration {network} --query tasks[0].taskArn")
    say(f"{ecs} wait tasks-running {cluster} --tasks {arn}")
    shown = say(f"{ecs} describe-tasks {cluster} --tasks {arn} --query tasks[0].[lastStatus,containers[0].runtimeId]")
    status, runtime_id = shown.split()
    assert (status, runtime_id[:33]) == ("RUNNING", f"{arn.rpartition('/')[2]}-")
    assert homeport.containers(arn)["app"]["State"]["Running"]
    stream = f"t/app/{arn.rpartition('/')[2]}"
    eventually(lambda: homeport.messages(arn))
    events = f"{aws} logs get-log-events --log-group-name {GROUP} --log-stream-name {stream}"
    assert say(f"{events} --query events[0].message") == "listening on port 80"
    assert say(f"{ecs} stop-task {cluster} --task {arn} --query task.desiredStatus") == "STOPPED"
    say(f"{ecs} wait tasks-stopped {cluster} --tasks {arn}")
    create = f"{ecs} create-service {cluster} --service-name web --task-definition {name} --desired-count 2"
    assert say(f"{create} --launch-type FARGATE --network-configuration {network} --query service.status") == "ACTIVE"
    say(f"{ecs} wait services-stable {cluster} --services web")
    assert len(homeport.apps("web")) == 2
    assert say(f"{ecs} delete-service {cluster} --service web --force --query service.status") == "DRAINING"
    say(f"{ecs} wait services-inactive {cluster} --services web")
    assert homeport.apps("web") == {}
    refused = homeport.shell(f"{ecs} describe-task-definition --task-definition nothing-{name}", fails=True)
    assert "(ClientException) when calling the DescribeTaskDefinition operation: Unable to describe" in refused


def _homeport_says(homeport: Homeport, *words: str) -> str:
    command = [sys.executable, "-m", "emulator", *words, "--endpoint", homeport.url]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout


def test_what_homeport_itself_says(homeport: Homeport) -> None:
    homeport.define("told", container(logConfiguration=AWSLOGS))
    homeport.define("broken", container(image="homeport-test/nowhere:1"))
    arn, broken = homeport.run("told"), homeport.run("broken")
    address = homeport.running(arn)["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    homeport.stopped(broken)
    status = _homeport_says(homeport, "status")
    assert f"app={homeport.containers(arn)['app']['Id'][:12]}" in status
    assert address in status
    eventually(lambda: homeport.messages(arn))
    assert "listening on port 80" in _homeport_says(homeport, "logs", f"task/{arn.rpartition('/')[2]}")
    assert "CannotPullContainerError" in _homeport_says(homeport, "explain", f"task/{broken.rpartition('/')[2]}")
    homeport.stop_task(arn)


@pytest.mark.timeout(400)
def test_a_reset_leaves_nothing_even_while_much_is_under_way(own_homeport: Homeport, pusher: Pusher) -> None:
    ecs, ecr = own_homeport.client("ecs"), own_homeport.client("ecr")
    uri = ecr.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    pusher.push(own_homeport, uri, "v1", "soon gone\n")
    own_homeport.define("web", container(command=SLEEP))
    own_homeport.define("slow", container(command=STUBBORN, stopTimeout=120))
    for family in ("web", "slow"):
        ecs.create_service(
            serviceName=family,
            taskDefinition=family,
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
        )
    eventually(lambda: len(own_homeport.apps("slow")) == 2)
    ecs.update_service(service="slow", desiredCount=0)
    ecs.update_service(service="web", desiredCount=5)
    own_homeport.run("web")
    own_homeport.reset()
    assert own_homeport.left() == []
    assert ecs.list_clusters()["clusterArns"] == []
    assert ecr.describe_repositories()["repositories"] == []
    blobs = own_homeport.directory / "registry" / "blobs"
    assert [path for path in blobs.rglob("*") if path.is_file()] == []
    ecs.create_cluster()  # and it goes on as new
    own_homeport.define("web", container(command=SLEEP))
    arn = own_homeport.run("web")
    assert own_homeport.running(arn)["taskDefinitionArn"].endswith("web:1")
    time.sleep(1)  # what was under way at the reset would have come back by now
    assert len(own_homeport.started()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_ends_soon_whatever_is_under_way(own_homeport: Homeport, number: signal.Signals) -> None:
    own_homeport.define("web", container(command=STUBBORN, stopTimeout=120, logConfiguration=AWSLOGS))
    arns = [own_homeport.run("web") for _ in range(4)]
    own_homeport.running(arns[0])
    own_homeport.stop_task(arns[0])
    follow = [sys.executable, "-m", "emulator", "logs", GROUP, "--follow", "--endpoint", own_homeport.url]
    following = subprocess.Popen(follow, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert own_homeport.process is not None
    began = time.monotonic()
    os.kill(own_homeport.process.pid, number)
    assert own_homeport.process.wait(90) == 0
    assert time.monotonic() - began < SOON_S
    following.wait(60)
    own_homeport.start()
    for arn in arns[1:]:
        own_homeport.running(arn)


def test_a_second_one_on_the_same_directory_or_port_is_refused(homeport: Homeport, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emulator", "up", "--registry-port", "0"]
    for options in (["--data-dir", str(homeport.directory), "--port", "1"], ["--port", str(homeport.port)]):
        where = options if "--data-dir" in options else [*options, "--data-dir", str(tmp_path / "data")]
        done = subprocess.run([*command, *where], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1
        assert "in use" in done.stderr


def test_strangers_are_never_touched(own_homeport: Homeport, test_image: str) -> None:
    api = engine()
    labels = {"homeport.instance": "0123456789ab", "homeport.kind": "app"}
    other = api.create_container(test_image, ["sleep", "600"], labels=labels)["Id"]
    api.start(other)
    try:
        own_homeport.kill()
        own_homeport.start()
        own_homeport.reset()
        assert api.inspect_container(other)["State"]["Running"]
    finally:
        api.remove_container(other, force=True)
