"""`--enforce-iam` inside tasks: what the execution role may not have ends the task, in ECS's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.app import build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.engine.simulated.behaviour import Behaviour, Output, RemoteImage
from emulator.events import journal
from emulator.store.ecs_tables import TASKS
from tests.conftest import aws_of, observe
from tests.control.test_task_endpoints import ask, environment
from tests.control.world import EXECUTION_ROLE, NETWORK, World, awslogs, container

ACCOUNT = "123456789012"
NAME = "ecsTaskExecutionRole"
ECR_IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/web:v1"
FETCH = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
TRUST = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


@dataclass
class EnforcedWorld(World):
    """`may` gives the execution role these permissions and no others."""

    def may(self, *statements: dict[str, Any]) -> None:
        self.aws("iam").put_role_policy(RoleName=NAME, PolicyName="p", PolicyDocument=document(*statements))

    def run_it(self, **members: Any) -> tuple[str, str]:
        """A task of one container: its id, and why it stopped (empty: it runs)."""
        self.ecs.register_task_definition(
            family="web",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            executionRoleArn=EXECUTION_ROLE,
            containerDefinitions=[container(**members)],
        )
        asked = self.ecs.run_task(taskDefinition="web", launchType="FARGATE", networkConfiguration=NETWORK)
        arn = asked["tasks"][0]["taskArn"]
        self.pass_time(5)
        task = self.task(arn)
        return arn.rpartition("/")[2], task.get("stoppedReason", "") if task["lastStatus"] == "STOPPED" else ""


@pytest.fixture
def world(config: Config, clock: VirtualClock, tmp_path: Path) -> Iterator[EnforcedWorld]:
    enforcing = replace(config, enforce_iam=True, s3_folder=tmp_path / "s3")
    emulator = build(enforcing, clock=clock, threaded=False, observer=observe)
    emulator.start()
    made = EnforcedWorld(emulator, clock, aws_of(emulator))
    made.cluster()
    made.image()
    made.aws("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=document(TRUST))
    made.aws("logs").create_log_group(logGroupName="/ecs/web")
    yield made
    emulator.close()


def denial(task_id: str, action: str, resource: str) -> str:
    return (
        f"AccessDeniedException: User: arn:aws:sts::{ACCOUNT}:assumed-role/{NAME}/{task_id} is not authorized to "
        f"perform: {action} on resource: {resource} because no identity-based policy allows the {action} action status "
        "code: 400, request id: "
    )


def without_request_id(reason: str) -> str:
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "", reason)


def test_a_secret_that_the_execution_role_may_not_read(world: EnforcedWorld) -> None:
    arn = world.aws("secretsmanager").create_secret(Name="db", SecretString="word")["ARN"]
    secrets = [{"name": "PASSWORD", "valueFrom": arn}]
    task, reason = world.run_it(secrets=secrets)
    assert without_request_id(reason) == (
        f"{FETCH}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret "
        f"{arn} from secrets manager: {denial(task, 'secretsmanager:GetSecretValue', arn)}"
    )
    world.may(allow("secretsmanager:GetSecretValue", resource=arn))
    assert world.run_it(secrets=secrets)[1] == ""


def test_a_parameter_and_the_key_it_is_under(world: EnforcedWorld) -> None:
    world.aws("ssm").put_parameter(Name="/db/url", Value="u", Type="SecureString", KeyId="alias/own")
    arn = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/db/url"
    secrets = [{"name": "URL", "valueFrom": arn}]
    lead = f"{FETCH}unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
    task, reason = world.run_it(secrets=secrets)
    assert without_request_id(reason) == lead + denial(task, "ssm:GetParameters", arn)
    world.may(allow("ssm:GetParameters"))
    task, reason = world.run_it(secrets=secrets)
    assert without_request_id(reason) == lead + denial(
        task, "kms:Decrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/own"
    )
    world.may(allow("ssm:GetParameters", "kms:Decrypt"))
    assert world.run_it(secrets=secrets)[1] == ""


def test_the_credentials_of_a_private_registry(world: EnforcedWorld) -> None:
    world.engine.add_remote_image("far.example/app:1", RemoteImage(needs=("me", "word")))
    right = json.dumps({"username": "me", "password": "word"})
    arn = world.aws("secretsmanager").create_secret(Name="registry", SecretString=right)["ARN"]
    private: dict[str, Any] = {"image": "far.example/app:1", "repositoryCredentials": {"credentialsParameter": arn}}
    task, reason = world.run_it(**private)
    assert without_request_id(reason) == (
        f"{FETCH}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret "
        f"{arn} from secrets manager: {denial(task, 'secretsmanager:GetSecretValue', arn)}"
    )
    world.may(allow("secretsmanager:GetSecretValue", resource=arn))
    assert world.run_it(**private)[1] == ""


def test_an_environment_file_that_the_execution_role_may_not_get(world: EnforcedWorld) -> None:
    bucket = world.emulator.config.s3_folder
    assert bucket is not None
    (bucket / "settings").mkdir(parents=True)
    (bucket / "settings" / "app.env").write_text("A=1\n")
    files: dict[str, Any] = {"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::settings/app.env"}]}

    def refused(task: str, action: str, resource: str) -> str:
        who = f"arn:aws:sts::{ACCOUNT}:assumed-role/{NAME}/{task}"
        return (
            f"ResourceInitializationError: failed to download env files: AccessDenied: User: {who} is not authorized "
            f"to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action "
            "status code: 403"
        )

    task, reason = world.run_it(**files)
    assert reason == refused(task, "s3:GetBucketLocation", "arn:aws:s3:::settings")
    world.may(allow("s3:GetBucketLocation", resource="arn:aws:s3:::settings"))
    task, reason = world.run_it(**files)
    assert reason == refused(task, "s3:GetObject", "arn:aws:s3:::settings/app.env")
    world.may(
        allow("s3:GetBucketLocation", resource="arn:aws:s3:::settings"),
        allow("s3:GetObject", resource="arn:aws:s3:::settings/*"),
    )
    assert world.run_it(**files)[1] == ""
    assert environment(world)["A"] == "1"


def test_the_registrys_token_the_manifest_and_the_layers(world: EnforcedWorld) -> None:
    world.aws("ecr").create_repository(repositoryName="web")
    task, reason = world.run_it(image=ECR_IMAGE)
    assert without_request_id(reason) == (
        f"{FETCH}unable to retrieve ecr registry auth: service call has been retried 1 time(s): "
        f"{denial(task, 'ecr:GetAuthorizationToken', '*')}"
    )
    world.may(allow("ecr:GetAuthorizationToken"))
    host = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    assert world.run_it(image=ECR_IMAGE)[1] == (
        f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {ECR_IMAGE}: "
        f"pulling from host {host} failed with status code [manifests v1]: 403 Forbidden"
    )
    world.may(allow("ecr:GetAuthorizationToken", "ecr:BatchGetImage"))
    assert world.run_it(image=ECR_IMAGE)[1] == (
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: "
        f"unexpected status code https://{host}/v2/web/blobs/v1: 403 Forbidden"
    )
    world.may(allow("ecr:GetAuthorizationToken"))
    pulls = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    repository = {"Effect": "Allow", "Principal": {"AWS": EXECUTION_ROLE}, "Action": pulls}
    world.aws("ecr").set_repository_policy(repositoryName="web", policyText=document(repository))
    assert "not found" in world.run_it(image=ECR_IMAGE)[1]  # allowed in, there is no such image


def test_the_log_stream_and_its_group(world: EnforcedWorld) -> None:
    lead = (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed "
        "to create Cloudwatch log "
    )
    task, reason = world.run_it(logConfiguration=awslogs())
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/ecs/web:log-stream:"
    assert (
        without_request_id(reason) == f"{lead}stream: {denial(task, 'logs:CreateLogStream', f'{group}ecs/app/{task}')}"
    )
    world.may(allow("logs:CreateLogStream", "logs:PutLogEvents", resource="arn:aws:logs:*:*:log-group:/ecs/*:*"))
    assert world.run_it(logConfiguration=awslogs())[1] == ""
    missing = awslogs("/ecs/new")
    assert world.run_it(logConfiguration=missing)[1] == (
        f"{lead}stream: ResourceNotFoundException: The specified log group does not exist."
    )
    create = awslogs("/ecs/new", **{"awslogs-create-group": "true"})
    task, reason = world.run_it(logConfiguration=create)
    new = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/ecs/new:log-stream:"
    assert without_request_id(reason) == f"{lead}group: {denial(task, 'logs:CreateLogGroup', new)}"
    world.may(allow("logs:*"))
    assert world.run_it(logConfiguration=create)[1] == ""


def test_without_put_log_events_the_task_runs_and_its_output_is_lost(world: EnforcedWorld) -> None:
    world.image("talks", Behaviour(output=(Output(0.5, b"hello\n"),)))
    world.may(allow("logs:CreateLogStream"))
    task, reason = world.run_it(image="talks:1", logConfiguration=awslogs())
    assert reason == ""
    found = world.aws("logs").get_log_events(logGroupName="/ecs/web", logStreamName=f"ecs/app/{task}")
    assert found["events"] == []
    with world.emulator.database.read() as reader:
        stored = reader.get(TASKS, ACCOUNT, "us-east-1", "default", task)
    assert stored is not None
    assert "logs:PutLogEvents" in stored.warnings[-1]


def test_a_role_that_went_after_the_service_was_made_stops_its_tasks(world: EnforcedWorld) -> None:
    world.aws("iam").update_assume_role_policy(RoleName=NAME, PolicyDocument=document({**TRUST, "Effect": "Deny"}))
    world.define(container(), family="svc")
    world.ecs.create_service(
        serviceName="svc", taskDefinition="svc", desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
    )
    world.pass_time(5)
    [arn, *_] = world.ecs.list_tasks(desiredStatus="STOPPED")["taskArns"]
    assert world.stopped(arn) == (
        "TaskFailedToStart",
        f"ECS was unable to assume the role '{EXECUTION_ROLE}' that was provided for this task. Please verify that the "
        "role being passed has the proper trust relationship and permissions and that your IAM user has permissions to "
        "pass this role.",
    )


def test_a_tasks_role_is_what_its_containers_may(world: EnforcedWorld) -> None:
    iam = world.aws("iam")
    role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
    world.define(container(), taskRoleArn=role)
    world.ecs.create_service(
        serviceName="web",
        taskDefinition="web",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        enableExecuteCommand=True,
    )
    world.pass_time(5)
    [arn] = world.ecs.list_tasks()["taskArns"]
    variables = environment(world)
    status, given = ask(world, variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])
    assert status == 200
    inside = world.aws("ecs", access_key=given["AccessKeyId"])
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/{arn.rpartition('/')[2]}"
    denied = f"User: {who} is not authorized to perform: ecs:DescribeTasks on resource: {arn} because no identity-based"
    with pytest.raises(ClientError, match=re.escape(denied)):
        inside.describe_tasks(tasks=[arn])
    state = f"{variables['ECS_AGENT_URI']}/task-protection/v1/state"
    status, refused = ask(world, state)
    assert (status, refused["error"]["Code"]) == (400, "AccessDeniedException")
    assert (
        f"{who} is not authorized to perform: ecs:GetTaskProtection on resource: {arn}" in refused["error"]["Message"]
    )
    command: dict[str, Any] = {"task": arn, "command": "sh", "interactive": True}
    with pytest.raises(ClientError, match=r"TargetNotConnectedException.*due to an internal error"):
        world.ecs.execute_command(**command)
    own = {"Effect": "Allow", "Action": ["ecs:DescribeTasks", "ecs:*TaskProtection"], "Resource": arn}
    iam.put_role_policy(RoleName="app", PolicyName="own", PolicyDocument=document(own, allow("ssmmessages:*")))
    assert world.ecs.execute_command(**command)["session"]
    assert inside.describe_tasks(tasks=[arn])["tasks"]
    assert ask(world, state)[0] == 200


def test_a_role_that_ecs_may_not_assume_any_more_is_not_renewed(world: EnforcedWorld) -> None:
    iam = world.aws("iam")
    role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
    world.define(container(), taskRoleArn=role)
    first, second = world.run(), world.run()
    world.pass_time(5)
    paths = [environment(world, task=task)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] for task in (first, second)]
    given = ask(world, paths[0])[1]
    closed = {**TRUST, "Principal": {"Service": "ec2.amazonaws.com"}}
    iam.update_assume_role_policy(RoleName="app", PolicyDocument=document(closed))
    assert ask(world, paths[1]) == (
        503,
        {
            "code": "CredentialsUninitialized",
            "message": "CredentialsV2Request: Credentials uninitialized for ID",
            "HTTPErrorCode": 503,
        },
    )
    world.clock.advance(5.5 * 3600)
    assert ask(world, paths[0]) == (200, given)
    iam.update_assume_role_policy(RoleName="app", PolicyDocument=document(TRUST))
    assert ask(world, paths[0])[1]["AccessKeyId"] != given["AccessKeyId"]
    assert ask(world, paths[1])[0] == 200


def test_strictly_a_role_that_does_not_trust_ecs_is_refused(config: Config, clock: VirtualClock) -> None:
    """`--strict` alone: RunTask says so, a service's task stops with it; policies do not decide."""
    emulator = build(replace(config, strict=True), clock=clock, threaded=False, observer=observe)
    emulator.start()
    strict = World(emulator, clock, aws_of(emulator))
    strict.cluster()
    strict.image()
    iam = strict.aws("iam")
    for name in (NAME, "app"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))
    role = f"arn:aws:iam::{ACCOUNT}:role/app"
    strict.define(container(), taskRoleArn=role)
    subnet = strict.aws("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    where: dict[str, Any] = {
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet]}},
    }
    strict.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1, **where)
    strict.pass_time(5)
    [running] = strict.ecs.list_tasks()["taskArns"]
    status, given = ask(strict, environment(strict, task=running)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])
    assert status == 200
    assert strict.aws("ecs", access_key=given["AccessKeyId"]).list_clusters()["clusterArns"]
    closed = {**TRUST, "Principal": {"Service": "ec2.amazonaws.com"}}
    iam.update_assume_role_policy(RoleName="app", PolicyDocument=document(closed))
    words = (
        f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role "
        "being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass "
        "this role."
    )
    with pytest.raises(ClientError, match=re.escape(words)) as refused:
        strict.ecs.run_task(taskDefinition="web", **where)
    assert refused.value.response["Error"]["Code"] == "ClientException"
    strict.ecs.stop_task(task=running)
    strict.pass_time(60)
    stopped = [arn for arn in strict.ecs.list_tasks(desiredStatus="STOPPED")["taskArns"] if arn != running]
    assert strict.stopped(stopped[0]) == ("TaskFailedToStart", words)
    emulator.close()


