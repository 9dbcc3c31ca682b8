"""AWS's own clients in containers, unchanged and not configured, under enforced policies and verified signatures."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from emulator.demo.image import find_busybox
from emulator.engine.archive import ArchiveFile
from tests import metadata_schema as schema
from tests.docker.homeport import (
    ACCOUNT,
    AWSLOGS,
    GROUP,
    NETWORK,
    ROOT,
    RUN,
    Homeport,
    container,
    engine,
    eventually,
)
from tests.docker.sdk_images import node_sdk_archive, pip_files, python_sdk_archive
from tests.docker.walkthrough import follow
from tests.metadata_schema import fits

pytestmark = pytest.mark.docker

PYTHON, NODE = f"homeport-test/python-sdk:{RUN}", f"homeport-test/node-sdk:{RUN}"
EXAMPLE = ROOT / "examples" / "inside-a-task"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/inside"
EXECUTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"

BOTO3 = """
import boto3, json, os, urllib.request
task = json.load(urllib.request.urlopen(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + "/task"))
ecs = boto3.client("ecs")
try:
    denied = ecs.list_clusters()
except ecs.exceptions.AccessDeniedException as error:
    denied = str(error)
print(json.dumps({
    "arn": boto3.client("sts").get_caller_identity()["Arn"],
    "tasks": ecs.list_tasks(cluster=task["Cluster"])["taskArns"],
    "status": ecs.describe_tasks(cluster=task["Cluster"], tasks=[task["TaskARN"]])["tasks"][0]["lastStatus"],
    "denied": denied,
}))
"""
COMMAND_LINE = """
aws sts get-caller-identity --query Arn --output text
aws ecs list-tasks --query taskArns --output text
aws ecs list-clusters || echo $?
"""
JAVASCRIPT = """
const { ECSClient, ListTasksCommand, ListClustersCommand } = require("@aws-sdk/client-ecs");
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
(async () => {
  const task = await (await fetch(process.env.ECS_CONTAINER_METADATA_URI_V4 + "/task")).json();
  const ecs = new ECSClient();
  const denied = await ecs.send(new ListClustersCommand()).catch((error) => `${error.name}: ${error.message}`);
  const identity = await new STSClient().send(new GetCallerIdentityCommand());
  const listed = await ecs.send(new ListTasksCommand({ cluster: task.Cluster }));
  console.log(JSON.stringify({ arn: identity.Arn, tasks: listed.taskArns, denied }));
})();
"""
PROTECTS = """
import os, signal, sys, urllib.request
url = os.environ["ECS_AGENT_URI"] + "/task-protection/v1/state"
body = b'{"ProtectionEnabled": true, "ExpiresInMinutes": 60}'
asked = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="PUT")
print(urllib.request.urlopen(asked).read().decode(), flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.pause()
"""
THIEF = """
import json, os, urllib.error, urllib.request
def ask(url):
    try:
        with urllib.request.urlopen("http://169.254.170.2" + url) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
for url in os.environ["URLS"].split():
    print(json.dumps(ask(url)))
"""


def _allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def images() -> Iterator[None]:
    shell = ArchiveFile("bin/sh", find_busybox().read_bytes(), mode=0o755)
    engine().load_image(python_sdk_archive(PYTHON, RUN, shell, *pip_files()))
    engine().load_image(node_sdk_archive(NODE, RUN))
    yield
    for image in (PYTHON, NODE):
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine().remove_image(image, force=True)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, images: None) -> Iterator[Homeport]:
    """Only real keys with right signatures get in, and then do what their policies say."""
    known = ("--access-key", "test:test", "--access-key", f"{ACCOUNT}:test")
    made = Homeport(tmp_path_factory.mktemp("guarded") / "data", options=("--enforce-iam", "--auth", "strict", *known))
    made.start()
    iam = made.client("iam")
    trust = (EXAMPLE / "trust.json").read_text()
    iam.create_role(RoleName="inside", Path="/app/", AssumeRolePolicyDocument=trust)
    own = _document(_allow("ecs:ListTasks", "ecs:DescribeTasks", "ecs:*TaskProtection"))
    iam.put_role_policy(RoleName="inside", PolicyName="own", PolicyDocument=own)
    iam.create_role(RoleName="execution", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName="execution", PolicyName="logs", PolicyDocument=_document(_allow("logs:*")))
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    yield made
    made.end()


def _client(name: str, image: str, *command: str) -> dict[str, Any]:
    return container(name, image, command=list(command), essential=False, logConfiguration=AWSLOGS)


def _waiting(*names: str) -> dict[str, Any]:
    """The essential container: it starts, and ends the task, when the clients have ended."""
    after = [{"containerName": name, "condition": "COMPLETE"} for name in names]
    return container("last", PYTHON, command=["python", "-c", ""], dependsOn=after)


@pytest.fixture(scope="module")
def task(guarded: Homeport) -> str:
    """One task of three clients."""
    guarded.define(
        "clients",
        _client("boto3", PYTHON, "python", "-c", BOTO3),
        _client("cli", PYTHON, "sh", "-c", COMMAND_LINE),
        _client("javascript", NODE, "node", "-e", JAVASCRIPT),
        _waiting("boto3", "cli", "javascript"),
        taskRoleArn=ROLE,
        executionRoleArn=EXECUTION_ROLE,
        cpu="1024",
        memory="2048",
    )
    arn = guarded.run("clients")
    guarded.stopped(arn, within_s=540)
    return arn


def _said(homeport: Homeport, task: str, name: str, lines: int = 1) -> list[str]:
    said: list[str] = eventually(lambda: (found := homeport.messages(task, name)) and len(found) >= lines and found)
    return said


def _who(task: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/inside/{task.rpartition('/')[2]}"


def _refusal(task: str) -> str:
    return f"User: {_who(task)} is not authorized to perform: ecs:ListClusters on resource: * because no identity-based"


def test_boto3_is_the_tasks_role_and_lists_its_own_task(guarded: Homeport, task: str) -> None:
    told = json.loads(_said(guarded, task, "boto3")[-1])
    assert (told["arn"], told["tasks"], told["status"]) == (_who(task), [task], "PENDING")
    assert _refusal(task) in told["denied"]


def test_so_is_the_aws_cli(guarded: Homeport, task: str) -> None:
    said = _said(guarded, task, "cli", 4)
    assert said[:2] == [_who(task), task]
    assert _refusal(task) in "\n".join(said[2:])
    assert int(said[-1]) > 0


def test_so_is_the_javascript_sdk(guarded: Homeport, task: str) -> None:
    told = json.loads(_said(guarded, task, "javascript")[-1])
    assert (told["arn"], told["tasks"]) == (_who(task), [task])
    assert told["denied"].startswith("AccessDeniedException: ")
    assert _refusal(task) in told["denied"]


def test_a_task_that_knows_anothers_ids_gets_nothing_by_them(guarded: Homeport, task: str) -> None:
    """The ids are read from the engine, where a task cannot look; on its way through its own relay they are no use."""
    stays = container("stays", PYTHON, command=["python", "-c", "import time; time.sleep(86400)"], stopTimeout=2)
    guarded.define("victim", stays, taskRoleArn=ROLE, executionRoleArn=EXECUTION_ROLE)
    victim = guarded.run("victim")
    guarded.running(victim)
    variables = _environment(guarded, victim, "stays")
    own = "/v4/" + variables["ECS_CONTAINER_METADATA_URI_V4"].rpartition("/")[2]
    protection = variables["ECS_AGENT_URI"].removeprefix("http://169.254.170.2") + "/task-protection/v1/state"
    credentials = variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    urls = [own, f"{own}/task", f"{own}/task/stats", protection, credentials, "/v2/credentials/" + "0" * 36]
    thief = _client("thief", PYTHON, "python", "-c", THIEF)
    thief["environment"] = [{"name": "URLS", "value": " ".join(urls)}]
    guarded.define("thief", {**thief, "essential": True}, executionRoleArn=EXECUTION_ROLE)
    arn = guarded.run("thief")
    guarded.stopped(arn)
    told = [json.loads(line) for line in _said(guarded, arn, "thief", len(urls))]
    assert [status for status, _ in told] == [404, 404, 404, 404, 400, 400]
    not_found = {
        "code": "InvalidIdInRequest",
        "message": "CredentialsV2Request: Credentials not found",
        "HTTPErrorCode": 400,
    }
    assert told[4][1] == told[5][1] == not_found
    inside = engine().exec_create(
        guarded.containers(victim)["stays"]["Id"], ["python", "-c", THIEF], environment=[f"URLS={' '.join(urls)}"]
    )
    said = engine().exec_start(inside["Id"]).decode().splitlines()
    assert [json.loads(line)[0] for line in said] == [200, 200, 200, 200, 200, 400]
    guarded.stop_task(victim)
    guarded.stopped(victim)


def test_a_task_protects_itself_from_the_scale_in(guarded: Homeport) -> None:
    service = {"taskDefinition": "protects", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    protects = container("app", PYTHON, command=["python", "-c", PROTECTS], logConfiguration=AWSLOGS, stopTimeout=2)
    guarded.define("protects", protects, taskRoleArn=ROLE, executionRoleArn=EXECUTION_ROLE)
    ecs = guarded.client("ecs")
    ecs.create_service(serviceName="protects", desiredCount=1, **service)
    [arn] = eventually(lambda: ecs.list_tasks(serviceName="protects")["taskArns"])
    told = json.loads(_said(guarded, arn, "app")[0])
    fits(told, schema.PROTECTION)
    (protected,) = ecs.get_task_protection(cluster="default", tasks=[arn])["protectedTasks"]
    assert protected["protectionEnabled"]
    ecs.update_service(service="protects", desiredCount=0)
    guarded.pass_time(59 * 60)
    assert guarded.task(arn)["desiredStatus"] == "RUNNING"
    guarded.pass_time(120)
    guarded.stopped(arn)
    ecs.delete_service(service="protects", force=True)


def _environment(homeport: Homeport, task: str, name: str) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in homeport.containers(task)[name]["Config"]["Env"])


def test_the_example_runs_as_written(guarded: Homeport, tmp_path: Path) -> None:
    """But for its base image, which stands in for Docker Hub's."""
    copy = tmp_path / "inside-a-task"
    shutil.copytree(EXAMPLE, copy)
    dockerfile = copy / "image" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("python:3-slim", PYTHON))
    assert follow(guarded, "inside-a-task", directory=copy) == 1