def test_a_session_is_logged_as_the_tasks_role(world: World) -> None:
    iam, sessions = world.aws("iam"), world.emulator.plane.exec_sessions
    role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="app", PolicyName="own", PolicyDocument=document(allow("ssmmessages:*")))
    world.define(container(), taskRoleArn=role)
    arn = world.run(enableExecuteCommand=True)
    world.pass_time(5)
    override = {"logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "/exec"}}
    world.ecs.update_cluster(cluster="default", configuration={"executeCommandConfiguration": override})
    world.aws("logs").create_log_group(logGroupName="/exec")

    def logged() -> bool:
        session = world.ecs.execute_command(task=arn, command="sh", interactive=True)["session"]["sessionId"]
        sessions.began(session, "the engine's id")
        streams = world.aws("logs").describe_log_streams(logGroupName="/exec")["logStreams"]
        return session in {stream["logStreamName"] for stream in streams}

    assert not logged()
    with world.emulator.database.read() as reader:
        (told,) = [e.detail for e in journal.entries(reader, subject=arn) if e.kind == "task.exec_not_logged"]
    assert "the task's role may not logs:CreateLogStream" in told["because"]
    iam.put_role_policy(RoleName="app", PolicyName="logs", PolicyDocument=document(allow("logs:*")))
    assert logged()
